package core

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// TestScenarioRFC7636AppendixB: the verifier and challenge of the RFC's example, and the token
// request with that verifier.
func TestScenarioRFC7636AppendixB(t *testing.T) {
	s := newScene(t, "RFC 7636 appendix B: the example verifier gives the example challenge, and goes out with the code only.", "Q20")
	s.tokenServer()
	s.open(conf)
	u := s.signIn(`"insecure_code_verifier":"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"`)
	if q := u.Query(); q.Get("code_challenge") != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" || q.Get("code_challenge_method") != "S256" {
		t.Error(q)
	}
	if f := s.sent[0].Form(); f.Get("code_verifier") != "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" || f.Has("code_challenge") {
		t.Error(f)
	}
}

// TestScenarioRFC6749Examples: sections 4.1.1 to 4.1.4 with the RFC's own values.
func TestScenarioRFC6749Examples(t *testing.T) {
	s := newScene(t, "RFC 6749 4.1.1 to 4.1.4 and 2.3.1: the example client, state, code and token, client authentication by Basic.", "Q21", "H1", "H6")
	s.server = func(msg) reply {
		return reply{status: 200, ctype: "application/json;charset=UTF-8", body: `{
       "access_token":"2YotnFZFEjr1zCsicMWpAA",
       "token_type":"example",
       "expires_in":3600,
       "refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA",
       "example_parameter":"example_value"
     }`}
	}
	s.open(`{"client_id":"s6BhdRkqt3","client_secret":"gX1fBat3bV","redirect_uri":"https://client.example.com/cb",` +
		`"authorization_endpoint":"https://server.example.com/authorize","token_endpoint":"https://server.example.com/token","insecure_pkce_none":true}`)
	u := s.ok("authorize", `"insecure_state":"xyz"`).Str("ok", "url")
	if u != "https://server.example.com/authorize?response_type=code&client_id=s6BhdRkqt3&redirect_uri=https%3A%2F%2Fclient.example.com%2Fcb&state=xyz" {
		t.Error(u)
	}
	// A client does not know the token_type "example" (section 7.1).
	s.fails("server", "unknown_token_type", "callback", `"url":"https://client.example.com/cb?code=SplxlOBeZQQYbYS6WxSbIA&state=xyz"`)
	if h := s.sent[0].Header("authorization"); h != "Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW" {
		t.Error(h)
	}
	if b := s.sent[0].Str("body", "text"); b != "grant_type=authorization_code&code=SplxlOBeZQQYbYS6WxSbIA&redirect_uri=https%3A%2F%2Fclient.example.com%2Fcb" {
		t.Error(b)
	}
	s.server = func(msg) reply {
		return jsonReply(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":3600,"refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"example_value"}`)
	}
	r := s.ok("exchange", `"code":"SplxlOBeZQQYbYS6WxSbIA"`)
	if got := r.Str("ok", "extra", "example_parameter"); got != "example_value" {
		t.Error(r.Raw)
	}
	if got := s.ok("token").Str("ok", "access_token"); got != "2YotnFZFEjr1zCsicMWpAA" {
		t.Error(got)
	}
}

// TestScenarioPKCE: the rows of Q20.
func TestScenarioPKCE(t *testing.T) {
	for _, row := range []struct {
		name, config, method string
		length, challenge    int
	}{
		{"none", `{"insecure_pkce_none":true}`, "none", 0, 0},
		{"plain 43", `{"insecure_pkce_plain":true}`, "plain", 43, 43},
		{"plain 77", `{"insecure_pkce_plain":true,"pkce_verifier_length":77}`, "plain", 77, 77},
		{"S256 43", `{}`, "S256", 43, 43},
		{"S256 88", `{"pkce_verifier_length":88}`, "S256", 88, 43},
		{"S256 128", `{"pkce_verifier_length":128}`, "S256", 128, 43},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t, "PKCE "+row.name+": method and length readable, verifier new each time, never in the URL with S256.", "Q20", "X1")
			s.tokenServer()
			s.open(with(row.config))
			st := s.ok("status")
			if st.Str("ok", "pkce_method") != row.method {
				t.Error(st.Raw)
			}
			first := s.signIn()
			verifier := s.sent[0].Form().Get("code_verifier")
			second := s.signIn()
			if len(verifier) != row.length || row.length > 0 && s.sent[1].Form().Get("code_verifier") == verifier {
				t.Errorf("verifier %q", verifier)
			}
			q := first.Query()
			if len(q.Get("code_challenge")) != row.challenge || q.Has("code_verifier") || row.method == "S256" && strings.Contains(first.String(), verifier) {
				t.Error(first)
			}
			if row.method != "none" && q.Get("code_challenge_method") != row.method || row.method == "none" && q.Has("code_challenge_method") {
				t.Error(first)
			}
			if q.Get("state") == second.Query().Get("state") || len(q.Get("state")) < 22 {
				t.Error("state of", first, second)
			}
		})
	}
}

// TestScenarioAuthorizationURL: Q21, H4, Q4.
// It shows X4.
func TestScenarioAuthorizationURL(t *testing.T) {
	s := newScene(t, "What goes into an authorization URL, what a caller may set and what only the core sets.", "Q21", "H4", "Q4", "X4", "Q11")
	s.open(with(`{"authorization_endpoint":"https://as.example/authorize?tenant=t%201","parameters":[["prompt","consent"],["audience","a"]]}`))
	u := s.ok("authorize", `"parameters":[["prompt","login"],["resource","https://r1.example"],["resource","https://r2.example"]],"app_state":"mine"`)
	raw := u.Str("ok", "url")
	if !strings.HasPrefix(raw, "https://as.example/authorize?tenant=t%201&response_type=code&client_id=s6BhdRkqt3&") || strings.Count(raw, "?") != 1 {
		t.Error(raw)
	}
	p, _ := url.Parse(raw)
	q := p.Query()
	if fmt.Sprint(q["resource"], q["prompt"], q["audience"], q["scope"]) != "[https://r1.example https://r2.example] [login] [a] [read write]" {
		t.Error(q)
	}
	if q.Has("nonce") || q.Get("state") == "mine" {
		t.Error("nonce without openid, or the caller's state on the wire:", raw)
	}
	if u := s.ok("authorize", `"scope":"openid"`).Str("ok", "url"); !strings.Contains(u, "&nonce=") {
		t.Error(u)
	}
	if u := s.ok("authorize", `"parameters":[["scope","openid a"]]`).Str("ok", "url"); !strings.Contains(u, "scope=openid+a&") || !strings.Contains(u, "&nonce=") || strings.Count(u, "scope=") != 1 {
		t.Error(u)
	}
	if u := s.ok("authorize", `"scope":""`).Str("ok", "url"); strings.Contains(u, "scope") {
		t.Error(u)
	}
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri"} {
		if r := s.fails("client", "protected_parameter", "authorize", fmt.Sprintf(`"parameters":[[%q,"x"]]`, name)); r.Str("error", "field") != "parameters" {
			t.Error(r.Raw)
		}
	}
	for _, bad := range [][2]string{{"app_state", `"a\u0001"`}, {"app_state", `"\u00e9"`}, {"insecure_state", `"\u007f"`}, {"scope", `"a  b"`}, {"scope", `"a\"b"`}, {"scope", `" a"`},
		{"redirect_uri", `"http://client.example/cb"`}, {"redirect_uri", `"https://client.example/cb#f"`}, {"redirect_uri", `"/cb"`}, {"redirect_uri", `"javascript:alert(1)"`},
		{"insecure_code_verifier", `"short"`}, {"parameters", `[["a"]]`}, {"parameters", `{"a":"b"}`}} {
		r := s.do("authorize", fmt.Sprintf("%q:%s", bad[0], bad[1]))
		if r.Str("error", "kind") != "client" || r.Str("error", "field") != bad[0] {
			t.Errorf("%v: %s", bad, r.Raw)
		}
	}
	s.wantSent(0)
}

// TestScenarioNonceModes: Q11.
func TestScenarioNonceModes(t *testing.T) {
	for _, row := range []struct{ name, config, scope, want string }{
		{"automatic without openid", `{}`, "a", "no"},
		{"automatic with openid", `{}`, "openid a", "yes"},
		{"enabled without openid", `{"nonce":"enabled"}`, "a", "yes"},
		{"disabled without openid", `{"nonce":"disabled"}`, "a", "no"},
		{"disabled and openid for one attempt", `{"nonce":"disabled"}`, "openid", "yes"},
		{"disabled with openid", `{"insecure_nonce_disabled":true}`, "openid", "no"},
		{"not a part of another scope", `{}`, "openid2 xopenid", "no"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t, "Nonce "+row.name+".", "Q11")
			s.open(with(row.config))
			u := s.ok("authorize", fmt.Sprintf(`"scope":%q`, row.scope)).Str("ok", "url")
			if got := map[bool]string{true: "yes", false: "no"}[strings.Contains(u, "nonce=")]; got != row.want {
				t.Error(u)
			}
		})
	}
}

// TestScenarioGiveOutAfterStore: no URL before its attempt is stored, and none if it cannot be
// stored.
func TestScenarioGiveOutAfterStore(t *testing.T) {
	s := newScene(t, "The authorization URL is given out once its attempt is stored; a store that fails gives an error and no URL.")
	s.open(conf)
	effects := s.input(`"command":"authorize","id":1`)
	for len(effects) == 1 && effects[0].Str("kind") != "result" {
		m := effects[0]
		if m.Str("kind") != "load" && m.Str("kind") != "store" {
			t.Fatal(m.Raw)
		}
		effects = s.answer(m, s.storage(m))
	}
	state := effects[0].Str("ok", "state")
	if state == "" || !strings.Contains(s.store["oauth2.pending"], state) {
		t.Fatal(effects, s.store)
	}
	s.nextID = 1
	s.broken = 2
	if r := s.fails("storage", "storage", "authorize"); r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.broken = 1 // after one failure the store is tried again
	s.ok("authorize")
}

// TestScenarioHooks: a hook changes the parameters and the request of a stage, and gets the stage.
func TestScenarioHooks(t *testing.T) {
	s := newScene(t, "Hooks change the parameters and the request of a stage; the core's own parameters and the security of the target stay.", "Q3", "Q4")
	s.tokenServer()
	s.open(with(`{"parameter_hooks":["authorization","token","refresh"],"request_hooks":["token","refresh"]}`))
	var stages []string
	s.hook = func(m msg) string {
		stages = append(stages, m.Str("hook")+":"+m.Str("stage"))
		if m.Str("hook") == "parameters" {
			list := m.Str("parameters")
			return `"ok":{"parameters":` + list[:len(list)-1] + `,["audience","https://api.example"]]}`
		}
		return fmt.Sprintf(`"ok":{"request":{"method":"POST","url":%q,"headers":[["content-type","application/x-www-form-urlencoded"],["x-tenant","7"]],"body":{"text":%s}}}`,
			"https://eu.as.example/token", quote(m.Str("request", "body", "text")))
	}
	u := s.signIn()
	if u.Query().Get("audience") != "https://api.example" {
		t.Error(u)
	}
	s.ok("refresh")
	for _, m := range s.sent {
		if m.Form().Get("audience") != "https://api.example" || m.Header("x-tenant") != "7" || m.Str("url") != "https://eu.as.example/token" {
			t.Error(m.Raw)
		}
	}
	if got := strings.Join(stages, " "); got != "parameters:authorization parameters:token request:token parameters:refresh request:refresh" {
		t.Error(got)
	}
	for _, row := range []struct{ code, member string }{
		{"protected_parameter", `"ok":{"parameters":[["response_type","token"]]}`},
		{"protected_parameter", `"ok":{}`},
		{"hook_failed", `"ok":{"parameters":[["",""]]}`},
		{"hook_failed", `"failed":{"kind":"internal"}`},
	} {
		s.hook = func(m msg) string { return row.member }
		s.fails("client", row.code, "authorize")
	}
	sent := len(s.sent)
	s.hook = func(m msg) string {
		if m.Str("hook") == "parameters" {
			return `"ok":{"parameters":` + m.Str("parameters") + `}`
		}
		return `"ok":{"request":{"method":"POST","url":"http://as.example/token","headers":[],"body":{"text":""}}}`
	}
	s.fails("client", "hook_failed", "refresh")
	s.wantSent(sent)
}
