package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestBoundUnsignedIntrospection: with introspection_signed_response_alg no successful answer is
// accepted without a signature, whatever its status.
func TestBoundUnsignedIntrospection(t *testing.T) {
	for _, status := range []int{200, 201, 203, 206} {
		s := quietScene(t)
		s.open(with(`{"jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect","introspection_signed_response_alg":"ES256"}`))
		s.server = func(m msg) reply { return jsonReply(status, `{"active":true,"sub":"admin"}`) }
		if r := s.do("introspect", `"token":"some-token"`); r.M["ok"] != nil {
			t.Error(status, r.Raw)
		}
	}
}

// TestBoundOtherTabAfterLogOut: after log_out in one tab, the other one's error says that, and not
// that a key is missing.
func TestBoundOtherTabAfterLogOut(t *testing.T) {
	for _, name := range []string{"prepare", "userinfo"} {
		s := quietScene(t)
		s.server = func(m msg) reply {
			if strings.HasSuffix(m.Str("url"), "/token") {
				return dpopToken(1)
			}
			return reply{status: 200}
		}
		s.open(with(dpopConf))
		a := s.handle
		s.signIn()
		s.open(with(dpopConf))
		b := s.handle
		s.use(a)
		s.ok("log_out")
		s.use(b)
		r := s.do(name, `"url":"https://api.example/v1/x"`)
		if code := r.Str("error", "code"); code != "not_signed_in" && code != "signed_out" {
			t.Error(name, r.Raw)
		}
		if st := s.ok("status").Str("ok", "status"); st != "not_authenticated" {
			t.Error(name, st)
		}
	}
}

// TestBoundLogOutTwice: log_out could not delete the session, and is called again: then everything
// is deleted, the key too, and the refresh token is revoked at the server.
func TestBoundLogOutTwice(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/revoke") {
			n++
			return reply{status: 200}
		}
		return dpopToken(1)
	}
	s.open(with(dpopConf))
	s.signIn()
	effects := s.input(`"command":"log_out","id":80`)
	for len(effects) > 0 {
		m := effects[0]
		effects = effects[1:]
		if m.Str("kind") == "store" {
			effects = append(effects, s.answer(m, `"failed":{"kind":"storage"}`)...)
			continue
		}
		if m.Str("kind") == "result" {
			if m.Str("error", "kind") != "storage" {
				t.Fatal(m.Raw)
			}
			continue
		}
		effects = append(effects, s.settleOne(m)...)
	}
	s.ok("log_out")
	if len(s.keys) != 0 || s.store["oauth2.session"] != "" {
		t.Error("left:", s.keys, s.store)
	}
}

// settleOne carries out one effect and returns the effects that it causes.
func (s *scene) settleOne(m msg) []msg {
	switch m.Str("kind") {
	case "load", "store":
		return s.answer(m, s.storage(m))
	case "lock":
		return s.answer(m, `"ok":{}`)
	case "key", "sign":
		return s.answer(m, s.keyed(m))
	case "http":
		return s.answer(m, s.server(m).member())
	}
	return nil
}

// TestBoundExpiredDeviceLeft: a flow that expired while no page was open leaves no key and no code.
func TestBoundExpiredDeviceLeft(t *testing.T) {
	s := quietScene(t)
	s.open(with(boundDevice))
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return deviceReply
		}
		return jsonReply(400, `{"error":"authorization_pending"}`)
	}
	s.ok("device_start")
	s.pass(5_000)
	s.timers = nil // the page is closed
	s.now += 700_000
	s.open(with(boundDevice))
	s.ok("device_start")
	s.ok("poll_stop", `"forget":true`)
	if len(s.keys) != 0 {
		t.Error(s.keys)
	}
}

// TestBoundDiedWhileRedeeming: a page that is closed while its code is redeemed leaves no key for
// ever.
func TestBoundDiedWhileRedeeming(t *testing.T) {
	s := quietScene(t)
	s.open(with(dpopConf))
	u := authorizeURL(s)
	s.start("callback", callbackURL(u, replyCode)) // no answer comes, because the page is closed
	s.open(with(dpopConf))
	s.now += 600_001
	s.ok("authorize")
	if len(s.keys) != 1 {
		t.Error(s.keys)
	}
}

