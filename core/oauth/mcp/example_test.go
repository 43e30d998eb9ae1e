package mcp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
)

// An HTTP client that signs the user in when an MCP server requires it.
func Example() {
	ctx := context.Background()
	c, err := mcp.Open(ctx, new(core.Engine), mcp.Config{
		RedirectURI:    "http://127.0.0.1:8765/callback",
		ClientID:       "https://app.example/oauth/client.json",
		ClientMetadata: json.RawMessage(`{"client_name":"Agent"}`),
	}, oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	agent := &http.Client{Transport: c.Transport(nil, func(ctx context.Context, s *mcp.SignIn) error {
		begun, err := s.Begin(ctx, "")
		if err != nil {
			return err
		}
		fmt.Println(s.Issuer, "asks for", s.Scope, "at", begun.URL)
		return mcp.ErrSignIn // or wait for the redirect, and then s.Finish
	})}
	_ = agent
	_, err = c.Token(ctx, "https://mcp.example/mcp")
	fmt.Println(errors.Is(err, mcp.ErrSignIn))
	// Output: true
}

// A sign-in in the browser of this machine. A listener on loopback receives the answer.
func ExampleSignIn() {
	signIn := func(ctx context.Context, s *mcp.SignIn) error {
		l, err := redirect.Listen(redirect.Options{})
		if err != nil {
			return err
		}
		defer l.Close()
		begun, err := s.Begin(ctx, l.RedirectURI())
		if err != nil {
			return err
		}
		fmt.Println("open", begun.URL)
		arrived, err := l.Accept(ctx)
		if err != nil {
			return err
		}
		err = s.Finish(ctx, arrived.URL)
		arrived.Finish(err)
		return err
	}
	fmt.Println(signIn != nil)
	// Output: true
}
