package oauth_test

import (
	"cmp"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// H9: a web server passes on the request at its redirection endpoint, found by route or by URL. The
// state is verified. A missing code, an error and a failed exchange are different errors.
func TestRedirectionEndpoint(t *testing.T) {
	byRoute, byURL := oauth.RedirectionEndpoint{Route: "/cb"}, oauth.RedirectionEndpoint{URL: "https://app.example/cb"}
	const direct, proxied = "https://app.example/cb?", "http://10.0.0.7:8080/internal/cb?"
	for _, row := range []struct {
		name     string
		endpoint oauth.RedirectionEndpoint
		method   string
		request  string // followed by the state
		answer   int    // status of the token endpoint; 0: it does not exist
		stage    error  // the expected error; nil: signed in
		detail   oauth.Error
		asked    int // number of token requests
	}{
		{name: "by route", endpoint: byRoute, request: direct + "code=c&state=", answer: 200, asked: 1},
		{name: "by URL", endpoint: byURL, request: proxied + "code=c&state=", answer: 200, asked: 1},
		{name: "a route behind a proxy", endpoint: byRoute, request: proxied + "code=c&state=", stage: oauth.ErrCallbackNotVerified, detail: oauth.Error{Code: "wrong_redirect_uri"}},
		{name: "another host", endpoint: byRoute, request: "https://evil.example/cb?code=c&state=", stage: oauth.ErrCallbackNotVerified, detail: oauth.Error{Code: "wrong_redirect_uri"}},
		{name: "another state", endpoint: byRoute, request: direct + "code=c&state=x", stage: oauth.ErrCallbackNotVerified, detail: oauth.Error{Code: "wrong_state"}},
		{name: "no code", endpoint: byRoute, request: direct + "state=", stage: oauth.ErrMissingCode, detail: oauth.Error{Code: "missing_code"}},
		{name: "an error", endpoint: byRoute, request: direct + "error=access_denied&state=", stage: oauth.ErrAuthorizationResponse, detail: oauth.Error{Kind: "server", Code: "oauth_error"}},
		{name: "an exchange that is refused", endpoint: byRoute, request: direct + "code=c&state=", answer: 400, stage: oauth.ErrExchange, detail: oauth.Error{Kind: "server", Code: "oauth_error"}, asked: 1},
		{name: "an exchange that does not arrive", endpoint: byRoute, request: direct + "code=c&state=", stage: oauth.ErrExchange, detail: oauth.Error{Kind: "network"}, asked: 1},
		{name: "posted", endpoint: byRoute, method: "POST", request: direct + "code=c&state=", answer: 200, asked: 1},
		{name: "posted, by URL", endpoint: byURL, method: "POST", request: proxied + "code=c&state=", answer: 200, asked: 1},
		{name: "posted, another state", endpoint: byRoute, method: "POST", request: direct + "code=c&state=x", stage: oauth.ErrCallbackNotVerified, detail: oauth.Error{Code: "wrong_state"}},
		{name: "posted, a code twice", endpoint: byRoute, method: "POST", request: direct + "code=c&code=d&state=", stage: oauth.ErrCallbackNotVerified, detail: oauth.Error{Code: "repeated_parameter"}},
		{name: "posted, an error", endpoint: byRoute, method: "POST", request: direct + "error=access_denied&state=", stage: oauth.ErrAuthorizationResponse, detail: oauth.Error{Kind: "server", Code: "oauth_error"}},
		{name: "posted, with a fragment", endpoint: byRoute, method: "POST", request: direct + "code=c%23#&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
		{name: "posted, too long", endpoint: byRoute, method: "POST", request: direct + "code=c&x=" + strings.Repeat("x", 1<<18) + "&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
		{name: "deleted", endpoint: byRoute, method: "DELETE", request: direct + "code=c&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
		{name: "neither route nor URL", request: direct + "code=c&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
		{name: "both", endpoint: oauth.RedirectionEndpoint{Route: "/cb", URL: byURL.URL}, request: direct + "code=c&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
		{name: "a look", endpoint: byRoute, method: "HEAD", request: direct + "code=c&state=", stage: oauth.ErrClient, detail: oauth.Error{Code: "bad_value"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, asked := &peer{}, 0
			p.replace = func(*http.Request) (*http.Response, error) {
				switch asked++; row.answer {
				case 200:
					return respond(200, `{"access_token":"a","token_type":"Bearer"}`), nil
				case 400:
					return respond(400, `{"error":"invalid_grant"}`), nil
				}
				return nil, io.ErrUnexpectedEOF
			}
			c := open(t, native(t), p, oauth.Options{})
			a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
			if err != nil {
				t.Fatal(err)
			}
			request := func() *http.Request {
				at, response := row.request+a.State, ""
				if row.method == http.MethodPost { // the query of a GET is sent as the body
					at, response, _ = strings.Cut(at, "?")
				}
				r := httptest.NewRequest(cmp.Or(row.method, http.MethodGet), at, strings.NewReader(response))
				if r.URL.Scheme == "https" {
					r.TLS = &tls.ConnectionState{}
				}
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
				return r
			}
			result, err := row.endpoint.Receive(c, request())
			if row.stage == nil {
				if err != nil || result.AppState != "mine" || result.Status.Status != "granted" {
					t.Errorf("%v, %+v", err, result)
				}
				if again, err := row.endpoint.Receive(c, request()); err != nil || !again.HandledElsewhere || len(p.requests) > 1 {
					t.Errorf("a second time: %v, %+v, %d token requests", err, again, len(p.requests))
				}
			} else {
				for _, stage := range []error{oauth.ErrMissingCode, oauth.ErrAuthorizationResponse, oauth.ErrExchange} {
					if errors.Is(err, stage) != (stage == row.stage) {
						t.Errorf("as %v: %v", stage, err)
					}
				}
				if !errors.Is(err, row.stage) || !errors.Is(err, &row.detail) {
					t.Errorf("got %v", err)
				}
			}
			if asked != row.asked {
				t.Errorf("%d token requests", asked)
			}
		})
	}
}

// A body that is not a form, and parameters in both the query and the body, are not accepted.
func TestPostedResponses(t *testing.T) {
	c := open(t, native(t), &peer{}, oauth.Options{})
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := oauth.RedirectionEndpoint{URL: config.RedirectURI}
	for _, row := range []struct {
		name, query, ctype, body string
		want                     error
	}{
		{"JSON", "", "application/json", `{"code":"c"}`, oauth.ErrClient},
		{"no type", "", "", "code=c&state=" + a.State, oauth.ErrClient},
		{"a code in both", "?code=d", "application/x-www-form-urlencoded", "code=c&state=" + a.State, &oauth.Error{Code: "repeated_parameter"}},
		{"another query than the redirect URI's", "?x=y", "application/x-www-form-urlencoded", "code=c&state=" + a.State, nil},
	} {
		r := httptest.NewRequest(http.MethodPost, "/cb"+row.query, strings.NewReader(row.body))
		r.Header.Set("Content-Type", row.ctype)
		if _, err := endpoint.Receive(c, r); row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
