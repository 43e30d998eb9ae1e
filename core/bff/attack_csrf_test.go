package bff

import (
	"strings"
	"testing"
)

// foreignOrigin lists what a browser, or a program that is none, may send as a page's origin.
var foreignOrigins = map[string]string{
	"null":                    "null",
	"foreign":                 "https://evil.example",
	"sibling subdomain":       "https://evil.app.example",
	"the site above":          "https://example",
	"a host that begins so":   "https://app.example.evil.example",
	"a host that ends so":     "https://evilapp.example",
	"another port":            "https://app.example:8443",
	"the port spelt out":      "https://app.example:443",
	"http":                    "http://app.example",
	"upper case":              "HTTPS://APP.EXAMPLE",
	"a slash":                 "https://app.example/",
	"a path":                  "https://app.example/auth",
	"a final dot":             "https://app.example.",
	"user info":               "https://app.example@evil.example",
	"two":                     "https://app.example https://evil.example",
	"two, with a comma":       "https://app.example, https://evil.example",
	"white space":             " https://app.example",
	"an extension":            "chrome-extension://app.example",
	"a file":                  "file://",
	"an empty host":           "https://",
	"another configured site": "https://other.app.example.evil.example",
}

var contentTypes = []string{"", "application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json", "text/plain; application/json"}

// TestCrossSiteRequests: a page of another site calls every route that acts for the signed-in user,
// with every origin and content type, with and without the header. It gets nothing, nothing is
// stored or sent for it, and nobody is signed out (S110).
func TestCrossSiteRequests(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"insecure_token_endpoint":true}`)
	i := s.issuer()
	i.signIn()
	s.touched, s.sent = 0, nil
	routes := [][2]string{{"GET", "/auth/session"}, {"POST", "/auth/logout"}, {"GET", "/auth/token"}}
	for _, method := range strings.Fields(proxied) {
		routes = append(routes, [2]string{method, "/api/x"})
	}
	refused := func(what string, route [2]string, headers ...string) {
		t.Helper()
		m := s.visit(route[0], "https://app.example"+route[1], headers...)
		if m.Str("status") != "403" || m.Header("set-cookie") != "" || m.Header("access-control-allow-credentials") != "" && strings.Contains(what, "origin") {
			t.Errorf("%s %s, %s: %s", route[0], route[1], what, m.Raw)
		}
	}
	for _, route := range routes {
		for _, ctype := range contentTypes {
			more := []string{}
			if ctype != "" {
				more = append(more, "content-type", ctype)
			}
			for name, origin := range foreignOrigins {
				refused("the header, origin "+name, route, append(more, "origin", origin, "x-csrf", "1")...)
				refused("origin "+name, route, append(more, "origin", origin)...)
			}
			refused("no header", route, append(more, "origin", "https://app.example")...)
			refused("an empty header", route, append(more, "origin", "https://app.example", "x-csrf", "")...)
			refused("another header", route, append(more, "origin", "https://app.example", "x-csrf-token", "1", "x-requested-with", "XMLHttpRequest")...)
			refused("nothing", route, more...)
			if route[0] != "GET" && route[0] != "HEAD" {
				refused("the header, no origin", route, append(more, "x-csrf", "1")...)
			}
		}
	}
	if s.touched != 0 || len(s.proxied) != 0 || len(s.sent) != 0 {
		t.Errorf("%d storage operations, %d and %d requests", s.touched, len(s.proxied), len(s.sent))
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
}

// TestCrossSiteOpenRoutes: the routes that anybody may call do nothing to the signed-in user, even
// if the session's cookie comes with the request (S110).
func TestCrossSiteOpenRoutes(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["client_credentials"],"scope":"read"`))
	s.issuer().signIn()
	before := s.jar[cookieName1]
	for name, origin := range foreignOrigins {
		for _, ctype := range contentTypes {
			headers := []string{"origin", origin, "x-csrf", "1", "content-type", ctype}
			for _, route := range [][2]string{{"GET", "/auth/callback?code=x&state=y"}, {"POST", "/auth/callback"}, {"POST", "/auth/backchannel_logout"}, {"POST", "/auth/exchange"}, {"GET", "/auth/logout"}, {"GET", "/auth/logout?ticket=x"},
				{"PUT", "/auth/logout"}, {"HEAD", "/auth/logout"}, {"GET", "/auth/exchange?grant_type=client_credentials"}, {"GET", "/auth/backchannel_logout"}} {
				if m := s.visit(route[0], "https://app.example"+route[1], headers...); m.Str("status") == "200" || m.Header("set-cookie") != "" {
					t.Errorf("%s %s, origin %s, content type %q: %s", route[0], route[1], name, ctype, m.Raw)
				}
			}
			// The browser sends a preflight first, and it is refused.
			if m := s.visit("OPTIONS", "https://app.example/api/x", append(headers, "access-control-request-method", "POST", "access-control-request-headers", "x-csrf")...); m.Str("status") != "403" || m.Header("access-control-allow-origin") != "" {
				t.Errorf("OPTIONS, origin %s: %s", name, m.Raw)
			}
		}
	}
	if s.jar[cookieName1] != before {
		t.Error("another session's cookie")
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
}
