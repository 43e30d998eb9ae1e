package core

import (
	"crypto/elliptic"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/testrun/record"
)

// decodeJWS reads a JWS of ours. The scene checks its signature.
func decodeJWS(t *testing.T, s string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(s, ".")
	if len(parts) != 3 || len(unb64(parts[2])) != 64 {
		t.Fatalf("no JWS of ES256: %q", s)
	}
	for i, to := range []*map[string]any{&header, &claims} {
		if err := json.Unmarshal(unb64(parts[i]), to); err != nil {
			t.Fatal(err)
		}
	}
	return header, claims
}

// wantJWS checks that the key signed it.
func wantJWS(t *testing.T, key, s string) (header, claims map[string]any) {
	t.Helper()
	header, claims = decodeJWS(t, s)
	i := strings.LastIndexByte(s, '.')
	m := record.Parse(t, []byte(`{"alg":"ES256","jwk":`+jwk(ecKey(elliptic.P256(), key), "")+`,"input":`+quote(s[:i])+`,"signature":`+quote(s[i+1:])+`}`))
	if verifies(m) != `"ok":{"valid":true}` {
		t.Fatalf("signature of %s", s)
	}
	return header, claims
}

// A boundServer issues tokens that are bound to keys, and checks the proofs.
type boundServer struct {
	s     *scene
	n     int
	nonce string // the required nonce, "" for none
	kind  string
	seen  map[string]bool
}

func (s *scene) boundServer() *boundServer {
	b := &boundServer{s: s, kind: "DPoP", seen: map[string]bool{}}
	s.server = b.serve
	return b
}

// key is the host's only key whose name has this beginning.
func (s *scene) key() string {
	s.t.Helper()
	if len(s.keys) != 1 {
		s.t.Fatalf("keys %v, want one", s.keys)
	}
	for name := range s.keys {
		return name
	}
	return ""
}

// proof checks the proof of a request and returns its claims.
func (b *boundServer) proof(m msg, key string) map[string]any {
	t := b.s.t
	t.Helper()
	header, claims := wantJWS(t, key, m.Header("dpop"))
	public, _ := header["jwk"].(map[string]any)
	url, _, _ := strings.Cut(m.Str("url"), "?")
	if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || len(public) != 4 || public["d"] != nil || claims["htm"] != m.Str("method") || claims["htu"] != url ||
		claims["iat"] != float64(b.s.now/1000) || b.seen[claims["jti"].(string)] {
		t.Errorf("proof %v %v for %s", header, claims, m.Raw)
	}
	b.seen[claims["jti"].(string)] = true
	return claims
}

func (b *boundServer) serve(m msg) reply {
	url := m.Str("url")
	if strings.HasSuffix(url, "/revoke") {
		return reply{status: 200}
	}
	claims := b.proof(m, b.s.key())
	nonce, _ := claims["nonce"].(string)
	headers := `[["content-type","application/json"]]`
	if b.nonce != "" {
		headers = `[["content-type","application/json"],["dpop-nonce",` + quote(b.nonce) + `]]`
	}
	if nonce != b.nonce {
		return reply{raw: `"ok":{"status":400,"headers":` + headers + `,"body":{"text":"{\"error\":\"use_dpop_nonce\"}"}}`}
	}
	body := `{"sub":"1"}`
	if strings.HasSuffix(url, "/token") {
		b.n++
		body = fmt.Sprintf(`{"access_token":"access-%d","token_type":%q,"expires_in":3600,"refresh_token":"refresh-%d"}`, b.n, b.kind, b.n)
	} else if m.Header("authorization") != fmt.Sprintf("DPoP access-%d", b.n) || claims["ath"] != codeChallenge("S256", fmt.Sprintf("access-%d", b.n)) {
		b.s.t.Errorf("%s %v", m.Raw, claims)
	}
	return reply{raw: `"ok":{"status":200,"headers":` + headers + `,"body":{"text":` + quote(body) + `}}`}
}

const dpopConf = `{"dpop":true}`

