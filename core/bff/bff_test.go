package bff

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
)

// TestScenarioSignIn: from the first page to the sign-out. The browser sees cookies that reveal
// nothing, and no token (X10).
func TestScenarioSignIn(t *testing.T) {
	s := newScene(t, "A browser signs in, asks who it is, calls the API and signs out; no token leaves the host.", "X10", "H9")
	s.each = true // hosts may work like this
	i := s.issuer()
	s.want(s.call("GET", "https://app.example/auth/session"), 401, `{"error":"not_signed_in"}`)
	q := i.login("?return_to=%2Finbox%3Fx%3D1")
	if q.Get("code_challenge_method") != "S256" || len(q.Get("state")) != 43 || len(q.Get("nonce")) != 43 || q.Get("redirect_uri") != "https://app.example/auth/callback" {
		t.Error(q)
	}
	if len(s.store) != 0 {
		t.Error("stored before anybody came back:", s.store)
	}
	m := s.visit("GET", callback(q))
	if m.Header("location") != "https://app.example/inbox?x=1" || !strings.Contains(m.Header("set-cookie"), "SameSite=Strict") || len(s.jar) != 1 {
		t.Fatal(m.Raw, s.jar)
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 200, `"sub":"jane"`)
	m = s.call("GET", "https://app.example/api/notes?a=b%2Fc", "authorization", "Bearer mine", "dpop", "x", "x-forwarded-for", "1.2.3.4", "accept", "text/plain", "connection", "x-hop, close", "x-hop", "1", "sec-fetch-site", "same-origin")
	s.want(m, 200, "hello")
	p := s.proxied[0]
	if p.Str("url") != "https://api.example/v1/notes?a=b%2Fc" || p.Header("authorization") != "Bearer access-token-1" || p.Header("accept") != "text/plain" {
		t.Error(p.Raw)
	}
	for _, name := range []string{"cookie", "dpop", "x-forwarded-for", "origin", "x-csrf", "connection", "x-hop", "sec-fetch-site"} {
		if p.Header(name) != "" {
			t.Errorf("%s went on: %s", name, p.Raw)
		}
	}
	m = s.call("POST", "https://app.example/auth/logout?return_to=%2Fbye")
	s.want(m, 200, `{"url":"https://app.example/auth/logout?ticket=`)
	if len(s.jar) != 0 {
		t.Error(s.jar)
	}
	// The server's address contains the ID token: the browser is led there once, and no script sees
	// it.
	var answer struct{ URL string }
	json.Unmarshal([]byte(m.Str("body", "text")), &answer)
	for _, want := range []string{"https://as.example/end?id_token_hint=ey", "https://app.example/"} {
		if m = s.visit("GET", answer.URL); !strings.HasPrefix(m.Header("location"), want) {
			t.Error(m.Raw)
		}
	}
	if m = s.visit("GET", "https://app.example/auth/logout?ticket=made-up"); m.Header("location") != "https://app.example/" {
		t.Error(m.Raw)
	}
	if last := s.sent[len(s.sent)-1]; last.Form().Get("token") != "refresh-token-1" {
		t.Error(last.Raw)
	}
	for key := range s.store {
		if strings.HasSuffix(key, ".session") {
			t.Error("the session is still there")
		}
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
	s.noTokens()
}

// noTokens fails if an answer to the browser, or an unsealed text in the store, contains a token.
func (s *scene) noTokens() {
	s.t.Helper()
	for _, line := range s.rec.Lines {
		if !strings.Contains(line, `"kind":"respond"`) && !(strings.Contains(line, `"kind":"store"`) && !strings.Contains(line, ".metadata")) {
			continue
		}
		for _, secret := range []string{"access-token", "refresh-token", "a secret of the client's"} {
			if strings.Contains(line, secret) {
				s.t.Errorf("%s in %s", secret, line)
			}
		}
	}
}

// TestScenarioRefresh: an expired token is refreshed before the request is sent; if the API refuses
// a token, it is refreshed and the request is sent once more (Q10, Q13).
func TestScenarioRefresh(t *testing.T) {
	s := newScene(t, "The proxy refreshes: before sending, and once after a 401 where the body can be sent again; a stream cannot.", "Q10", "Q13", "X9")
	s.config = with(`{"idle_ms":86400000,"pass_headers":["x-api"]}`)
	i := s.issuer()
	i.signIn()
	s.now += 3_600_001
	s.want(s.call("GET", "https://app.example/api/x"), 200, "hello")
	if p := s.proxied[0]; p.Header("authorization") != "Bearer access-token-2" {
		t.Error(p.Raw)
	}
	s.upstream = func(m msg) answer {
		if m.Header("authorization") != fmt.Sprintf("Bearer access-token-%d", 3) {
			return answer{status: 401, headers: `[["www-authenticate","Bearer error=\"invalid_token\""],["set-cookie","a=b"],["x-api","1"]]`, body: "no"}
		}
		return answer{status: 200, body: m.Str("body", "text")}
	}
	s.proxied = nil
	m := s.begin("POST", "https://app.example/api/x", s.headers("x-csrf", "1", "origin", "https://app.example"), s.body("twice")).finish()
	if s.want(m, 200, "twice"); len(s.proxied) != 2 {
		t.Error(s.proxied)
	}
	// A streamed body is sent once. The page gets the answer, without the headers that are not for
	// it.
	s.upstream = func(m msg) answer {
		return answer{status: 401, headers: `[["www-authenticate","Bearer"],["set-cookie","a=b"],["x-api","1"],["cache-control","private"]]`}
	}
	s.proxied = nil
	m = s.begin("PUT", "https://app.example/api/x", s.headers("x-csrf", "1", "origin", "https://app.example"), `"body":{"ref":"b1"}`).finish()
	if len(s.proxied) != 1 || m.Str("status") != "401" || m.Header("x-api") != "1" || m.Header("set-cookie") != "" || m.Header("www-authenticate") != "" || m.Header("cache-control") != "private" || s.proxied[0].Str("body", "ref") != "b1" {
		t.Error(m.Raw)
	}
	// invalid_grant ends the session.
	i.error = "invalid_grant"
	s.now += 3_600_001
	s.want(s.call("GET", "https://app.example/api/x"), 401, "not_signed_in")
	for key := range s.store {
		if strings.HasSuffix(key, ".session") {
			t.Error("the session is still there")
		}
	}
}

// TestScenarioGuard: callers that are not pages of ours get nothing, and the store is not read for
// them (X10).
func TestScenarioGuard(t *testing.T) {
	s := newScene(t, "CSRF: the required header, the Origin, methods and hosts; each refusal touches no storage.", "X10")
	i := s.issuer()
	i.signIn()
	s.touched = 0
	for _, row := range []struct {
		method, url string
		headers     []string
		status      int
		body        string
	}{
		{"GET", "https://app.example/auth/session", nil, 403, "missing_header"},
		{"GET", "https://app.example/auth/session", []string{"x-csrf", "1", "origin", "https://evil.example"}, 403, "foreign_origin"},
		{"GET", "https://app.example/api/x", nil, 403, "missing_header"},
		{"POST", "https://app.example/api/x", []string{"x-csrf", "1"}, 403, "foreign_origin"},
		{"POST", "https://app.example/auth/logout", []string{"x-csrf", "1", "origin", "null"}, 403, "foreign_origin"},
		{"POST", "https://app.example/auth/logout", []string{"origin", "https://app.example"}, 403, "missing_header"},
		{"PUT", "https://app.example/auth/logout", []string{"x-csrf", "1"}, 405, "method_not_allowed"},
		{"TRACE", "https://app.example/api/x", []string{"x-csrf", "1"}, 405, "method_not_allowed"},
		{"GET", "https://app.example/api/..;/admin", []string{"x-csrf", "1"}, 404, "not_found"},
		{"OPTIONS", "https://app.example/api/x", []string{"origin", "https://evil.example"}, 403, "foreign_origin"},
		{"GET", "https://evil.example/auth/session", []string{"x-csrf", "1"}, 421, "wrong_host"},
		{"GET", "http://app.example/auth/session", []string{"x-csrf", "1"}, 421, "wrong_host"},
		{"GET", "https://app.example/auth/session", []string{"x-csrf", "1", "host", "app.example/auth/session?"}, 400, "wrong_host"},
		{"GET", "https://app.example/auth/ready", []string{"host", "app.example/auth/ready#"}, 400, "wrong_host"},
		{"GET", "https://app.example/other", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example/apix", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example/api/../auth", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example/api/..%2fadmin", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example/api/%2e%2e/admin", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example//api/x", []string{"x-csrf", "1"}, 404, "not_found"},
		{"GET", "https://app.example/auth/token", []string{"x-csrf", "1"}, 404, "not_found"},
		{"POST", "https://app.example/auth/exchange", nil, 404, "not_found"},
		{"GET", "https://app.example/auth/session?x=%", []string{"x-csrf", "1"}, 400, "bad_query"},
		{"GET", "https://app.example/auth/login?return_to=%2F%2Fevil.example", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?return_to=https%3A%2F%2Fevil.example%2F", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?return_to=https%3A%2F%2Fapp.example%40evil.example%2F", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?return_to=%2F%5Cevil.example", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?return_to=javascript%3Aalert(1)", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?return_to=%2Fa%0d%0aset-cookie%3Aa%3Db", nil, 400, "bad_return_to"},
		{"GET", "https://app.example/auth/login?max_age=x", nil, 400, "bad_value"},
	} {
		m := s.visit(row.method, row.url, row.headers...)
		if m.Str("status") != fmt.Sprint(row.status) || !strings.Contains(m.Str("body", "text"), row.body) {
			t.Errorf("%s %s: %s", row.method, row.url, m.Raw)
		}
	}
	if s.touched != 0 || len(s.proxied) != 0 {
		t.Errorf("%d storage operations, %d requests", s.touched, len(s.proxied))
	}
	m := s.visit("OPTIONS", "https://app.example/api/x", "origin", "https://other.app.example", "access-control-request-headers", "x-csrf")
	if m.Str("status") != "204" || m.Header("access-control-allow-origin") != "https://other.app.example" || m.Header("access-control-allow-headers") != "x-csrf" || m.Header("access-control-allow-credentials") != "true" {
		t.Error(m.Raw)
	}
	if m := s.visit("GET", "https://app.example/auth/login?return_to=https%3A%2F%2Fother.app.example%2Fx"); m.Str("status") != "303" {
		t.Error(m.Raw)
	}
}

// TestScenarioBound: a callback works once, in the browser that began the sign-in (X10, Q22).
func TestScenarioBound(t *testing.T) {
	s := newScene(t, "An attempt is bound to its browser by a sealed cookie and used up by its first callback, wherever the second arrives.", "X10", "Q22")
	i := s.issuer()
	mine := i.login("")
	jar := maps.Clone(s.jar)
	// Login CSRF: the attacker's callback in the victim's browser, which has no attempt, or an
	// attempt of its own.
	s.jar = map[string]string{}
	s.touched = 0
	s.want(s.visit("GET", callback(mine)), 400, "unknown_attempt")
	i.login("")
	s.want(s.visit("GET", callback(mine)), 400, "unknown_attempt")
	// The state of another browser with the cookie of this one.
	for name := range jar {
		for own := range s.jar {
			s.jar = map[string]string{name: s.jar[own]}
		}
	}
	m := s.visit("GET", callback(mine))
	if !strings.Contains(m.Header("location"), "error=wrong_state") {
		t.Error(m.Raw)
	}
	for _, forged := range []string{"", "k0.", "k0.AAAA", "x", strings.Repeat("A", 4000), "k0." + strings.Repeat("!", 10)} {
		for name := range jar {
			s.jar = map[string]string{name: forged}
		}
		s.want(s.visit("GET", callback(mine)), 400, "unknown_attempt")
	}
	if s.touched != 0 || len(s.sent) != 0 {
		t.Error("storage or server touched:", s.touched, s.sent)
	}
	// Two callbacks at once: one signs in, the other gets an error, and the code is sent once.
	s.jar = maps.Clone(jar)
	i.nonce = mine.Get("nonce")
	a, b := s.begin("GET", callback(mine), s.headers()), s.begin("GET", callback(mine), s.headers())
	for a.step() || b.step() {
		b.step()
	}
	first, second := a.finish(), b.finish()
	if first.Str("status") != "303" {
		first, second = second, first
	}
	if first.Header("location") != "https://app.example/" {
		t.Error(first.Raw)
	}
	s.want(second, 400, "already_used")
	codes := 0
	for _, m := range s.sent {
		if m.Form().Get("code") != "" {
			codes++
		}
	}
	if codes != 1 {
		t.Errorf("%d codes went out", codes)
	}
	s.jar = maps.Clone(jar)
	s.want(s.visit("GET", callback(mine)), 400, "already_used")
	// If the server refuses, its error goes to the page, and the attempt ends.
	q := i.login("?return_to=%2Fx%3Fy%3D1")
	m = s.visit("GET", "https://app.example/auth/callback?error=access_denied&error_description=%3Cscript%3E&state="+q.Get("state"))
	if m.Header("location") != "https://app.example/x?y=1&error=access_denied" {
		t.Error(m.Raw)
	}
	s.want(s.visit("GET", callback(q)), 400, "unknown_attempt")
	// The attempt has expired.
	q = i.login("")
	s.now += 600_001
	if m := s.visit("GET", callback(q)); !strings.Contains(m.Header("location"), "error=attempt_expired") {
		t.Error(m.Raw)
	}
	// If a retry may work, the attempt is kept.
	i.login("")
	i.down = true
	s.now += 86_400_000 // the keys are fetched again
	q = i.login("")
	s.want(s.visit("GET", callback(q)), 503, "temporarily_unavailable")
	i.down = false
	i.nonce = q.Get("nonce")
	if m := s.visit("GET", callback(q)); m.Header("location") != "https://app.example/" {
		t.Error(m.Raw)
	}
}

// TestScenarioTabs: several tabs have an attempt each, and a browser does not collect them for
// ever.
func TestScenarioTabs(t *testing.T) {
	s := newScene(t, "Parallel tabs: each attempt has a cookie of its own, five at most; a second sign-in ends the first session.", "X10")
	i := s.issuer()
	a := i.login("?return_to=%2Fa")
	aNonce := i.nonce
	i.login("?return_to=%2Fb")
	i.nonce = aNonce
	if m := s.visit("GET", callback(a)); m.Header("location") != "https://app.example/a" {
		t.Error(m.Raw)
	}
	first := s.jar["__Host-oauth2"]
	for range 8 {
		i.login("")
	}
	if len(s.jar) > 6 {
		t.Error(len(s.jar), "cookies")
	}
	i.signIn()
	if s.jar["__Host-oauth2"] == first {
		t.Error("the session id is the old one")
	}
	s.jar = map[string]string{"__Host-oauth2": first}
	s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
}

// TestScenarioCookies: session cookies that are forged, truncated, sealed with an old key or
// expired.
func TestScenarioCookies(t *testing.T) {
	s := newScene(t, "A session cookie counts where the host sealed it, with any key of the ring, for as long as the session lasts: in all, and unused.", "X10")
	i := s.issuer()
	i.signIn()
	good := s.jar["__Host-oauth2"]
	s.touched = 0
	for _, forged := range []string{"x", good[:len(good)-4], "lost" + good[2:], "k9", good + "A", strings.Repeat("A", 8000)} {
		s.jar["__Host-oauth2"] = forged
		s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
	}
	if s.touched != 0 {
		t.Error("a forged cookie touched storage")
	}
	s.jar["__Host-oauth2"] = good
	s.ring++ // a new key: texts that the old one sealed are still accepted
	s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
	// A session that is used continues; one that is unused for an hour ends.
	for range 5 {
		s.now += 50 * 60_000
		s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
	}
	s.now += 60 * 60_000
	s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
	i.signIn()
	for range 14 {
		s.now += 50 * 60_000
		s.want(s.call("GET", "https://app.example/auth/session"), 200, "jane")
	}
	s.now += 50 * 60_000 // twelve hours in total
	s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
	// A page that also works for users who are not signed in.
	s.config = with(`{"anonymous_status":200}`)
	s.want(s.call("GET", "https://app.example/auth/session"), 200, `{"claims":null}`)
	// A session that the key ring cannot decrypt any more has ended.
	s.config = conf
	i.signIn()
	for key, v := range s.store {
		if strings.HasSuffix(key, ".session") {
			s.store[key] = "lost" + v[2:]
		}
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 401, "not_signed_in")
}

// TestScenarioBackChannel: the server ends sessions by sid or by sub. Only a logout token of the
// server does that, and each only once (OpenID Connect Back-Channel Logout).
func TestScenarioBackChannel(t *testing.T) {
	s := newScene(t, "Back-channel logout ends the sessions of a sid, or all of a user, revokes their tokens, and takes each token once.", "X10")
	i := s.issuer()
	var jars []string
	for n := range 3 {
		s.jar = map[string]string{}
		i.sid = fmt.Sprintf("sid-%d", n)
		i.signIn()
		jars = append(jars, s.jar["__Host-oauth2"])
	}
	signedIn := func() (list string) {
		for n, cookie := range jars {
			s.jar = map[string]string{"__Host-oauth2": cookie}
			if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") == "200" {
				list += fmt.Sprint(n)
			}
		}
		s.jar = map[string]string{}
		return list
	}
	logout := func(claims string) msg {
		t.Helper()
		return s.post("https://app.example/auth/backchannel_logout", "logout_token="+jwt(fmt.Sprintf(`{"iss":"https://as.example","aud":"s6BhdRkqt3","iat":%d,"exp":%d,"events":{"http://schemas.openid.net/event/backchannel-logout":{}},%s}`, s.now/1000, s.now/1000+120, claims)))
	}
	s.want(logout(`"sid":"sid-1","jti":"a","nonce":"x"`), 400, "wrong_claim")
	s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token=x"), 400, "malformed")
	s.want(s.visit("POST", "https://app.example/auth/backchannel_logout"), 400, "invalid_request")
	s.want(logout(`"sid":"another","jti":"b"`), 200, "")
	if got := signedIn(); got != "012" {
		t.Fatal(got)
	}
	// The store is down: the server may send the token again.
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" && strings.Contains(m.Str("key"), ".sid.") {
			return "storage"
		}
		return ""
	}
	s.want(logout(`"sid":"sid-1","jti":"c"`), 503, "temporarily_unavailable")
	s.fail = nil
	s.sent = nil
	s.want(logout(`"sid":"sid-1","jti":"c"`), 200, "")
	if got := signedIn(); got != "02" || s.sent[len(s.sent)-1].Form().Get("token") != "refresh-token-2" {
		t.Fatal(got, s.sent)
	}
	s.want(logout(`"sid":"sid-1","jti":"c"`), 400, "used before")
	s.want(logout(`"sub":"jane","jti":"d"`), 200, "")
	if got := signedIn(); got != "" {
		t.Fatal(got)
	}
	s.noTokens()
}

