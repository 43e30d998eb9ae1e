package core

import (
	"crypto/elliptic"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// signed is a JWT of the issuer with those claims in addition to iss, aud, iat and exp; null
// removes one.
func (i *testIssuer) signed(header string, claims map[string]string) string {
	all := map[string]string{"iss": `"https://as.example"`, "aud": `"s6BhdRkqt3"`, "iat": fmt.Sprint(i.s.now / 1000), "exp": fmt.Sprint(i.s.now/1000 + 60)}
	for name, v := range claims {
		all[name] = v
	}
	var list []string
	for _, name := range []string{"iss", "aud", "iat", "exp", "sub", "email", "state", "code", "error", "token_introspection"} {
		if v := all[name]; v != "" && v != "null" {
			list = append(list, fmt.Sprintf("%q:%s", name, v))
		}
	}
	return jwt(i.key, i.alg, header, "{"+strings.Join(list, ",")+"}")
}

// TestScenarioJARM: a response that the server signed (JWT Secured Authorization Response Mode,
// section 2.4). One that cannot be verified changes nothing.
func TestScenarioJARM(t *testing.T) {
	s := newScene(t, "JARM: the response's parameters come from a JWT for this client; anything else, or less, is refused and leaves the attempt.", "Q22", "X10")
	i := s.issuer()
	s.open(with(`{"jwks_uri":"https://as.example/jwks"}`))
	u := authorizeURL(s, `"response_mode":"jwt"`)
	if u.Query().Get("response_mode") != "jwt" {
		t.Error(u)
	}
	state := quote(u.Query().Get("state"))
	good := map[string]string{"state": state, "code": `"SplxlOBeZQQYbYS6WxSbIA"`}
	but := func(name, value string) map[string]string {
		m := map[string]string{}
		for k, v := range good {
			m[k] = v
		}
		m[name] = value
		return m
	}
	answer := func(jwt string) string {
		return `"url":"https://client.example/cb?response=` + url.QueryEscape(jwt) + `"`
	}
	const kid = `"kid":"1"`
	past := fmt.Sprint(s.now/1000 - 60)
	for _, row := range []struct{ name, code, jwt string }{
		{"oauth2-jarm-wrong-iss", "wrong_claim", i.signed(kid, but("iss", `"https://evil.example"`))},
		{"oauth2-jarm-missing-iss", "missing_claim", i.signed(kid, but("iss", "null"))},
		{"oauth2-jarm-wrong-aud", "wrong_claim", i.signed(kid, but("aud", `"another"`))},
		{"oauth2-jarm-missing-aud", "missing_claim", i.signed(kid, but("aud", "null"))},
		{"oauth2-jarm-expired", "wrong_claim", i.signed(kid, but("exp", past))},
		{"oauth2-jarm-missing-exp", "missing_claim", i.signed(kid, but("exp", "null"))},
		{"oauth2-jarm-alg-none", "alg_not_allowed", b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(i.signed(kid, good), ".")[1] + "."},
		{"oauth2-jarm-bad-signature", "bad_signature", i.signed(kid, good)[:20] + i.signed(kid, good)[20:len(i.signed(kid, good))-8] + "AAAAAAAA"},
		{"oauth2-jarm-no-jwt", "malformed", "e30"},
		{"oauth2-jarm-wrong-state", "wrong_state", i.signed(kid, but("state", `"another"`))},
		{"oauth2-jarm-missing-state", "missing_state", i.signed(kid, but("state", "null"))},
		{"oauth2-jarm-missing-code", "missing_code", i.signed(kid, but("code", "null"))},
	} {
		s.fails("callback_not_verified", row.code, "callback", answer(row.jwt))
	}
	s.fails("callback_not_verified", "wrong_response_mode", "callback", callbackURL(u, "code=stolen"))
	s.fails("callback_not_verified", "repeated_parameter", "callback", strings.TrimSuffix(answer(i.signed(kid, good)), `"`)+`&response=e30"`)
	if r := s.fails("server", "oauth_error", "callback", answer(i.signed(kid, map[string]string{"state": state, "error": `"access_denied"`}))); r.Str("error", "error") != "access_denied" {
		t.Error(r.Raw)
	}
	if i.n != 0 {
		t.Fatal("a code went out")
	}
	// Parameters beside the JWT are ignored.
	s.ok("callback", `"url":"https://client.example/cb?code=other&state=x&response=`+url.QueryEscape(i.signed(kid, good))+`"`)
	if got := s.sent[len(s.sent)-1].Form().Get("code"); got != "SplxlOBeZQQYbYS6WxSbIA" {
		t.Error(got)
	}
	if r := s.ok("callback", answer(i.signed(kid, good))); r.Str("ok", "handled_elsewhere") != "true" {
		t.Error(r.Raw)
	}
	// It was not requested: a signed response then comes from another server, or is for another
	// client.
	u = authorizeURL(s)
	good["state"] = quote(u.Query().Get("state"))
	s.fails("callback_not_verified", "wrong_response_mode", "callback", answer(i.signed(kid, good)))
	for _, row := range [][2]string{{`"response_mode":"fragment"`, "response_mode"}, {`"response_mode":1`, "response_mode"}, {`"response_mode":"query","parameters":[["response_mode","jwt"]]`, "response_mode"}} {
		if r := s.fails("client", "bad_value", "authorize", row[0]); r.Str("error", "field") != row[1] {
			t.Error(r.Raw)
		}
	}
	s.open(with(`{"name":"plain"}`))
	if r := s.fails("client", "missing", "authorize", `"response_mode":"query.jwt"`); r.Str("error", "field") != "jwks_uri" {
		t.Error(r.Raw)
	}
}

// TestScenarioFormPost: the response comes as the parameters of a POST to the redirect URI (OAuth
// 2.0 Form Post Response Mode).
func TestScenarioFormPost(t *testing.T) {
	s := newScene(t, "response_mode form_post: the parameters that were posted are checked as those of a URL are.", "Q22", "H9")
	s.tokenServer()
	s.open(conf)
	u := authorizeURL(s, `"response_mode":"form_post"`)
	s.fails("callback_not_verified", "wrong_state", "callback", `"parameters":[["code","c"],["state","x"]]`)
	s.ok("callback", fmt.Sprintf(`"parameters":[["code","SplxlOBeZQQYbYS6WxSbIA"],["state",%q]]`, u.Query().Get("state")))
}

// TestScenarioSignedUserinfo: a userinfo response that is a JWT is verified (OpenID Connect Core
// section 5.3.2).
func TestScenarioSignedUserinfo(t *testing.T) {
	s := newScene(t, "Signed userinfo: for this client, of this issuer, of the user who signed in; nothing of another is handed out.", "Q12", "H7")
	i := s.issuer()
	s.open(with(oidcConf))
	s.callback()
	info := ""
	s.server = func(m msg) reply {
		if m.Str("stage") == "userinfo" {
			return reply{status: 200, ctype: "application/jwt", body: info}
		}
		return i.serve(m)
	}
	const kid = `"kid":"1"`
	me := map[string]string{"sub": `"248289761001"`, "email": `"jane@example.com"`, "iat": "null", "exp": "null"}
	info = i.signed(kid, me)
	if r := s.ok("userinfo"); r.Str("ok", "claims", "email") != "jane@example.com" {
		t.Error(r.Raw)
	}
	if r := s.ok("profile"); r.Str("ok", "email") != "jane@example.com" {
		t.Error(r.Raw)
	}
	for _, row := range []struct{ name, code, jwt string }{
		{"oidcc-client-test-userinfo-bad-sub-claim", "wrong_claim", i.signed(kid, map[string]string{"sub": `"another"`})},
		{"userinfo wrong iss", "wrong_claim", i.signed(kid, map[string]string{"sub": me["sub"], "iss": `"https://evil.example"`})},
		{"userinfo wrong aud", "wrong_claim", i.signed(kid, map[string]string{"sub": me["sub"], "aud": `"elsewhere"`})},
		{"userinfo expired", "wrong_claim", i.signed(kid, map[string]string{"sub": me["sub"], "exp": "1"})},
		{"userinfo alg none", "alg_not_allowed", b64([]byte(`{"alg":"none"}`)) + "." + strings.Split(info, ".")[1] + "."},
		{"userinfo bad signature", "bad_signature", info[:len(info)-8] + "AAAAAAAA"},
		{"userinfo no JWT", "malformed", `{"sub":"248289761001"}`},
	} {
		info = row.jwt
		r := s.fails("id_token_not_verified", row.code, "userinfo")
		if strings.Contains(r.Raw, "another") {
			t.Error(row.name, r.Raw)
		}
	}
}

// TestScenarioSignedIntrospection: a signed response, if it was requested (RFC 9701 sections 4 and
// 5).
func TestScenarioSignedIntrospection(t *testing.T) {
	s := newScene(t, "Signed introspection: the answer is a JWT of its own type for this client; a plain one is refused.", "Q12")
	i := s.issuer()
	s.open(with(`{"scope":"read","jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect","introspection_signed_response_alg":"RS256","client_secret":"secret"}`))
	answer := reply{}
	s.server = func(m msg) reply {
		if m.Str("stage") == "introspection" {
			if m.Header("accept") != "application/token-introspection+jwt" {
				t.Error(m.Raw)
			}
			return answer
		}
		return i.serve(m)
	}
	jwtOf := jwt
	jwt := func(header string, claims map[string]string) reply {
		return reply{status: 200, ctype: "application/token-introspection+jwt", body: i.signed(header, claims)}
	}
	const typ = `"kid":"1","typ":"token-introspection+jwt"`
	good := map[string]string{"exp": "null", "token_introspection": `{"active":true,"scope":"read"}`}
	answer = jwt(typ, good)
	if r := s.ok("introspect", `"token":"another token"`); r.Str("ok", "claims") != `{"active":true,"scope":"read"}` {
		t.Error(r.Raw)
	}
	for _, row := range []struct {
		name, kind, code string
		answer           reply
	}{
		{"an ID token's type", "id_token_not_verified", "malformed", jwt(`"kid":"1","typ":"JWT"`, good)},
		{"another algorithm", "id_token_not_verified", "alg_not_allowed", reply{status: 200, ctype: "application/token-introspection+jwt", body: jwtOf(ecKey(elliptic.P256(), "x"), "ES256", typ, `{"iss":"https://as.example","aud":"s6BhdRkqt3","iat":1700000000,"token_introspection":{"active":true}}`)}},
		{"no type", "id_token_not_verified", "malformed", jwt(`"kid":"1"`, good)},
		{"for another", "id_token_not_verified", "wrong_claim", jwt(typ, map[string]string{"aud": `"another"`, "token_introspection": good["token_introspection"]})},
		{"of another", "id_token_not_verified", "wrong_claim", jwt(typ, map[string]string{"iss": `"https://evil.example"`, "token_introspection": good["token_introspection"]})},
		{"without time", "id_token_not_verified", "missing_claim", jwt(typ, map[string]string{"iat": "null", "token_introspection": good["token_introspection"]})},
		{"without what it is about", "server", "bad_introspection", jwt(typ, nil)},
		{"plain", "server", "unknown_content_type", jsonReply(200, `{"active":true}`)},
		{"an error", "server", "oauth_error", jsonReply(401, `{"error":"invalid_client"}`)},
	} {
		answer = row.answer
		t.Log(row.name)
		s.fails(row.kind, row.code, "introspect", `"token":"another token"`)
	}
}
