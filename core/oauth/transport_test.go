package oauth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// api is a resource server that accepts one token. It records its requests.
type api struct {
	mu   sync.Mutex
	good string // the accepted value of the header
	name string // the name of that header
	got  []string
}

func (a *api) RoundTrip(req *http.Request) (*http.Response, error) {
	body := ""
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
		req.Body.Close()
	}
	name := a.name
	if name == "" {
		name = "Authorization"
	}
	sent := req.Header.Get(name)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, strings.TrimSpace(req.URL.Path+" "+sent+" "+body))
	if sent != a.good {
		return respond(401, `"refused"`), nil
	}
	return respond(200, `"welcome"`), nil
}

func (a *api) seen() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return strings.Join(a.got, ", ")
}

// Q13, X10: after a 401, a request is sent once more with a newer token, if the engine has one and
// the body can be read again. In every other case the caller gets the 401.
func TestTransportAfter401(t *testing.T) {
	signedIn := oauth.Token{AccessToken: "a0", RefreshToken: "r0", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)}
	unrenewable := oauth.Token{AccessToken: "a0", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)}
	for _, row := range []struct {
		name  string
		token oauth.Token
		good  string
		body  io.Reader
		want  string
		sent  string
	}{
		{"no body", signedIn, "Bearer a1", nil, `200 "welcome"`, "/v1/x Bearer a0, /v1/x Bearer a1"},
		{"a body that can be read again", signedIn, "Bearer a1", strings.NewReader("body"), `200 "welcome"`, "/v1/x Bearer a0 body, /v1/x Bearer a1 body"},
		{"a body that cannot", signedIn, "Bearer a1", io.MultiReader(strings.NewReader("body")), `401 "refused"`, "/v1/x Bearer a0 body"},
		{"a token that cannot be renewed", unrenewable, "Bearer a1", nil, `401 "refused"`, "/v1/x Bearer a0"},
		{"the newer one is refused too", signedIn, "none", nil, `401 "refused"`, "/v1/x Bearer a0, /v1/x Bearer a1"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, server := &peer{}, &api{good: row.good}
			c := open(t, native(t), p, oauth.Options{})
			setToken(t, c, row.token)
			req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.example/v1/x", row.body)
			if err != nil {
				t.Fatal(err)
			}
			if got := roundTrip(t, c.Transport(server), req); got != row.want {
				t.Error(got)
			}
			if got := server.seen(); got != row.sent {
				t.Errorf("sent %s", got)
			}
			if req.Header.Get("Authorization") != "" {
				t.Error("the caller's request was changed")
			}
			if p.count() != strings.Count(row.sent, ",") { // a request that is not sent again needs no other token
				t.Errorf("%d refreshes", p.count())
			}
		})
	}
}

func roundTrip(t *testing.T, rt http.RoundTripper, req *http.Request) string {
	t.Helper()
	res, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

// Requests that get a 401 at once share one refresh: if there is a newer token than the refused
// one, it is used.
func TestTransportAfterMany401s(t *testing.T) {
	p, server := &peer{}, &api{good: "Bearer a1"}
	c := open(t, native(t), p, oauth.Options{})
	setToken(t, c, oauth.Token{AccessToken: "a0", RefreshToken: "r0", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)})
	h := &http.Client{Transport: c.Transport(server)}
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			res, err := h.Get("https://api.example/v1/x")
			if err != nil || res.StatusCode != 200 {
				t.Errorf("got %v, %v", err, res)
			}
		})
	}
	wg.Wait()
	if p.count() != 1 {
		t.Errorf("%d refreshes", p.count())
	}
}

// The rule also holds for a token in another header.
func TestTransportAfter401WithTokenHeader(t *testing.T) {
	own := config
	own.TokenHeader = "x-access-token"
	server := &api{good: "a1", name: "X-Access-Token"}
	c, err := oauth.Open(t.Context(), native(t), own, oauth.Options{HTTP: &http.Client{Transport: &peer{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	setToken(t, c, oauth.Token{AccessToken: "a0", RefreshToken: "r0", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)})
	h := &http.Client{Transport: c.Transport(server)}
	if res, err := h.Get("https://api.example/v1/x"); err != nil || res.StatusCode != 200 || server.seen() != "/v1/x a0, /v1/x a1" {
		t.Errorf("%v, %s", err, server.seen())
	}
	if _, err := h.Get("https://evil.example/v1/x"); !errors.Is(err, &oauth.Error{Code: "resource_not_allowed"}) {
		t.Errorf("got %v", err)
	}
}