// TestScenarioTokenEndpoint: a page may get the access token if that is switched on, and never
// another token (token-mediating backend).
func TestScenarioTokenEndpoint(t *testing.T) {
	s := newScene(t, "insecure_token_endpoint: the page gets a good access token; the refresh token stays.", "X10")
	s.config = with(`{"insecure_token_endpoint":true,"idle_ms":86400000}`)
	i := s.issuer()
	s.want(s.call("GET", "https://app.example/auth/token"), 401, "not_signed_in")
	i.signIn()
	s.want(s.call("GET", "https://app.example/auth/token"), 200, `"access_token":"access-token-1"`)
	s.now += 3_600_001
	m := s.call("GET", "https://app.example/auth/token")
	if s.want(m, 200, `"access_token":"access-token-2"`); strings.Contains(m.Raw, "refresh") || m.Header("cache-control") != "no-store" {
		t.Error(m.Raw)
	}
	s.want(s.visit("GET", "https://app.example/auth/token"), 403, "missing_header")
}

// TestScenarioUpstream: each failure behind the backend has its status and a clear body.
func TestScenarioUpstream(t *testing.T) {
	s := newScene(t, "The server behind times out, cannot be reached or is not understood; the token endpoint is down; storage is down.", "H5")
	s.config = with(`{"idle_ms":86400000}`)
	i := s.issuer()
	i.signIn()
	for _, row := range []struct {
		a      answer
		status int
		body   string
	}{
		{answer{failed: "timeout"}, 504, "upstream_timeout"},
		{answer{failed: "network"}, 502, "upstream_network"},
		{answer{failed: "too_large"}, 502, "upstream_too_large"},
		{answer{status: 0}, 502, "upstream_internal"},
		{answer{status: 500, body: "broken"}, 500, "broken"},
		{answer{status: 302, headers: `[["location","https://elsewhere.example/"]]`}, 302, ""},
	} {
		s.upstream = func(msg) answer { return row.a }
		s.want(s.call("GET", "https://app.example/api/x"), row.status, row.body)
	}
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" {
			return "storage"
		}
		return ""
	}
	s.want(s.call("GET", "https://app.example/api/x"), 503, "temporarily_unavailable")
	s.want(s.call("POST", "https://app.example/auth/logout"), 503, "temporarily_unavailable")
	s.fail = nil
	i.down = true
	s.now += 3_600_001
	s.want(s.call("GET", "https://app.example/api/x"), 503, "temporarily_unavailable")
	i.down = false
	s.upstream = func(msg) answer { return answer{status: 200, body: "hello"} }
	s.want(s.call("GET", "https://app.example/api/x"), 200, "hello")
	// A host that cannot seal serves nobody.
	s.fail = func(m msg) string {
		if m.Str("kind") == "seal" || m.Str("kind") == "unseal" {
			return "unsupported"
		}
		return ""
	}
	s.want(s.visit("GET", "https://app.example/auth/login"), 503, "temporarily_unavailable")
	s.want(s.call("GET", "https://app.example/auth/session"), 503, "temporarily_unavailable")
}

