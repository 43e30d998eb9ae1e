package mcp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
)

func get(t *testing.T, c *http.Client, url string) (int, string) {
	t.Helper()
	res, err := c.Post(url, "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// TestTransport: M42: requests are sent with the token of their resource. The first request signs
// in, one that needs more scope asks for more, and a token that was revoked is refreshed.
func TestTransport(t *testing.T) {
	for _, document := range []bool{true, false} {
		w := newWorld(t)
		w.document = document
		w.need["/mcp/write"] = "write"
		store, asked := &oauth.MemoryStore{}, 0
		c := &http.Client{Transport: w.open(store).Transport(nil, agree(t, &asked))}
		for range 2 {
			if status, body := get(t, c, w.resource); status != 200 || body != "welcome" {
				t.Fatal(status, body)
			}
		}
		if asked != 1 {
			t.Error(asked)
		}
		if status, _ := get(t, c, w.resource+"/write"); status != 200 || asked != 2 {
			t.Error(status, asked)
		}
		if got := w.forms[len(w.forms)-1].Get("code"); got != "read write" {
			t.Error(got)
		}
		clear(w.tokens)
		if status, _ := get(t, c, w.resource); status != 200 || asked != 2 {
			t.Error(status, asked)
		}
		// Another process finds everything in the store, and need not ask anybody.
		other := w.open(store)
		if status, _ := get(t, &http.Client{Transport: other.Transport(nil, nil)}, w.resource); status != 200 {
			t.Error(status)
		}
		if token, err := other.Token(t.Context(), w.resource); err != nil || !strings.HasPrefix(token.AccessToken, "access-") {
			t.Error(token, err)
		}
		clear(w.tokens)
		clear(w.refresh)
		if status, _ := get(t, &http.Client{Transport: other.Transport(nil, nil)}, w.resource); status != 401 {
			t.Error(status)
		}
		if status, _ := get(t, c, w.resource); status != 200 || asked != 3 {
			t.Error(status, asked)
		}
	}
}

// TestBounded: M26: a resource that refuses every token is left alone after a few tries.
func TestBounded(t *testing.T) {
	w := newWorld(t)
	asked := 0
	c := &http.Client{Transport: w.open(nil).Transport(nil, func(ctx context.Context, s *mcp.SignIn) error {
		err := agree(t, &asked)(ctx, s)
		clear(w.tokens)
		clear(w.refresh)
		return err
	})}
	for range 3 {
		res, err := c.Get(w.resource)
		if err == nil {
			res.Body.Close()
		}
		if asked == 3 && err != nil && !errors.Is(err, &oauth.Error{Kind: "server", Code: "too_many_attempts"}) {
			t.Error(err)
		}
	}
	if asked > 6 {
		t.Errorf("%d sign-ins", asked)
	}
	if _, err := c.Get(w.resource); !errors.Is(err, &oauth.Error{Kind: "server", Code: "too_many_attempts"}) {
		t.Error(err)
	}
}

// TestManyAtOnce: M42: of requests that are refused at once, one signs in, and the others use its
// token.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	asked := 0
	c := &http.Client{Transport: w.open(nil).Transport(nil, agree(t, &asked))}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if status, body := get(t, c, w.resource); status != 200 {
				t.Error(status, body)
			}
		})
	}
	wait.Wait()
	if asked != 1 {
		t.Errorf("%d sign-ins", asked)
	}
}

