package core

import (
	"fmt"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"net/url"
	"strings"
	"testing"
)

// TestScenarioRegistrationOpens: E60, the unchanged result of register opens a client.
func TestScenarioRegistrationOpens(t *testing.T) {
	s := newScene(t, "What register was answered opens a client as it is, whatever else is in it; what the configuration says goes before.", "E60", "E66")
	var answer string
	s.server = func(m msg) reply {
		switch {
		case m.Str("stage") == "discovery":
			return jsonReply(200, plainMetadata)
		case m.Str("stage") == "registration":
			return jsonReply(201, answer)
		case strings.HasSuffix(m.Str("url"), "/token"):
			return jsonReply(200, `{"access_token":"a","token_type":"Bearer"}`)
		}
		return reply{status: 404}
	}
	const more = `"client_id_issued_at":1700000000,"client_secret_expires_at":0,"client_name":"é","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"application_type":"web","registration_client_uri":"https://as.example/register/new","registration_access_token":"rat","jwks":{"keys":[]},"logo_uri":null,"default_max_age":3600,"tls_client_certificate_bound_access_tokens":false,"x-server":{"anything":[1,2]}`
	for _, row := range []struct{ name, answer, config, auth, redirect string }{
		{"a secret", `{"client_id":"new","client_secret":"shh","redirect_uris":["https://client.example/cb"],` + more + `}`, "", "Basic bmV3OnNoaA==", "https://client.example/cb"},
		{"no secret", `{"client_id":"new","client_secret":null,"token_endpoint_auth_method":"none","redirect_uris":["https://client.example/cb"],` + more + `}`, "", "", "https://client.example/cb"},
		{"by post", `{"client_id":"new","client_secret":"shh","token_endpoint_auth_method":"client_secret_post","redirect_uris":["https://client.example/cb"],` + more + `}`, "", "shh", "https://client.example/cb"},
		{"two redirect URIs, one chosen", `{"client_id":"new","redirect_uris":["https://client.example/a","https://client.example/b"],` + more + `}`, `,"redirect_uri":"https://client.example/b"`, "", "https://client.example/b"},
		{"the configuration goes before", `{"client_id":"new","client_secret":"shh","redirect_uris":["https://client.example/cb"],` + more + `}`, `,"client_secret":"kept","redirect_uri":"https://client.example/mine"`, "Basic bmV3OmtlcHQ=", "https://client.example/mine"},
		{"little", `{"client_id":"new"}`, `,"redirect_uri":"https://client.example/cb"`, "", "https://client.example/cb"},
		{"an algorithm", `{"client_id":"new","id_token_signed_response_alg":"RS256","redirect_uris":["https://client.example/cb"]}`, "", "", "https://client.example/cb"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		answer = row.answer
		s.open(`{"issuer":"https://as.example","discovery":true,"client_metadata":{"client_name":"é"}}`)
		r := s.ok("register")
		given := r.Raw[strings.Index(r.Raw, `"client":`)+9 : len(r.Raw)-2]
		if refusal := s.open(`{"issuer":"https://as.example","discovery":true,"registration":` + given + row.config + `}`); refusal.Raw != "" {
			t.Errorf("%s: %s", row.name, refusal.Raw)
			continue
		}
		u := authorizeURL(s)
		if u.Query().Get("client_id") != "new" || u.Query().Get("redirect_uri") != row.redirect {
			t.Errorf("%s: %s", row.name, u)
		}
		s.ok("callback", fmt.Sprintf(`"url":"%s?code=c&state=%s"`, row.redirect, url.QueryEscape(u.Query().Get("state"))))
		m := s.sent[len(s.sent)-1]
		if got := m.Header("authorization") + m.Form().Get("client_secret"); got != row.auth {
			t.Errorf("%s: %s", row.name, m.Raw)
		}
	}
	for _, row := range []struct{ registration, field string }{
		{`{"client_secret":"shh"}`, "client_id"}, {`[]`, "registration"}, {`"new"`, "registration"}, {`{"client_id":"a\u0001"}`, "client_id"}, {`{"client_id":"new","token_endpoint_auth_method":"private_key_jwt"}`, "client_key"},
		{`{"client_id":"new","id_token_signed_response_alg":"HS256"}`, "registration"}, {`{"client_id":"new","redirect_uris":["http://client.example/cb"]}`, "redirect_uri"},
	} {
		r := s.open(`{"issuer":"https://as.example","discovery":true,"registration":` + row.registration + `}`)
		if r.Str("error", "field") != row.field || strings.Contains(r.Raw, "shh") {
			t.Errorf("%s: %s", row.registration, r.Raw)
		}
	}
	if r := s.open(`{"issuer":"https://as.example","discovery":true,"redirect_uri":"https://client.example/cb","registration":{"client_id":"new","dpop_bound_access_tokens":true}}`); r.Raw != "" {
		t.Error(r.Raw)
	}
	if u := authorizeURL(s); u.Query().Get("dpop_jkt") == "" {
		t.Error(u)
	}
}

// TestScenarioOwnToken: E61, set_token accepts the result of token, and refuses an impossible time.
func TestScenarioOwnToken(t *testing.T) {
	s := newScene(t, "set_token takes what token gave; its times are in milliseconds, and one that cannot be right is refused with what was expected and what came.", "E61", "E66", "E91")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	r := s.ok("token")
	own := r.Raw[strings.Index(r.Raw, `"ok":`)+5 : len(r.Raw)-1]
	s.open(with(`{"name":"other"}`))
	s.ok("set_token", `"token":`+own)
	if again := s.ok("token"); again.Str("ok") != r.Str("ok") {
		t.Errorf("%s, %s", r.Raw, again.Raw)
	}
	for _, at := range []string{"1700003600", "3600", "1", "0", "-1", "999999999999", "253402300800000", "1700003600000000", "9007199254740991", "1e300", `"1700003600000"`, `"2026-11-29T06:00:00Z"`, "true", "null", "1700003600000.5e30"} {
		r := s.fails("client", "bad_value", "set_token", `"token":{"access_token":"b","token_type":"Bearer","expires_at":`+at+`}`)
		if r.Str("error", "field") != "expires_at" || r.Str("error", "expected") != "Unix time in milliseconds" || r.Str("error", "came") != strings.Trim(at, `"`) {
			t.Errorf("%s: %s", at, r.Raw)
		}
	}
	// A lifetime is not a time, in any unit; and an expires_in without information does not hide a
	// wrong expires_at.
	for _, row := range [][3]string{{`"expires_in":1700003600`, "expires_in", "1700003600"}, {`"expires_in":"1700003600000"`, "expires_in", "1700003600000"}, {`"expires_in":null,"expires_at":1700003600`, "expires_at", "1700003600"}, {`"expires_in":0,"expires_at":3600`, "expires_at", "3600"}} {
		r := s.fails("client", "bad_value", "set_token", `"token":{"access_token":"b","token_type":"Bearer",`+row[0]+`}`)
		if r.Str("error", "field") != row[1] || r.Str("error", "came") != row[2] {
			t.Error(r.Raw)
		}
	}
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
		t.Error(r.Raw)
	}
	for _, row := range [][2]string{{`"expires_at":1700003600000`, "1700003600000"}, {`"expires_at":1699999999000`, "1699999999000"}, {`"expires_in":60`, "1700000060000"}, {`"expires_in":60,"expires_at":1`, "1700000060000"}, {`"scope":"read"`, ""}} {
		r := s.ok("set_token", `"token":{"access_token":"b","token_type":"Bearer",`+row[0]+`}`)
		if r.Str("ok", "expires_at") != row[1] {
			t.Errorf("%s: %s", row[0], r.Raw)
		}
	}
	// A bound token of this session is accepted with the session's key; one of another key is not.
	s.open(with(`{"name":"bound","dpop":true}`))
	s.fails("client", "unknown_token_type", "set_token", `"token":{"access_token":"b","token_type":"DPoP"}`)
	s.server = func(m msg) reply {
		return jsonReply(200, `{"access_token":"bound","token_type":"DPoP","expires_in":3600}`)
	}
	s.signIn()
	r = s.ok("token")
	s.ok("set_token", `"token":`+r.Raw[strings.Index(r.Raw, `"ok":`)+5:len(r.Raw)-1])
	if r := s.ok("prepare", `"url":"https://api.example/v1"`); !strings.Contains(r.Raw, `"DPoP bound"`) || !strings.Contains(r.Raw, `["dpop",`) {
		t.Error(r.Raw)
	}
}

