package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioPushed: RFC 9126.
func TestScenarioPushed(t *testing.T) {
	s := newScene(t, "Pushed authorization requests: used where the server offers them, refused where it does not and they are required; nothing of the request is left in the URL.", "H4", "H1", "Q21")
	reply201 := jsonReply(201, `{"request_uri":"urn:ietf:params:oauth:request_uri:6esc_11ACC5bwc014ltc14eY22c","expires_in":60}`)
	pushed := reply201
	s.server = func(msg) reply { return pushed }
	const par = `"pushed_authorization_request_endpoint":"https://as.example/par"`
	for _, row := range []struct{ name, config, body string }{
		{"public client", `{` + par + `}`, ""},
		{"secret in the body", `{` + par + `,"client_secret":"s","token_endpoint_auth_method":"client_secret_post"}`, "&client_secret=s"},
		{"basic", `{` + par + `,"client_secret":"s"}`, ""},
		{"required", `{` + par + `,"pushed_authorization_requests":"required"}`, ""},
	} {
		s.sent = nil
		s.open(with(row.config))
		r := s.ok("authorize", `"parameters":[["prompt","login"]]`)
		if r.Str("ok", "url") != "https://as.example/authorize?client_id=s6BhdRkqt3&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A6esc_11ACC5bwc014ltc14eY22c" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		body := s.sent[0].Str("body", "text")
		form := s.sent[0].Form()
		if !strings.HasPrefix(body, "response_type=code&client_id=s6BhdRkqt3&redirect_uri=") || !strings.HasSuffix(body, row.body) || strings.Count(body, "client_id=") != 1 || form.Get("state") != r.Str("ok", "state") ||
			form.Get("code_challenge_method") != "S256" || form.Get("prompt") != "login" {
			t.Errorf("%s: %s", row.name, body)
		}
		if basic := s.sent[0].Header("authorization"); (basic != "") != (row.name == "basic") {
			t.Errorf("%s: %s", row.name, basic)
		}
		s.tokenServer()
		s.ok("callback", fmt.Sprintf(`"url":"https://client.example/cb?code=c&state=%s"`, r.Str("ok", "state")))
		s.server = func(msg) reply { return pushed }
	}
	s.sent = nil
	s.open(with(`{` + par + `,"pushed_authorization_requests":"off"}`))
	s.ok("authorize")
	s.wantSent(0)
	s.open(with(`{"pushed_authorization_requests":"required"}`))
	if r := s.fails("client", "missing", "authorize"); r.Str("error", "field") != "pushed_authorization_request_endpoint" {
		t.Error(r.Raw)
	}
	s.open(with(`{` + par + `}`))
	for _, row := range []struct {
		kind, code string
		r          reply
	}{
		{"server", "oauth_error", jsonReply(400, `{"error":"invalid_request"}`)},
		{"server", "bad_pushed_response", jsonReply(201, `{"expires_in":60}`)},
		{"server", "bad_pushed_response", jsonReply(201, `{"request_uri":"a\u0007"}`)},
		{"server", "http_error", reply{status: 405, ctype: "text/html", body: "x"}},
		{"network", "network", reply{failed: "network"}},
	} {
		pushed = row.r
		s.fails(row.kind, row.code, "authorize")
	}
	if r := s.open(with(`{"pushed_authorization_requests":"sometimes"}`)); r.Str("error", "field") != "pushed_authorization_requests" {
		t.Error(r.Raw)
	}
}

