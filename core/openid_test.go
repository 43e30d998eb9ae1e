package core

import (
	"crypto/elliptic"
	"fmt"
	"strings"
	"testing"
)

const oidcMeta = `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token","jwks_uri":"https://as.example/jwks","userinfo_endpoint":"https://as.example/userinfo","device_authorization_endpoint":"https://as.example/device","revocation_endpoint":"https://as.example/revoke"}`
const discoveryConf = `{"issuer":"https://as.example","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","scope":"openid","discovery":true}`

func oidcFound(i *testIssuer, meta *string, down *bool) func(msg) reply {
	return func(m msg) reply {
		if m.Str("stage") == "discovery" {
			if *down {
				return reply{failed: "unsent"}
			}
			return jsonReply(200, *meta)
		}
		return i.serve(m)
	}
}

// TestOpenIDShortAlgPanics: an algorithm of one character is refused like any other (X5).
func TestOpenIDShortAlgPanics(t *testing.T) {
	for _, alg := range []string{"a", "HS"} {
		func() {
			defer func() {
				if p := recover(); p != nil {
					t.Errorf("alg %q: the module traps: %v", alg, p)
				}
			}()
			s := quietScene(t)
			i := s.issuer()
			s.open(with(oidcConf))
			i.claims = map[string]any{"at_hash": `"x"`, "nonce": nil}
			i.mangle = func(t string) string {
				return b64([]byte(`{"alg":"`+alg+`"}`)) + t[strings.Index(t, "."):]
			}
			s.fails("id_token_not_verified", "alg_not_allowed", "set_token", fmt.Sprintf(`"token":{"access_token":"a","token_type":"Bearer","id_token":%q}`, i.token()))
		}()
	}
}

// TestOpenIDWithdrawnKeyStaysGood: a key that was removed from the set is accepted for a day at
// most, also across restarts (Q12).
func TestOpenIDWithdrawnKeyStaysGood(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	meta, down := oidcMeta, false
	s.server = oidcFound(i, &meta, &down)
	s.open(discoveryConf)
	if r := s.callback(); r.M["ok"] == nil {
		t.Fatal(r.Raw)
	}
	// The key is compromised and withdrawn; a month later its thief signs with it.
	second := ecKey(elliptic.P256(), "second")
	i.keys = []string{jwk(second, `"kid":"2"`)}
	s.now += 30 * 86_400_000
	s.open(discoveryConf)
	if r := s.callback(); r.Str("error", "code") != "unknown_key" {
		t.Error("signed with a key withdrawn a month ago:", r.Raw)
	}
}

// TestOpenIDRotationWithoutKidLocksOut: keys without kid, or with the same kid, may change (Q12).
func TestOpenIDRotationWithoutKidLocksOut(t *testing.T) {
	for _, row := range [][2]string{{"", ""}, {`"kid":"k"`, `"kid":"k"`}} {
		s := quietScene(t)
		i := s.issuer()
		meta, down := oidcMeta, false
		s.server = oidcFound(i, &meta, &down)
		first, second := ecKey(elliptic.P256(), "first"), ecKey(elliptic.P256(), "second")
		i.alg, i.header = "ES256", row[0]
		i.key, i.keys = first, []string{jwk(first, row[1])}
		s.open(discoveryConf)
		if r := s.callback(); r.M["ok"] == nil {
			t.Fatal(r.Raw)
		}
		i.key, i.keys = second, []string{jwk(second, row[1])}
		s.now += 7 * 86_400_000
		s.open(discoveryConf)
		if r := s.callback(); r.M["ok"] == nil {
			t.Errorf("header %q: a week after the rotation, in a new instance: %s", row[0], r.Raw)
		}
	}
}

// TestOpenIDRefetchLimitWhileKeysFail: the limit holds while the key set cannot be read (Q12).
func TestOpenIDRefetchLimitWhileKeysFail(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	s.callback()
	s.now += 60_000
	i.header = `"kid":"made-up"`
	asked := 0
	s.server = func(m msg) reply {
		if m.Str("stage") == "jwks" {
			asked++
			return reply{status: 503}
		}
		return i.serve(m)
	}
	for range 20 {
		s.callback()
	}
	if asked > 2 {
		t.Errorf("%d requests for the keys within one minute", asked)
	}
}