// TestScenarioOwnOutput: E66, other results of a client that it accepts as input: the session's
// bytes, a challenge, an ID token, the state.
func TestScenarioOwnOutput(t *testing.T) {
	s := newScene(t, "What a client gave out it takes: exported bytes, the challenge of a resource for the next sign-in, the ID token as a hint, the state of a pasted code.", "E66")
	i := s.issuer()
	s.open(with(oidcConf))
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	s.ok("callback", callbackURL(u, "code=c"))
	status := s.ok("status")
	exported := s.ok("export").Str("ok", "session")
	r := s.ok("answered", `"url":"https://api.example/v1","method":"GET","status":401,"sent":"x","headers":[["www-authenticate","Bearer error=\"insufficient_user_authentication\", scope=\"openid read\", acr_values=\"phr\", max_age=\"60\""]]`)
	challenge := fmt.Sprintf(`"scope":%q,"acr_values":%q,"max_age":%s`, r.Str("ok", "challenge", "scope"), r.Str("ok", "challenge", "acr_values"), r.Str("ok", "challenge", "max_age"))
	u = authorizeURL(s, challenge, `"id_token_hint":`+quote(status.Str("ok", "id_token")))
	for name, want := range map[string]string{"scope": "openid read", "acr_values": "phr", "max_age": "60", "id_token_hint": status.Str("ok", "id_token")} {
		if u.Query().Get(name) != want {
			t.Errorf("%s: %s", name, u)
		}
	}
	s.lastNonce, i.claims = u.Query().Get("nonce"), map[string]any{"acr": `"phr"`, "auth_time": s.now / 1000}
	s.ok("callback", `"pasted":"SplxlOBeZQQYbYS6WxSbIA","state":`+quote(u.Query().Get("state")))
	s.store, s.version = map[string]string{}, map[string]int{}
	s.open(with(oidcConf), `"session":`+quote(exported))
	if again := s.ok("status"); again.Str("ok", "id_token") != status.Str("ok", "id_token") {
		t.Error(again.Raw)
	}
}

