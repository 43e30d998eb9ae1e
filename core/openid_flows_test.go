package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestOpenIDKeysDownAtCallbackLosesTheCode: if the keys cannot be fetched when the callback comes,
// neither code nor attempt is used up (Q12, Q22).
func TestOpenIDKeysDownAtCallbackLosesTheCode(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	s.server = func(m msg) reply {
		if m.Str("stage") == "jwks" {
			return reply{failed: "unsent"}
		}
		return i.serve(m)
	}
	cb := callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA")
	if r := s.do("callback", cb); r.Str("error", "retryable") != "true" || i.n != 0 {
		t.Fatal(r.Raw)
	}
	s.server = i.serve
	if r := s.do("callback", cb); r.M["ok"] == nil {
		t.Error("the same command, with the keys in reach again:", r.Raw)
	}
}

// TestOpenIDUserinfoSubSkippedWhenMetadataChanges: the sub of userinfo is compared even if the
// metadata change meanwhile (Q12).
func TestOpenIDUserinfoSubSkippedWhenMetadataChanges(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	i.claims = nil
	s.callback()
	s.server = func(m msg) reply { // a refresh succeeds; the test answers the two GETs
		if m.Str("stage") == "token" || m.Str("stage") == "refresh" {
			return i.serve(m)
		}
		return reply{}
	}
	s.now += 86_400_000 // both the metadata and the token are old
	i.claims = map[string]any{"nonce": nil}
	s.server = nil
	// A fresh access token that lives: the metadata alone is old.
	s2 := s
	id, left := s2.start("userinfo")
	var disc, info msg
	for len(left) > 0 {
		m := left[0]
		left = left[1:]
		switch m.Str("stage") {
		case "jwks":
			left = append(left, s.settle(s.answer(m, i.serve(m).member()))...)
		case "discovery":
			disc = m
		case "userinfo":
			info = m
		case "refresh":
			left = append(left, s.settle(s.answer(m, i.serve(m).member()))...)
		}
	}
	if disc.M == nil || info.M == nil {
		t.Fatal("scene:", disc.Raw, info.Raw)
	}
	s.settle(s.answer(disc, jsonReply(200, strings.Replace(meta, "/userinfo", "/userinfo2", 1)).member()))
	r := s.resultOf(id, s.settle(s.answer(info, jsonReply(200, `{"sub":"somebody-else"}`).member())))
	if r.Str("error", "code") != "wrong_claim" {
		t.Error("another user's claims:", r.Raw)
	}
}

// TestOpenIDStaleMetadataOfStoreIsNotUsed: an old copy of the metadata is used until there is a new
// one.
func TestOpenIDStaleMetadataOfStoreIsNotUsed(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	s.callback()
	s.now += 86_400_001
	down = true
	s.open(discoveryConf)
	first, second := s.do("authorize"), s.do("authorize")
	if first.M["ok"] == nil || second.M["ok"] == nil {
		t.Errorf("first: %s\nsecond: %s", first.Raw, second.Raw)
	}
}

// TestOpenIDDeviceFlowWithDiscovery: a device flow with discovered endpoints is restored from the
// store and from bytes (Q36).
func TestOpenIDDeviceFlowWithDiscovery(t *testing.T) {
	start := func() (*scene, *testIssuer) {
		s := quietScene(t)
		i := s.issuer()
		meta, down := oidcMeta, false
		found := oidcFound(i, &meta, &down)
		s.server = func(m msg) reply {
			switch m.Str("stage") {
			case "device_authorization":
				return jsonReply(200, `{"device_code":"dc","user_code":"UC","verification_uri":"https://as.example/d","expires_in":1800,"interval":5}`)
			case "polling":
				return jsonReply(400, `{"error":"authorization_pending"}`)
			}
			return found(m)
		}
		s.open(discoveryConf)
		s.ok("device_start")
		return s, i
	}
	s, _ := start()
	s.open(discoveryConf)
	if r := s.do("poll_start"); r.M["ok"] == nil {
		t.Error("from the store:", r.Raw)
	}
	s, _ = start()
	bytes := s.ok("export").Str("ok", "session")
	s.timers, s.sent = nil, nil
	s.open(discoveryConf, `"session":`+quote(bytes))
	s.pass(6_000)
	for _, m := range s.sent {
		if m.Str("url") == "" {
			t.Error("from bytes, the device code goes to no URL:", m.Raw)
		}
	}
}

// TestOpenIDRevocationAuthByHand: metadata do not replace what is configured (Q4, H2).
func TestOpenIDRevocationAuthByHand(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := strings.Replace(oidcMeta, `{`, `{"token_endpoint_auth_methods_supported":["client_secret_post"],`, 1), false
	s.server = oidcFound(i, &meta, &down)
	s.open(strings.Replace(discoveryConf, `{`, `{"client_secret":"THE-SECRET","revocation_endpoint":"https://mine.example/revoke","revocation_endpoint_auth_method":"none",`, 1))
	s.callback()
	s.sent = nil
	s.ok("revoke")
	for _, m := range s.sent {
		if m.Str("stage") == "revocation" && strings.Contains(m.Str("body", "text"), "THE-SECRET") {
			t.Error("a method given by hand (none) is overruled, the secret goes out:", m.Str("body", "text"))
		}
	}
}

