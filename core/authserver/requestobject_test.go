package authserver_test

import (
	"crypto/elliptic"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// claimsOf returns an authorization request as the claims of a request object. more holds names and
// values.
func claimsOf(params url.Values, more ...any) map[string]any {
	c := map[string]any{"aud": issuer, "iss": params.Get("client_id"), "exp": start.Unix() + 60}
	for name := range params {
		c[name] = params.Get(name)
	}
	for i := 0; i < len(more); i += 2 {
		c[more[i].(string)] = more[i+1]
	}
	return c
}

// A4: RFC 9101: the signed request counts, and parameters beside it are ignored.
func TestA4RequestObject(t *testing.T) {
	b := newBench(t)
	object := signWith(t, jose.ES256, clientKey, "oauth-authz-req+jwt", false, claimsOf(request("maybe"), "scope", "openid", "max_age", 0))
	query := url.Values{"client_id": {"maybe"}, "request": {object}, "redirect_uri": {"https://evil.example/"}, "scope": {"profile"}, "state": {"other"}}
	b.approve(request("spa")) // signs in; max_age would not accept that sign-in
	b.now = b.now.Add(time.Second)
	page := b.open(query)
	if !shows(page, "login") {
		t.Fatalf("%d %s", page.Status, page.Body)
	}
	consent := b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
	if strings.Contains(string(consent.Body), "See your name") || !strings.Contains(string(consent.Body), "Know that you signed in") {
		t.Errorf("consent: %s", consent.Body)
	}
	done := location(t, b.submit(consent, "approve", nil))
	if done.Host != "maybe.example" || done.Query().Get("state") != "st&te" || done.Query().Get("code") == "" {
		t.Error(done)
	}
}

// A7: each rule of RFC 9101 section 6, in a URL, where the user sees the error, and in a push,
// where the client gets it.
func TestA7RequestObjects(t *testing.T) {
	now := start.Unix()
	signed := func(typ string, claims map[string]any) string {
		return signWith(t, jose.ES256, clientKey, typ, false, claims)
	}
	maybe := func(more ...any) map[string]any { return claimsOf(request("maybe"), more...) }
	for _, row := range []struct {
		name, object, want string // want is empty if the object is accepted
	}{
		{"good", signed("oauth-authz-req+jwt", maybe()), ""},
		{"of an older client", signed("JWT", maybe()), ""},
		{"without an expiry", signed("JWT", maybe("exp", nil)), ""},
		{"another key", signWith(t, jose.ES256, newECKey(t, elliptic.P256()), "JWT", false, maybe()), "invalid_request_object"},
		{"a secret", signWith(t, jose.HS256, make([]byte, 32), "JWT", false, maybe()), "invalid_request_object"},
		{"no signature", "eyJhbGciOiJub25lIn0.eyJjbGllbnRfaWQiOiJtYXliZSJ9.", "invalid_request_object"},
		{"no JWT", "x", "invalid_request_object"},
		{"typ of a proof", signed("dpop+jwt", maybe()), "invalid_request_object"},
		{"client_id of another", signed("JWT", maybe("client_id", "spa")), "invalid_request_object"},
		{"iss of another", signed("JWT", maybe("iss", "spa")), "invalid_request_object"},
		{"another audience", signed("JWT", maybe("aud", "https://other.example")), "invalid_request_object"},
		{"an assertion", signed("JWT", maybe("sub", "maybe")), "invalid_request_object"},
		{"expired", signed("JWT", maybe("exp", now)), "invalid_request_object"},
		{"not yet", signed("JWT", maybe("nbf", now+90)), "invalid_request_object"},
		{"request inside", signed("JWT", maybe("request", "x")), "invalid_request_object"},
		{"request_uri inside", signed("JWT", maybe("request_uri", "x")), "invalid_request_object"},
		{"redirect URI that is not registered", signed("JWT", maybe("redirect_uri", "https://evil.example/")), "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			resp := b.visit("GET", "/authorize?"+url.Values{"client_id": {"maybe"}, "request": {row.object}}.Encode(), nil)
			if resp.Status == http.StatusSeeOther {
				resp = b.visit("GET", resp.Header.Get("Location"), nil)
			}
			pushed := b.post("/par", url.Values{"client_id": {"maybe"}, "request": {row.object}})
			if row.want == "" {
				if !shows(resp, "login") || pushed.Status != http.StatusCreated {
					t.Errorf("%d %s, pushed: %d %s", resp.Status, resp.Body, pushed.Status, pushed.Body)
				}
				return
			}
			stopped(t, resp, row.want)
			pushed.refused(t, 400, row.want)
		})
	}
	b := newBench(t)
	stopped(t, b.visit("GET", "/authorize?client_id=spa&request="+signed("JWT", claimsOf(request("spa"))), nil), "invalid_request_object")
	stopped(t, b.visit("GET", "/authorize?client_id=x&request="+signed("JWT", claimsOf(request("spa"))), nil), "invalid_client")
	stopped(t, b.visit("GET", "/authorize?client_id=pushes&request=x", nil), "invalid_request")
	if u := location(t, b.visit("GET", "/authorize?"+request("signs").Encode(), nil)); u.Query().Get("error") != "invalid_request" {
		t.Errorf("a request that is not signed: %s", u)
	}
	plain := asserting(request("signs"), signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", "1")))
	b.post("/par", plain).refused(t, 400, "invalid_request")
}