// TestScenarioSplitHorizon: E62.
func TestScenarioSplitHorizon(t *testing.T) {
	s := newScene(t, "Requests go unprotected to origins that the configuration lists, and to no other; what a browser is sent to stays public.", "E62")
	i := s.issuer()
	metadata := `{"issuer":"https://sso.example/realms/x","authorization_endpoint":"https://sso.example/realms/x/auth","token_endpoint":"http://keycloak:8080/realms/x/token","jwks_uri":"http://keycloak:8080/realms/x/jwks","userinfo_endpoint":"http://keycloak:8081/userinfo","revocation_endpoint":"http://KEYCLOAK:8080/revoke"}`
	i.discovering("http://keycloak:8080/realms/x/.well-known/openid-configuration", &metadata)
	i.claims = map[string]any{"iss": `"https://sso.example/realms/x"`}
	const config = `{"issuer":"https://sso.example/realms/x","metadata_url":"http://keycloak:8080/realms/x/.well-known/openid-configuration","discovery":true,"client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":"openid","token_destinations":["http://api:9000/v1"],"insecure_http_origins":["http://keycloak:8080","http://api:9000"]}`
	s.open(config)
	u := authorizeURL(s)
	if u.Host != "sso.example" || u.Scheme != "https" {
		t.Error(u)
	}
	s.lastNonce = u.Query().Get("nonce")
	if r := s.ok("callback", callbackURL(u, "code=c&iss="+url.QueryEscape("https://sso.example/realms/x"))); r.Str("ok", "claims", "iss") != "https://sso.example/realms/x" {
		t.Error(r.Raw)
	}
	for n, want := range []string{"http://keycloak:8080/realms/x/.well-known/openid-configuration", "http://keycloak:8080/realms/x/jwks", "http://keycloak:8080/realms/x/token"} {
		if s.sent[n].Str("url") != want {
			t.Error(s.sent[n].Raw)
		}
	}
	s.ok("prepare", `"url":"http://api:9000/v1/things"`)
	for _, other := range []string{"http://api:9001/v1", "http://api/v1", "http://api.example:9000/v1", "http://api:9000/v2", "http://keycloak:8080/v1"} {
		s.fails("client", "resource_not_allowed", "prepare", `"url":`+quote(other))
	}
	if r := s.fails("server", "bad_metadata", "userinfo"); r.Str("error", "came") != "http://keycloak:8081/userinfo" {
		t.Error(r.Raw)
	}
	s.ok("log_out") // the host of an origin is case-insensitive
	if last := s.sent[len(s.sent)-1]; last.Str("url") != "http://KEYCLOAK:8080/revoke" {
		t.Error(last.Raw)
	}
	for _, row := range []struct{ members, code, field string }{
		{`{"token_endpoint":"http://keycloak:8080/token"}`, "not_https", "token_endpoint"},
		{`{"token_endpoint":"http://keycloak:8080/token","insecure_http_origins":["http://keycloak"]}`, "not_https", "token_endpoint"},
		{`{"redirect_uri":"http://app:3000/cb","insecure_http_origins":["http://app:3000"]}`, "not_https", "redirect_uri"},
		{`{"insecure_http_origins":["http://*"]}`, "", ""},
		{`{"insecure_http_origins":["http://keycloak:8080/realms"]}`, "bad_url", "insecure_http_origins"},
		{`{"insecure_http_origins":["keycloak:8080"]}`, "bad_url", "insecure_http_origins"},
		{`{"insecure_http_origins":["http://Keycloak:8080"]}`, "bad_url", "insecure_http_origins"},
		{`{"insecure_http_origins":["http://keycloak:80"]}`, "bad_url", "insecure_http_origins"},
		{`{"insecure_http_origins":"http://keycloak:8080"}`, "bad_value", "insecure_http_origins"},
		{`{"insecure_http_origins":[1]}`, "bad_url", "insecure_http_origins"},
	} {
		if r := s.open(with(row.members)); r.Str("error", "code") != row.code || r.Str("error", "field") != row.field {
			t.Errorf("%s: %s", row.members, r.Raw)
		}
	}
}

