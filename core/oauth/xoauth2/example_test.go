package xoauth2_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/xoauth2"
)

// A library that requires an oauth2.TokenSource gets the tokens of a session.
func Example() {
	client, err := oauth.Open(context.Background(), new(core.Engine), oauth.Config{
		ClientID: "s6BhdRkqt3", TokenEndpoint: "https://as.example/token",
	}, oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	token := oauth.Token{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer", Scope: "read"}
	if _, err := client.SetToken(context.Background(), token); err != nil {
		fmt.Println(err)
		return
	}

	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: printing{}})
	api := oauth2.NewClient(ctx, xoauth2.TokenSource(ctx, client))
	if _, err := api.Get("https://api.example/items"); err != nil {
		fmt.Println(err)
	}

	// Output:
	// https://api.example/items Bearer mF_9.B5f-4.1JqM
}

type printing struct{}

func (printing) RoundTrip(req *http.Request) (*http.Response, error) {
	fmt.Println(req.URL, req.Header.Get("Authorization"))
	return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader("{}"))}, nil
}