// TestScenarioGrants: client credentials, token exchange, introspection.
func TestScenarioGrants(t *testing.T) {
	s := newScene(t, "The client's own token (RFC 6749 4.4), a token for somewhere else (RFC 8693), and what the server knows of one (RFC 7662).", "H5", "H1", "X6")
	s.tokenServer()
	s.open(with(`{"client_secret":"THE-SECRET","introspection_endpoint":"https://as.example/introspect"}`))
	if r := s.ok("client_credentials", `"parameters":[["resource","https://api.example/"]]`); r.Str("ok", "status") != "granted" || r.Str("ok", "scope") != "read write" {
		t.Error(r.Raw)
	}
	if got := s.sent[0].Str("body", "text"); got != "grant_type=client_credentials&resource=https%3A%2F%2Fapi.example%2F&scope=read+write" || s.sent[0].Header("authorization") == "" {
		t.Error(got)
	}
	s.fails("client", "protected_parameter", "client_credentials", `"parameters":[["grant_type","password"]]`)
	s.fails("client", "bad_value", "client_credentials", `"scope":"a  b"`)

	exchanged := jsonReply(200, `{"access_token":"downstream","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer","expires_in":60,"scope":"less"}`)
	s.server = func(msg) reply { return exchanged }
	s.sent = nil
	r := s.ok("token_exchange", `"audience":"backend"`, `"scope":"less"`)
	if r.Str("ok", "access_token") != "downstream" || r.Str("ok", "expires_at") != fmt.Sprint(s.now+60_000) || r.Str("ok", "scope") != "less" || r.Str("ok", "issued_token_type") != "urn:ietf:params:oauth:token-type:access_token" {
		t.Error(r.Raw)
	}
	if got := s.sent[0].Str("body", "text"); got != "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=access-1&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&scope=less&audience=backend" {
		t.Error(got)
	}
	if strings.Contains(s.store["oauth2.session"], "downstream") || s.ok("token").Str("ok", "access_token") != "access-1" {
		t.Error("kept:", s.store)
	}
	exchanged = jsonReply(200, `{"access_token":"saml","issued_token_type":"urn:ietf:params:oauth:token-type:saml2","token_type":"N_A"}`)
	if r := s.ok("token_exchange", `"subject_token":"theirs"`, `"subject_token_type":"urn:ietf:params:oauth:token-type:jwt"`, `"requested_token_type":"urn:ietf:params:oauth:token-type:saml2"`); r.Str("ok", "token_type") != "N_A" {
		t.Error(r.Raw)
	}
	exchanged = jsonReply(400, `{"error":"invalid_target","error_description":"no theirs here"}`)
	if r := s.fails("server", "oauth_error", "token_exchange", `"subject_token":"theirs"`); r.Str("error", "error_description") != "(redacted)" {
		t.Error(r.Raw)
	}
	exchanged = jsonReply(200, `{"token_type":"N_A"}`)
	s.fails("token_not_found", "missing_access_token", "token_exchange")

	s.server = func(m msg) reply {
		if got := m.Str("body", "text"); got != "token=access-1&token_type_hint=access_token" && got != "token=another" || m.Str("stage") != "introspection" {
			t.Error(m.Raw)
		}
		return jsonReply(200, `{"active":true,"scope":"read","exp":1419356238}`)
	}
	if r := s.ok("introspect"); r.Str("ok", "claims", "scope") != "read" {
		t.Error(r.Raw)
	}
	s.ok("introspect", `"token":"another"`)
	s.server = func(msg) reply { return jsonReply(200, `{"scope":"read"}`) }
	s.fails("server", "bad_introspection", "introspect")
	s.server = func(msg) reply {
		return jsonReply(401, `{"error":"invalid_client","error_description":"another"}`)
	}
	if r := s.fails("server", "oauth_error", "introspect", `"token":"another"`); strings.Contains(r.Raw, "another") {
		t.Error(r.Raw)
	}
	s.open(with(`{"name":"public"}`))
	s.fails("client", "missing", "client_credentials")
	s.fails("client", "missing", "introspect")
	s.fails("client", "not_signed_in", "token_exchange")
}