// TestByHand: M42, M44: as an adapter does it, and with the redirect arriving in another process.
func TestByHand(t *testing.T) {
	w := newWorld(t)
	store := &oauth.MemoryStore{}
	c := w.open(store)
	if _, err := c.Token(t.Context(), w.resource); !errors.Is(err, mcp.ErrSignIn) {
		t.Fatal(err)
	}
	res, err := http.Get(w.resource)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	s, err := c.Challenged(t.Context(), res, "tools/list")
	if err != nil || s == nil || s.Resource != w.resource || s.Issuer != w.as.URL || s.Scope != "read" {
		t.Fatalf("%+v %v", s, err)
	}
	begun, err := s.Begin(t.Context(), "http://127.0.0.1:49152/cb")
	if err != nil || !strings.Contains(begun.URL, "49152") {
		t.Fatal(begun, err)
	}
	if err := w.open(store).Finish(t.Context(), w.resource, browse(t, begun.URL)); err != nil {
		t.Fatal(err)
	}
	token, err := c.Token(t.Context(), w.resource)
	if err != nil {
		t.Fatal(err)
	}
	// There is a token by now.
	if s, err := c.Challenged(t.Context(), res, "tools/list"); s != nil || err != nil {
		t.Error(s, err)
	}
	// The token is refused, so it is refreshed.
	res.Request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	if s, err := c.Challenged(t.Context(), res, "tools/list"); s != nil || err != nil {
		t.Error(s, err)
	}
	if next, err := c.Token(t.Context(), w.resource); err != nil || next.AccessToken == token.AccessToken {
		t.Error(next, err)
	}
	if err := c.Forget(t.Context(), w.resource); err != nil {
		t.Error(err)
	}
	if _, err := c.Client(t.Context(), w.resource); !errors.Is(err, mcp.ErrSignIn) {
		t.Error(err)
	}
	if err := c.Forget(t.Context(), w.resource); err != nil {
		t.Error(err)
	}
	if _, err := c.Challenged(t.Context(), &http.Response{}, ""); !errors.Is(err, &oauth.Error{Kind: "client", Code: "missing"}) {
		t.Error(err)
	}
}

// TestForgottenByServer: M37: if a server does not know a registered client any more, the client
// registers again.
func TestForgottenByServer(t *testing.T) {
	w := newWorld(t)
	asked := 0
	c := &http.Client{Transport: w.open(nil).Transport(nil, agree(t, &asked))}
	get(t, c, w.resource)
	clear(w.clients)
	clear(w.tokens)
	if status, _ := get(t, c, w.resource); status != 200 || asked != 2 || len(w.clients) != 1 {
		t.Error(status, asked, w.clients)
	}
}

// TestGuarded: M33: the host refuses requests to addresses that the engine does not allow.
func TestGuarded(t *testing.T) {
	w := newWorld(t)
	config := w.config()
	config.PrivateOrigins = nil
	c, err := mcp.Open(t.Context(), new(core.Engine), config, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, err = (&http.Client{Transport: c.Transport(nil, nil)}).Get(w.resource)
	if !errors.Is(err, &oauth.Error{Kind: "server", Code: "not_public"}) {
		t.Error(err)
	}
}

// TestConfig: M40: every member of Config reaches the engine, with and without a key, and the error
// for a refused member names it.
func TestConfig(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	full := mcp.Config{RedirectURI: "https://app.example/cb", Clients: []oauth.Config{{Issuer: "https://as.example", ClientID: "x", ClientKeyID: "k", TokenEndpointAuthMethod: oauth.AuthPrivateKeyJWT}}, ClientID: "https://app.example/c.json", ClientKeyID: "k", ClientMetadata: []byte(`{}`),
		PrivateOrigins: []string{"http://localhost:1"}, NoOfflineAccess: true, Name: "n", UserAgent: "u",
		Client: oauth.Config{DPoP: true, IdentityProvider: &oauth.Config{Issuer: "https://idp.example", Discovery: true, ClientID: "y", TokenEndpointAuthMethod: oauth.AuthPrivateKeyJWT}}}
	c, err := mcp.Open(t.Context(), new(core.Engine), full, oauth.Options{ClientKey: key})
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	for field, config := range map[string]mcp.Config{
		"client_id":       {ClientID: "app"},
		"redirect_uri":    {RedirectURI: "http://app.example/cb"},
		"client_metadata": {ClientMetadata: []byte(`[]`)},
		"clients":         {Clients: []oauth.Config{{ClientID: "x"}}},
		"client":          {Client: oauth.Config{Scope: "x"}},
		"name":            {Name: "a b"},
		"private_origins": {PrivateOrigins: []string{"x"}},
	} {
		_, err := mcp.Open(t.Context(), new(core.Engine), config, oauth.Options{})
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}
