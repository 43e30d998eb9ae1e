package core

import (
	"strings"
	"testing"
)

// TestScenarioProfile: H7.
func TestScenarioProfile(t *testing.T) {
	s := newScene(t, "Who signed in, as the configuration says where to look: paths, numbers as ids, e-mails from a second place; one that is not verified never counts as verified.", "H7")
	for _, row := range []struct {
		name, config string
		answers      map[string]reply
		want         string
	}{
		{"OpenID", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"248289761001","email":"j@example.com","email_verified":true}`)},
			`{"issuer":"https://as.example","id":"248289761001","email":"j@example.com","email_verified":true}`},
		{"not verified", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":"j@example.com","email_verified":false}`)},
			`{"issuer":"https://as.example","id":"1","email":"j@example.com","email_verified":false}`},
		{"nothing said of verified", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":"j@example.com"}`)},
			`{"issuer":"https://as.example","id":"1","email":"j@example.com","email_verified":false}`},
		{"verified as text", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":"j@example.com","email_verified":"true"}`)},
			`{"issuer":"https://as.example","id":"1","email":"j@example.com","email_verified":true}`},
		{"verified, and no e-mail", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":null,"email_verified":true}`)},
			`{"issuer":"https://as.example","id":"1","email_verified":false}`},
		{"paths and a number", `{"profile":{"endpoint":"https://api.as.example/me","id":"id","email":"account.email","email_verified":"account.is_valid"}}`,
			map[string]reply{"/me": jsonReply(200, `{"id":9007199254740993,"account":{"email":"k@example.com","is_valid":true}}`)},
			`{"issuer":"https://as.example","id":"9007199254740993","email":"k@example.com","email_verified":true}`},
		{"two members that both have to be true", `{"profile":{"email_verified":"a.valid a.verified"}}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":"k@example.com","a":{"valid":true,"verified":true}}`)},
			`{"issuer":"https://as.example","id":"1","email":"k@example.com","email_verified":true}`},
		{"one of two is not", `{"profile":{"email_verified":"a.valid a.verified"}}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":"1","email":"k@example.com","a":{"valid":false,"verified":true}}`)},
			`{"issuer":"https://as.example","id":"1","email":"k@example.com","email_verified":false}`},
		{"second endpoint", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1,"email":null}`), "/emails": jsonReply(200, `[{"email":"old@example.com","verified":true,"primary":false},{"email":"me@example.com","verified":true,"primary":true}]`)},
			`{"issuer":"https://as.example","id":"1","email":"me@example.com","email_verified":true}`},
		{"second endpoint, primary not verified", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1}`), "/emails": jsonReply(200, `[{"email":"me@example.com","verified":false,"primary":true}]`)},
			`{"issuer":"https://as.example","id":"1","email":"me@example.com","email_verified":false}`},
		{"second endpoint knows the first's e-mail", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1,"email":"b@example.com"}`), "/emails": jsonReply(200, `[{"email":"a@example.com","verified":true,"primary":true},{"email":"b@example.com","verified":true}]`)},
			`{"issuer":"https://as.example","id":"1","email":"b@example.com","email_verified":true}`},
		{"second endpoint does not", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1,"email":"b@example.com"}`), "/emails": jsonReply(200, `[{"email":"a@example.com","verified":true,"primary":true}]`)},
			`{"issuer":"https://as.example","id":"1","email":"b@example.com","email_verified":false}`},
		{"second endpoint not allowed", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1}`), "/emails": jsonReply(404, `{"message":"Not Found"}`)},
			`{"issuer":"https://as.example","id":"1","email_verified":false}`},
		{"second endpoint forbidden", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1}`), "/emails": jsonReply(403, `{"message":"Forbidden"}`)},
			`{"issuer":"https://as.example","id":"1","email_verified":false}`},
		{"second endpoint broken", `{"profile":{"id":"id","emails_endpoint":"https://as.example/emails"}}`,
			map[string]reply{"/userinfo": jsonReply(200, `{"id":1}`), "/emails": {status: 500, ctype: "text/html", body: "<p>"}}, "http_error"},
		{"no id", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"email":"j@example.com","email_verified":true}`)}, "bad_profile"},
		{"id empty", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":""}`)}, "bad_profile"},
		{"id an object", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"sub":{"x":1}}`)}, "bad_profile"},
		{"a list where none is due", `{}`, map[string]reply{"/userinfo": jsonReply(200, `[1]`)}, "not_object"},
		{"200 with an error", `{}`, map[string]reply{"/userinfo": jsonReply(200, `{"error":"invalid_token"}`)}, "oauth_error"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		s.tokenServer()
		s.open(with(row.config))
		s.signIn()
		s.server = func(m msg) reply {
			if m.Header("authorization") != "Bearer access-1" {
				t.Error(m.Raw)
			}
			_, path, _ := strings.Cut(strings.TrimPrefix(m.Str("url"), "https://"), "/")
			return row.answers["/"+path]
		}
		r := s.do("profile")
		if !strings.HasSuffix(r.Raw, `"ok":`+row.want+`}`) && r.Str("error", "code") != row.want {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	for _, row := range []struct{ config, code, field string }{
		{`{"profile":[]}`, "bad_value", "profile"},
		{`{"profile":{"mail":"x"}}`, "unknown_member", "profile"},
		{`{"profile":{"endpoint":"http://as.example/me"}}`, "not_https", "profile"},
	} {
		if r := s.open(with(row.config)); r.Str("error", "code") != row.code || r.Str("error", "field") != row.field {
			t.Error(row.config, r.Raw)
		}
	}
	s.open(with(`{"userinfo_endpoint":null}`))
	s.fails("client", "missing", "profile")
}

// TestScenarioProviderQuirks: the other members that presets use.
func TestScenarioProviderQuirks(t *testing.T) {
	s := newScene(t, "Variables in addresses, a header of its own for the token, a long-lived token for a short one.", "H7", "Q13", "H1")
	const shop = `{"variables":{"shop":"my-shop.eu"},"issuer":"https://{shop}.as.example","authorization_endpoint":"https://{shop}.as.example/{shop}/auth","token_destinations":["https://{shop}.as.example/admin"],"token_header":"x-access-token"}`
	s.tokenServer()
	s.open(with(shop))
	if u := s.signIn(); u.Host != "my-shop.eu.as.example" || u.Path != "/my-shop.eu/auth" {
		t.Error(u)
	}
	if r := s.ok("prepare", `"url":"https://my-shop.eu.as.example/admin/x"`); r.Str("ok", "headers") != `[["x-access-token","access-1"]]` {
		t.Error(r.Raw)
	}
	if r := s.ok("answered", `"url":"https://my-shop.eu.as.example/admin/x"`, `"status":401,"headers":[],"sent":"access-1"`); r.Str("ok", "headers") != `[["x-access-token","access-2"]]` {
		t.Error(r.Raw)
	}
	for _, value := range []string{`""`, `"a/b"`, `"../x"`, `".x"`, `"a..b"`, `"a@b"`, `"a b"`, `"%2e"`, `"é"`, `1`, `null`} {
		if r := s.open(with(strings.Replace(shop, `"my-shop.eu"`, value, 1))); r.Str("error", "code") != "bad_value" || r.Str("error", "field") != "variables" {
			t.Error(value, r.Raw)
		}
	}
	for _, row := range []struct{ config, code, field string }{
		{`{"issuer":"https://{tenant}.example"}`, "bad_value", "variables"},
		{`{"issuer":"https://{tenant"}`, "bad_url", "issuer"},
		{`{"issuer":"https://}{x"}`, "bad_url", "issuer"},
		{`{"variables":"x"}`, "bad_value", "variables"},
		{`{"token_header":"X-Token"}`, "bad_value", "token_header"},
		{`{"token_header":"a\r\nb"}`, "bad_value", "token_header"},
	} {
		if r := s.open(with(row.config)); r.Str("error", "code") != row.code || r.Str("error", "field") != row.field {
			t.Error(row.config, r.Raw)
		}
	}

	s.store, s.version = map[string]string{}, map[string]int{}
	s.tokenServer()
	s.open(with(`{"client_secret":"secret","token_endpoint_auth_method":"client_secret_post","long_lived_grant_type":"fb_exchange_token"}`))
	s.fails("client", "no_token", "extend")
	s.signIn()
	s.sent = nil
	if r := s.ok("extend"); r.Str("ok", "status") != "granted" || !strings.Contains(s.store["oauth2.session"], "access-2") {
		t.Error(r.Raw)
	}
	if got := s.sent[0].Str("body", "text"); got != "grant_type=fb_exchange_token&fb_exchange_token=access-1&client_id=s6BhdRkqt3&client_secret=secret" {
		t.Error(got)
	}
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_request","error_description":"access-2"}`) }
	if r := s.fails("server", "oauth_error", "extend"); r.Str("error", "error_description") != "(redacted)" || !strings.Contains(s.store["oauth2.session"], "access-2") {
		t.Error(r.Raw)
	}
	s.open(conf)
	s.fails("client", "missing", "extend")
}
