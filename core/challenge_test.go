package core

import (
	"strings"
	"testing"
)

// TestScenarioChallenge: the application learns what a resource requires. If no new token helps,
// none is requested (RFC 6750 section 3, RFC 9470, RFC 9728).
func TestScenarioChallenge(t *testing.T) {
	s := newScene(t, "A challenge says what the resource wants: a nonce, another token, a stronger sign-in, or who can give one.", "Q13")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.sent = nil
	const at = `"url":"https://api.example/v1/x","sent":"Bearer access-1"`
	stepUp := s.ok("answered", at, `"status":401,"headers":[["content-type","text/plain"],["www-authenticate","Bearer realm=\"a, b=\\\"c\\\"\", error=\"insufficient_user_authentication\", error_description=\"A stronger sign-in\", acr_values=\"phr phrh\", max_age=\"5\""]]`)
	if got := stepUp.Str("ok"); got != `{"challenge":{"acr_values":"phr phrh","error":"insufficient_user_authentication","error_description":"A stronger sign-in","max_age":5,"scheme":"bearer"}}` {
		t.Error(got)
	}
	s.wantSent(0)
	found := s.ok("answered", `"url":"https://api.example/v1/x"`, `"status":401,"headers":[["www-authenticate","Negotiate abc==, Basic realm=x"],["www-authenticate","Bearer resource_metadata=\"https://api.example/.well-known/oauth-protected-resource/v1\", scope=\"a b\""]]`)
	if got := found.Str("ok"); got != `{"challenge":{"resource_metadata":"https://api.example/.well-known/oauth-protected-resource/v1","scheme":"bearer","scope":"a b"}}` {
		t.Error(got)
	}
	// A 403 says what is missing, and is passed on.
	if got := s.ok("answered", at, `"status":403,"headers":[["www-authenticate","Bearer error=insufficient_scope,scope=\"admin\""]]`).Str("ok"); got != `{"challenge":{"error":"insufficient_scope","scheme":"bearer","scope":"admin"}}` {
		t.Error(got)
	}
	// For a token that is not bound a nonce is useless.
	if r := s.ok("answered", at, `"status":401,"headers":[["www-authenticate","DPoP error=\"use_dpop_nonce\""],["dpop-nonce","n"]]`); r.Str("ok", "headers") != "" {
		t.Error(r.Raw)
	}
	s.wantSent(0)
	for _, odd := range []string{``, ` `, `,,,`, `=`, `"`, `Bearer`, `Bearer =`, `Bearer a`, `Bearer a=`, `Bearer a="`, `Bearer a="\`, `=a Bearer x`, `Bearer error="\"\\", max_age=-1`, `Bearer max_age=99999999999999999999`,
		`Bearer resource_metadata="http://evil.example/"`, `Bearer resource_metadata="javascript:alert(1)"`, strings.Repeat("a=", 3000), "Bearer error=\"\x00\x1f\u00e9\""} {
		r := s.ok("answered", `"url":"https://api.example/v1/x"`, `"status":401,"headers":[["www-authenticate",`+quote(odd)+`]]`)
		if strings.Contains(r.Raw, "evil") || strings.Contains(r.Raw, "javascript") || strings.Contains(r.Raw, "-1") {
			t.Error(odd, r.Raw)
		}
	}
	for _, odd := range []string{`{}`, `[1]`, `[["www-authenticate"]]`, `[[]]`, `"x"`, `[["www-authenticate",1]]`} {
		s.ok("answered", `"url":"https://api.example/v1/x"`, `"status":401,"headers":`+odd)
	}
}

// TestScenarioRegistration: a client registers itself (RFC 7591 section 3). It has no client_id
// before.
func TestScenarioRegistration(t *testing.T) {
	s := newScene(t, "Dynamic registration: the metadata goes out as it is, and the answer comes back as it is; without a client_id nothing else works.", "H5", "X6")
	var answer reply
	s.server = func(m msg) reply {
		if m.Str("stage") == "discovery" {
			return jsonReply(200, `{"issuer":"https://as.example","registration_endpoint":"https://as.example/register","authorization_endpoint":"https://as.example/authorize"}`)
		}
		return answer
	}
	s.open(`{"issuer":"https://as.example","discovery":true,"client_metadata":{"redirect_uris":["https://client.example/cb"],"client_name":"é"}}`)
	answer = jsonReply(201, `{"client_id":"new","client_secret":"shh","client_id_issued_at":1,"x":[1]}`)
	if r := s.ok("register", `"initial_access_token":"initial"`); !strings.Contains(r.Raw, `"client":{"client_id":"new","client_secret":"shh","client_id_issued_at":1,"x":[1]}`) {
		t.Error(r.Raw)
	}
	m := s.sent[1]
	if m.Str("body", "text") != `{"redirect_uris":["https://client.example/cb"],"client_name":"é"}` || m.Header("content-type") != "application/json" || m.Header("authorization") != "Bearer initial" {
		t.Error(m.Raw)
	}
	answer = jsonReply(400, `{"error":"invalid_redirect_uri","error_description":"not you, initial-token"}`)
	if r := s.fails("server", "oauth_error", "register", `"initial_access_token":"initial-token"`); r.Str("error", "error") != "invalid_redirect_uri" || strings.Contains(r.Raw, "initial-token") {
		t.Error(r.Raw)
	}
	answer = jsonReply(201, `{}`)
	s.fails("server", "bad_registration", "register")
	s.fails("client", "bad_value", "register", `"initial_access_token":"a b"`)
	s.sent = nil
	for _, name := range []string{"authorize", "callback", "token", "refresh", "status", "export", "client_credentials", "log_out"} {
		if r := s.fails("client", "missing", name); r.Str("error", "field") != "client_id" {
			t.Error(r.Raw)
		}
	}
	s.wantSent(0)
	s.open(conf)
	if r := s.fails("client", "missing", "register"); r.Str("error", "field") != "registration_endpoint" {
		t.Error(r.Raw)
	}
	s.open(with(`{"registration_endpoint":"https://as.example/register"}`))
	if r := s.fails("client", "missing", "register"); r.Str("error", "field") != "client_metadata" {
		t.Error(r.Raw)
	}
	if r := s.open(`{"client_metadata":[]}`); r.Str("error", "field") != "client_metadata" {
		t.Error(r.Raw)
	}
}

// TestScenarioResourceMetadata: from a resource to the server that issues tokens for it (RFC 9728).
func TestScenarioResourceMetadata(t *testing.T) {
	s := newScene(t, "Protected resource metadata: found where it belongs, or where the challenge says; only the resource speaks for itself.", "X10")
	body := ""
	s.server = func(m msg) reply { return jsonReply(200, body) }
	s.open(`{"client_metadata":{}}`)
	// A client without a session reads a resource's first challenge.
	if r := s.ok("answered", `"url":"https://mcp.example/a","status":401,"headers":[["www-authenticate","Bearer resource_metadata=\"https://mcp.example/meta\""]]`); r.Str("ok", "challenge", "resource_metadata") != "https://mcp.example/meta" {
		t.Error(r.Raw)
	}
	for _, row := range []struct{ url, params, asked, resource, code string }{
		{"https://mcp.example", "", "https://mcp.example/.well-known/oauth-protected-resource", "https://mcp.example", ""},
		{"https://mcp.example/", "", "https://mcp.example/.well-known/oauth-protected-resource", "https://mcp.example/", ""},
		{"https://mcp.example/a/mcp?x=1", "", "https://mcp.example/.well-known/oauth-protected-resource/a/mcp", "https://mcp.example/a", ""},
		{"https://mcp.example/a", `,"resource_metadata":"https://mcp.example/meta"`, "https://mcp.example/meta", "https://mcp.example/a", ""},
		{"https://mcp.example/a", "", "https://mcp.example/.well-known/oauth-protected-resource/a", "https://evil.example/a", "wrong_resource"},
		{"https://mcp.example/a", "", "https://mcp.example/.well-known/oauth-protected-resource/a", "https://mcp.example/b", "wrong_resource"},
		{"https://mcp.example/a", "", "https://mcp.example/.well-known/oauth-protected-resource/a", "", "wrong_resource"},
		{"http://mcp.example/a", "", "", "", "bad_url"},
		{"mcp", "", "", "", "bad_url"},
		{"https://mcp.example/a", `,"resource_metadata":"http://mcp.example/meta"`, "", "", "bad_url"},
	} {
		s.sent = nil
		body = `{"resource":` + quote(row.resource) + `,"authorization_servers":["https://as.example"]}`
		r := s.do("resource_metadata", `"url":`+quote(row.url)+row.params)
		if r.Str("error", "code") != row.code || row.code == "" && r.Str("ok", "metadata", "authorization_servers") != `["https://as.example"]` {
			t.Error(row.url, r.Raw)
		}
		if row.asked == "" {
			s.wantSent(0)
		} else if s.sent[0].Str("url") != row.asked {
			t.Error(s.sent[0].Raw)
		}
	}
}

// TestScenarioFrontChannelLogout: the server's page loads the client's logout URL. Only a request
// with the session's sid ends the session (OpenID Connect Front-Channel Logout section 3).
func TestScenarioFrontChannelLogout(t *testing.T) {
	s := newScene(t, "Front-channel logout ends the session whose iss and sid it names, and no other.", "X10", "Q1")
	i := s.issuer()
	i.claims = map[string]any{"sid": `"08a5019c"`}
	s.open(with(oidcConf))
	s.callback()
	for _, params := range []string{``, `"url":"https://client.example/out"`, `"url":"https://client.example/out?iss=https%3A%2F%2Fas.example"`, `"url":"https://client.example/out?iss=https%3A%2F%2Fas.example&sid="`,
		`"url":"https://client.example/out?iss=https%3A%2F%2Fas.example&sid=other"`, `"url":"https://client.example/out?iss=https%3A%2F%2Fevil.example&sid=08a5019c"`, `"parameters":[["sid","08a5019c"]]`} {
		args := []string{}
		if params != "" {
			args = append(args, params)
		}
		if r := s.ok("front_channel_logout", args...); r.Str("ok", "logged_out") != "false" {
			t.Error(params, r.Raw)
		}
	}
	s.fails("client", "bad_value", "front_channel_logout", `"url":"https://client.example/out?iss=https%3A%2F%2Fas.example&sid=other&sid=08a5019c"`)
	s.ok("token")
	s.eventNames()
	if r := s.ok("front_channel_logout", `"url":"https://client.example/out?iss=https%3A%2F%2Fas.example&sid=08a5019c"`); r.Str("ok", "logged_out") != "true" {
		t.Error(r.Raw)
	}
	s.wantEvents("status:not_authenticated")
	if s.store["oauth2.session"] != "" {
		t.Error(s.store)
	}
	s.fails("client", "not_signed_in", "token")
	if r := s.ok("front_channel_logout", `"url":"https://client.example/out?iss=https%3A%2F%2Fas.example&sid=08a5019c"`); r.Str("ok", "logged_out") != "false" {
		t.Error(r.Raw)
	}
}
