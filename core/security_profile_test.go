package core

import (
	"fmt"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"os"
	"strings"
	"testing"
)

// TestSecurityProfileDrawsRepeatAttempts: many authorization requests wait for one input: no state
// or verifier repeats.
func TestSecurityProfileDrawsRepeatAttempts(t *testing.T) {
	s := quietScene(t)
	s.handle = s.engine.Open([]byte(s.head() + `"kind":"client","config":` + conf + `}`))
	load := s.drain()
	for i := 1; i <= 129; i++ {
		load = append(load, s.input(fmt.Sprintf(`"command":"authorize","id":%d`, i))...)
	}
	seen := map[string]string{}
	for _, m := range s.settle(load) {
		st := m.Str("ok", "state")
		if st != "" && seen[st] != "" {
			t.Fatalf("the same state and verifier twice:\n%s\n%s", seen[st], m.Str("ok", "url"))
		}
		seen[st] = m.Str("ok", "url")
	}
}

// TestSecurityProfileAlgChanged: another dpop_signing_alg is for new keys; an existing session
// keeps its own.
func TestSecurityProfileAlgChanged(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(msg) reply { n++; return dpopToken(n) }
	s.open(with(dpopConf))
	s.signIn()
	s.open(with(`{"dpop":true,"dpop_signing_alg":"ES384"}`))
	s.ok("refresh")
}

// TestSecurityProfileDiscoverySecondPlace: the second URL for metadata is tried whenever the first
// has none for us (RFC 8414 section 3.1; MCP clients must try both).
func TestSecurityProfileDiscoverySecondPlace(t *testing.T) {
	for _, first := range []reply{{failed: "network"}, {status: 403}, {status: 400}, {status: 200, ctype: "text/html", body: "<!doctype html>"}} {
		s := quietScene(t)
		s.open(`{"issuer":"https://as.example","client_id":"c","redirect_uri":"https://client.example/cb","discovery":true}`)
		s.server = func(m msg) reply {
			if strings.HasSuffix(m.Str("url"), "/.well-known/oauth-authorization-server") {
				return jsonReply(200, `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token"}`)
			}
			return first // CORS lets a page see no 404; a server that answers all other paths
		}
		if r := s.do("authorize"); r.M["ok"] == nil {
			t.Error(first, r.Raw)
		}
	}
}

// TestSecurityProfileDiscoveryInserted: an OpenID document at the URL of RFC 8414 section 5 (the
// second of the three that MCP clients must try).
func TestSecurityProfileDiscoveryInserted(t *testing.T) {
	s := quietScene(t)
	s.open(`{"issuer":"https://as.example/tenant1","client_id":"c","redirect_uri":"https://client.example/cb","discovery":true}`)
	s.server = func(m msg) reply {
		if m.Str("url") == "https://as.example/.well-known/openid-configuration/tenant1" {
			return jsonReply(200, `{"issuer":"https://as.example/tenant1","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token"}`)
		}
		return reply{status: 404}
	}
	if r := s.do("authorize"); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}

// TestSecurityProfileResourceMetadataAtRoot: MCP servers may have their metadata only at the root
// of the host.
func TestSecurityProfileResourceMetadataAtRoot(t *testing.T) {
	s := quietScene(t)
	s.open(conf)
	s.server = func(m msg) reply {
		if m.Str("url") == "https://mcp.example/.well-known/oauth-protected-resource" {
			return jsonReply(200, `{"resource":"https://mcp.example/mcp","authorization_servers":["https://as.example"]}`)
		}
		return reply{status: 404}
	}
	s.ok("resource_metadata", `"url":"https://mcp.example/mcp"`)
}

// TestSecurityProfileAssertionClientID: with a client assertion the request also has client_id (RFC
// 7521 section 4.2 allows it, Entra ID requires it).
func TestSecurityProfileAssertionClientID(t *testing.T) {
	s := quietScene(t)
	s.keys = map[string]bool{"signing": true}
	s.tokenServer()
	s.open(with(`{"client_key":"signing","token_endpoint_auth_method":"private_key_jwt"}`))
	s.ok("client_credentials")
	if got := s.sent[0].Form().Get("client_id"); got != "s6BhdRkqt3" {
		t.Errorf("client_id %q", got)
	}
}

// TestSecurityProfileRequestObjectClaims: no parameter of a caller replaces the request object's
// claims about its issuer and audience.
func TestSecurityProfileRequestObjectClaims(t *testing.T) {
	s := quietScene(t)
	s.keys = map[string]bool{"signing": true}
	s.open(with(`{"client_key":"signing","request_object_signing_alg":"ES256"}`))
	for _, name := range []string{"iss", "aud", "exp", "nbf", "iat", "jti", "sub"} {
		r := s.do("authorize", fmt.Sprintf(`"parameters":[[%q,"https://evil.example"]]`, name))
		if r.M["ok"] == nil {
			continue
		}
		_, query, _ := strings.Cut(r.Str("ok", "url"), "request=")
		payload := string(unb64(strings.Split(query, ".")[1]))
		if n := strings.Count(payload, `"`+name+`":`); n != 1 || strings.Contains(payload, `"`+name+`":"https://evil`) {
			t.Errorf("%s stands %d times in %s", name, n, payload)
		}
	}
}

