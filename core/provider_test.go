package core

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// discovering answers with that metadata, and otherwise as the issuer does. where is the end of the
// metadata's URL.
func (i *testIssuer) discovering(where string, metadata *string) {
	i.s.server = func(m msg) reply {
		switch {
		case strings.HasSuffix(m.Str("url"), where):
			return jsonReply(200, *metadata)
		case m.Str("stage") == "discovery":
			return reply{status: 404}
		}
		return i.serve(m)
	}
}

const plainMetadata = `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token","jwks_uri":"https://as.example/jwks","revocation_endpoint":"https://as.example/revoke","userinfo_endpoint":"https://as.example/userinfo","registration_endpoint":"https://as.example/register","introspection_endpoint":"https://as.example/introspect","device_authorization_endpoint":"https://as.example/device"}`

// TestScenarioSlash: E54.
func TestScenarioSlash(t *testing.T) {
	s := newScene(t, "An issuer that differs by the slash of an empty path alone is one; the metadata's spelling then counts for iss, ID tokens and assertions. Any other difference is refused.", "E54", "E98")
	i := s.issuer()
	var metadata string
	i.discovering("/.well-known/openid-configuration", &metadata)
	config := func(issuer string) string {
		return fmt.Sprintf(`{"issuer":%q,"client_id":"s6BhdRkqt3","client_secret":"secret","token_endpoint_auth_method":"client_secret_jwt","redirect_uri":"https://client.example/cb","scope":"openid","discovery":true}`, issuer)
	}
	fresh := func(issuer, itself string) {
		s.store, s.version, s.sent, s.lastNonce = map[string]string{}, map[string]int{}, nil, ""
		metadata = strings.Replace(plainMetadata, `"https://as.example"`, quote(itself), 1)
		i.claims = map[string]any{"iss": quote(itself)}
		s.open(config(issuer))
	}
	for _, row := range []struct{ configured, itself string }{
		{"https://as.example", "https://as.example/"}, {"https://as.example/", "https://as.example"}, {"https://as.example:443", "https://as.example:443/"}, {"https://as.example/", "https://as.example/"},
	} {
		fresh(row.configured, row.itself)
		u := authorizeURL(s)
		// From here on byte for byte.
		if row.configured != row.itself {
			r := s.fails("callback_not_verified", "wrong_iss", "callback", callbackURL(u, "code=c&iss="+url.QueryEscape(row.configured)))
			if r.Str("error", "expected") != row.itself || r.Str("error", "came") != row.configured {
				t.Error(r.Raw)
			}
		}
		s.lastNonce = u.Query().Get("nonce")
		if r := s.ok("callback", callbackURL(u, "code=c&iss="+url.QueryEscape(row.itself))); r.Str("ok", "claims", "iss") != row.itself {
			t.Error(r.Raw)
		}
		assertion := strings.Split(s.sent[len(s.sent)-1].Form().Get("client_assertion"), ".")
		if aud := decodeClaims(t, assertion[1])["aud"]; aud != row.itself {
			t.Errorf("%s: %v", row.itself, aud)
		}
		// What was stored is found again, under the configured spelling.
		if r := s.open(config(row.configured)); r.Raw != "" {
			t.Error(r.Raw)
		}
		if r := s.ok("status"); r.Str("ok", "status") != "granted" {
			t.Error(r.Raw)
		}
		// And under the other spelling, which is the same issuer.
		other := strings.TrimSuffix(row.configured, "/")
		if other == row.configured {
			other += "/"
		}
		s.open(config(other))
		if r := s.ok("status"); r.Str("ok", "status") != "granted" {
			t.Error(other, r.Raw)
		}
	}
	fresh("https://as.example", "https://as.example/")
	i.claims = map[string]any{"iss": `"https://as.example"`}
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	if r := s.fails("id_token_not_verified", "wrong_claim", "callback", callbackURL(u, "code=c")); r.Str("error", "expected") != "https://as.example/" {
		t.Error(r.Raw)
	}
	for _, row := range []struct{ configured, itself string }{
		{"https://as.example/t", "https://as.example/t/"}, {"https://as.example/t/", "https://as.example/t"}, {"https://as.example", "https://as.example//"}, {"https://as.example", "https://as.example/?"},
		{"https://as.example", "https://AS.example/"}, {"https://as.example", "https://as.example:443"}, {"https://as.example", "http://as.example"}, {"https://as.example", "https://as.example.evil.example/"}, {"https://as.example", ""}, {"https://as.example", "/"},
	} {
		fresh(row.configured, row.itself)
		if r := s.fails("server", "wrong_issuer", "authorize"); r.Str("error", "expected") != row.configured || r.Str("error", "came") != row.itself {
			t.Errorf("%s %s: %s", row.configured, row.itself, r.Raw)
		}
	}
}

