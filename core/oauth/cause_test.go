package oauth_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// TestCause: E12. The error wraps the HTTP client's error, for errors.As, without the query of the
// URL.
func TestCause(t *testing.T) {
	untrusted := httptest.NewTLSServer(http.NotFoundHandler())
	defer untrusted.Close()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	cut := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		w.Write([]byte("{"))
		panic(http.ErrAbortHandler)
	}))
	defer cut.Close()
	for _, row := range []struct {
		what, endpoint, code string
		is                   func(error) bool
	}{
		{"an unknown authority", untrusted.URL + "/token", "unsent", func(err error) bool {
			var e x509.UnknownAuthorityError
			return errors.As(err, &e)
		}},
		{"a refused connection", "http://" + gone.Addr().String() + "/token", "unsent", func(err error) bool {
			var e *net.OpError
			return errors.As(err, &e) && e.Op == "dial"
		}},
		{"a name that is none", "https://nobody.invalid/token", "unsent", func(err error) bool {
			var e *net.OpError
			return errors.As(err, &e)
		}},
		{"an answer that is cut off", cut.URL + "/token", "network", func(err error) bool { return err != nil }},
	} {
		t.Run(row.what, func(t *testing.T) {
			events := make(chan oauth.Event, 16)
			c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
				ClientID: "app", ClientSecret: "a secret of the client's", TokenEndpoint: row.endpoint + "?tenant=query-of-the-url",
			}, oauth.Options{OnEvent: func(e oauth.Event) { events <- e }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.ClientCredentials(context.Background(), oauth.ClientCredentialsParams{})
			var e *oauth.Error
			if !errors.As(err, &e) || e.Code != row.code || !row.is(errors.Unwrap(e)) {
				t.Fatalf("%#v", err)
			}
			at, _ := url.Parse(row.endpoint)
			if text := err.Error(); e.Stage != "token" || e.Host != at.Host || !strings.Contains(text, "request token to "+at.Host) || strings.Contains(text, "query-of-the-url") {
				t.Error(text)
			}
			if told := <-events; told.Error == nil || !row.is(errors.Unwrap(told.Error)) {
				t.Errorf("%#v", told)
			}
		})
	}
}

// E95: the error for a refused redirect says where it leads, without user and query.
func TestRedirectCause(t *testing.T) {
	for _, row := range [][2]string{
		{"https://login.example/wall?ticket=query-of-the-url", "status 302 to https://login.example/wall"}, {"https://user:secret@login.example/", "status 302 to https://login.example/"},
		{"/elsewhere?ticket=query-of-the-url", "status 302 to https://as.example/elsewhere"}, {"", "status 302"},
	} {
		p := &peer{replace: func(req *http.Request) (*http.Response, error) {
			res := respond(302, "")
			res.Request = req
			if row[0] != "" {
				res.Header.Set("Location", row[0])
			}
			return res, nil
		}}
		_, err := open(t, native(t), p, oauth.Options{}).Exchange(t.Context(), oauth.ExchangeParams{Code: "c"})
		want := "oauth2: exchange: redirect: expected an answer, no redirect, request token to as.example: " + row[1]
		if !errors.Is(err, &oauth.Error{Kind: "server", Code: "redirect"}) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// E97: an error of a hook or of a key store is the cause of the resulting error.
func TestHandCauses(t *testing.T) {
	own := errors.New("the vault is sealed")
	hooks := map[string]oauth.Hooks{
		"parameters": {Parameters: map[oauth.Stage]func(context.Context, oauth.Stage, [][2]string) ([][2]string, error){
			"token": func(context.Context, oauth.Stage, [][2]string) ([][2]string, error) { return nil, own },
		}},
		"request": {Request: map[oauth.Stage]func(context.Context, oauth.Stage, oauth.Request) (oauth.Request, error){
			"token": func(context.Context, oauth.Stage, oauth.Request) (oauth.Request, error) { return oauth.Request{}, own },
		}},
		"response": {Response: map[oauth.Stage]func(context.Context, oauth.Stage, oauth.Response) (oauth.Response, error){
			"token": func(context.Context, oauth.Stage, oauth.Response) (oauth.Response, error) {
				return oauth.Response{}, own
			},
		}},
	}
	for name, h := range hooks {
		_, err := open(t, native(t), &peer{}, oauth.Options{Hooks: h}).Exchange(t.Context(), oauth.ExchangeParams{Code: "c"})
		if !errors.Is(err, own) || !errors.Is(err, &oauth.Error{Code: "hook_failed"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	bound := config
	bound.DPoP = true
	c, err := oauth.Open(t.Context(), native(t), bound, oauth.Options{Keys: sealedKeys{own}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Authorize(t.Context(), oauth.AuthorizeParams{}); !errors.Is(err, own) {
		t.Errorf("keys: %v", err)
	}
}

type sealedKeys struct{ err error }

func (k sealedKeys) LoadKey(context.Context, string) (crypto.Signer, error) { return nil, k.err }
func (k sealedKeys) CreateKey(context.Context, string, oauth.Algorithm) (crypto.Signer, error) {
	return nil, k.err
}
func (k sealedKeys) DeleteKey(context.Context, string) error { return k.err }