// TestScenarioDPoP: tokens that are bound to a key of the host, from the authorization request to
// the sign-out (RFC 9449).
func TestScenarioDPoP(t *testing.T) {
	s := newScene(t, "DPoP: the key's thumbprint goes with the authorization request, a proof with each request for and with a token; a session's key goes with it.", "Q13", "H8")
	b := s.boundServer()
	s.open(with(dpopConf))
	u := authorizeURL(s)
	first := s.key()
	if got := u.Query().Get("dpop_jkt"); got != jose.Thumbprint(publicOf(t, first)) {
		t.Errorf("dpop_jkt %q", got)
	}
	r := s.ok("callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
	if r.Str("ok", "token_type") != "DPoP" || !strings.Contains(s.store["oauth2.session"], `"dpop_key":"`+first+`"`) {
		t.Error(r.Raw, s.store)
	}
	r = s.ok("prepare", `"url":"https://api.example/v1/x","method":"PUT"`)
	headers := r.M["ok"].(map[string]any)["headers"].([]any)
	if headers[0].([]any)[1] != "DPoP access-1" || headers[1].([]any)[0] != "dpop" {
		t.Fatal(r.Raw)
	}
	claims := b.proof(record.Parse(t, []byte(`{"method":"PUT","url":"https://api.example/v1/x","headers":`+r.Str("ok", "headers")+`}`)), first)
	if claims["ath"] != codeChallenge("S256", "access-1") || claims["nonce"] != nil {
		t.Error(claims)
	}
	s.ok("userinfo")
	s.ok("refresh")
	if s.key() != first {
		t.Error("a refresh changed the key")
	}
	// A new session has its own key, and the old key is deleted with the old session.
	u = authorizeURL(s)
	if len(s.keys) != 2 {
		t.Error(s.keys)
	}
	s.server = nil
	id, left := s.start("callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
	for name := range s.keys {
		if name != first {
			b.proof(left[0], name)
		}
	}
	s.resultOf(id, s.settle(s.answer(left[0], jsonReply(200, `{"access_token":"access-3","token_type":"dpop","refresh_token":"refresh-3"}`).member())))
	if s.key() == first {
		t.Error("the old session's key is still there")
	}
	s.server = b.serve
	s.ok("log_out")
	if len(s.keys) != 0 {
		t.Error(s.keys)
	}
}

func publicOf(t *testing.T, key string) string {
	return jose.PublicKey(jsonOf(t, jwk(ecKey(elliptic.P256(), key), "")))
}

// TestScenarioDPoPNonce: if a server requires a nonce, the request is repeated once with the one
// that it sent. The authorization server and each resource have their own (RFC 9449 sections 8 and
// 9).
func TestScenarioDPoPNonce(t *testing.T) {
	s := newScene(t, "DPoP nonces: a request that was refused for want of one goes out once more; the next has it from the start; each origin has its own.", "Q13")
	b := s.boundServer()
	b.nonce = "nonce-1"
	s.open(with(dpopConf))
	s.signIn()
	s.wantSent(2)
	s.ok("refresh")
	s.wantSent(3)
	b.nonce = "nonce-2" // the server may change it at any time
	s.ok("userinfo")
	s.wantSent(5)
	const url = `"url":"https://api.example/v1/x?y=1","method":"GET"`
	sent := `,"sent":"DPoP access-2"`
	noNonce := func(r msg) map[string]any {
		t.Helper()
		headers, ok := r.M["ok"].(map[string]any)["headers"].([]any)
		if !ok {
			t.Fatal(r.Raw)
		}
		_, claims := decodeJWS(t, headers[1].([]any)[1].(string))
		return claims
	}
	if claims := noNonce(s.ok("prepare", url)); claims["nonce"] != nil || claims["htu"] != "https://api.example/v1/x" {
		t.Error("the nonce of another server:", claims)
	}
	const challenge = `"headers":[["www-authenticate","DPoP error=\"use_dpop_nonce\", algs=\"ES256\""],["dpop-nonce","api-1"]]`
	r := s.ok("answered", url, `"status":401,`+challenge+sent)
	if claims := noNonce(r); claims["nonce"] != "api-1" || r.Str("ok", "retried") != "nonce" || r.Str("ok", "challenge", "error") != "use_dpop_nonce" {
		t.Error(r.Raw)
	}
	if r := s.ok("answered", url, `"status":401,`+challenge+sent+`,"retried":"nonce"`); r.Str("ok", "headers") != "" {
		t.Error("asked for the same again:", r.Raw)
	}
	s.wantSent(5)
	// A nonce in a successful answer is for the next request.
	s.ok("answered", url, `"status":200,"headers":[["dpop-nonce","api-2"]]`+sent)
	if claims := noNonce(s.ok("prepare", url)); claims["nonce"] != "api-2" {
		t.Error(claims)
	}
	// After the nonce, the token itself may be refused.
	r = s.ok("answered", url, `"status":401,"headers":[["www-authenticate","DPoP error=\"invalid_token\""]]`+sent+`,"retried":"nonce"`)
	if noNonce(r); r.Str("ok", "retried") != "nonce token" {
		t.Error(r.Raw)
	}
}

// TestScenarioDPoPNonceLoop: a server that accepts no nonce gets two requests and no more.
func TestScenarioDPoPNonceLoop(t *testing.T) {
	s := newScene(t, "A server that refuses each proof for its nonce ends the request after the second.", "X5")
	n := 0
	s.server = func(msg) reply {
		n++
		return reply{raw: fmt.Sprintf(`"ok":{"status":400,"headers":[["content-type","application/json"],["dpop-nonce","n-%d"]],"body":{"text":"{\"error\":\"use_dpop_nonce\"}"}}`, n)}
	}
	s.open(with(dpopConf))
	u := authorizeURL(s)
	r := s.fails("server", "oauth_error", "callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
	if r.Str("error", "error") != "use_dpop_nonce" {
		t.Error(r.Raw)
	}
	s.wantSent(2)
	if len(s.keys) != 0 {
		t.Error("the key of what failed is kept:", s.keys)
	}
}

// TestScenarioDPoPDowngrade: a bearer token is not accepted in place of a bound one, and no token
// of that answer is used (RFC 9449 section 5).
func TestScenarioDPoPDowngrade(t *testing.T) {
	s := newScene(t, "DPoP: an answer with a bearer token is refused, at sign-in and at a refresh; a missing type is never taken for one.", "Q43")
	b := s.boundServer()
	s.open(with(`{"dpop":true,"missing_token_type_is_bearer":true}`))
	for _, kind := range []string{"Bearer", "bearer"} {
		b.kind = kind
		s.fails("server", "dpop_downgrade", "callback", callbackURL(authorizeURL(s), "code=SplxlOBeZQQYbYS6WxSbIA"))
	}
	b.kind = ""
	s.fails("server", "missing_token_type", "callback", callbackURL(authorizeURL(s), "code=SplxlOBeZQQYbYS6WxSbIA"))
	b.kind = "mac"
	s.fails("server", "unknown_token_type", "callback", callbackURL(authorizeURL(s), "code=SplxlOBeZQQYbYS6WxSbIA"))
	if s.store["oauth2.session"] != "" || len(s.keys) != 0 {
		t.Error(s.store, s.keys)
	}
	b.kind = "DPoP"
	s.ok("callback", callbackURL(authorizeURL(s), "code=SplxlOBeZQQYbYS6WxSbIA"))
	b.kind = "Bearer"
	s.fails("server", "dpop_downgrade", "refresh")
	// The refresh token is new nevertheless, and the access token is the old one.
	if r := s.ok("token"); r.Str("ok", "token_type") != "DPoP" || !strings.Contains(s.store["oauth2.session"], fmt.Sprintf("refresh-%d", b.n)) {
		t.Error(r.Raw, s.store)
	}
	// Without DPoP a token that is bound to a key is useless.
	s.open(with(`{"name":"plain"}`))
	s.server = func(msg) reply { return jsonReply(200, `{"access_token":"a","token_type":"DPoP"}`) }
	s.fails("server", "unknown_token_type", "callback", callbackURL(authorizeURL(s), "code=SplxlOBeZQQYbYS6WxSbIA"))
}

// TestScenarioDPoPHost: what the host cannot do, or has lost, is a clear error and uses nothing up.
func TestScenarioDPoPHost(t *testing.T) {
	s := newScene(t, "DPoP with a host that has no keys, and with a session whose key is lost.", "X6")
	s.noVerify = true
	s.open(with(dpopConf))
	s.fails("client", "unsupported", "authorize")
	if s.store["oauth2.pending"] != "" {
		t.Error(s.store)
	}
	s.noVerify = false
	b := s.boundServer()
	s.open(with(dpopConf))
	s.signIn()
	lost := s.keys
	s.keys = nil
	s.open(with(dpopConf)) // another page, which remembers nothing
	s.sent = nil
	s.fails("client", "no_key", "prepare", `"url":"https://api.example/v1/x"`)
	s.fails("client", "no_key", "userinfo")
	s.fails("client", "no_key", "refresh")
	s.wantSent(0)
	// The key may come back: the refresh token was not used.
	s.keys = lost
	if r := s.ok("refresh"); b.n != 2 {
		t.Error(r.Raw)
	}
	for _, more := range []string{`{"dpop":true,"dpop_signing_alg":"HS256"}`, `{"dpop":true,"dpop_signing_alg":"none"}`, `{"dpop":true,"dpop_signing_alg":"ES256 ES384"}`, `{"dpop":true,"token_header":"x-token"}`, `{"dpop":"yes"}`} {
		if r := s.open(with(more)); r.Str("error", "code") != "bad_value" {
			t.Error(more, r.Raw)
		}
	}
}

// TestScenarioDPoPGrants: device flow, client credentials, assertion and code from elsewhere: each
// session's tokens are bound to its own key.
func TestScenarioDPoPGrants(t *testing.T) {
	s := newScene(t, "DPoP with every grant: each begins a session with a key of its own, and given up it leaves none.", "Q30", "Q23")
	b := s.boundServer()
	s.open(with(`{"dpop":true,"client_secret":"secret","device_authorization_endpoint":"https://as.example/device"}`))
	last := ""
	changed := func() {
		t.Helper()
		if k := s.key(); k == last {
			t.Error("the same key for another session")
		} else {
			last = k
		}
	}
	one := func(m msg) reply {
		name := ""
		for k := range s.keys {
			if k != last {
				name = k
			}
		}
		b.proof(m, name)
		b.n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"DPoP","expires_in":3600,"refresh_token":"refresh-%d"}`, b.n, b.n))
	}
	s.server = one
	s.ok("client_credentials")
	changed()
	s.ok("jwt_bearer", `"assertion":"e30.e30.e30"`)
	if got := s.sent[1].Form(); got.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || got.Get("assertion") != "e30.e30.e30" {
		t.Error(got)
	}
	changed()
	s.ok("exchange", `"code":"c"`)
	changed()
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return jsonReply(200, `{"device_code":"d","user_code":"U","verification_uri":"https://as.example/v","expires_in":600,"interval":5}`)
		}
		return one(m)
	}
	s.ok("device_start")
	s.pass(5_000)
	changed()
	// A flow that is cancelled leaves no key.
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return jsonReply(200, `{"device_code":"d","user_code":"U","verification_uri":"https://as.example/v","expires_in":600,"interval":5}`)
		}
		return jsonReply(400, `{"error":"authorization_pending"}`)
	}
	s.ok("device_start")
	s.pass(5_000)
	if len(s.keys) != 2 {
		t.Error(s.keys)
	}
	s.ok("poll_stop", `"forget":true`)
	if s.key() != last {
		t.Error(s.keys)
	}
	// The key of an attempt that is never answered is deleted with the attempt.
	s.ok("authorize")
	s.now += 600_001
	s.ok("authorize")
	if len(s.keys) != 2 {
		t.Error(s.keys)
	}
}

// TestThumbprints: RFC 7638 section 3.1, RFC 8037 appendix A.3, RFC 9449 section 6.1, seen in
// dpop_jkt; and ath of RFC 9449 section 7.1.
func TestThumbprints(t *testing.T) {
	for _, row := range []struct{ name, alg, jwk, want string }{
		{"RFC 7638", "RS256", `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"},
		{"RFC 8037", "EdDSA", `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"},
		{"RFC 9449", "ES256", `{"kty":"EC","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA","crv":"P-256"}`, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"},
	} {
		s := quietScene(t)
		s.open(with(`{"dpop":true,"dpop_signing_alg":"` + row.alg + `"}`))
		effects := s.input(`"command":"authorize","id":1`)
		left := s.settle(s.answer(effects[0], `"ok":{"jwk":`+row.jwk+`}`))
		if url := left[0].Str("ok", "url"); !strings.Contains(url, "dpop_jkt="+row.want) {
			t.Errorf("%s: %s", row.name, url)
		}
		// A key of another type is not what was requested.
		s.open(with(`{"dpop":true,"dpop_signing_alg":"ES384"}`))
		effects = s.input(`"command":"authorize","id":1`)
		for _, m := range s.settle(s.answer(effects[0], `"ok":{"jwk":`+row.jwk+`}`)) {
			if m.Str("kind") == "result" && m.Str("error", "code") != "no_key" {
				t.Errorf("%s: %s", row.name, m.Raw)
			}
		}
	}
	if got := codeChallenge("S256", "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"); got != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" {
		t.Error("ath", got)
	}
}