// TestScenarioMetadataURL: E55.
func TestScenarioMetadataURL(t *testing.T) {
	s := newScene(t, "The metadata may be in another place than the issuer says, by a member; the issuer in it is the configured one all the same.", "E55")
	i := s.issuer()
	metadata := plainMetadata
	i.discovering("/policy/meta?p=B2C_1_signin", &metadata)
	const config = `{"issuer":"https://as.example","metadata_url":"https://login.example/policy/meta?p=B2C_1_signin","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":"openid","discovery":true}`
	s.open(config)
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	s.ok("callback", callbackURL(u, "code=c"))
	if s.sent[0].Str("url") != "https://login.example/policy/meta?p=B2C_1_signin" || s.sent[1].Str("stage") != "jwks" {
		t.Error(s.sent)
	}
	metadata = strings.Replace(plainMetadata, `"https://as.example"`, `"https://login.example"`, 1)
	s.store, s.version, s.sent = map[string]string{}, map[string]int{}, nil
	s.open(config)
	if r := s.fails("server", "wrong_issuer", "authorize"); r.Str("error", "came") != "https://login.example" {
		t.Error(r.Raw)
	}
	// If it is not there, no other URL is tried.
	s.sent = nil
	s.open(strings.Replace(config, "/policy/meta", "/elsewhere", 1))
	s.fails("server", "http_error", "authorize")
	s.wantSent(1)
	for _, bad := range []string{`"http://login.example/meta"`, `"login.example"`, `7`} {
		if r := s.open(with(`{"discovery":true,"metadata_url":` + bad + `}`)); r.Str("error", "field") != "metadata_url" {
			t.Error(r.Raw)
		}
	}
}

// TestScenarioUnusedMetadata: E59.
func TestScenarioUnusedMetadata(t *testing.T) {
	s := newScene(t, "What is not used of the metadata is not judged; what is needed and cannot be used is an error that names it.", "E59")
	i := s.issuer()
	var metadata string
	i.discovering("/.well-known/openid-configuration", &metadata)
	open := func(scope, document string) {
		metadata = document
		s.store, s.version, s.sent, s.lastNonce = map[string]string{}, map[string]int{}, nil, ""
		s.open(fmt.Sprintf(`{"issuer":"https://as.example","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":%q,"discovery":true,"client_metadata":{}}`, scope))
	}
	broken := func(name, value string) string {
		v := strings.Index(plainMetadata, `"`+name+`":`)
		end := strings.IndexAny(plainMetadata[v+len(name)+4:], ",}") + v + len(name) + 4
		return plainMetadata[:v] + fmt.Sprintf("%q:%s", name, value) + plainMetadata[end:]
	}
	for _, row := range []struct{ name, value, command, came string }{
		{"registration_endpoint", `"http://as.example/register"`, "register", "http://as.example/register"},
		{"registration_endpoint", `"javascript:alert(1)"`, "register", "javascript:alert(1)"},
		{"introspection_endpoint", `["https://as.example/introspect"]`, "introspect", "an array"},
		{"userinfo_endpoint", `7`, "userinfo", "7"},
		{"device_authorization_endpoint", `"//as.example/device"`, "device_start", "//as.example/device"},
		{"authorization_endpoint", `"http://as.example/authorize"`, "authorize", "http://as.example/authorize"},
		{"token_endpoint", `"https://user:s3cret@as.example/token"`, "exchange", ""},
	} {
		open("read", broken(row.name, row.value))
		params := map[string]string{"exchange": `"code":"c"`, "introspect": `"token":"t"`}[row.command]
		var r msg
		if params == "" {
			r = s.fails("server", "bad_metadata", row.command)
		} else {
			r = s.fails("server", "bad_metadata", row.command, params)
		}
		if r.Str("error", "field") != row.name || r.Str("error", "came") != row.came || r.Str("error", "expected") == "" || strings.Contains(r.Raw, "s3cret") {
			t.Errorf("%s: %s", row.value, r.Raw)
		}
		if row.name != "authorization_endpoint" && row.name != "token_endpoint" {
			s.signIn()
		}
	}
	// The keys: only a request for an ID token needs them, and then no user is sent away for one
	// that cannot be verified.
	open("read", broken("jwks_uri", `"http://as.example/jwks"`))
	s.signIn()
	for _, command := range []string{"authorize", "device_start"} {
		if r := s.fails("server", "bad_metadata", command, `"scope":"openid"`); r.Str("error", "field") != "jwks_uri" || r.Str("error", "came") != "http://as.example/jwks" {
			t.Error(r.Raw)
		}
	}
	open("openid", broken("jwks_uri", `"http://as.example/jwks"`))
	if r := s.fails("server", "bad_metadata", "authorize"); r.Str("error", "field") != "jwks_uri" {
		t.Error(r.Raw)
	}
	// Members of wrong types.
	for _, more := range []string{
		`"mtls_endpoint_aliases":"none"`, `"mtls_endpoint_aliases":{"token_endpoint":"http://x"}`, `"token_endpoint_auth_methods_supported":"client_secret_post"`, `"token_endpoint_auth_methods_supported":{"a":1}`,
		`"revocation_endpoint_auth_methods_supported":[1,null,{}]`, `"require_pushed_authorization_requests":"yes"`, `"pushed_authorization_request_endpoint":"http://as.example/par"`, `"authorization_response_iss_parameter_supported":"false"`,
		`"end_session_endpoint":"http://as.example/end"`, `"scopes_supported":7`, `"id_token_signing_alg_values_supported":null`,
	} {
		open("read", plainMetadata[:len(plainMetadata)-1]+","+more+"}")
		s.signIn()
	}
	// If the server repairs its document, that is noticed: the next command that needs it fetches
	// it again, but at most once a minute.
	open("read", broken("userinfo_endpoint", `"http://as.example/userinfo"`))
	s.signIn()
	s.fails("server", "bad_metadata", "userinfo")
	metadata = plainMetadata
	s.now += 60_000
	i.info = `{"sub":"248289761001"}`
	s.fails("server", "bad_metadata", "userinfo") // what is known is used meanwhile
	s.ok("userinfo")
}

