package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioSignedRequest: the parameters are sent to the server in a JWT that the client signed
// (RFC 9101), by the browser or pushed.
func TestScenarioSignedRequest(t *testing.T) {
	s := newScene(t, "JAR: all parameters stand in the request object, JSON and numbers as what they are; beside it stands only what has to.", "Q21", "H4")
	s.keys = map[string]bool{"signing": true}
	const conf = `{"client_key":"signing","client_key_id":"k1","request_object_signing_alg":"ES256","resource":["https://api.example/v1","https://api.example/v2"]`
	s.open(with(conf + `}`))
	u := authorizeURL(s, `"max_age":600,"claims":{"id_token":{"acr":{"essential":true}}},"prompt":"login","authorization_details":[{"type":"x"}],"login_hint":"é \"x\""`)
	q := u.Query()
	if len(q) != 4 || q.Get("client_id") != "s6BhdRkqt3" || q.Get("response_type") != "code" || q.Get("scope") != "read write" {
		t.Error(u)
	}
	header, claims := wantJWS(t, "signing", q.Get("request"))
	if header["typ"] != "oauth-authz-req+jwt" || header["alg"] != "ES256" || header["kid"] != "k1" {
		t.Error(header)
	}
	now := float64(s.now / 1000)
	for name, want := range map[string]any{"iss": "s6BhdRkqt3", "aud": "https://as.example", "iat": now, "nbf": now, "exp": now + 300, "client_id": "s6BhdRkqt3", "response_type": "code",
		"redirect_uri": "https://client.example/cb", "scope": "read write", "code_challenge_method": "S256", "prompt": "login", "max_age": 600.0, "login_hint": `é "x"`,
		"claims": "map[id_token:map[acr:map[essential:true]]]", "authorization_details": "[map[type:x]]", "resource": "[https://api.example/v1 https://api.example/v2]"} {
		if fmt.Sprint(claims[name]) != fmt.Sprint(want) {
			t.Errorf("%s is %v", name, claims[name])
		}
	}
	if claims["state"] == nil || claims["code_challenge"] == nil || claims["jti"] == nil || claims["sub"] != nil {
		t.Error(claims)
	}
	// Pushed: the request object replaces the parameters.
	s.server = func(m msg) reply {
		return jsonReply(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:1","expires_in":60}`)
	}
	s.sent = nil
	s.open(with(conf + `,"name":"pushed","pushed_authorization_request_endpoint":"https://as.example/par","token_endpoint_auth_method":"private_key_jwt"}`))
	u = authorizeURL(s)
	form := s.sent[0].Form()
	if form.Get("request") == "" || form.Get("state") != "" || form.Get("code_challenge") != "" || form.Get("client_id") != "s6BhdRkqt3" || form.Get("client_assertion") == "" || len(u.Query()) != 2 {
		t.Error(form, u)
	}
	// The parameters must not contain those of the request object (RFC 9101 section 6.3 merges
	// nothing).
	s.fails("client", "protected_parameter", "authorize", `"parameters":[["request","e30."]]`)
	s.keys = nil
	s.fails("client", "no_key", "authorize")
	if strings.Count(s.store["pushed.pending"], `"state"`) != 1 {
		t.Error(s.store)
	}
	if r := s.open(with(`{"client_key":"k","request_object_signing_alg":"none"}`)); r.Str("error", "field") != "request_object_signing_alg" {
		t.Error(r.Raw)
	}
}

// TestScenarioAuthorizeParameters: parameters that are members of the command. The answer is
// checked against them.
func TestScenarioAuthorizeParameters(t *testing.T) {
	s := newScene(t, "prompt, max_age, login_hint, ui_locales, acr_values, claims, authorization_details, resource: in the request once; acr is looked at in the ID token.", "Q21", "H4", "Q12")
	i := s.issuer()
	s.open(with(`{"scope":"openid read","jwks_uri":"https://as.example/jwks","resource":["https://api.example/v1"],"parameters":[["prompt","consent"],["ui_locales","de"]]}`))
	u := authorizeURL(s, `"prompt":"login","login_hint":"jane","acr_values":"phr phrh","claims":{"userinfo":{"email":null}},"id_token_hint":"e30.e30.","authorization_details":[{"type":"account"}]`)
	for name, want := range map[string]string{"prompt": "[login]", "ui_locales": "[de]", "login_hint": "[jane]", "acr_values": "[phr phrh]", "claims": `[{"userinfo":{"email":null}}]`,
		"id_token_hint": "[e30.e30.]", "authorization_details": `[[{"type":"account"}]]`, "resource": "[https://api.example/v1]"} {
		if got := fmt.Sprint(u.Query()[name]); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, row := range []struct {
		acr  any
		code string
	}{{nil, "wrong_claim"}, {`"low"`, "wrong_claim"}, {`"phr phrh"`, "wrong_claim"}, {`"phrh"`, ""}} {
		i.claims = map[string]any{}
		if row.acr != nil {
			i.header = `"kid":"1"`
			i.claims["acr"] = row.acr
		}
		r := s.callback(`"acr_values":"phr phrh"`)
		if r.Str("error", "code") != row.code || row.code != "" && r.Str("error", "field") != "acr" {
			t.Error(row.acr, r.Raw)
		}
	}
	// The resource is also sent to the token endpoint (RFC 8707 section 2.2).
	if got := s.sent[len(s.sent)-1].Form()["resource"]; fmt.Sprint(got) != "[https://api.example/v1]" {
		t.Error(got)
	}
	i.claims = nil
	s.sent = nil
	s.ok("refresh")
	if got := s.sent[0].Form()["resource"]; fmt.Sprint(got) != "[https://api.example/v1]" {
		t.Error(got)
	}
	for _, row := range [][2]string{{`"max_age":"600"`, "max_age"}, {`"max_age":-1`, "max_age"}, {`"claims":"{}"`, "claims"}, {`"authorization_details":{}`, "authorization_details"}, {`"prompt":["login"]`, "prompt"},
		{`"prompt":"login","parameters":[["prompt","none"]]`, "prompt"}, {`"acr_values":"é"`, "acr_values"}} {
		if r := s.fails("client", "bad_value", "authorize", row[0]); r.Str("error", "field") != row[1] {
			t.Error(r.Raw)
		}
	}
	for _, bad := range []string{`["/relative"]`, `["https://a.example/#x"]`, `[""]`, `["https://a.example/ x"]`, `"https://a.example"`, `[1]`} {
		if r := s.open(with(`{"resource":` + bad + `}`)); r.Str("error", "field") != "resource" {
			t.Error(bad, r.Raw)
		}
	}
}
