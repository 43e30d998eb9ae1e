package core

import (
	"crypto"
	"crypto/elliptic"
	"crypto/sha512"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
)

// TestOpenIDHashes: at_hash with the digest of each algorithm (Q12).
func TestOpenIDHashes(t *testing.T) {
	half := func(h crypto.Hash, s string) string {
		d := h.New()
		d.Write([]byte(s))
		sum := d.Sum(nil)
		return b64(sum[:len(sum)/2])
	}
	for _, row := range []struct {
		alg  string
		key  crypto.Signer
		hash crypto.Hash
	}{
		{"RS256", rsaKey, crypto.SHA256}, {"RS384", rsaKey, crypto.SHA384}, {"RS512", rsaKey, crypto.SHA512},
		{"ES256", ecKey(elliptic.P256(), "1"), crypto.SHA256}, {"ES384", ecKey(elliptic.P384(), "1"), crypto.SHA384}, {"ES512", ecKey(elliptic.P521(), "1"), crypto.SHA512},
		{"EdDSA", edKey("1"), crypto.SHA512},
	} {
		for _, hash := range []crypto.Hash{crypto.SHA256, crypto.SHA384, crypto.SHA512} {
			s := quietScene(t)
			i := s.issuer()
			i.key, i.alg, i.header, i.keys = row.key, row.alg, "", []string{jwk(row.key, "")}
			i.claims = map[string]any{"at_hash": quote(half(hash, "access-1"))}
			s.open(with(oidcConf))
			if r := s.callback(); (r.M["ok"] != nil) != (hash == row.hash) {
				t.Errorf("%s with %v: %s", row.alg, hash, r.Raw)
			}
		}
	}
	if d := sha512.Sum384([]byte("abc")); jose.HalfHash("ES384", "abc") != b64(d[:24]) {
		t.Error("ES384")
	}
}

// TestOpenIDRestoredUnverified: claims of an ID token that was not verified are not restored from
// the store (Q12).
func TestOpenIDRestoredUnverified(t *testing.T) {
	s := quietScene(t)
	s.issuer()
	s.open(with(`{"scope":"openid","insecure_id_token_unverified":true,"issuer":"https://as.example"}`))
	s.callback()
	bytes := s.ok("export").Str("ok", "session")
	for _, rest := range [][]string{nil, {`"session":` + quote(bytes)}} {
		s.open(with(oidcConf), rest...)
		if r := s.ok("status"); r.Str("ok", "id_token") == "" || r.Str("ok", "claims") != "" {
			t.Error(r.Raw)
		}
	}
}

// TestOpenIDKeysForTheHost: only public members are given to the host, and a key with another use
// verifies nothing (Q12, X6).
func TestOpenIDKeysForTheHost(t *testing.T) {
	for _, row := range []struct {
		more string
		ok   bool
	}{{`"d":"SECRET","k":"SECRET","p":"SECRET"`, true}, {`"use":"sig"`, true}, {`"use":"enc"`, false}, {`"use":"other"`, false}} {
		s := quietScene(t)
		i := s.issuer()
		i.header, i.keys = "", []string{jwk(rsaKey, row.more)}
		s.open(with(oidcConf))
		if r := s.callback(); (r.M["ok"] != nil) != row.ok {
			t.Error(row.more, r.Raw)
		}
		for _, line := range s.rec.Lines {
			if strings.Contains(line, `"kind":"verify"`) && strings.Contains(line, "SECRET") {
				t.Error(line)
			}
		}
	}
}

// TestOpenIDTenants: with a template, the tenant in the ID token's issuer must equal its tid (Q12).
func TestOpenIDTenants(t *testing.T) {
	for _, row := range []struct {
		iss, tid string
		ok       bool
	}{
		{"https://login.example/72f988bf/v2.0", `"72f988bf"`, true}, {"https://login.example/72f988bf/v2.0", `"other"`, false}, {"https://login.example/common/v2.0", `"72f988bf"`, false},
		{"https://login.example/a/../b/v2.0", `"a/../b"`, false}, {"https://login.example//v2.0", `""`, false}, {"https://evil.example/72f988bf/v2.0", `"72f988bf"`, false},
	} {
		s := quietScene(t)
		i := s.issuer()
		i.claims = map[string]any{"iss": quote(row.iss), "tid": row.tid}
		s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","issuer":"https://login.example/common/v2.0","issuer_template":"https://login.example/{tenantid}/v2.0"}`))
		if r := s.callback(); (r.M["ok"] != nil) != row.ok {
			t.Error(row.iss, row.tid, r.Raw)
		}
	}
}

