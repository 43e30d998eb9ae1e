package wasm_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

var settings = oauth.Config{
	ClientID:              "s6BhdRkqt3",
	AuthorizationEndpoint: "https://as.example/authorize",
	TokenEndpoint:         "https://as.example/token",
	RedirectURI:           "https://client.example/cb",
}

// A sign-in with the embedded module.
func Example() {
	ctx := context.Background()
	client, err := wasm.Open(ctx, settings, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: server{}}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	// The user's browser goes to begun.URL and returns to the redirect URI.
	if _, err := client.Callback(ctx, "https://client.example/cb?code=SplxlOBeZQQYbYS6WxSbIA&state="+begun.State); err != nil {
		fmt.Println(err)
		return
	}
	token, err := client.Token(ctx)
	fmt.Println(token.AccessToken, token.TokenType, err)

	// Output:
	// 2YotnFZFEjr1zCsicMWpAA Bearer <nil>
}

// A host of plugins: an engine for each tenant, so that a bug in the module that one tenant
// exploits does not reveal another tenant's tokens.
func ExampleNew() {
	ctx := context.Background()
	for _, tenant := range []string{"green", "blue"} {
		engine, err := wasm.New(ctx, wasm.EngineOptions{MemoryLimit: 8 << 20})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer engine.Shutdown()
		named := settings
		named.Name = tenant
		client, err := oauth.Open(ctx, engine, named, oauth.Options{})
		if err != nil {
			fmt.Println(err)
			return
		}
		defer client.Close()
		status, err := client.Status(ctx)
		fmt.Println(status.Name, status.Status, err)
	}

	// Output:
	// green not_authenticated <nil>
	// blue not_authenticated <nil>
}

// server plays an authorization server: it gives the same answer to every token request.
type server struct{}

func (server) RoundTrip(*http.Request) (*http.Response, error) {
	const body = `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600}`
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}