// TestOpenIDRefreshWithNonceAfterSetToken: a session from set_token can be refreshed although the
// server repeats the nonce (X3).
func TestOpenIDRefreshWithNonceAfterSetToken(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer","refresh_token":"r"}`)
	i.claims = map[string]any{"nonce": `"of-the-sign-in-elsewhere"`} // Core 12.2: may be present, of the original authentication
	if r := s.do("refresh"); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}

// TestOpenIDTemplateUnpinsTenant: a configuration that names one tenant accepts only that one, with
// or without a template (Q12).
func TestOpenIDTemplateUnpinsTenant(t *testing.T) {
	const a, b = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"
	s := quietScene(t)
	i := s.issuer()
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","issuer":"https://login.example/` + a + `/v2.0","issuer_template":"https://login.example/{tenantid}/v2.0"}`))
	i.claims = map[string]any{"iss": `"https://login.example/` + b + `/v2.0"`, "tid": `"` + b + `"`}
	if r := s.callback(); r.Str("error", "field") != "iss" {
		t.Error("configured for tenant A, accepted of tenant B:", r.Raw)
	}
}

// TestOpenIDIssOfResponseAgainstIDToken: the response and the ID token must name the same issuer
// (Q12, Q22).
func TestOpenIDIssOfResponseAgainstIDToken(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","issuer":"https://login.example/common/v2.0","issuer_template":"https://login.example/{tenantid}/v2.0"}`))
	i.claims = map[string]any{"iss": `"https://login.example/bbbb/v2.0"`, "tid": `"bbbb"`}
	u := authorizeURL(s)
	s.lastNonce = u.Query().Get("nonce")
	if r := s.do("callback", callbackURL(u, "iss=https%3A%2F%2Flogin.example%2Faaaa%2Fv2.0&code=SplxlOBeZQQYbYS6WxSbIA")); r.M["ok"] != nil {
		t.Error("iss of the response is tenant aaaa's, of the ID token bbbb's:", r.Raw)
	}
}

// TestOpenIDNbfExponent: an nbf that cannot be read is refused (Q12).
func TestOpenIDNbfExponent(t *testing.T) {
	for _, nbf := range []string{"9e9", "9.0E9", `"9000000000"`, "99999999999999999999"} {
		s := quietScene(t)
		i := s.issuer()
		s.open(with(oidcConf))
		i.claims = map[string]any{"nbf": nbf}
		if r := s.callback(); r.M["ok"] != nil {
			t.Errorf("nbf %s is passed over", nbf)
		}
	}
}

// TestOpenIDAuthTimeInTheFuture: an auth_time in the future satisfies no max_age (Q12).
func TestOpenIDAuthTimeInTheFuture(t *testing.T) {
	for _, at := range []string{"9000000000", "9223372036854775807", "-9223372036854775000"} {
		s := quietScene(t)
		i := s.issuer()
		s.open(with(oidcConf))
		i.claims = map[string]any{"auth_time": at}
		if r := s.callback(`"parameters":[["max_age","300"]]`); r.M["ok"] != nil {
			t.Errorf("auth_time %s satisfies max_age", at)
		}
	}
}

// TestOpenIDTypOfIDToken: another kind of JWT of the issuer is not an ID token (Q12, RFC 8725
// section 3.11).
func TestOpenIDTypOfIDToken(t *testing.T) {
	for _, typ := range []string{"logout+jwt", "at+jwt", "secevent+jwt"} {
		s := quietScene(t)
		i := s.issuer()
		s.open(with(oidcConf))
		i.header = `"kid":"1","typ":"` + typ + `"`
		i.claims = map[string]any{"nonce": nil, "events": `{"http://schemas.openid.net/event/backchannel-logout":{}}`}
		if r := s.do("set_token", fmt.Sprintf(`"token":{"access_token":"a","token_type":"Bearer","id_token":%q}`, i.token())); r.M["ok"] != nil {
			t.Errorf("a JWT of typ %s is an ID token", typ)
		}
	}
}