// TestOpenIDMetadataSays: what metadata decide in addition to endpoints (H1, H4), and how often
// they are fetched.
func TestOpenIDMetadataSays(t *testing.T) {
	i := quietScene(t).issuer()
	for _, row := range []struct{ name, more, config, want string }{
		{"post where basic is not offered", `"token_endpoint_auth_methods_supported":["client_secret_post"]`, "", "body"},
		{"basic where both are", `"token_endpoint_auth_methods_supported":["client_secret_post","client_secret_basic"]`, "", "header"},
		{"basic by hand", `"token_endpoint_auth_methods_supported":["client_secret_post"]`, `,"token_endpoint_auth_method":"client_secret_basic"`, "header"},
		{"pushed requests required, and no place for them", `"require_pushed_authorization_requests":true`, "", "missing"},
	} {
		s := quietScene(t)
		i.s = s
		meta, down := strings.Replace(oidcMeta, "{", "{"+row.more+",", 1), false
		s.server = oidcFound(i, &meta, &down)
		s.open(strings.Replace(discoveryConf, `"discovery":true`, `"discovery":true,"client_secret":"s"`+row.config, 1))
		r := s.do("authorize")
		if row.want == "missing" {
			if r.Str("error", "field") != "pushed_authorization_request_endpoint" {
				t.Error(row.name, r.Raw)
			}
			continue
		}
		s.callback()
		last := s.sent[len(s.sent)-1]
		if (last.Header("authorization") != "") != (row.want == "header") || (last.Form().Get("client_secret") != "") != (row.want == "body") {
			t.Error(row.name, last.Raw)
		}
	}
	s := quietScene(t)
	i.s = s
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	s.ok("authorize")
	s.now += 2 * issuer.MetadataLife
	down, s.sent = true, nil
	for range 5 {
		s.ok("authorize")
	}
	s.wantSent(1)
	s.now += issuer.KeysLimit
	s.ok("authorize")
	s.wantSent(2)
}

// TestEndpointsAuthenticateByTheirOwnMetadata (S12): each endpoint's own list, or configuration,
// determines the client authentication there (RFC 8414 section 2). Without one it is that of the
// token endpoint.
func TestEndpointsAuthenticateByTheirOwnMetadata(t *testing.T) {
	const (
		endpoints = `"introspection_endpoint":"https://as.example/introspect","mtls_endpoint_aliases":{"introspection_endpoint":"https://mtls.example/introspect","token_endpoint":"https://mtls.example/token"}`
		basic     = "basic"
		post      = "post"
	)
	for _, row := range []struct{ name, meta, config, introspection, revocation string }{
		{"as at the token endpoint", "", "", basic, basic},
		{"as the token endpoint's list says", `"token_endpoint_auth_methods_supported":["client_secret_post"]`, "", post, post},
		{"by a list of its own", `"introspection_endpoint_auth_methods_supported":["client_secret_post"]`, "", post, basic},
		{"revocation by a list of its own", `"revocation_endpoint_auth_methods_supported":["client_secret_post"]`, "", basic, post},
		{"back from post", `"token_endpoint_auth_methods_supported":["client_secret_post"],"introspection_endpoint_auth_methods_supported":["client_secret_basic"]`, "", basic, post},
		{"by a JWT", `"introspection_endpoint_auth_methods_supported":["private_key_jwt","client_secret_jwt"]`, "", "jwt", basic},
		{"where nothing of the list can be had", `"introspection_endpoint_auth_methods_supported":["private_key_jwt"]`, "", basic, basic},
		{"what is no list", `"introspection_endpoint_auth_methods_supported":"client_secret_post"`, "", basic, basic},
		{"by configuration", `"introspection_endpoint_auth_methods_supported":["client_secret_basic"]`, `"introspection_endpoint_auth_method":"client_secret_post"`, post, basic},
		{"without authentication", "", `"introspection_endpoint_auth_method":"none"`, "none", basic},
		{"by certificate, at its alias", "", `"introspection_endpoint_auth_method":"tls_client_auth"`, "mtls", basic},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.keys = map[string]bool{}
			i := s.issuer()
			more := endpoints
			if row.meta != "" {
				more += "," + row.meta
			}
			meta, down := strings.Replace(oidcMeta, "{", "{"+more+",", 1), false
			found := oidcFound(i, &meta, &down)
			seen := map[string]string{}
			s.server = func(m msg) reply {
				stage := m.Str("stage")
				if stage != "introspection" && stage != "revocation" {
					return found(m)
				}
				switch form := m.Form(); {
				case m.Header("authorization") != "":
					seen[stage] = basic
				case form.Get("client_secret") != "":
					seen[stage] = post
				case form.Get("client_assertion") != "":
					seen[stage] = "jwt"
				case strings.HasPrefix(m.Str("url"), "https://mtls."):
					seen[stage] = "mtls"
				default:
					seen[stage] = "none"
				}
				return jsonReply(200, `{"active":true}`)
			}
			config := `"client_secret":"a secret of some length"`
			if row.config != "" {
				config += "," + row.config
			}
			if r := s.open(strings.Replace(discoveryConf, "{", "{"+config+",", 1)); s.handle == 0 {
				t.Fatal(r.Raw)
			}
			s.ok("introspect", `"token":"t"`)
			s.callback()
			s.ok("revoke")
			if seen["introspection"] != row.introspection || seen["revocation"] != row.revocation {
				t.Errorf("introspection by %s, revocation by %s", seen["introspection"], seen["revocation"])
			}
		})
	}
}

