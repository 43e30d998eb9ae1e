package resource

import (
	"fmt"
	"strings"
	"testing"
)

const opaque = `{"authorization_servers":[{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect","client_id":"notes","client_secret":"the secret of the resource"}]}`

// active is the server's answer for an active token, with changes.
func active(changes string) string {
	return change(`{"active":true,"sub":"u1","client_id":"app","aud":"https://api.example/notes","scope":"read","exp":1700000600}`, changes)
}

// TestScenarioOpaque: other tokens are introspected by an authenticated client. The answer is
// cached for a minute at most, and not beyond the token's expiry (R40, R41, R42).
func TestScenarioOpaque(t *testing.T) {
	s := newScene(t, "opaque tokens are introspected, once a minute each, and once for all who wait", "R40", "R41", "R42").mustOpen(with(opaque))
	says := active(`{}`)
	s.server = func(m msg) string {
		if m.Str("url") != "https://as.example/introspect" || m.Str("method") != "POST" {
			t.Errorf("%s", m.Raw)
		}
		if !strings.Contains(m.Raw, `"authorization","Basic `) || !strings.Contains(m.Str("body", "text"), "token=opaque-") {
			t.Errorf("%s", m.Raw)
		}
		return answer(200, says)
	}
	var ids []int64
	for range 3 {
		ids = append(ids, s.begin("check", request("GET", "/notes", "", "authorization", "Bearer opaque-1")))
	}
	s.settle()
	for _, id := range ids {
		s.allowed(s.results[id])
	}
	if len(s.sent) != 1 || s.results[ids[0]].Str("ok", "claims", "sub") != "u1" {
		t.Fatal(len(s.sent), s.results[ids[0]].Raw)
	}
	s.now += 59_999
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer opaque-1"))
	s.now++
	says = `{"active":false}`
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer opaque-1"), 401, "invalid_token", "inactive")
	if len(s.sent) != 2 {
		t.Fatal(len(s.sent))
	}
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer opaque-1"), 401, "invalid_token", "inactive")
	s.now += 10_000
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer opaque-1"), 401, "invalid_token", "inactive")
	if len(s.sent) != 3 {
		t.Fatal(len(s.sent))
	}
	says = active(`{"exp":1700000080}`)
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer opaque-2"))
	s.now = 1_700_000_080_000 // the token's expiry
	says = `{"active":false}`
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer opaque-2"), 401, "invalid_token", "inactive")
	says = active(`{"cnf":{"jkt":"` + jkt + `"},"token_type":"DPoP"}`)
	s.allowed(s.check("GET", "/notes", "", "authorization", "DPoP opaque-3", "dpop", proof("opaque-3", `{}`, `{"iat":1700000080}`)))
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer opaque-3"), 401, "invalid_token", "proof_needed")
}

// TestOpaqueAnswers: what a server's answer must contain, and which answers give no verdict (R40,
// R43).
func TestOpaqueAnswers(t *testing.T) {
	for _, row := range []struct {
		name, answer string
		status       int
		reason       string
	}{
		{"inactive", answer(200, `{"active":false}`), 401, "inactive"},
		{"active as text", answer(200, `{"active":"true"}`), 503, "bad_introspection"},
		{"another audience", answer(200, active(`{"aud":"x"}`)), 401, "wrong_claim aud"},
		{"no audience", answer(200, active(`{"aud":null}`)), 401, "missing_claim aud"},
		{"another issuer", answer(200, active(`{"iss":"https://evil.example"}`)), 401, "wrong_claim iss"},
		{"its issuer", answer(200, active(`{"iss":"https://as.example"}`)), 0, ""},
		{"expired", answer(200, active(`{"exp":1}`)), 401, "expired exp"},
		{"not yet", answer(200, active(`{"nbf":1700009999}`)), 401, "not_yet nbf"},
		{"no exp", answer(200, active(`{"exp":null}`)), 0, ""},
		{"our secret is refused", answer(401, `{"error":"invalid_client"}`), 503, "oauth_error"},
		{"an error of the server", answer(500, `{}`), 503, "http_error"},
		{"no JSON", answer(200, `<html>`), 503, "bad_json"},
		{"no answer", `"failed":{"kind":"timeout"}`, 503, "timeout"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t).mustOpen(with(opaque))
			s.server = func(msg) string { return row.answer }
			m := s.check("GET", "/notes", "", "authorization", "Bearer opaque-1")
			if row.status == 0 {
				s.allowed(m)
				return
			}
			s.refused(m, row.status, "invalid_token", row.reason)
			if strings.Contains(m.Raw, "opaque-1") || strings.Contains(m.Raw, "secret") {
				t.Error(m.Raw)
			}
		})
	}
}

