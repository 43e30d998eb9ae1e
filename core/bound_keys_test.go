package core

import (
	"fmt"
	"strings"
	"testing"
)

const replyCode = "code=SplxlOBeZQQYbYS6WxSbIA"

func dpopToken(n int) reply {
	return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"DPoP","expires_in":3600,"refresh_token":"refresh-%d"}`, n, n))
}

// TestBoundStoreAnswerLostDropsOwnKey: the session was written, and only the store's answer was
// lost: its key must stay.
func TestBoundStoreAnswerLostDropsOwnKey(t *testing.T) {
	s := quietScene(t)
	s.open(with(dpopConf))
	u := authorizeURL(s)
	s.server = func(msg) reply { return dpopToken(1) }
	s.nextID++
	id := fmt.Sprint(s.nextID)
	effects := s.input(`"command":"callback","id":` + id + `,` + callbackURL(u, replyCode))
	lost, results := false, []msg(nil)
	for len(effects) > 0 {
		m := effects[0]
		effects = effects[1:]
		if !lost && m.Str("kind") == "store" && shortKey(m.Str("key")) == "oauth2.session" {
			lost = true
			s.storage(m) // it is written
			effects = append(effects, s.answer(m, `"failed":{"kind":"storage"}`)...)
			continue
		}
		member := ""
		switch m.Str("kind") {
		case "load", "store":
			member = s.storage(m)
		case "key", "sign":
			member = s.keyed(m)
		case "http":
			member = s.server(m).member()
		default:
			results = append(results, m)
			continue
		}
		effects = append(effects, s.answer(m, member)...)
	}
	if r := s.resultOf(id, results); r.Str("ok", "status") != "granted" {
		t.Fatal(r.Raw)
	}
	if !s.keys[s.storedKey()] {
		t.Error("granted, and the key is gone:", s.keys, s.store["oauth2.session"])
	}
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
}

const boundDevice = `{"dpop":true,"device_authorization_endpoint":"https://as.example/device"}`

var deviceReply = jsonReply(200, `{"device_code":"device-code-1","user_code":"U","verification_uri":"https://as.example/v","expires_in":600,"interval":5}`)

// TestBoundDeviceOtherTabDropsSessionKey: a tab that still shows a flow which another tab finished
// must not delete the session's key.
func TestBoundDeviceOtherTabDropsSessionKey(t *testing.T) {
	s := quietScene(t)
	s.open(with(boundDevice))
	a := s.handle
	pending := true
	s.server = func(m msg) reply {
		switch {
		case strings.HasSuffix(m.Str("url"), "/device"):
			return deviceReply
		case pending:
			return jsonReply(400, `{"error":"authorization_pending"}`)
		}
		return dpopToken(1)
	}
	s.ok("device_start")
	s.pass(5_000) // the key exists now
	s.open(with(boundDevice))
	b := s.handle // shows the flow, does not poll
	s.use(a)
	pending = false
	s.pass(5_000)
	if r := s.ok("status"); r.Str("ok", "status") != "granted" {
		t.Fatal(r.Raw)
	}
	key := s.storedKey()
	s.use(b)
	s.ok("poll_stop", `"forget":true`) // or device_start, or poll_start after the codes have expired
	if !s.keys[key] {
		t.Error("the session's key is gone")
	}
	s.use(a)
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
}

// TestBoundDeviceOtherTabPollsSpentCode: the same with a poll: the code is used up, and the
// server's error about it must not delete the session's key.
func TestBoundDeviceOtherTabPollsSpentCode(t *testing.T) {
	s := quietScene(t)
	s.open(with(boundDevice))
	a := s.handle
	answer := jsonReply(400, `{"error":"authorization_pending"}`)
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return deviceReply
		}
		return answer
	}
	s.ok("device_start")
	s.pass(5_000)
	s.open(with(boundDevice))
	b := s.handle
	s.use(a)
	answer = dpopToken(1)
	s.pass(5_000)
	answer = jsonReply(400, `{"error":"invalid_grant"}`)
	s.use(b)
	s.ok("poll_start")
	s.pass(5_000)
	s.use(a)
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
}

// TestBoundOtherTabAfterNewSignIn: after a sign-in in one tab (for example a step-up) the other
// tab's key does not exist any more. That tab must read the store before it fails.
func TestBoundOtherTabAfterNewSignIn(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(msg) reply { n++; return dpopToken(n) }
	s.open(with(dpopConf))
	a := s.handle
	s.signIn()
	s.open(with(dpopConf))
	b := s.handle
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
	s.use(a)
	s.signIn()
	s.use(b)
	r := s.do("prepare", `"url":"https://api.example/v1/x"`)
	if !strings.Contains(r.Raw, "access-2") {
		t.Error("the other tab does not see the session that the store holds:", r.Raw)
	}
}

// TestBoundRefusedDropsKeyOfAdopted: without locks, invalid_grant for a token that was sent twice,
// while the store holds the successor that another instance got in the same session.
func TestBoundRefusedDropsKeyOfAdopted(t *testing.T) {
	s := quietScene(t)
	s.noLock = true
	s.server = func(msg) reply { return dpopToken(1) }
	s.open(with(dpopConf))
	a := s.handle
	s.signIn()
	s.server = nil
	_, left := s.start("refresh")
	left = s.settle(s.answer(left[0], `"failed":{"kind":"timeout"}`)) // it is sent once more
	s.now += 61_000
	s.open(with(dpopConf))
	b := s.handle
	idB, leftB := s.start("refresh") // a's mark is old by now
	s.resultOf(idB, s.settle(s.answer(leftB[0], dpopToken(2).member())))
	if s.storedKey() == "" || !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Fatal(s.store)
	}
	s.use(a)
	s.settle(s.answer(left[0], jsonReply(400, `{"error":"invalid_grant"}`).member()))
	if !s.keys[s.storedKey()] {
		t.Error("the key of the session that is stored and held is gone:", s.keys, s.store["oauth2.session"])
	}
	s.use(b)
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
}

// TestBoundLostKeyMadeAnew: the loss of a session's key must be reported. A new key under its name
// would be useless: the tokens are bound to the old one.
func TestBoundLostKeyMadeAnew(t *testing.T) {
	for _, name := range []string{"token_exchange", "extend"} {
		s := quietScene(t)
		s.server = func(m msg) reply {
			return jsonReply(200, `{"access_token":"access-1","token_type":"DPoP","expires_in":3600,"refresh_token":"refresh-1","issued_token_type":"urn:x"}`)
		}
		const more = `{"dpop":true,"long_lived_grant_type":"fb_exchange_token"}`
		s.open(with(more))
		s.signIn()
		s.keys = nil
		s.open(with(more))
		s.sent = nil
		if r := s.do(name); r.Str("error", "code") != "no_key" {
			t.Error(name, r.Raw)
		}
		if len(s.keys) != 0 || len(s.sent) != 0 {
			t.Error(name, "made a key under the name of the lost one:", s.keys, len(s.sent), "requests")
		}
	}
}

// TestBoundUnstoredSignInDropsStoredKey: a sign-in that could not be stored leaves the previous
// session in the store, with its key.
func TestBoundUnstoredSignInDropsStoredKey(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(m msg) reply {
		n++
		if n > 1 {
			s.broken = 2 // both tries of the store
		}
		return dpopToken(n)
	}
	s.open(with(dpopConf))
	s.signIn()
	stored := s.storedKey()
	s.signIn()
	if r := s.ok("status"); r.Str("ok", "not_persisted") != "true" || s.storedKey() != stored {
		t.Fatal(r.Raw, s.store)
	}
	if !s.keys[stored] {
		t.Error("the store holds a session whose key is gone")
	}
}

// TestBoundKeysOfOverwrittenSessions: two tabs without a session sign in one after the other: one
// session and one key remain.
func TestBoundKeysOfOverwrittenSessions(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(msg) reply { n++; return dpopToken(n) }
	s.open(with(dpopConf))
	a := s.handle
	s.open(with(dpopConf))
	s.signIn()
	s.use(a)
	s.signIn()
	if len(s.keys) != 1 {
		t.Error("keys of no session are left:", s.keys, s.storedKey())
	}
	s.ok("log_out")
	if len(s.keys) != 0 {
		t.Error("after log_out:", s.keys)
	}
}

// TestBoundDeviceKeysLeft: a flow that is cancelled during a poll, and one that ends with a bearer
// token, leave no key.
func TestBoundDeviceKeysLeft(t *testing.T) {
	s := quietScene(t)
	s.open(with(boundDevice))
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return deviceReply
		}
		return reply{}
	}
	s.ok("device_start")
	s.server = nil
	left := s.pass(5_000) // the poll is under way
	s.ok("poll_stop", `"forget":true`)
	s.settle(s.answer(left[0], jsonReply(400, `{"error":"authorization_pending"}`).member()))
	if len(s.keys) != 0 {
		t.Error("given up:", s.keys)
	}
	s.keys = nil
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return deviceReply
		}
		return jsonReply(200, `{"access_token":"a","token_type":"Bearer"}`)
	}
	s.ok("device_start")
	s.pass(5_000)
	if len(s.keys) != 0 {
		t.Error("downgraded:", s.keys)
	}
}

// TestBoundSameStateLeavesKey: an attempt that replaces one with the same state.
func TestBoundSameStateLeavesKey(t *testing.T) {
	s := quietScene(t)
	s.open(with(dpopConf))
	s.ok("authorize", `"insecure_state":"fixed"`)
	s.ok("authorize", `"insecure_state":"fixed"`)
	if len(s.keys) != 1 {
		t.Error(s.keys)
	}
}

// TestBoundDrawsRepeat: random values from the entropy of one input must never repeat, however many
// commands wait for that input.
func TestBoundDrawsRepeat(t *testing.T) {
	// Proofs of requests that wait for one refresh.
	s := quietScene(t)
	s.server = func(msg) reply { return dpopToken(1) }
	s.open(with(dpopConf))
	s.signIn()
	s.ok("prepare", `"url":"https://api.example/v1/x"`)
	s.now += 3_600_000
	s.server = nil
	_, left := s.start("refresh")
	for i := 0; i < 300; i++ {
		s.start("prepare", `"url":"https://api.example/v1/x"`)
	}
	jtis := map[any]bool{}
	for _, m := range s.settle(s.answer(left[0], dpopToken(2).member())) {
		if list, ok := m.M["ok"].(map[string]any); ok && list["headers"] != nil {
			_, claims := decodeJWS(t, list["headers"].([]any)[1].([]any)[1].(string))
			if jtis[claims["jti"]] {
				t.Fatal("the same jti in two proofs:", claims)
			}
			jtis[claims["jti"]] = true
		}
	}
}

// TestBoundUserinfoRedacts: an error that repeats the token which was sent does not show it,
// whatever happened to the session meanwhile (X6).
func TestBoundUserinfoRedacts(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.server = nil
	_, left := s.start("userinfo")
	_, more := s.start("refresh")
	results := s.finish(append(left, more...), map[string]reply{
		"userinfo": jsonReply(401, `{"error":"invalid_token","error_description":"access-1 is expired"}`), "refresh": extendReplies["refresh"]})
	if strings.Contains(fmt.Sprint(results, s.events), "access-1") {
		t.Error("a token in an error:", results)
	}
}

// TestBoundAssertionRedacts: a client assertion is valid for a minute.
func TestBoundAssertionRedacts(t *testing.T) {
	s := quietScene(t)
	s.keys = map[string]bool{"signing": true}
	s.open(with(`{"client_key":"signing","token_endpoint_auth_method":"private_key_jwt"}`))
	assertion := ""
	s.server = func(m msg) reply {
		assertion = m.Form().Get("client_assertion")
		return jsonReply(401, `{"error":"invalid_client","error_description":"not for us: `+assertion+`"}`)
	}
	if r := s.do("client_credentials"); strings.Contains(r.Raw, assertion) {
		t.Error(r.Raw)
	}
}

// TestBoundIntrospectionAlg: introspection_signed_response_alg names the algorithm of signed
// answers.
func TestBoundIntrospectionAlg(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(`{"jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect","introspection_signed_response_alg":"PS256"}`))
	s.server = func(m msg) reply {
		if m.Str("stage") == "introspection" {
			return reply{status: 200, ctype: "application/token-introspection+jwt", body: i.signed(`"kid":"1","typ":"token-introspection+jwt"`, map[string]string{"token_introspection": `{"active":true}`})}
		}
		return i.serve(m)
	}
	if r := s.do("introspect", `"token":"some-token"`); r.M["ok"] != nil {
		t.Errorf("an answer signed with %s is taken where PS256 is configured: %s", i.alg, r.Raw)
	}
}

// TestBoundIntrospectionAlgBesideIDTokens: an algorithm for introspection that is not allowed for
// ID tokens.
func TestBoundIntrospectionAlgBesideIDTokens(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(fmt.Sprintf(`{"jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect","introspection_signed_response_alg":%q,"id_token_signed_response_alg":["EdDSA"]}`, i.alg)))
	s.server = func(m msg) reply {
		if m.Str("stage") == "introspection" {
			return reply{status: 200, ctype: "application/token-introspection+jwt", body: i.signed(`"kid":"1","typ":"token-introspection+jwt"`, map[string]string{"token_introspection": `{"active":true}`})}
		}
		return i.serve(m)
	}
	s.ok("introspect", `"token":"some-token"`)
}

// TestBoundAcrWithoutIDToken: if an acr or a maximum age was requested, and no ID token confirms
// it, the command fails.
func TestBoundAcrWithoutIDToken(t *testing.T) {
	for _, asked := range []string{`"acr_values":"urn:high"`, `"max_age":60`} {
		s := quietScene(t)
		s.issuer()
		s.open(with(`{"jwks_uri":"https://as.example/jwks","scope":"openid read"}`))
		serve := s.server
		s.server = func(m msg) reply {
			if strings.HasSuffix(m.Str("url"), "/token") {
				return jsonReply(200, `{"access_token":"a","token_type":"Bearer","scope":"read"}`) // openid was not granted
			}
			return serve(m)
		}
		if r := s.do("callback", callbackURL(authorizeURL(s, asked), replyCode)); r.M["ok"] != nil {
			t.Error(asked, "is taken for granted without an ID token")
		}
	}
}

// TestBoundAcrInParameters: acr_values among the parameters is only a wish, as some providers
// expect it: the server's class may be better.
func TestBoundAcrInParameters(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.claims = map[string]any{"acr": `"urn:higher"`}
	s.open(with(`{"jwks_uri":"https://as.example/jwks","scope":"openid read"}`))
	if r := s.callback(`"parameters":[["acr_values","urn:high"]]`); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}