// TestScenarioExchange: services get tokens for other services, as far as each may (RFC 8693).
func TestScenarioExchange(t *testing.T) {
	s := newScene(t, "Token exchange, client credentials and codes for other services: who they are, what they may, what is kept and for how long.", "H1", "X6")
	const secret = "a secret of the caller's, of 32 characters or more"
	hash := hashOf(secret)
	s.config = with(`{"callers":[{"client_id":"svc","secret_sha256":"` + hash + `","grant_types":["urn:ietf:params:oauth:grant-type:token-exchange","client_credentials","authorization_code"],"audience":["https://down.example"],"scope":"read write","redirect_uris":["https://svc.example/cb"]},` +
		`{"client_id":"small","secret_sha256":"` + hash + `","grant_types":["client_credentials"],"scope":"report"}]}`)
	i := s.issuer()
	const at = "https://app.example/auth/exchange"
	who := "client_id=svc&client_secret=" + escape(secret)
	const exchange = "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=theirs&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token"
	m := s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read")
	s.want(m, 200, `"access_token":"access-token-1","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3600`)
	if f := s.sent[0].Form(); f.Get("subject_token") != "theirs" || f.Get("audience") != "https://down.example" || f.Get("scope") != "read" || f.Get("client_secret") != "" {
		t.Error(s.sent[0].Raw)
	}
	// The token is kept by subject, audience and scope, as long as it is valid.
	s.now += 60_000
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"), 200, `"access_token":"access-token-1","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":3540`)
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example"), 200, "access-token-2")
	s.now += 3_600_000
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"), 200, "access-token-3")
	basic := []string{"authorization", "Basic " + b64std("svc:"+escape(secret))}
	s.want(s.post(at, "grant_type=client_credentials&scope=read&audience=https%3A%2F%2Fdown.example", basic...), 200, "access-token-4")
	s.want(s.post(at, "grant_type=client_credentials&scope=read&audience=https%3A%2F%2Fdown.example", basic...), 200, "access-token-4")
	s.want(s.post(at, "grant_type=client_credentials&scope=write&audience=https%3A%2F%2Fdown.example", basic...), 200, "access-token-5")
	i.nonce = ""
	m = s.post(at, who+"&grant_type=authorization_code&code=c0de&redirect_uri=https%3A%2F%2Fsvc.example%2Fcb&scope=read&code_verifier="+strings.Repeat("v", 43))
	if s.want(m, 200, "access-token-6"); strings.Contains(m.Raw, "refresh") {
		t.Error(m.Raw)
	}
	for _, row := range []struct {
		body   string
		status int
		error  string
	}{
		{"grant_type=client_credentials", 401, "invalid_client"},
		{"client_id=svc&client_secret=wrong&grant_type=client_credentials", 401, "invalid_client"},
		{"client_id=nobody&client_secret=" + escape(secret) + "&grant_type=client_credentials", 401, "invalid_client"},
		{who, 400, "invalid_request"},
		{who + "&grant_type=client_credentials", 400, "invalid_target"},
		{who + "&grant_type=password", 400, "unsupported_grant_type"},
		{"client_id=small&client_secret=" + escape(secret) + exchange + "&audience=x", 400, "unauthorized_client"},
		{who + exchange, 400, "invalid_request"},
		{who + exchange + "&audience=https%3A%2F%2Felse.example", 400, "invalid_target"},
		{who + exchange + "&audience=https%3A%2F%2Fdown.example&resource=https%3A%2F%2Felse.example", 400, "invalid_target"},
		{who + exchange + "&audience=https%3A%2F%2Fdown.example&audience=https%3A%2F%2Felse.example", 400, "invalid_target"},
		{who + exchange + "&audience=https%3A%2F%2Fdown.example&scope=admin", 400, "invalid_scope"},
		{who + exchange + "&audience=https%3A%2F%2Fdown.example&scope=read&scope=write", 400, "invalid_request"},
		{who + "&grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fevil.example%2F&code_verifier=" + strings.Repeat("v", 43), 400, "invalid_request"},
		{who + "&grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fsvc.example%2Fcb", 400, "invalid_request"},
	} {
		m := s.post(at, row.body)
		if m.Str("status") != fmt.Sprint(row.status) || !strings.Contains(m.Str("body", "text"), `"error":"`+row.error+`"`) || row.status == 401 && m.Header("www-authenticate") == "" {
			t.Errorf("%s: %s", row.body, m.Raw)
		}
	}
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example", "origin", "https://app.example"), 400, "invalid_request")
	i.error = "invalid_target"
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=write"), 400, "invalid_target")
	i.error = "invalid_client"
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=write"), 502, "server_error")
	// The engine checks what the host remembers, and does not ask it to remember long texts.
	i.error = ""
	for _, kept := range []string{"", "no JSON", `{"access_token":"older","token_type":"Bearer"}`, `{"access_token":"older","token_type":"Bearer","expires_at":` + fmt.Sprint(s.now) + `}`} {
		for key := range s.memory {
			s.memory[key] = kept
		}
		if m := s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"); m.Str("status") != "200" || strings.Contains(m.Raw, "older") {
			t.Errorf("%q: %s", kept, m.Raw)
		}
	}
	s.fail = func(m msg) string {
		if m.Str("kind") == "recall" {
			return "unsupported"
		}
		return ""
	}
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"), 200, "access-token")
	s.fail = nil
	clear(s.memory)
	i.scope = "read write admin"
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"), 400, "invalid_scope")
	if len(s.memory) != 0 {
		t.Error("remembered what nobody may have")
	}
	i.scope = ""
	i.padding = strings.Repeat("x", 16<<10)
	s.want(s.post(at, who+exchange+"&audience=https%3A%2F%2Fdown.example&scope=read"), 200, i.padding)
	if len(s.memory) != 0 {
		t.Error("remembered", len(i.padding), "bytes")
	}
	for _, line := range s.rec.Lines {
		if strings.Contains(line, `"kind":"store"`) && (strings.Contains(line, "access-token") || strings.Contains(line, "theirs")) {
			t.Error(line)
		}
	}
}