// TestSecurityProfileResourceOfAttempt: a token request names no resource that the authorization
// request did not name (RFC 8707 section 2.2).
func TestSecurityProfileResourceOfAttempt(t *testing.T) {
	s := quietScene(t)
	s.open(with(`{"resource":["https://a.example/"]}`))
	s.fails("client", "protected_parameter", "authorize", `"parameters":[["resource","https://b.example/"]]`)
}

// TestSecurityProfileCancelledWhileSigning: a command that was cancelled while its proof was signed
// sends nothing.
func TestSecurityProfileCancelledWhileSigning(t *testing.T) {
	for _, name := range []string{"userinfo", "device_start"} {
		s := quietScene(t)
		s.server = func(msg) reply { return dpopToken(1) }
		s.keys = map[string]bool{"signing": true}
		s.open(with(`{"dpop":true,"client_key":"signing","token_endpoint_auth_method":"private_key_jwt","device_authorization_endpoint":"https://as.example/device"}`))
		s.signIn()
		s.sent = nil
		effects := s.input(`"command":"` + name + `","id":90`)
		if len(effects) != 1 || effects[0].Str("kind") != "sign" {
			t.Fatal(effects)
		}
		s.input(`"command":"cancel","id":91,"target":90`)
		s.answer(effects[0], s.keyed(effects[0]))
		if len(s.sent) != 0 {
			t.Errorf("%s: sent after it was cancelled: %s %s", name, s.sent[0].Str("method"), s.sent[0].Str("url"))
		}
	}
}

// TestSecurityProfileProofRefused: a refused proof says nothing about the token: no refresh token
// is used because of it (RFC 9449 section 7.1).
func TestSecurityProfileProofRefused(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(msg) reply { n++; return dpopToken(n) }
	s.open(with(dpopConf))
	s.signIn()
	s.sent = nil
	s.ok("answered", `"url":"https://api.example/v1/x","method":"GET","status":401,"headers":[["www-authenticate","DPoP error=\"invalid_dpop_proof\""]],"sent":"DPoP access-1"`)
	s.wantSent(0)
}

// TestSecurityProfileAliasOfRevocation: the certificate is for the revocation endpoint only.
func TestSecurityProfileAliasOfRevocation(t *testing.T) {
	s := quietScene(t)
	s.keys = map[string]bool{"signing": true}
	s.open(`{"issuer":"https://as.example","client_id":"c","redirect_uri":"https://client.example/cb","discovery":true,"client_key":"signing","token_endpoint_auth_method":"private_key_jwt","revocation_endpoint_auth_method":"tls_client_auth"}`)
	s.server = func(m msg) reply {
		switch {
		case strings.Contains(m.Str("url"), "/.well-known/"):
			return jsonReply(200, `{"issuer":"https://as.example","token_endpoint":"https://as.example/token","revocation_endpoint":"https://as.example/revoke","mtls_endpoint_aliases":{"revocation_endpoint":"https://mtls.as.example/revoke"}}`)
		case strings.HasSuffix(m.Str("url"), "/token"):
			return jsonReply(200, `{"access_token":"a","token_type":"Bearer"}`)
		}
		return reply{status: 200}
	}
	s.ok("client_credentials")
	s.ok("revoke")
	if got := s.sent[len(s.sent)-1].Str("url"); got != "https://mtls.as.example/revoke" {
		t.Error(got)
	}
}

// TestSecurityProfileReadmeNamesEveryMember: the contract says that members which it does not name
// are refused.
func TestSecurityProfileReadmeNamesEveryMember(t *testing.T) {
	text, err := os.ReadFile("contract/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, f := config.Read(jsonOf(t, with(`{"client_assertion_audience":"https://as.example/token"}`))); f == nil && !strings.Contains(string(text), "client_assertion_audience") {
		t.Error("client_assertion_audience is taken and not in the contract")
	}
}

// TestSecurityProfileKeyFaultCodes: a host's failed signature becomes an error of the contract's
// table.
func TestSecurityProfileKeyFaultCodes(t *testing.T) {
	text, _ := os.ReadFile("contract/README.md")
	_, table, _ := strings.Cut(string(text), "| `client` | with `field`")
	row, _, _ := strings.Cut(table, "\n")
	for _, failed := range []string{"timeout", "internal", "aborted"} {
		s := quietScene(t)
		s.keys = map[string]bool{"signing": true}
		s.open(with(`{"client_key":"signing","token_endpoint_auth_method":"private_key_jwt"}`))
		effects := s.input(`"command":"client_credentials","id":1`)
		r := s.resultOf("1", s.settle(s.answer(effects[0], `"failed":{"kind":"`+failed+`"}`)))
		if r.Str("error", "kind") == "client" && !strings.Contains(row, "`"+r.Str("error", "code")+"`") {
			t.Error("not in the table:", r.Raw)
		}
	}
}