// TestScenarioResponseHooks: E63.
func TestScenarioResponseHooks(t *testing.T) {
	s := newScene(t, "A hook may change an answer before anything of it is looked at; all checks hold for what it gives, and one that fails is an error.", "E63")
	s.server = func(m msg) reply {
		switch m.Str("stage") {
		case "discovery":
			return jsonReply(200, plainMetadata)
		case "token", "refresh":
			return reply{status: 200, ctype: "text/html", body: `{"d":{"token":"a"}}`}
		case "userinfo":
			return reply{raw: `"ok":{"status":200,"headers":[["content-type","application/json"]],"body":{"base64":"//4="}}`}
		}
		return reply{status: 500}
	}
	const config = `{"issuer":"https://as.example","discovery":true,"client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":"read","response_hooks":["token","refresh","userinfo","revocation"]}`
	s.open(config)
	var seen []string
	answer := ""
	s.hook = func(m msg) string {
		seen = append(seen, m.Str("hook")+":"+m.Str("stage")+":"+m.Str("response", "status")+":"+m.Str("response", "body"))
		return answer
	}
	good := func(body string) string {
		return `"ok":{"response":{"status":200,"headers":[["content-type","application/json"]],"body":{"text":` + quote(body) + `}}}`
	}
	answer = good(`{"access_token":"a","token_type":"Bearer","refresh_token":"r"}`)
	s.signIn()
	answer = good(`{"access_token":"b","token_type":"Bearer"}`)
	s.ok("refresh")
	answer = good(`{"sub":"1"}`)
	s.ok("userinfo")
	want := `response:token:200:{"text":"{\"d\":{\"token\":\"a\"}}"} response:refresh:200:{"text":"{\"d\":{\"token\":\"a\"}}"} response:userinfo:200:{"base64":"//4="}`
	if got := strings.Join(seen, " "); got != want {
		t.Errorf("%s\n%s", got, want)
	}
	for _, row := range []struct{ name, answer, kind, code string }{
		{"the checks hold", good(`{"access_token":"a b","token_type":"Bearer"}`), "server", "bad_access_token"},
		{"of the status", `"ok":{"response":{"status":500,"headers":[],"body":{"text":"{}"}}}`, "server", "http_error"},
		{"of an error in it", good(`{"error":"invalid_grant"}`), "server", "oauth_error"},
		{"of the length", good(strings.Repeat("x", wire.MaxBody+1)), "server", "too_large"},
		{"bytes", `"ok":{"response":{"status":200,"headers":[["content-type","application/json"]],"body":{"base64":"//4="}}}`, "server", "bad_encoding"},
		{"no body", `"ok":{"response":{"status":200,"headers":[["content-type","application/json"]]}}`, "server", "empty_body"},
		{"a body that stays with the host", `"ok":{"response":{"status":200,"headers":[],"body":{"ref":"1"}}}`, "client", "hook_failed"},
		{"no response", `"ok":{}`, "client", "hook_failed"},
		{"no status", `"ok":{"response":{"headers":[]}}`, "client", "hook_failed"},
		{"a status that is none", `"ok":{"response":{"status":99,"headers":[]}}`, "client", "hook_failed"},
		{"headers that are none", `"ok":{"response":{"status":200,"headers":{"a":"b"}}}`, "client", "hook_failed"},
		{"it threw", `"failed":{"kind":"denied"}`, "client", "hook_failed"},
		{"it is not there", `"failed":{"kind":"unsupported"}`, "client", "hook_failed"},
	} {
		answer = row.answer
		u := authorizeURL(s)
		if r := s.fails(row.kind, row.code, "callback", callbackURL(u, "code=c")); row.code == "hook_failed" && r.Str("error", "field") != "token" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	// The hook is not called if the request got no answer, and never for metadata or keys.
	s.server = func(m msg) reply { return reply{failed: "unsent"} }
	seen = nil
	u := authorizeURL(s)
	s.fails("network", "unsent", "callback", callbackURL(u, "code=c"))
	if seen != nil {
		t.Error(seen)
	}
	for _, stage := range []string{"discovery", "jwks", "resource_metadata", "authorization", "x", ""} {
		if r := s.open(with(`{"response_hooks":[` + quote(stage) + `]}`)); r.Str("error", "field") != "response_hooks" {
			t.Errorf("%s: %s", stage, r.Raw)
		}
	}
}

// TestScenarioCallbackParameters: E64.
func TestScenarioCallbackParameters(t *testing.T) {
	s := newScene(t, "Further parameters of a callback are given out by name, once the state was checked, bounded and marked as unverified.", "E64")
	s.tokenServer()
	s.open(with(`{"callback_parameters":["user","session_state"]}`))
	u := authorizeURL(s)
	r := s.ok("callback", callbackURL(u, "code=c&session_state=7.x&user=%7B%22name%22%3A%22%C3%A9%22%7D&other=1"))
	if r.Str("ok", "unverified") != `{"session_state":"7.x","user":"{\"name\":\"é\"}"}` {
		t.Error(r.Raw)
	}
	if r := s.ok("status"); r.Str("ok", "unverified") != "" {
		t.Error(r.Raw)
	}
	u = authorizeURL(s)
	r = s.ok("callback", fmt.Sprintf(`"parameters":[["code","c"],["user","posted"],["state",%q]]`, u.Query().Get("state")))
	if r.Str("ok", "unverified") != `{"user":"posted"}` {
		t.Error(r.Raw)
	}
	u = authorizeURL(s)
	if r := s.ok("callback", callbackURL(u, "code=c&user=")); strings.Contains(r.Raw, "unverified") {
		t.Error(r.Raw)
	}
	// Nothing is taken from a reply whose state is not ours, that is not a success, or that is too
	// large.
	s.fails("callback_not_verified", "wrong_state", "callback", `"url":"https://client.example/cb?code=c&user=x&state=forged"`)
	u = authorizeURL(s)
	if r := s.fails("server", "oauth_error", "callback", callbackURL(u, "error=access_denied&user=x")); strings.Contains(r.Raw, "user") {
		t.Error(r.Raw)
	}
	sent := len(s.sent)
	if r := s.fails("callback_not_verified", "too_large", "callback", callbackURL(u, "code=c&user="+strings.Repeat("x", 4097))); r.Str("error", "field") != "callback_parameters" {
		t.Error(r.Raw)
	}
	if len(s.sent) != sent {
		t.Error("the code was spent")
	}
	for _, name := range []string{"code", "state", "iss", "error", "redirect_uri", "nonce", "response", ""} {
		if r := s.open(with(`{"callback_parameters":[` + quote(name) + `]}`)); r.Str("error", "field") != "callback_parameters" || r.Str("error", "came") != name {
			t.Errorf("%s: %s", name, r.Raw)
		}
	}
}
