package authserver_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A7: a resource at its own origin, with DPoP, nonces and scope, and with a challenge that leads to
// its metadata (RFC 9728 section 5.1).
func TestA7CheckAccess(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.DPoPNonceInterval = time.Minute })
	want := authserver.Access{Resource: notes, Scope: "notes.read"}
	check := func(target string, h http.Header) (authserver.Token, authserver.Response, bool) {
		return b.server.CheckAccess(authserver.Request{Method: "GET", URL: target, Header: h, Now: b.now}, want)
	}
	if _, resp, ok := b.server.CheckAccess(authserver.Request{Method: "GET", URL: "/notes"}, want); ok || resp.Status != 500 {
		t.Errorf("a request without the time: %d", resp.Status)
	}
	_, resp, ok := check("/notes", nil)
	nonce := resp.Header.Get("DPoP-Nonce")
	challenges := resp.Header.Values("WWW-Authenticate")
	metadata := `resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"`
	if ok || resp.Status != 401 || nonce == "" || len(challenges) != 2 ||
		!strings.Contains(challenges[0], metadata) || !strings.Contains(challenges[1], metadata) {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	p := b.prover()
	form := exchange("spa", b.code(with(request("spa"), "scope", "notes.read")))
	token := b.postWith("/token", p.proof("POST", "/token", "nonce", nonce), form).must(t)
	// header returns the headers with a proof for the address.
	header := func(htu string, more ...string) http.Header {
		return p.resource("GET", "", token.Access, append([]string{"htu", htu, "nonce", nonce}, more...)...)
	}
	for _, row := range []struct {
		name, target string
		header       http.Header
		status       int
		challenge    string
	}{
		{"path", "/notes?page=2", header(notes), 200, ""},
		{"address", notes + "?page=2", header(notes), 200, ""},
		{"the address behind a proxy counts", "http://10.0.0.1/notes", header(notes), 401, `error="invalid_dpop_proof"`},
		{"proof for another resource", "/notes", header("https://mail.example/notes"), 401, `error="invalid_dpop_proof"`},
		{"no nonce", "/notes", header(notes, "nonce", ""), 401, `error="use_dpop_nonce"`},
		{"downgrade", "/notes", http.Header{"Authorization": {"Bearer " + token.Access}}, 401, `error="invalid_token"`},
		{"no address", ":", header(notes), 401, `error="invalid_dpop_proof"`},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, resp, ok := check(row.target, row.header)
			if ok != (row.status == 200) || resp.Status != row.status ||
				!strings.Contains(resp.Header.Get("WWW-Authenticate"), row.challenge) || resp.Header.Get("DPoP-Nonce") != nonce {
				t.Errorf("%v %d %v", ok, resp.Status, resp.Header)
			}
			if ok && (got.User != "first" || got.JKT != p.jkt()) {
				t.Errorf("%+v", got)
			}
		})
	}
	profile := b.post("/token", exchange("spa", b.code(with(request("spa"), "scope", "profile")))).must(t)
	_, resp, ok = check("/notes", http.Header{"Authorization": {"Bearer " + profile.Access}})
	challenge := resp.Header.Get("WWW-Authenticate")
	if ok || resp.Status != 403 || !strings.Contains(challenge, `error="insufficient_scope"`) || !strings.Contains(challenge, `scope="notes.read"`) {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
}

// A7: RFC 9728 sections 2 and 3.1.
func TestA7ResourceMetadata(t *testing.T) {
	resp := newBench(t).server.ResourceMetadata(authserver.Access{Resource: notes, Scope: "notes.read notes.write"})
	var got map[string]any
	if err := json.Unmarshal(resp.Body, &got); err != nil {
		t.Fatal(err)
	}
	algs := got["dpop_signing_alg_values_supported"]
	delete(got, "dpop_signing_alg_values_supported")
	want := map[string]any{"resource": notes, "authorization_servers": []any{issuer}, "bearer_methods_supported": []any{"header"},
		"scopes_supported": []any{"notes.read", "notes.write"}}
	if !reflect.DeepEqual(got, want) || resp.Header.Get("Access-Control-Allow-Origin") != "*" || len(algs.([]any)) != 10 {
		t.Errorf("%v %v %v", got, algs, resp.Header)
	}
	for resource, want := range map[string]string{
		"https://api.example":        "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/":       "https://api.example/.well-known/oauth-protected-resource",
		"https://api.example/a/b?c":  "https://api.example/.well-known/oauth-protected-resource/a/b?c",
		"https://api.example/\"evil": "",
		"urn:x":                      "",
	} {
		if got := authserver.ResourceMetadataURL(resource); got != want {
			t.Errorf("%s: %s", resource, got)
		}
	}
}

// A6: OpenID Connect Core section 5.3.2 and RFC 9701 section 5: an answer is signed if the client
// asks for that, and only then.
func TestA6SignedAnswers(t *testing.T) {
	b := newBench(t)
	r := b.post("/token", exchange("sealed", b.code(request("sealed")))).must(t)
	resp := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + r.Access}}, "")
	want := map[string]any{"iss": issuer, "aud": "sealed", "sub": "u-1", "email": "first@example.com", "email_verified": true}
	if got := b.claims(string(resp.Body)); resp.Header.Get("Content-Type") != "application/jwt" || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %v", resp.Header, got)
	}
	for accept, signed := range map[string]bool{
		"application/token-introspection+jwt": true, "application/json;q=0.5, application/token-introspection+jwt": true,
		"application/json": false, "*/*": false, "": false,
	} {
		h := http.Header{"Accept": {accept}, "Content-Type": {"application/x-www-form-urlencoded"}}
		maps.Copy(h, apiAsks)
		resp := b.send("POST", "/introspect", h, url.Values{"token": {r.Access}}.Encode())
		if !signed {
			if resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%s: %v", accept, resp.Header)
			}
			continue
		}
		claims := b.claims(string(resp.Body))
		inner, _ := claims["token_introspection"].(map[string]any)
		if resp.Header.Get("Content-Type") != "application/token-introspection+jwt" || claims["iss"] != issuer || claims["aud"] != "api" ||
			claims["iat"] != float64(b.now.Unix()) || inner["active"] != true || inner["client_id"] != "sealed" || claims["sub"] != nil {
			t.Errorf("%v %v", resp.Header, claims)
		}
	}
}