// TestOpenIDKeysDownEndsDeviceFlow: if the keys cannot be fetched, a device flow stops before its
// code is used up (Q36).
func TestOpenIDKeysDownEndsDeviceFlow(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	down, polls := true, 0
	s.server = func(m msg) reply {
		switch m.Str("stage") {
		case "jwks":
			if down {
				return reply{failed: "unsent"}
			}
		case "device_authorization":
			return jsonReply(200, `{"device_code":"dc","user_code":"UC","verification_uri":"https://as.example/d","expires_in":1800,"interval":5}`)
		case "polling":
			polls++
		}
		return i.serve(m)
	}
	i.claims = map[string]any{"nonce": nil}
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","device_authorization_endpoint":"https://as.example/device"}`))
	s.ok("device_start")
	s.pass(6_000)
	down = false
	s.do("poll_start")
	s.pass(6_000)
	if r := s.ok("status"); r.Str("ok", "status") != "granted" {
		revoked := false
		for _, m := range s.sent {
			revoked = revoked || m.Str("stage") == "revocation"
		}
		t.Errorf("%d polls, revoked %v: %s", polls, revoked, r.Raw)
	}
}

// TestOpenIDActorTokenInError: an error never contains a token from the parameters of a token
// exchange (X6).
func TestOpenIDActorTokenInError(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.server = func(msg) reply {
		return jsonReply(400, `{"error":"invalid_request","error_description":"ACTOR-SECRET is not valid"}`)
	}
	r := s.do("token_exchange", `"subject_token":"x1y2z3"`, `"parameters":[["actor_token","ACTOR-SECRET"],["actor_token_type","urn:ietf:params:oauth:token-type:jwt"]]`)
	if strings.Contains(r.Raw, "ACTOR-SECRET") {
		t.Error(r.Raw)
	}
}

// TestOpenIDDoubledParameters: no parameter of the protocol can be repeated (H4).
func TestOpenIDDoubledParameters(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(`{"client_secret":"s"}`))
	s.do("client_credentials", `"parameters":[["scope","mine"]]`)
	s.do("token_exchange", `"subject_token":"one"`, `"parameters":[["subject_token","two"],["requested_token_type","three"]]`, `"requested_token_type":"four"`)
	for _, m := range s.sent {
		for name, v := range m.Form() {
			if len(v) > 1 {
				t.Errorf("%s twice (RFC 6749 section 3.2): %s", name, m.Str("body", "text"))
			}
		}
	}
}

// TestOpenIDFailedPushesEvictAttempts: pushed requests that fail do not displace attempts whose
// URLs were returned (Q22).
func TestOpenIDFailedPushesEvictAttempts(t *testing.T) {
	s := quietScene(t)
	s.open(with(`{"pushed_authorization_request_endpoint":"https://as.example/par"}`))
	s.server = func(msg) reply { return jsonReply(201, `{"request_uri":"urn:x","expires_in":60}`) }
	r := s.ok("authorize")
	s.server = func(msg) reply { return reply{status: 503} }
	for range 16 {
		s.do("authorize")
	}
	s.tokenServer()
	if r := s.do("callback", fmt.Sprintf(`"url":"https://client.example/cb?code=c&state=%s"`, r.Str("ok", "state"))); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}

// TestOpenIDLogOutWaitsForMetadata: a sign-out does not wait for metadata.
func TestOpenIDLogOutWaitsForMetadata(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	s.callback()
	delete(s.store, "oauth2.metadata")
	s.version["oauth2.metadata"] = 0
	s.open(discoveryConf)
	s.server = nil
	s.start("log_out")
	if s.store["oauth2.session"] != "" {
		t.Error("the tokens stay in the store until the server has answered for its metadata")
	}
}

// TestOpenIDCancelledExchangeIsSent: a token exchange that was cancelled is not sent.
func TestOpenIDCancelledExchangeIsSent(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.now += 3_600_000
	s.server = nil
	id, left := s.start("token_exchange")
	s.start("cancel", `"target":`+id)
	s.sent = nil
	s.settle(s.answer(left[0], jsonReply(200, `{"access_token":"n","token_type":"Bearer","expires_in":3600}`).member()))
	if len(s.sent) != 0 {
		t.Error(s.sent[0].Raw)
	}
}

// TestOpenIDIssuedTokenTypeMissing: issued_token_type is required (RFC 8693 section 2.2.1).
func TestOpenIDIssuedTokenTypeMissing(t *testing.T) {
	s := quietScene(t)
	s.open(conf)
	s.server = func(msg) reply { return jsonReply(200, `{"access_token":"n","token_type":"Bearer"}`) }
	if r := s.do("token_exchange", `"subject_token":"x"`); r.M["ok"] != nil {
		t.Error(r.Raw)
	}
}

// TestOpenIDRevocationMethodWithDiscovery: the revocation method can be given where the endpoint is
// discovered (H2).
func TestOpenIDRevocationMethodWithDiscovery(t *testing.T) {
	s := quietScene(t)
	if r := s.open(strings.Replace(discoveryConf, `{`, `{"client_secret":"s","revocation_endpoint_auth_method":"client_secret_post",`, 1)); s.handle == 0 {
		t.Error(r.Raw)
	}
}

// TestOpenIDForeignMetadata: metadata that another configuration stored is not used (H10).
func TestOpenIDForeignMetadata(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	s.callback()
	meta = strings.ReplaceAll(oidcMeta, "as.example", "other.example")
	s.open(strings.ReplaceAll(discoveryConf, "as.example", "other.example"))
	if u := authorizeURL(s); u.Host != "other.example" {
		t.Error(u)
	}
}