// TestScenarioLogout: RP-initiated and back-channel.
func TestScenarioLogout(t *testing.T) {
	s := newScene(t, "Signing out names the place that ends the session at the server, with the ID token as hint; a logout token is verified like an ID token, and is none.", "Q12", "H2")
	i := s.issuer()
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","end_session_endpoint":"https://as.example/logout?x=1"}`))
	s.callback()
	hint := s.ok("status").Str("ok", "id_token")
	s.fails("client", "bad_url", "log_out", `"post_logout_redirect_uri":"javascript:x"`)
	if r := s.ok("log_out", `"post_logout_redirect_uri":"https://client.example/bye"`, `"state":"a b"`); r.Str("ok", "url") != "https://as.example/logout?x=1&id_token_hint="+hint+
		"&client_id=s6BhdRkqt3&post_logout_redirect_uri=https%3A%2F%2Fclient.example%2Fbye&state=a+b" || r.Str("ok", "revoked") != "true" {
		t.Error(r.Raw)
	}
	if r := s.ok("log_out"); r.Str("ok", "url") != "https://as.example/logout?x=1&client_id=s6BhdRkqt3" {
		t.Error(r.Raw)
	}

	const event = `{"http://schemas.openid.net/event/backchannel-logout":{}}`
	token := func(header string, change map[string]string) string {
		var claims []string
		now := s.now / 1000
		for _, c := range [][2]string{{"iss", `"https://as.example"`}, {"sub", `"248289761001"`}, {"aud", `"s6BhdRkqt3"`}, {"exp", fmt.Sprint(now + 120)}, {"iat", fmt.Sprint(now)}, {"jti", `"bWJq"`}, {"sid", `"08a5019c"`}, {"events", event}, {"nonce", ""}} {
			if v, ok := change[c[0]]; ok {
				c[1] = v
			}
			if c[1] != "" {
				claims = append(claims, fmt.Sprintf("%q:%s", c[0], c[1]))
			}
		}
		return jwt(i.key, i.alg, header, "{"+strings.Join(claims, ",")+"}")
	}
	for _, row := range []struct {
		name, header, want string
		change             map[string]string
	}{
		{"oidcc-client-test-rp-backchannel-rpinitlogout", `"kid":"1","typ":"logout+jwt"`, "", nil},
		{"no sid", `"kid":"1"`, "", map[string]string{"sid": ""}},
		{"no sub", `"kid":"1"`, "", map[string]string{"sub": ""}},
		{"oidcc-client-test-rp-backchannel-rpinitlogout-no-event", `"kid":"1"`, "missing_claim events", map[string]string{"events": ""}},
		{"another event", `"kid":"1"`, "missing_claim events", map[string]string{"events": `{"x":{}}`}},
		{"oidcc-client-test-rp-backchannel-rpinitlogout-with-nonce", `"kid":"1"`, "wrong_claim nonce", map[string]string{"nonce": `"n"`}},
		{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-aud", `"kid":"1"`, "wrong_claim aud", map[string]string{"aud": `"x"`}},
		{"oidcc-client-test-rp-backchannel-rpinitlogout-wrong-issuer", `"kid":"1"`, "wrong_claim iss", map[string]string{"iss": `"https://evil.example"`}},
		{"expired", `"kid":"1"`, "wrong_claim exp", map[string]string{"exp": "1"}},
		{"no jti", `"kid":"1"`, "missing_claim jti", map[string]string{"jti": ""}},
		{"neither sub nor sid", `"kid":"1"`, "missing_claim sub", map[string]string{"sub": "", "sid": ""}},
		{"an access token", `"kid":"1","typ":"at+jwt"`, "malformed typ", nil},
		{"unknown key", `"kid":"2"`, "unknown_key", nil},
	} {
		s.now += 60_000
		r := s.do("logout_token", `"logout_token":`+quote(token(row.header, row.change)))
		if got := strings.TrimSpace(r.Str("error", "code") + " " + r.Str("error", "field")); got != row.want || row.want == "" && r.Str("ok", "jti") != "bWJq" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	none := token(`"kid":"1"`, nil)
	none = b64([]byte(`{"alg":"none"}`)) + none[strings.Index(none, "."):strings.LastIndex(none, ".")+1]
	if r := s.do("logout_token", `"logout_token":`+quote(none)); r.Str("error", "code") != "alg_not_allowed" {
		t.Error("oidcc-client-test-rp-backchannel-rpinitlogout-alg-none:", r.Raw)
	}
	s.fails("id_token_not_verified", "malformed", "logout_token", `"logout_token":"x"`)
	s.open(conf)
	s.fails("client", "missing", "logout_token", `"logout_token":`+quote(token(`"kid":"1"`, nil)))
}

// TestScenarioGenericGrant: any grant type, with the server's parameters; its token becomes the
// session, or is returned to the caller (M50, M51, M52).
func TestScenarioGenericGrant(t *testing.T) {
	s := newScene(t, "Any grant type: kept as the session or handed out; what the engine sets itself is refused by name.", "M50", "M51", "M52")
	body := `{"access_token":"a-1","token_type":"Bearer","expires_in":60,"scope":"read"}`
	s.server = func(msg) reply { return jsonReply(200, body) }
	s.open(with(`{"client_secret":"shh","resource":["https://api.example/v1"]}`))
	const saml = `"grant_type":"urn:ietf:params:oauth:grant-type:saml2-bearer"`
	r := s.ok("grant", saml, `"parameters":[["assertion","PHNhbWxwOl-secret"],["audience","a"],["audience","b"]]`, `"scope":"read"`)
	if r.Str("ok") != `{"access_token":"a-1","expires_at":1700000060000,"scope":"read","token_type":"Bearer"}` {
		t.Error(r.Raw)
	}
	if got := s.sent[0].Str("body", "text"); got != "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Asaml2-bearer&scope=read&assertion=PHNhbWxwOl-secret&audience=a&audience=b&resource=https%3A%2F%2Fapi.example%2Fv1" || s.sent[0].Header("authorization") == "" {
		t.Error(s.sent[0].Raw)
	}
	s.fails("client", "not_signed_in", "token")
	s.eventNames()
	body = `{"access_token":"a-2","token_type":"Bearer","expires_in":3600,"refresh_token":"r-2"}`
	s.ok("grant", `"grant_type":"https://as.example/grants/pin","keep":true,"parameters":[["pin","1234"]]`)
	s.wantEvents("status:granted granted")
	if r := s.ok("token"); r.Str("ok", "access_token") != "a-2" {
		t.Error(r.Raw)
	}
	s.ok("refresh")
	body = `{"access_token":"x","token_type":"Bearer","issued_token_type":"urn:x"}`
	if r := s.ok("grant", `"grant_type":"urn:x"`); r.Str("ok", "issued_token_type") != "urn:x" {
		t.Error(r.Raw)
	}
	s.sent = nil
	for _, row := range [][3]string{
		{`"grant_type":"authorization_code"`, "protected_parameter", "grant_type"},
		{`"grant_type":"refresh_token"`, "protected_parameter", "grant_type"},
		{`"grant_type":"urn:ietf:params:oauth:grant-type:device_code"`, "protected_parameter", "grant_type"},
		{`"keep":true`, "bad_value", "grant_type"},
		{`"grant_type":["x"]`, "bad_value", "grant_type"},
		{`"grant_type":"a b\u0007"`, "bad_value", "grant_type"},
		{`"grant_type":"x","parameters":[["grant_type","y"]]`, "protected_parameter", "grant_type"},
		{`"grant_type":"x","parameters":[["client_id","y"]]`, "protected_parameter", "client_id"},
		{`"grant_type":"x","parameters":[["client_secret","y"]]`, "protected_parameter", "client_secret"},
		{`"grant_type":"x","parameters":[["client_assertion","y"]]`, "protected_parameter", "client_assertion"},
		{`"grant_type":"x","parameters":[["scope","y"]]`, "protected_parameter", "scope"},
		{`"grant_type":"x","parameters":[["resource","https://other.example"]]`, "protected_parameter", "resource"},
		{`"grant_type":"x","parameters":[["pin","1"],["pin","2"]]`, "protected_parameter", "pin"},
		{`"grant_type":"x","parameters":{"pin":"1"}`, "bad_value", "parameters"},
		{`"grant_type":"x","scope":"a  b"`, "bad_value", "scope"},
	} {
		r := s.fails("client", row[1], "grant", row[0])
		if field, came := r.Str("error", "field"), r.Str("error", "came"); field != row[2] && (field != "parameters" || came != row[2]) {
			t.Error(r.Raw)
		}
	}
	// The grants with their own commands cannot name another resource either.
	for _, name := range []string{"client_credentials", "jwt_bearer"} {
		s.fails("client", "protected_parameter", name, `"assertion":"x","parameters":[["resource","https://other.example"]]`)
	}
	s.wantSent(0)
	s.server = func(msg) reply {
		return jsonReply(400, `{"error":"invalid_grant","error_description":"no PHNhbWxwOl-secret here"}`)
	}
	for _, keep := range []string{"true", "false"} {
		if r := s.fails("server", "oauth_error", "grant", saml, `"parameters":[["assertion","PHNhbWxwOl-secret"]]`, `"keep":`+keep); strings.Contains(r.Raw, "PHNh") {
			t.Error(r.Raw)
		}
	}
}

// TestScenarioCrossAppAccess: one command for a token exchange at the identity provider and a JWT
// bearer grant here (M55, M56, M57).
func TestScenarioCrossAppAccess(t *testing.T) {
	s := newScene(t, "Cross-app access: the identity provider makes a grant of the user's identity, which is redeemed at the resource's server.", "M55", "M56", "M57")
	exchanged := `{"access_token":"jag-secret","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A","expires_in":300}`
	redeemed := jsonReply(200, `{"access_token":"a-1","token_type":"Bearer","expires_in":60}`)
	s.server = func(m msg) reply {
		switch m.Str("url") {
		case "https://idp.example/.well-known/openid-configuration":
			return jsonReply(200, `{"issuer":"https://idp.example","token_endpoint":"https://idp.example/token"}`)
		case "https://idp.example/token":
			if strings.HasPrefix(exchanged, `{"error"`) {
				return jsonReply(400, exchanged)
			}
			return jsonReply(200, exchanged)
		}
		return redeemed
	}
	s.open(with(`{"client_secret":"shh-here","resource":["https://api.example/v1"],"identity_provider":{"issuer":"https://idp.example","discovery":true,"client_id":"at-idp","client_secret":"shh-there","token_endpoint_auth_method":"client_secret_post"}}`))
	r := s.ok("cross_app_access", `"subject_token":"id-token-secret","scope":"chat.read","parameters":[["claims","x"]]`)
	if r.Str("ok", "status") != "granted" || r.Str("ok", "requested_scope") != "chat.read" {
		t.Error(r.Raw)
	}
	if got := s.sent[1].Form().Encode(); got != "audience=https%3A%2F%2Fas.example&claims=x&client_id=at-idp&client_secret=shh-there&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid-jag&resource=https%3A%2F%2Fapi.example%2Fv1&scope=chat.read&subject_token=id-token-secret&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aid_token" {
		t.Error(got)
	}
	if got := s.sent[2].Form().Encode(); got != "assertion=jag-secret&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&resource=https%3A%2F%2Fapi.example%2Fv1&scope=chat.read" || s.sent[2].Str("url") != "https://as.example/token" || s.sent[2].Header("authorization") == "" {
		t.Error(s.sent[2].Raw)
	}
	// The identity provider's metadata are known by now; another type and audience.
	s.sent = nil
	s.ok("cross_app_access", `"subject_token":"x","subject_token_type":"urn:ietf:params:oauth:token-type:saml2","audience":"https://other.example"`)
	if f := s.sent[0].Form(); f.Get("subject_token_type") != "urn:ietf:params:oauth:token-type:saml2" || f.Get("audience") != "https://other.example" || f.Get("scope") != "read write" {
		t.Error(s.sent[0].Raw)
	}
	s.wantSent(2)
	s.sent = nil
	exchanged = `{"access_token":"jag-secret","issued_token_type":"urn:ietf:params:oauth:token-type:access_token","token_type":"Bearer"}`
	s.fails("server", "wrong_issued_token_type", "cross_app_access", `"subject_token":"x"`)
	exchanged = `{"issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A"}`
	s.fails("token_not_found", "missing_access_token", "cross_app_access", `"subject_token":"x"`)
	exchanged = `{"error":"invalid_grant","error_description":"id-token-secret and shh-there"}`
	if r := s.fails("server", "oauth_error", "cross_app_access", `"subject_token":"id-token-secret"`); strings.Contains(r.Raw, "secret") || r.Str("error", "host") != "idp.example" {
		t.Error(r.Raw)
	}
	exchanged = `{"error":"invalid_client","error_description":"not shh-there"}`
	if r := s.fails("server", "oauth_error", "cross_app_access", `"subject_token":"id-token-secret"`); strings.Contains(r.Raw, "shh") {
		t.Error(r.Raw)
	}
	s.wantSent(4) // and nothing here
	exchanged = `{"access_token":"jag-secret","issued_token_type":"urn:ietf:params:oauth:token-type:id-jag","token_type":"N_A"}`
	redeemed = jsonReply(400, `{"error":"invalid_grant","error_description":"jag-secret"}`)
	if r := s.fails("server", "oauth_error", "cross_app_access", `"subject_token":"x"`); strings.Contains(r.Raw, "jag-") || r.Str("error", "host") != "as.example" {
		t.Error(r.Raw)
	}
	s.sent = nil
	for _, row := range [][2]string{{``, "subject_token"}, {`"subject_token":"x","parameters":[["audience","y"]]`, "parameters"}, {`"subject_token":"x","parameters":[["resource","y"]]`, "parameters"}, {`"subject_token":"x","parameters":[["requested_token_type","y"]]`, "parameters"}} {
		params := []string{}
		if row[0] != "" {
			params = append(params, row[0])
		}
		if r := s.do("cross_app_access", params...); r.Str("error", "field") != row[1] {
			t.Error(r.Raw)
		}
	}
	s.open(conf)
	if r := s.fails("client", "missing", "cross_app_access", `"subject_token":"x"`); r.Str("error", "field") != "identity_provider" {
		t.Error(r.Raw)
	}
	s.wantSent(0)
	for _, row := range [][2]string{{`[]`, "bad_value"}, {`{"issuer":"https://idp.example"}`, "missing"}, {`{"client_id":"x","issuers":"y"}`, "unknown_member"}} {
		if r := s.open(with(`{"identity_provider":` + row[0] + `}`)); r.Str("error", "field") != "identity_provider" || r.Str("error", "code") != row[1] {
			t.Error(r.Raw)
		}
	}
}