// TestScenarioIntrospectAll: if all tokens of a server are introspected, revoked ones are refused,
// JWTs included. A broken JWT is sent nowhere (R44).
func TestScenarioIntrospectAll(t *testing.T) {
	s := newScene(t, "all tokens of a server are introspected where the configuration says so", "R44").mustOpen(with(strings.Replace(opaque, `"client_id"`, `"introspect":"all","client_id"`, 1)))
	s.server = func(msg) string { return answer(200, `{"active":false}`) }
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 401, "invalid_token", "inactive")
	s.mustOpen(with(opaque))
	s.server = func(m msg) string {
		if strings.Contains(m.Raw, "introspect") {
			t.Error("a JWT was introspected")
		}
		return publish(m)
	}
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+strings.TrimSuffix(token(`{}`), "Z29vZA")+"YmFk"), 401, "invalid_token", "bad_signature")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)+"!"), 400, "invalid_request", "malformed_header")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)+"."), 401, "invalid_token", "malformed")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"iss":"https://evil.example"}`)), 401, "invalid_token", "wrong_claim iss")
}

// TestCacheBounds: however many tokens come, a cache is limited in number and in bytes (R42, R58).
func TestCacheBounds(t *testing.T) {
	c := &cache{}
	for n := range 3000 {
		c.put(fmt.Sprint(n), active(`{"x":"`+strings.Repeat("x", n%3000)+`"}`), began, began+cacheMS)
		if len(c.entries) > maxCached || c.bytes > maxCachedBytes || len(c.byKey) > len(c.entries) {
			t.Fatal(n, len(c.entries), c.bytes, len(c.byKey))
		}
	}
	for range 5000 {
		c.put("the same", active(`{}`), began, began+cacheMS)
	}
	if c.bytes > 1000*len(active(`{}`)) || len(c.entries) > maxCached {
		t.Error(len(c.entries), c.bytes)
	}
	if c.get("the same", began-1) != "" {
		t.Error("a clock that was set back")
	}
	c.put("large", active(`{"x":"`+strings.Repeat("x", maxCachedOne)+`"}`), began, began+cacheMS)
	if c.get("large", began) != "" {
		t.Error("an answer above the bound is kept")
	}
}

// TestScenarioAlone: if a check must not wait for another's effects, each has its own client, and
// the next check knows what one has learned (R45).
func TestScenarioAlone(t *testing.T) {
	s := newScene(t, "each check by itself, for hosts whose requests cannot wait for each other", "R45").mustOpen(with(`{"alone":true,"authorization_servers":[{"issuer":"https://as.example"}]}`))
	at := "Bearer " + token(`{}`)
	var ids []int64
	for range 2 {
		ids = append(ids, s.begin("check", request("GET", "/notes", "", "authorization", at)))
	}
	if len(s.waiting) != 2 {
		t.Fatal("one waits for the other")
	}
	s.settle()
	for _, id := range ids {
		s.allowed(s.results[id])
	}
	n := len(s.sent)
	for range 3 {
		s.allowed(s.check("GET", "/notes", "", "authorization", at))
	}
	if len(s.sent) != n {
		t.Errorf("%d requests more", len(s.sent)-n)
	}
}
