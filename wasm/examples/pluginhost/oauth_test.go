package pluginhost

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// body answers every request with one body.
type body string

func (b body) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Set-Cookie": {"a=b"}, "Www-Authenticate": {"Bearer"}, "Etag": {`"1"`}}, Body: io.NopCloser(strings.NewReader(string(b))), Request: r,
	}, nil
}

// TestRequests (M79): what a plugin may put into a request, what it gets back, and how often.
func TestRequests(t *testing.T) {
	host, err := New(t.Context(), Options{HTTP: body("text"), Providers: map[string]oauth.Config{"p": {ClientID: "c", TokenEndpoint: "https://as.example/token"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	load := func(name string, h *Host) *Plugin {
		t.Helper()
		plugin, err := h.Load(t.Context(), []byte("\x00asm\x01\x00\x00\x00"), Manifest{Name: name, Uses: map[string]Use{"a": {Provider: "p", Resources: []string{"https://api.example/"}}}})
		if err == nil {
			_, err = plugin.Client("a").SetToken(t.Context(), oauth.Token{AccessToken: "secret-token", TokenType: "Bearer"})
		}
		if err != nil {
			t.Fatal(err)
		}
		return plugin
	}
	plugin := load("x", host)
	for _, row := range []struct{ name, json, want string }{
		{"a header", `{"method":"GET","url":"https://api.example/","headers":{"Accept":"text/plain"}}`, ""},
		{"a body", `{"method":"POST","url":"https://api.example/","body":"b"}`, ""},
		{"a token of its own", `{"method":"GET","url":"https://api.example/","headers":{"authorization":"Bearer x"}}`, "header_not_allowed"},
		{"a proof of its own", `{"method":"GET","url":"https://api.example/","headers":{"DPOP":"x"}}`, "header_not_allowed"},
		{"a cookie", `{"method":"GET","url":"https://api.example/","headers":{"cookie":"x"}}`, "header_not_allowed"},
		{"another host", `{"method":"GET","url":"https://api.example/","headers":{"host":"evil.example"}}`, "header_not_allowed"},
		{"a length", `{"method":"GET","url":"https://api.example/","headers":{"content-length":"0"}}`, "header_not_allowed"},
		{"a line break in a header", `{"method":"GET","url":"https://api.example/","headers":{"x":"a\r\nAuthorization: x"}}`, "header_not_allowed"},
		{"one in its name", `{"method":"GET","url":"https://api.example/","headers":{"x: a\r\nAuthorization":"x"}}`, "header_not_allowed"},
		{"a method that is none", `{"method":"GET /x","url":"https://api.example/"}`, "bad_request"},
		{"no URL", `{"method":"GET","url":""}`, "resource_not_allowed"},
		{"a password in the URL", `{"method":"GET","url":"https://a:b@evil.example/"}`, "resource_not_allowed"},
		{"no JSON", `{`, "bad_request"},
	} {
		r := &run{plugin: plugin}
		got := r.send(t.Context(), 1, []byte(row.json))
		if got.Error != row.want {
			t.Errorf("%s: %+v, not %q", row.name, got, row.want)
		}
		if row.want == "" && (got.Status != 200 || got.Body != "text" || len(got.Headers) != 1 || got.Headers["etag"] != `"1"`) {
			t.Errorf("%s: %+v", row.name, got)
		}
	}
	r := &run{plugin: plugin}
	for n := range mostRequests + 1 {
		got := r.send(t.Context(), 1, []byte(`{"method":"GET","url":"https://api.example/"}`))
		if wants := n == mostRequests; wants != (got.Error == "too_many_requests") {
			t.Errorf("request %d: %+v", n, got)
		}
	}
	large, err := New(t.Context(), Options{HTTP: body(strings.Repeat("x", mostAnswer+1)), Providers: host.opts.Providers})
	if err != nil {
		t.Fatal(err)
	}
	defer large.Close()
	if got := (&run{plugin: load("y", large)}).send(t.Context(), 1, []byte(`{"method":"GET","url":"https://api.example/"}`)); got.Error != "too_large" || got.Body != "" {
		t.Errorf("an answer above the limit: %q", got.Error)
	}
}