// TestOpenIDProtected: parameters of the engine's own, an invalid state and another kind of JWT are
// refused (H4, Q12).
func TestOpenIDProtected(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(`{"client_secret":"s","end_session_endpoint":"https://as.example/logout"}`))
	for _, name := range []string{"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "subject_token", "subject_token_type", "requested_token_type"} {
		s.fails("client", "protected_parameter", "client_credentials", fmt.Sprintf(`"parameters":[[%q,"x"]]`, name))
	}
	s.fails("client", "bad_value", "log_out", `"state":"a\u0007b"`)
	i := s.issuer()
	s.open(with(oidcConf))
	for typ, ok := range map[string]bool{"logout+jwt": true, "JWT": true, "secevent+jwt": false, "id_token": false} {
		now := s.now / 1000
		token := jwt(i.key, i.alg, fmt.Sprintf(`"kid":"1","typ":%q`, typ), fmt.Sprintf(`{"iss":"https://as.example","aud":"s6BhdRkqt3","sub":"1","jti":"1","iat":%d,"exp":%d,"events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`, now, now+60))
		if r := s.do("logout_token", `"logout_token":`+quote(token)); (r.M["ok"] != nil) != ok {
			t.Error(typ, r.Raw)
		}
	}
}

// TestOpenIDExtend: an ID token that comes with a long-lived access token is not combined with
// claims of another (Q12).
func TestOpenIDExtend(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","long_lived_grant_type":"x"}`))
	s.callback()
	before := s.ok("status")
	i.claims = map[string]any{"sub": `"another"`}
	s.ok("extend")
	if after := s.ok("status"); after.Str("ok", "id_token") != before.Str("ok", "id_token") || after.Str("ok", "claims") != before.Str("ok", "claims") {
		t.Error(after.Raw)
	}
}

// TestOpenIDForgottenWhileVerified: a device flow that is cancelled while its ID token is verified
// grants nothing (Q36).
func TestOpenIDForgottenWhileVerified(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.lastNonce, i.claims = "", map[string]any{"nonce": nil}
	tokens := s.server
	s.server = func(m msg) reply {
		if m.Str("stage") == "device_authorization" {
			return jsonReply(200, rfc8628)
		}
		return tokens(m)
	}
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","device_authorization_endpoint":"https://as.example/device"}`))
	s.ok("device_start")
	s.server = func(m msg) reply { // the test answers the poll
		if m.Str("stage") == "polling" {
			return reply{}
		}
		return tokens(m)
	}
	s.now = s.timers[0].due
	m := s.timers[0].m
	s.timers = nil
	s.server = nil
	keys := s.settle(s.answer(m, `"ok":{}`))
	s.server = tokens
	poll := s.answer(keys[0], tokens(keys[0]).member())
	verify := next(t, "verify", s.answer(next(t, "http", poll), tokens(next(t, "http", poll)).member()))
	s.ok("poll_stop", `"forget":true`)
	s.settle(s.answer(verify, verifies(verify)))
	if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" || s.store["oauth2.session"] != "" {
		t.Error(r.Raw, s.store)
	}
}