// TestBoundRefusedWithoutAccessLeavesKey: if a session has only a refresh token, invalid_grant for
// it ends the session, and its key is deleted.
func TestBoundRefusedWithoutAccessLeavesKey(t *testing.T) {
	s := quietScene(t)
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/revoke") {
			return reply{status: 200}
		}
		return dpopToken(1)
	}
	s.open(with(dpopConf))
	s.signIn()
	s.ok("revoke", `"token":"access_token"`)
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.do("refresh")
	if s.store["oauth2.session"] == "" && len(s.keys) != 0 {
		t.Error("no session, and a key:", s.keys)
	}
}

// TestBoundMaxAgeZero: max_age is compared with the time of the request: a sign-in after it is
// recent enough, however long consent takes.
func TestBoundMaxAgeZero(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(`{"jwks_uri":"https://as.example/jwks","scope":"openid read"}`))
	u := authorizeURL(s, `"max_age":0`)
	s.lastNonce = u.Query().Get("nonce")
	i.claims = map[string]any{"auth_time": fmt.Sprint(s.now/1000 + 15)} // the password
	s.now += 60_000                                                     // a second factor, consent
	if r := s.do("callback", callbackURL(u, replyCode)); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}

// TestBoundDeviceNonceTwice: the server's error about a proof says nothing about the device code.
func TestBoundDeviceNonceTwice(t *testing.T) {
	for _, refusal := range []string{"use_dpop_nonce", "invalid_dpop_proof"} {
		s := quietScene(t)
		s.open(with(boundDevice))
		n := 0
		s.server = func(m msg) reply {
			if strings.HasSuffix(m.Str("url"), "/device") {
				return deviceReply
			}
			if n++; n <= 2 {
				return reply{raw: fmt.Sprintf(`"ok":{"status":400,"headers":[["content-type","application/json"],["dpop-nonce","n-%d"]],"body":{"text":"{\"error\":\"%s\"}"}}`, n, refusal)}
			}
			return dpopToken(1)
		}
		s.ok("device_start")
		s.pass(5_000)
		if r := s.do("poll_start"); r.M["ok"] == nil {
			t.Error(refusal, "ends the flow for good:", r.Raw)
		}
	}
}

// TestBoundOneKeyTwoKinds: one client_key cannot have two types. That is refused when the session
// is opened, and not after a code was used up.
func TestBoundOneKeyTwoKinds(t *testing.T) {
	s := quietScene(t)
	r := s.open(with(`{"client_key":"signing","token_endpoint_auth_method":"private_key_jwt","request_object_signing_alg":"PS256"}`))
	if r.Str("error", "kind") != "client" {
		t.Error("ES256 (the default) for assertions and PS256 for requests, of one key")
	}
}

// TestBoundSignInWhileSigning: a proof that was being signed while a new session began fails
// because of the old key: the request gets the new session's token.
func TestBoundSignInWhileSigning(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(msg) reply { n++; return dpopToken(n) }
	s.open(with(`{"dpop":true,"client_secret":"secret"}`))
	s.ok("client_credentials")
	effects := s.input(`"command":"prepare","id":70,"url":"https://api.example/v1/x"`)
	if len(effects) != 1 || effects[0].Str("kind") != "sign" {
		t.Fatal(effects)
	}
	s.ok("client_credentials") // the previous key is deleted
	r := s.resultOf("70", s.settle(s.answer(effects[0], s.keyed(effects[0]))))
	if !strings.Contains(r.Raw, "access-2") {
		t.Error(r.Raw)
	}
}

// TestBoundCancelledAuthorizeLeavesKey: an authorize command that is cancelled while its key is
// made returns no URL, and displaces no other attempt.
func TestBoundCancelledAuthorizeLeavesKey(t *testing.T) {
	s := quietScene(t)
	s.open(with(dpopConf))
	effects := s.input(`"command":"authorize","id":70`)
	s.input(`"command":"cancel","id":71,"target":70`)
	s.settle(s.answer(effects[0], s.keyed(effects[0])))
	if len(s.keys) != 0 || strings.Contains(s.store["oauth2.pending"], `"state"`) {
		t.Error(s.keys, s.store)
	}
}
