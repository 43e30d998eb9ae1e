package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioTokenReplies (S21): possible answers of a token endpoint, and their results.
func TestScenarioTokenReplies(t *testing.T) {
	s := newScene(t, "Every kind of answer that a token endpoint gave to somebody once: its own clear error, or understood; a bad one stores nothing.",
		"Q43", "Q6", "Q7", "X2", "X6", "H5")
	s.open(conf)
	deep := strings.Repeat("[", 40) + strings.Repeat("]", 40)
	for _, row := range []struct {
		name, want string
		r          reply
	}{
		{"network", "network network", reply{failed: "network"}},
		{"time-out", "network timeout", reply{failed: "timeout"}},
		{"not sent", "network unsent", reply{failed: "unsent"}},
		{"redirect", "server redirect", reply{failed: "redirect"}},
		{"10 MB", "server too_large", reply{failed: "too_large"}},
		{"protocol error", "server oauth_error", jsonReply(400, `{"error":"invalid_grant","error_description":"code was used","error_uri":"https://as.example/e"}`)},
		{"protocol error in 200", "server oauth_error", jsonReply(200, `{"error":"bad_verification_code","error_description":"d"}`)},
		{"protocol error as form", "server oauth_error", reply{status: 200, ctype: "application/x-www-form-urlencoded", body: "error=bad_verification_code"}},
		{"401", "server oauth_error", jsonReply(401, `{"error":"invalid_client"}`)},
		{"500 HTML", "server http_error", reply{status: 500, ctype: "text/html", body: "<h1>Oops</h1>"}},
		{"404 JSON", "server http_error", jsonReply(404, `{}`)},
		{"200 HTML", "server unknown_content_type", reply{status: 200, ctype: "text/html", body: "<p>Sign in to the Wi-Fi"}},
		{"no content type", "server no_content_type", reply{status: 200, body: `{"access_token":"a","token_type":"Bearer"}`}},
		{"empty", "server empty_body", reply{status: 200, ctype: "application/json"}},
		{"bad JSON", "server bad_json", jsonReply(200, `{"access_token":`)},
		{"duplicate member", "server bad_json", jsonReply(200, `{"access_token":"a","access_token":"b","token_type":"Bearer"}`)},
		{"deep nesting", "server bad_json", jsonReply(200, `{"access_token":"a","token_type":"Bearer","x":`+deep+`}`)},
		{"an array", "server not_object", jsonReply(200, `["access_token"]`)},
		{"null", "server not_object", jsonReply(200, `null`)},
		{"no UTF-8", "server bad_encoding", reply{raw: `"ok":{"status":200,"headers":[["content-type","application/json"]],"body":{"base64":"/w=="}}`}},
		{"no access token", "token_not_found missing_access_token", jsonReply(200, `{"token_type":"Bearer"}`)},
		{"access token null", "token_not_found missing_access_token", jsonReply(200, `{"access_token":null,"token_type":"Bearer"}`)},
		{"access token a number", "token_not_found missing_access_token", jsonReply(200, `{"access_token":1,"token_type":"Bearer"}`)},
		{"access token with line end", "server bad_access_token", jsonReply(200, `{"access_token":"a\r\nx: y","token_type":"Bearer"}`)},
		{"openid without id_token", "token_not_found missing_id_token", jsonReply(200, `{"access_token":"a","token_type":"Bearer","scope":"openid"}`)},
		{"no token_type", "server missing_token_type", jsonReply(200, `{"access_token":"a"}`)},
		{"token_type mac", "server unknown_token_type", jsonReply(200, `{"access_token":"a","token_type":"mac"}`)},
		{"status out of range", "network internal", reply{raw: `"ok":{"status":0,"headers":[]}`}},
		{"semicolons in a form", "server bad_form", reply{status: 200, ctype: "text/plain", body: "access_token=a;token_type=bearer"}},
		{"form with a name twice", "server bad_json", reply{status: 200, ctype: "text/plain", body: "access_token=a&access_token=b"}},
	} {
		s.server = func(msg) reply { return row.r }
		s.eventNames()
		u := authorizeURL(s)
		r := s.do("callback", callbackURL(u, "code=the-code-itself"))
		if got := r.Str("error", "kind") + " " + r.Str("error", "code"); got != row.want {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		if r.Str("error", "op") != "callback" || r.Str("error", "retryable") != "false" || strings.Contains(r.Raw, "the-code-itself") || strings.Contains(r.Raw, "Wi-Fi") {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		if row.r.status >= 400 && r.Str("error", "status") != fmt.Sprint(row.r.status) {
			t.Errorf("%s: no HTTP status in %s", row.name, r.Raw)
		}
		if names := s.eventNames(); !strings.HasSuffix(names, "request_failed:"+strings.Fields(row.want)[0]) || strings.Contains(names, "granted") {
			t.Errorf("%s: events %s", row.name, names)
		}
		if s.store["oauth2.session"] != "" {
			t.Errorf("%s: stored %s", row.name, s.store["oauth2.session"])
		}
	}
	for _, row := range []struct {
		name, expires string
		r             reply
	}{
		{"form, urlencoded", "1700000060000", reply{status: 200, ctype: "application/x-www-form-urlencoded; charset=utf-8", body: "access_token=a&token_type=bearer&expires_in=60"}},
		{"form, text/plain", "", reply{status: 200, ctype: "text/plain", body: "access_token=a&token_type=bearer"}},
		{"JSON as text/plain", "", reply{status: 200, ctype: "text/plain", body: `{"access_token":"a","token_type":"bearer"}`}},
		{"another JSON type", "", reply{status: 201, ctype: "application/vnd.example+json", body: `{"access_token":"a","token_type":"BEARER"}`}},
		{"expires_in as text", "1700003600000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":"3600"}`)},
		{"expires_in with a fraction", "1700003600000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":3600.5}`)},
		{"expires_in zero", "", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":0}`)},
		{"expires_in negative", "1699999999000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":-5}`)},
		{"expires_in negative as text", "1699999999000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":"-3600"}`)},
		{"expires_in negative and tiny", "1699999999000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":-1e-9}`)},
		{"expires_in negative beyond int64", "1699999999000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":-1e99}`)},
		{"expires_in below a second", "1700000001000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":0.25}`)},
		{"expires_in with an exponent", "1700003600000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":3.6e3}`)},
		{"expires_in as text with an exponent", "1700003600000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":"3.6E+3"}`)},
		{"expires_at", "1700003600000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_at":1.7000036e9}`)},
		{"expires_at negative", "1", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_at":-1}`)},
		{"expires_at beyond what we count", "9007199254740991", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_at":1e300}`)},
		{"expires of old, in a form", "1700005184000", reply{status: 200, ctype: "application/x-www-form-urlencoded", body: "access_token=a&token_type=bearer&expires=5184"}},
		{"expires beside expires_in", "1700000060000", reply{status: 200, ctype: "text/plain", body: "access_token=a&token_type=bearer&expires=5184&expires_in=60"}},
		{"a byte order mark", "1700000060000", jsonReply(200, "\ufeff"+`{"access_token":"a","token_type":"Bearer","expires_in":60}`)},
		{"a byte order mark before a form", "1700000060000", reply{status: 200, ctype: "text/plain", body: "\ufeffaccess_token=a&token_type=bearer&expires_in=60"}},
		{"a byte order mark and space before JSON as text", "1700000060000", reply{status: 200, ctype: "text/plain", body: "\ufeff\r\n" + `{"access_token":"a","token_type":"Bearer","expires_in":60}`}},
		{"expires_in garbage", "", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":"soon"}`)},
		{"expires_in 2^31", "3847483648000", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":2147483648}`)},
		{"expires_in 2^53", "9007199254740991", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":9007199254740992}`)},
		{"expires_in beyond int64", "9007199254740991", jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":99999999999999999999}`)},
	} {
		s.server = func(msg) reply { return row.r }
		r := s.do("callback", callbackURL(authorizeURL(s), "code=c"))
		status := "granted"
		if row.expires != "" && row.expires < "17" { // it has expired already
			status = "not_authenticated"
		}
		if r.Str("ok", "status") != status || r.Str("ok", "expires_at") != row.expires {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
}

// TestScenarioMissingTokenType: accepted if the configuration allows it.
func TestScenarioMissingTokenType(t *testing.T) {
	s := newScene(t, "A token response without token_type counts as Bearer where the configuration says so.", "Q43")
	s.server = func(msg) reply { return jsonReply(200, `{"access_token":"a"}`) }
	s.open(with(`{"missing_token_type_is_bearer":true}`))
	s.signIn()
	if got := s.ok("token").Str("ok", "token_type"); got != "Bearer" {
		t.Error(got)
	}
}

// TestScenarioTokenBag: scopes, extra members, expiry, a refresh with fewer members than the first
// answer. It shows Q6.
func TestScenarioTokenBag(t *testing.T) {
	s := newScene(t, "Scopes asked for and granted, members that no RFC names, and what a refresh leaves as it was.", "Q5", "Q6", "H6", "X3")
	answers := []string{
		`{"access_token":"a1","token_type":"Bearer","expires_in":60,"refresh_token":"r1","scope":"openid read","id_token":"h.p.s","team":{"id":9007199254740993},"x":1}`,
		`{"access_token":"a2","token_type":"Bearer","expires_in":60,"x":[2.50]}`,
		`{"access_token":"a3","token_type":"Bearer","refresh_token":"r3","scope":"read"}`,
	}
	s.server = func(msg) reply {
		a := answers[0]
		answers = answers[1:]
		return jsonReply(200, a)
	}
	s.open(with(`{"scope":"openid read write","insecure_id_token_unverified":true}`))
	s.signIn()
	r := s.ok("status")
	if r.Str("ok", "scope") != "openid read" || r.Str("ok", "requested_scope") != "openid read write" || r.Str("ok", "id_token") != "h.p.s" ||
		!strings.Contains(r.Raw, `"extra":{"team":{"id":9007199254740993},"x":1}`) {
		t.Error(r.Raw)
	}
	s.now += 60_000
	if r := s.ok("status"); r.Str("ok", "expired") != "false" {
		t.Error("expired at the very millisecond:", r.Raw)
	}
	s.now++
	if r := s.ok("status"); r.Str("ok", "expired") != "true" {
		t.Error(r.Raw)
	}
	r = s.ok("refresh")
	if r.Str("ok", "scope") != "openid read" || r.Str("ok", "id_token") != "h.p.s" || !strings.Contains(r.Raw, `"extra":{"team":{"id":9007199254740993},"x":[2.50]}`) {
		t.Error(r.Raw)
	}
	r = s.ok("refresh")
	if s.sent[2].Form().Get("refresh_token") != "r1" || r.Str("ok", "scope") != "read" || r.Str("ok", "expires_at") != "" || r.Str("ok", "expired") != "false" {
		t.Error(r.Raw)
	}
	s.eventNames()
	s.ok("set_token", `"token":{"access_token":"mine","token_type":"Bearer","expires_at":1800000000000,"refresh_token":"kept"}`)
	s.wantEvents("granted")
	if r := s.ok("token"); r.Str("ok", "access_token") != "mine" || r.Str("ok", "expires_at") != "1800000000000" || r.Str("ok", "scope") != "openid read write" {
		t.Error(r.Raw)
	}
	for _, bad := range []string{`{}`, `{"access_token":""}`, `1`, `{"access_token":"a","token_type":"mac"}`} {
		if r := s.fails("client", s.code(bad), "set_token", `"token":`+bad); r.Str("error", "field") != "token" {
			t.Error(r.Raw)
		}
	}
}

func (s *scene) code(token string) string {
	if strings.Contains(token, "mac") {
		return "unknown_token_type"
	}
	return "missing_access_token"
}

// TestScenarioClientAuthentication: H1, H2.
func TestScenarioClientAuthentication(t *testing.T) {
	for _, row := range []struct{ name, config, header, body string }{
		{"basic by default", `{"client_id":"a b:c","client_secret":"s/+é"}`, "", ""},
		{"basic", `{"client_id":"a b:c","client_secret":"s%/+","token_endpoint_auth_method":"client_secret_basic"}`, "Basic YStiJTNBYzpzJTI1JTJGJTJC", ""},
		{"post", `{"client_secret":"sec","token_endpoint_auth_method":"client_secret_post"}`, "", "client_id=s6BhdRkqt3&client_secret=sec"},
		{"none by default", `{}`, "", "client_id=s6BhdRkqt3"},
		{"empty secret", `{"client_secret":""}`, "", "client_id=s6BhdRkqt3"},
		{"none with a secret", `{"client_secret":"sec","token_endpoint_auth_method":"none"}`, "", "client_id=s6BhdRkqt3"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newScene(t, "Client authentication: "+row.name+".", "H1", "X4")
			s.tokenServer()
			refused := s.open(with(row.config))
			if row.name == "basic by default" { // é is no VSCHAR
				if refused.Str("error", "field") != "client_secret" {
					t.Error(refused.Raw)
				}
				return
			}
			s.signIn()
			m := s.sent[0]
			if m.Header("authorization") != row.header || !strings.HasSuffix(m.Str("body", "text"), row.body) {
				t.Error(m.Raw)
			}
			if f := m.Form(); f.Has("client_secret") != strings.Contains(row.body, "secret") {
				t.Error(m.Raw)
			}
		})
	}
}

// TestScenarioRevocation: H2, H5, sign-out.
func TestScenarioRevocation(t *testing.T) {
	s := newScene(t, "Revocation with a client authentication method of its own; signing out forgets first and revokes then.", "H2", "H5", "H3")
	s.tokenServer()
	ok := s.server
	s.open(with(`{"client_secret":"sec","revocation_endpoint_auth_method":"client_secret_post"}`))
	s.fails("client", "no_token", "revoke")
	s.signIn()
	s.ok("revoke", `"token":"access_token"`)
	if b := s.sent[1].Str("body", "text"); b != "token=access-1&token_type_hint=access_token&client_id=s6BhdRkqt3&client_secret=sec" || s.sent[1].Header("authorization") != "" {
		t.Error(s.sent[1].Raw)
	}
	if st := s.ok("status"); st.Str("ok", "status") != "not_authenticated" || st.Str("ok", "refreshable") != "true" {
		t.Error(st.Raw)
	}
	s.ok("token") // with the remaining refresh token
	s.server = func(m msg) reply {
		return jsonReply(503, `{"error":"temporarily_unavailable"}`)
	}
	if r := s.fails("server", "oauth_error", "revoke"); r.Str("error", "retryable") != "true" || r.Str("error", "op") != "revoke" || r.Str("error", "status") != "503" {
		t.Error(r.Raw)
	}
	if st := s.ok("status"); st.Str("ok", "status") != "granted" {
		t.Error("a failed revocation lost the session:", st.Raw)
	}
	s.server = func(m msg) reply { return reply{status: 400, ctype: "text/html", body: "<no>"} }
	s.fails("server", "http_error", "revoke")
	s.server = func(m msg) reply { return reply{failed: "network"} }
	s.fails("network", "network", "revoke")
	s.server = ok
	s.eventNames()
	s.ok("revoke")
	s.wantEvents("status:not_authenticated")
	if s.store["oauth2.session"] != "" {
		t.Error(s.store)
	}
	s.signIn()
	r := s.ok("log_out")
	last := s.sent[len(s.sent)-1]
	if r.Str("ok", "revoked") != "true" || last.Form().Get("token_type_hint") != "refresh_token" || s.store["oauth2.session"] != "" {
		t.Error(r.Raw, last.Raw)
	}
	s.signIn()
	s.server = func(m msg) reply { return reply{failed: "network"} }
	s.eventNames()
	if r := s.ok("log_out"); r.Str("ok", "revoked") != "false" || s.store["oauth2.session"] != "" {
		t.Error(r.Raw)
	}
	s.wantEvents("status:not_authenticated request_failed:network")
	s.fails("client", "bad_value", "revoke", `"token":"id_token"`)
	s.open(with(`{"revocation_endpoint":null}`))
	s.server = ok
	s.signIn()
	s.fails("client", "revocation_not_supported", "revoke")
}

// TestScenarioResources: a token is sent only where the configuration allows it.
func TestScenarioResources(t *testing.T) {
	s := newScene(t, "Headers for a request are prepared for configured resources only; parsers that disagree are given nothing to disagree on.", "Q13", "X10", "Q4")
	s.tokenServer()
	s.open(with(`{"token_destinations":["https://api.example/v1","https://other.example","http://127.0.0.1:8080/"],"user_agent":"demo/1.0"}`))
	s.fails("client", "not_signed_in", "prepare", `"url":"https://api.example/v1/me"`)
	s.fails("client", "not_signed_in", "token")
	s.signIn()
	for _, good := range []string{"https://api.example/v1", "https://api.example/v1/", "https://api.example/v1/me?x=1", "https://API.example:443/v1/me", "https://other.example", "https://other.example/any/%2e%2e/thing", "http://127.0.0.1:8080/x"} {
		if r := s.ok("prepare", fmt.Sprintf(`"url":%q`, good)); r.Str("ok", "headers") != `[["authorization","Bearer access-1"],["user-agent","demo/1.0"]]` {
			t.Error(good, r.Raw)
		}
	}
	for _, bad := range []string{"", "/v1/me", "https://api.example/", "https://api.example/v10", "https://api.example/V1", "http://api.example/v1", "https://api.example:8443/v1",
		"https://api.example.evil.example/v1", "https://api.example@evil.example/v1", "https://evil.example/https://api.example/v1", "https://api.example\\\\@evil.example/v1",
		"https:api.example/v1", "https://api.example/v1/../admin", "https://api.example/v1/%2e%2e/admin", "https://api.example/v1/..%2fadmin", "https://api.example/v1/.%2E/admin", "https://api.example/v1/./x",
		"https://api.example/v1#x", "https://api.example /v1", "https://api.ex%61mple/v1", "//api.example/v1", "https://api.example./v1", "http://127.0.0.1:8080@evil.example/", "http://127.0.0.1:80800/",
		"https://api.example/v1\\u0000", "javascript://api.example/v1", "http://127.0.0.1.evil.example:8080/"} {
		r := s.do("prepare", `"url":"`+bad+`"`)
		if r.Str("error", "code") != "resource_not_allowed" {
			t.Errorf("%q: %s", bad, r.Raw)
		}
	}
}

// TestScenarioUserinfo: who signed in, with numbers unchanged.
func TestScenarioUserinfo(t *testing.T) {
	s := newScene(t, "Userinfo comes from its endpoint with the access token, as raw JSON; a caller who gives up withdraws the request.", "Q2")
	s.open(conf)
	s.tokenServer()
	s.fails("client", "not_signed_in", "userinfo")
	s.signIn()
	s.server = func(m msg) reply {
		if m.Header("authorization") != "Bearer access-1" || m.Str("method") != "GET" || m.M["body"] != nil {
			t.Error(m.Raw)
		}
		return jsonReply(200, `{"sub":"248289761001","updated_at":1311280970123456789,"email_verified":false}`)
	}
	if r := s.ok("userinfo"); !strings.HasSuffix(r.Raw, `"ok":{"claims":{"sub":"248289761001","updated_at":1311280970123456789,"email_verified":false}}}`) {
		t.Error(r.Raw)
	}
	s.server = func(m msg) reply { return jsonReply(401, `{"error":"invalid_token"}`) }
	s.fails("server", "oauth_error", "userinfo")
	s.server = nil
	id, left := s.start("userinfo")
	got := s.input(fmt.Sprintf(`"command":"cancel","id":900,"target":%s`, id))
	if got[0].Str("kind") != "http-cancel" || got[0].Str("target") != left[0].Str("id") || got[1].Str("error", "kind") != "cancelled" || got[2].Str("ok", "cancelled") != "true" {
		t.Error(got)
	}
	if late := s.answer(left[0], `"ok":{"status":200,"headers":[]}`); len(late) != 0 {
		t.Error(late)
	}
	s.open(with(`{"userinfo_endpoint":null}`))
	s.fails("client", "missing", "userinfo")
}