// TestScenarioTogether: requests of one session that are served at the same time do not mix,
// whichever is first (H1).
func TestScenarioTogether(t *testing.T) {
	s := newScene(t, "Requests that one session serves at once: what comes out after an input belongs to the request of that input.", "H1")
	s.config = with(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"audience":["d"],"scope":"read"`))
	i := s.issuer()
	i.signIn()
	serve := s.server
	s.server = func(m msg) answer {
		a := serve(m)
		a.body = strings.Replace(a.body, "access-token-", "access-token-for-"+m.Form().Get("subject_token")+"-", 1)
		return a
	}
	s.upstream = func(m msg) answer {
		return answer{status: 200, headers: "[]", body: "hello from " + strings.TrimPrefix(m.Str("url"), "https://api.example")}
	}
	begin := func(who string) *visit {
		return s.begin("POST", exchangeURL, s.headers("content-type", "application/x-www-form-urlencoded"),
			s.body(whoSvc+escape(callerSecret)+"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token="+who+"&subject_token_type=y&audience=d"))
	}
	page := s.headers("x-csrf", "1", "origin", "https://app.example")
	visits := []*visit{begin("one"), s.begin("GET", "https://app.example/api/a", page), begin("two"), s.begin("GET", "https://app.example/api/b", page), s.begin("GET", "https://app.example/auth/nothing", page)}
	for busy := true; busy; {
		busy = false
		for n := range visits { // the newest goes first
			busy = visits[len(visits)-1-n].step() || busy
		}
	}
	for n, want := range []string{"access-token-for-one", "hello from /v1/a", "access-token-for-two", "hello from /v1/b", "not_found"} {
		if m := visits[n].finish(); !strings.Contains(m.Str("body", "text"), want) {
			t.Errorf("%d: %s", n, m.Raw)
		}
	}
}

// TestScenarioConfig: the error for a refused configuration names the member.
func TestScenarioConfig(t *testing.T) {
	s := newScene(t, "Configurations of kind bff that are refused.", "Q4")
	for _, row := range [][2]string{
		{`{"base":null}`, "base"}, {`{"base":"https://app.example/auth/"}`, "base"}, {`{"base":"http://app.example/auth"}`, "base"}, {`{"base":"https://app.example/auth?x"}`, "base"},
		{`{"origins":["https://a.example/"]}`, "origins"}, {`{"origins":"https://a.example"}`, "origins"}, {`{"return_to":["//evil.example"]}`, "return_to"}, {`{"return_to":[""]}`, "return_to"},
		{`{"header":"X-CSRF"}`, "header"}, {`{"header":""}`, "header"}, {`{"anonymous_status":500}`, "anonymous_status"}, {`{"session_ms":0}`, "session_ms"}, {`{"idle_ms":"1"}`, "idle_ms"},
		{`{"proxy":[{"path":"api","target":"https://api.example"}]}`, "proxy"}, {`{"proxy":[{"path":"/api","target":"http://api.example"}]}`, "proxy"}, {`{"proxy":[{"path":"/a/../b","target":"https://api.example"}]}`, "proxy"},
		{`{"proxy":[{"path":"/auth","target":"https://api.example"}]}`, "proxy"}, {`{"proxy":{}}`, "proxy"}, {`{"pass_headers":["authorization"]}`, "pass_headers"}, {`{"callers":[{"client_id":"a"}]}`, "callers"}, {`{"colour":"red"}`, "colour"},
		{`{"insecure_token_endpoint":"yes"}`, "insecure_token_endpoint"}, {`{"insecure_token_endpoint":true,"client":{"dpop":true}}`, "insecure_token_endpoint"},
		{`{"client":{"redirect_uri":"https://app.example/cb"}}`, "redirect_uri"}, {`{"client":{"auto_refresh":true}}`, "auto_refresh"}, {`{"client":{"name":"a.b"}}`, "name"}, {`{"client":{"colour":"red"}}`, "colour"},
		{`{"client":{"client_id":null}}`, "client_id"},
	} {
		h, r := s.open(with(row[0]))
		if h != 0 || r.Str("error", "field") != row[1] {
			t.Errorf("%s: %s", row[0], r.Raw)
		}
	}
}

// TestSilentLoginFetchesNoKeys: a backend fetches keys only for a callback, which may come to
// another instance than the login with prompt=none (Q44).
func TestSilentLoginFetchesNoKeys(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	keys := 0
	s.server = func(m msg) answer {
		if strings.HasSuffix(m.Str("url"), "/jwks") {
			keys++
		}
		return i.serve(m)
	}
	q := i.login("?prompt=none")
	if q.Get("prompt") != "none" || keys != 0 {
		t.Error(q, keys)
	}
	s.visit("GET", callback(q))
	if keys != 1 || s.jar[cookieName1] == "" {
		t.Error(keys, s.jar)
	}
}

// TestTwoBackendsInOneStore: a logout token for one client of an issuer ends no session of another
// client, and neither client uses the other's keys (E20).
func TestTwoBackendsInOneStore(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	keys := 0
	server := s.server
	s.server = func(m msg) answer {
		if strings.HasSuffix(m.Str("url"), "/jwks") {
			keys++
		}
		return server(m)
	}
	one, two := s.config, with(`{"client":{"client_id":"another"}}`)
	jars := map[string]string{}
	signIn := func(config, client string) {
		t.Helper()
		s.config, i.client, s.jar = config, client, map[string]string{}
		i.signIn()
		jars[config] = s.jar["__Host-oauth2"]
	}
	status := func(config string) string {
		s.config, s.jar = config, map[string]string{"__Host-oauth2": jars[config]}
		return s.call("GET", "https://app.example/auth/session").Str("status")
	}
	for range 2 { // the second time with the stored texts
		signIn(one, "s6BhdRkqt3")
		signIn(two, "another")
	}
	if keys != 2 {
		t.Errorf("keys were fetched %d times", keys)
	}
	for _, claims := range []string{`"sub":"jane","jti":"a"`, `"sid":"sid-1","jti":"b"`, `"sub":"jane","sid":"sid-1","jti":"c"`} {
		signIn(one, "s6BhdRkqt3")
		s.config, s.jar = one, map[string]string{}
		s.now += 1_000
		s.want(s.logoutToken(claims), 200, "")
		if a, b := status(one), status(two); a != "401" || b != "200" {
			t.Errorf("%s: %s and %s", claims, a, b)
		}
		s.now += 1_000
	}
}
