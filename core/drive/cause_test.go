package drive_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
)

// TestCause: E12. What the HTTP client failed with is in the error, for errors.As, without the query of the URL.
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
			events := make(chan drive.Event, 16)
			c, err := drive.Open(t.Context(), new(core.Engine), drive.Config{
				ClientID: "app", ClientSecret: "a secret of the client's", TokenEndpoint: row.endpoint + "?tenant=query-of-the-url",
			}, drive.Options{OnEvent: func(e drive.Event) { events <- e }})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			_, err = c.ClientCredentials(context.Background(), drive.ClientCredentialsParams{})
			var e *drive.Error
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
