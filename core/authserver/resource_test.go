package authserver_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func TestUserinfo(t *testing.T) {
	for _, row := range []struct {
		name, scope string
		want        map[string]any
	}{
		{"subject only", "notes.read", map[string]any{"sub": "u-1"}},
		{"profile", "profile", map[string]any{"sub": "u-1", "name": "First <b>"}},
		{"email", "email", map[string]any{"sub": "u-1", "email": "first@example.com", "email_verified": true}},
		{"both", "profile email", map[string]any{"sub": "u-1", "name": "First <b>", "email": "first@example.com", "email_verified": true}},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			token := b.post("/token", exchange("spa", b.code(with(request("spa"), "scope", row.scope)))).must(t)
			for _, method := range []string{"GET", "POST"} {
				resp := b.send(method, "/userinfo", http.Header{"Authorization": {"bearer " + token.Access}}, "")
				var got map[string]any
				if err := json.Unmarshal(resp.Body, &got); err != nil || !reflect.DeepEqual(got, row.want) {
					t.Errorf("%s: %d %s", method, resp.Status, resp.Body)
				}
			}
		})
	}
}

func TestUserinfoRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		header func(reply) []string
		wait   time.Duration
		reason bool
	}{
		{"no token", func(reply) []string { return nil }, 0, false},
		{"another scheme", func(reply) []string { return []string{"Basic eDp5"} }, 0, false},
		{"two headers", func(r reply) []string { return []string{"Bearer " + r.Access, "Bearer x"} }, 0, false},
		{"unknown token", func(reply) []string { return []string{"Bearer x"} }, 0, true},
		{"empty token", func(reply) []string { return []string{"Bearer "} }, 0, true},
		{"refresh token", func(r reply) []string { return []string{"Bearer " + r.Refresh} }, 0, true},
		{"expired token", func(r reply) []string { return []string{"Bearer " + r.Access} }, 10 * time.Minute, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			h := row.header(b.granted("spa"))
			b.now = b.now.Add(row.wait)
			resp := b.send("GET", "/userinfo", http.Header{"Authorization": h}, "")
			got := resp.Header.Get("WWW-Authenticate")
			if resp.Status != 401 || !strings.HasPrefix(got, `Bearer realm="`+issuer+`"`) || strings.Contains(got, `error="invalid_token"`) != row.reason {
				t.Errorf("%d %s", resp.Status, got)
			}
		})
	}
}

func TestCORS(t *testing.T) {
	only := func(c *authserver.Config) { c.AllowedOrigins = []string{"https://app.example"} }
	for _, row := range []struct {
		name                   string
		change                 func(*authserver.Config)
		method, target, origin string
		status                 int
		allowed                string
	}{
		{"any origin", nil, "POST", "/token", "https://a.example", 400, "*"},
		{"any origin, preflight", nil, "OPTIONS", "/token", "https://a.example", 204, "*"},
		{"revocation", nil, "OPTIONS", "/revoke", "https://a.example", 204, "*"},
		{"device authorization", nil, "OPTIONS", "/device_authorization", "https://a.example", 204, "*"},
		{"verification page", nil, "GET", "/device", "https://a.example", 200, ""},
		{"introspection is not for pages", nil, "POST", "/introspect", "https://a.example", 400, ""},
		{"pushed requests", nil, "OPTIONS", "/par", "https://a.example", 204, "*"},
		{"userinfo", nil, "OPTIONS", "/userinfo", "https://a.example", 204, "*"},
		{"userinfo without a token", nil, "GET", "/userinfo", "https://a.example", 401, "*"},
		{"metadata", nil, "GET", "/.well-known/oauth-authorization-server", "https://a.example", 200, "*"},
		{"never the pages", nil, "GET", "/authorize", "https://a.example", 400, ""},
		{"never the pages, preflight", nil, "OPTIONS", "/authorize", "https://a.example", 405, ""},
		{"origin of the list", only, "OPTIONS", "/token", "https://app.example", 204, "https://app.example"},
		{"origin not of the list", only, "OPTIONS", "/token", "https://a.example", 204, ""},
		{"no origin", only, "GET", "/userinfo", "", 401, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			if row.change != nil {
				b = newBench(t, row.change)
			}
			h := http.Header{"Access-Control-Request-Method": {"POST"}}
			if row.origin != "" {
				h.Set("Origin", row.origin)
			}
			resp := b.send(row.method, row.target, h, "")
			if resp.Status != row.status || resp.Header.Get("Access-Control-Allow-Origin") != row.allowed {
				t.Errorf("%d %v", resp.Status, resp.Header)
			}
			if resp.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Error("credentials")
			}
			if row.allowed != "" && resp.Header.Get("Access-Control-Expose-Headers") != "WWW-Authenticate, DPoP-Nonce" {
				t.Error("the reason of a 401 or the nonce cannot be read")
			}
			if row.status == 204 && resp.Header.Get("Access-Control-Allow-Headers") != "Authorization, Content-Type, DPoP" {
				t.Errorf("allows %q", resp.Header.Get("Access-Control-Allow-Headers"))
			}
			if row.change != nil && resp.Header.Get("Vary") != "Origin" {
				t.Error("no Vary")
			}
		})
	}
}

func TestServeHTTP(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.Now = func() time.Time { return start } })
	web := httptest.NewServer(b.server)
	defer web.Close()
	resp, err := web.Client().PostForm(web.URL+"/token", exchange("spa", b.code(request("spa"))))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil || resp.StatusCode != 200 || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatal(resp.Status, err)
	}
	var r reply
	if err := json.Unmarshal(body, &r); err != nil || !b.works(r.Access) {
		t.Error(err)
	}
	resp, err = web.Client().PostForm(web.URL+"/token", url.Values{"x": {strings.Repeat("x", 64<<10)}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Error(resp.Status)
	}
	resp, err = web.Client().Head(web.URL + "/.well-known/oauth-authorization-server")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Error(resp.Status)
	}
}
