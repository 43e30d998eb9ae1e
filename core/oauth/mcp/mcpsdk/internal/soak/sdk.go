//go:build linux

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
)

// A tokenFile is how tools share tokens in a file: they read it before each use and replace it by a
// rename after a refresh, without a lock.
type tokenFile struct {
	path   string
	config oauth2.Config
	client *http.Client
}

func configOfSDK(issuer string) oauth2.Config {
	return oauth2.Config{
		ClientID: site.ClientID, RedirectURL: site.RedirectURI, Scopes: []string{site.Scope},
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/authorize", TokenURL: issuer + "/token", AuthStyle: oauth2.AuthStyleInParams},
	}
}

func (f tokenFile) read() (*oauth2.Token, error) {
	raw, err := os.ReadFile(f.path)
	if err != nil {
		return nil, err
	}
	var t oauth2.Token
	return &t, json.Unmarshal(raw, &t)
}

func (f tokenFile) write(t *oauth2.Token) error {
	raw, err := json.Marshal(t)
	if err != nil {
		return err
	}
	made, err := os.CreateTemp(filepath.Dir(f.path), "new")
	if err != nil {
		return err
	}
	if _, err = made.Write(raw); err == nil {
		err = made.Close()
	}
	if err == nil {
		err = os.Rename(made.Name(), f.path)
	}
	if err != nil {
		made.Close()
		os.Remove(made.Name())
	}
	return err
}

// Token implements oauth2.TokenSource.
func (f tokenFile) Token() (*oauth2.Token, error) {
	kept, err := f.read()
	if err != nil {
		return nil, nil // the transport then sends the request without a token, and asks for a sign-in
	}
	ctx := context.WithValue(context.Background(), oauth2.HTTPClient, f.client)
	t, err := oauth2.ReuseTokenSourceWithExpiry(kept, f.config.TokenSource(ctx, &oauth2.Token{RefreshToken: kept.RefreshToken}), 0).Token()
	if err != nil || t.AccessToken == kept.AccessToken {
		return t, err
	}
	f.write(t) // the token is used even if it cannot be stored
	return t, nil
}

// own is the Go SDK with its own handler.
func own(t task) (func(context.Context) error, error) {
	var asked atomic.Bool
	client := &http.Client{Transport: named{t.Agent}}
	h, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		PreregisteredClient: &oauthex.ClientCredentials{ClientID: site.ClientID}, RedirectURL: site.RedirectURI, Client: client,
		AuthorizationCodeFetcher: func(context.Context, *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
			asked.Store(true)
			return nil, errSignedOut
		},
		InitialTokenSource: tokenFile{filepath.Join(t.Dir, "tokens.json"), configOfSDK(t.Issuer), client},
	})
	if err != nil {
		return nil, err
	}
	return calls(t, h, &asked), nil
}

// named sets the User-Agent of requests.
type named struct{ agent string }

func (n named) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", n.agent)
	return http.DefaultTransport.RoundTrip(r)
}

// calls is a client of the Go SDK that calls a tool. It keeps its connection while that works.
func calls(t task, h auth.OAuthHandler, asked *atomic.Bool) func(context.Context) error {
	var session *mcp.ClientSession
	call := func(ctx context.Context) (err error) {
		if session == nil {
			client := mcp.NewClient(&mcp.Implementation{Name: t.Agent, Version: "1"}, nil)
			if session, err = client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: t.Resource, OAuthHandler: h, DisableStandaloneSSE: true}, nil); err != nil {
				return err
			}
		}
		_, err = session.CallTool(ctx, &mcp.CallToolParams{Name: "echo", Arguments: map[string]any{"text": "hello"}})
		return err
	}
	return func(ctx context.Context) error {
		asked.Store(false)
		err := call(ctx)
		if err == nil {
			return nil
		}
		if session != nil {
			go session.Close()
			session = nil
		}
		if asked.Load() {
			return errSignedOut
		}
		return err
	}
}