// TestScenarioIdentityAlone: E56.
func TestScenarioIdentityAlone(t *testing.T) {
	s := newScene(t, "An answer with an ID token alone is one, by a member: granted until the ID token ends, stored, refreshed; nothing that needs an access token works, and none is sent.", "E56")
	i := s.issuer()
	refresh := `,"refresh_token":"r"`
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/token") {
			return jsonReply(200, fmt.Sprintf(`{"token_type":"Bearer","id_token":%q,"id_token_expires_in":300,"profile_info":"x"%s}`, i.token(), refresh))
		}
		return i.serve(m)
	}
	config := with(oidcConf, `{"access_token_optional":true,"introspection_endpoint":"https://as.example/introspect","long_lived_grant_type":"x"}`)
	s.open(with(oidcConf))
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	s.fails("token_not_found", "missing_access_token", "callback", callbackURL(u, "code=c"))

	s.store, s.version, s.lastNonce = map[string]string{}, map[string]int{}, ""
	s.open(config)
	s.events = nil
	u = authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	r := s.ok("callback", callbackURL(u, "code=c"))
	if r.Str("ok", "status") != "granted" || r.Str("ok", "token_type") != "N_A" || r.Str("ok", "claims", "sub") != "248289761001" || r.Str("ok", "expires_at") != fmt.Sprint(s.now+300_000) || !strings.Contains(r.Raw, `"profile_info":"x"`) {
		t.Error(r.Raw)
	}
	s.wantEvents("status:granted granted")
	sent := len(s.sent)
	s.fails("client", "no_access_token", "token")
	s.fails("client", "no_access_token", "prepare", `"url":"https://api.example/v1"`)
	s.fails("client", "no_access_token", "userinfo")
	s.fails("client", "no_access_token", "token_exchange")
	s.fails("client", "no_token", "extend")
	s.fails("client", "no_token", "introspect")
	if len(s.sent) != sent {
		t.Error("something was sent")
	}
	// Another page.
	s.open(config)
	if r := s.ok("status"); r.Str("ok", "status") != "granted" || r.Str("ok", "claims", "sub") != "248289761001" {
		t.Error(r.Raw)
	}
	s.now += 301_000
	i.claims = map[string]any{"nonce": nil}
	refresh = ""
	s.fails("client", "no_access_token", "token") // it was refreshed in vain
	if r := s.ok("status"); r.Str("ok", "status") != "granted" || r.Str("ok", "expires_at") != fmt.Sprint(s.now+300_000) {
		t.Error(r.Raw)
	}
	if r := s.ok("log_out"); r.Str("ok", "revoked") != "true" || s.sent[len(s.sent)-1].Form().Get("token") != "r" {
		t.Error(r.Raw)
	}
	// Without a refresh token there is nothing to revoke, and an expired session ends.
	s.lastNonce, i.claims = "", nil
	u = authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	s.ok("callback", callbackURL(u, "code=c"))
	s.fails("client", "no_token", "revoke")
	s.now += 301_000
	if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" {
		t.Error(r.Raw)
	}
	for _, forged := range []string{`"x.y.z"`, `7`, `""`} {
		s.server = func(m msg) reply { return jsonReply(200, `{"token_type":"Bearer","id_token":`+forged+`}`) }
		u = authorizeURL(s, `"scope":"read"`)
		if r := s.do("callback", callbackURL(u, "code=c")); r.Str("error", "code") == "" {
			t.Error(r.Raw)
		}
	}
	if r := s.open(with(oidcConf, `{"access_token_optional":true,"dpop":true}`)); r.Str("error", "field") != "access_token_optional" {
		t.Error(r.Raw)
	}
}