// TestOpenIDSetTokenFault: if keys cannot be fetched, that is not reported as a fault of the given
// token, and each command gets its own fault (Q2).
func TestOpenIDSetTokenFault(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.server = nil
	s.open(discoveryConf)
	i.claims = map[string]any{"nonce": nil}
	s.server = nil
	a, left := s.start("set_token", fmt.Sprintf(`"token":{"access_token":"a","token_type":"Bearer","id_token":%q}`, i.token()))
	b, _ := s.start("authorize")
	left = s.settle(s.answer(left[0], `"failed":{"kind":"timeout"}`))
	for _, id := range []string{a, b} {
		if r := s.resultOf(id, left); r.Str("error", "kind") != "network" || r.Str("error", "field") != "" {
			t.Error(r.Raw)
		}
	}
}

// TestOpenIDContinuityOfSpelling: continuity compares values, not spellings (Q12).
func TestOpenIDContinuityOfSpelling(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	s.callback()
	i.claims = map[string]any{"iss": `"https:\/\/as.example"`, "nonce": nil}
	if r := s.do("refresh"); r.M["ok"] == nil {
		t.Error(r.Raw)
	}
}

// TestOpenIDKeyOps: a key that must not verify verifies nothing (Q12, RFC 7517 section 4.3).
func TestOpenIDKeyOps(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	i.keys = []string{jwk(rsaKey, `"kid":"1","key_ops":["encrypt"]`)}
	if r := s.callback(); r.Str("error", "code") != "unknown_key" {
		t.Error("a key whose key_ops leave out verify:", r.Raw)
	}
}

// TestOpenIDIssuerWithQuery: an issuer has no query (RFC 8414 section 2).
func TestOpenIDIssuerWithQuery(t *testing.T) {
	s := quietScene(t)
	s.open(strings.Replace(discoveryConf, `https://as.example"`, `https://as.example/t/?x=12"`, 1))
	if s.handle == 0 {
		return
	}
	_, left := s.start("authorize")
	t.Error(left[0].Str("url"))
}

// TestOpenIDFieldOfRange: the error names the claim that is out of range (Q12).
func TestOpenIDFieldOfRange(t *testing.T) {
	for _, name := range []string{"iat", "nbf"} {
		s := quietScene(t)
		i := s.issuer()
		s.open(with(oidcConf))
		i.claims = map[string]any{name: "-1"}
		if r := s.callback(); r.Str("error", "field") != name {
			t.Error(name, r.Raw)
		}
	}
}

// TestOpenIDRefusedSignInIsNotRevoked: a sign-in whose ID token is refused leaves no grant at the
// server (Q12).
func TestOpenIDRefusedSignInIsNotRevoked(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	i.claims = map[string]any{"nonce": `"wrong"`}
	s.callback()
	for _, m := range s.sent {
		if m.Str("stage") == "revocation" {
			return
		}
	}
	t.Error("refresh-1 lives on at the server")
}

// TestOpenIDSuccessorNotStoredWhileKeysAreFetched: the successor of a refresh token is stored
// without waiting for the ID token's key (X9).
func TestOpenIDSuccessorNotStoredWhileKeysAreFetched(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	s.open(with(oidcConf))
	s.callback()
	s.now += 100_000
	second := ecKey(elliptic.P256(), "second")
	i.key, i.alg, i.header, i.keys, i.claims = second, "ES256", `"kid":"2"`, []string{jwk(second, `"kid":"2"`)}, map[string]any{"nonce": nil}
	s.server = func(m msg) reply {
		if m.Str("stage") == "jwks" {
			return reply{} // not answered: the page is closed now
		}
		return i.serve(m)
	}
	full := s.server
	s.server = nil
	_, left := s.start("refresh")
	s.settle(s.answer(left[0], full(left[0]).member()))
	if !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error("refresh-1 is spent, refresh-2 is not stored:", s.store["oauth2.session"][:80])
	}
}

// TestOpenIDEmptyAlgList: an empty list of algorithms does not mean all of them (Q12).
func TestOpenIDEmptyAlgList(t *testing.T) {
	s := quietScene(t)
	if s.open(with(`{"scope":"openid","jwks_uri":"https://as.example/jwks","id_token_signed_response_alg":[]}`)); s.handle != 0 {
		t.Error("taken")
	}
}

// TestOpenIDMaxAgeTwice: max_age cannot be given twice (Q12).
func TestOpenIDMaxAgeTwice(t *testing.T) {
	s := quietScene(t)
	s.open(with(oidcConf))
	if r := s.do("authorize", `"parameters":[["max_age","300"],["max_age","99999999"]]`); r.M["ok"] != nil {
		t.Error(r.Str("ok", "url"))
	}
}