// TestScenarioTokenResponses: E57 and E58, answers of the token endpoint in other shapes, enabled
// by a member or recognized by their content.
func TestScenarioTokenResponses(t *testing.T) {
	s := newScene(t, "Token types of other names, tokens below a path, lives under another name.", "E57", "E58", "E91")
	var body string
	s.server = func(m msg) reply { return jsonReply(200, body) }
	for _, row := range []struct{ name, config, body, want string }{
		{"another name", `{"bearer_token_types":["user","bot"]}`, `{"access_token":"a","token_type":"bot"}`, "a Bearer"},
		{"in any case", `{"bearer_token_types":["BearerToken"]}`, `{"access_token":"a","token_type":"bearertoken"}`, "a Bearer"},
		{"and the usual one", `{"bearer_token_types":["user"]}`, `{"access_token":"a","token_type":"Bearer"}`, "a Bearer"},
		{"none of them", `{"bearer_token_types":["user"]}`, `{"access_token":"a","token_type":"mac"}`, "unknown_token_type"},
		{"without the member", `{}`, `{"access_token":"a","token_type":"bot"}`, "unknown_token_type"},
		{"not there", `{"bearer_token_types":["user"]}`, `{"access_token":"a"}`, "missing_token_type"},
		{"Slack", `{"token_response_path":"authed_user","bearer_token_types":["user"]}`, `{"ok":true,"access_token":"xoxb","token_type":"bot","authed_user":{"id":"U1","scope":"users:read","access_token":"xoxp","token_type":"user"}}`, "xoxp Bearer"},
		{"two levels", `{"token_response_path":"data.tokens"}`, `{"data":{"tokens":{"access_token":"a","token_type":"Bearer"}}}`, "a Bearer"},
		{"the level is not there", `{"token_response_path":"authed_user"}`, `{"access_token":"xoxb","token_type":"Bearer"}`, "missing_access_token"},
		{"the level is none", `{"token_response_path":"authed_user"}`, `{"access_token":"xoxb","token_type":"Bearer","authed_user":[]}`, "missing_access_token"},
		{"an error goes before", `{"token_response_path":"authed_user"}`, `{"ok":false,"error":"invalid_code"}`, "oauth_error"},
	} {
		s.open(with(row.config))
		body = row.body
		u := authorizeURL(s)
		r := s.do("callback", callbackURL(u, "code=c"))
		got := r.Str("error", "code")
		if got == "" {
			token := s.ok("token")
			got = token.Str("ok", "access_token") + " " + token.Str("ok", "token_type")
		}
		if got != row.want {
			t.Errorf("%s: %s, %s", row.name, got, r.Raw)
		}
	}
	// The answer to a refresh may omit the level (Slack's does), or have it.
	s.open(with(`{"token_response_path":"authed_user","bearer_token_types":["user"]}`))
	body = `{"authed_user":{"access_token":"a1","token_type":"user","refresh_token":"r1","expires_in":43200}}`
	s.signIn()
	for n, next := range []string{`{"access_token":"a2","token_type":"user","refresh_token":"r2"}`, `{"authed_user":{"access_token":"a3","token_type":"user","refresh_token":"r3"}}`} {
		body = next
		s.ok("refresh")
		if r := s.ok("token"); r.Str("ok", "access_token") != fmt.Sprintf("a%d", n+2) || s.sent[len(s.sent)-1].Form().Get("refresh_token") != fmt.Sprintf("r%d", n+1) {
			t.Error(r.Raw)
		}
	}

	s.open(conf)
	for _, row := range []struct{ name, members, want string }{
		{"a life", `"expires":3600`, "1700003600000"},
		{"a life as text", `"expires":"3600"`, "1700003600000"},
		{"a time", `"expires":1700000060`, "1700000060000"},
		{"a time in milliseconds, too", `"expires":1700003600000`, "1700003600000"},
		{"expires_in goes before", `"expires":60,"expires_in":3600`, "1700003600000"},
		{"and before expires_at", `"expires":60,"expires_at":1700003600`, "1700000060000"},
		{"a time in milliseconds", `"expires_at":1700003600000`, "1700003600000"},
		{"what is no number says nothing", `"expires":"2026-11-29T06:00:00Z"`, ""},
		{"and goes on to expires_at", `"expires":"never","expires_at":1700000060`, "1700000060000"},
	} {
		body = `{"access_token":"a","token_type":"Bearer",` + row.members + `}`
		s.signIn()
		if r := s.ok("status"); r.Str("ok", "expires_at") != row.want {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
}

// TestScenarioRefreshWithScope: E58.
func TestScenarioRefreshWithScope(t *testing.T) {
	s := newScene(t, "A refresh names the scope that was asked for, by a member, and none without it.", "E58")
	for _, row := range []struct{ config, scope, want string }{
		{`{"refresh_with_scope":true}`, "", "read write"}, {`{"refresh_with_scope":true}`, `"scope":"read offline_access"`, "read offline_access"}, {`{"refresh_with_scope":true,"scope":null}`, "", ""}, {`{}`, "", ""},
	} {
		s.tokenServer()
		s.open(with(row.config))
		if row.scope == "" {
			s.signIn()
		} else {
			s.signIn(row.scope)
		}
		for range 2 { // neither the first answer nor the second names a scope
			s.ok("refresh")
			if got := s.sent[len(s.sent)-1].Form()["scope"]; strings.Join(got, "|") != row.want {
				t.Errorf("%s: %q", row.config, got)
			}
		}
	}
}

// decodeClaims reads a part of a JWT.
func decodeClaims(t *testing.T, part string) (claims map[string]any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, &claims)
	}
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// E89
func TestScenarioErrorShapes(t *testing.T) {
	s := newScene(t, "What a server says of a failure in a form of its own is told, and nothing secret in it.", "E89")
	s.open(with("{}"))
	for _, row := range []struct{ name, body, came string }{
		{"an object (Facebook)", `{"error":{"message":"Invalid verification code format.","type":"OAuthException","code":100}}`, "Invalid verification code format."},
		{"an object (Google APIs)", `{"error":{"code":403,"status":"PERMISSION_DENIED","message":"Not for this account"}}`, "Not for this account"},
		{"an object without a message", `{"error":{"type":"x","detail":"Down"}}`, "Down"},
		{"problem details (RFC 9457)", `{"type":"about:blank","title":"Bad request","detail":"The code has expired","status":400}`, "The code has expired"},
		{"Okta", `{"errorCode":"E0000011","errorSummary":"Invalid token provided","errorCauses":[]}`, "Invalid token provided"},
		{"a list of objects", `{"errors":[{"code":"1","message":"First"},{"message":"Second"}]}`, "First"},
		{"a list of texts (Shopify)", `{"errors":["Unknown shop"]}`, "Unknown shop"},
		{"WeChat", `{"errcode":40029,"errmsg":"invalid code"}`, "invalid code"},
		{"a description alone", `{"error_description":"Say more"}`, "Say more"},
		{"what repeats the code", `{"message":"the-code-itself is over"}`, "(redacted)"},
		{"what is no text for a log", `{"message":"a\u0007\u202eb"}`, "ab"},
		{"nothing", `{"error":{},"errors":[],"message":1}`, ""},
	} {
		for _, status := range []int{400, 200} {
			s.server = func(msg) reply { return jsonReply(status, row.body) }
			r := s.do("callback", callbackURL(authorizeURL(s), "code=the-code-itself"))
			if got := r.Str("error", "code"); got != map[int]string{400: "http_error", 200: "missing_access_token"}[status] || r.Str("error", "came") != row.came {
				t.Errorf("%s, %d: %s", row.name, status, r.Raw)
			}
		}
	}
}
