package core

import (
	"crypto/hmac"
	"crypto/sha256"
	"strings"
	"testing"
)

// TestScenarioClientAssertion: a client authenticates with a JWT that is signed with the host's key
// or with its secret (RFC 7523 sections 2.2 and 3).
func TestScenarioClientAssertion(t *testing.T) {
	s := newScene(t, "private_key_jwt and client_secret_jwt: a new assertion for each request, for the issuer; no secret goes out.", "H1", "H2", "X4")
	s.keys = map[string]bool{"signing": true}
	const key = `{"client_key":"signing","client_key_id":"k1","token_endpoint_auth_method":"private_key_jwt"}`
	s.tokenServer()
	s.open(with(key))
	s.signIn()
	s.ok("refresh")
	s.ok("revoke")
	s.wantSent(3)
	jtis := map[any]bool{}
	for _, m := range s.sent {
		form := m.Form()
		header, claims := wantJWS(t, "signing", form.Get("client_assertion"))
		if header["alg"] != "ES256" || header["kid"] != "k1" || form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Get("client_secret") != "" || m.Header("authorization") != "" {
			t.Error(header, form)
		}
		now := float64(s.now / 1000)
		if claims["iss"] != "s6BhdRkqt3" || claims["sub"] != "s6BhdRkqt3" || claims["aud"] != "https://as.example" || claims["iat"] != now || claims["exp"] != now+60 || jtis[claims["jti"]] {
			t.Error(claims)
		}
		jtis[claims["jti"]] = true
	}
	if len(jtis) != 3 {
		t.Error(jtis)
	}
	// A server that requires another audience.
	s.sent = nil
	s.open(with(`{"name":"other","client_key":"signing","token_endpoint_auth_method":"private_key_jwt","client_assertion_audience":"https://as.example/token"}`))
	s.ok("client_credentials")
	if header, claims := decodeJWS(t, s.sent[0].Form().Get("client_assertion")); claims["aud"] != "https://as.example/token" || header["kid"] != nil {
		t.Error(header, claims)
	}
	// With a secret: HMAC, and the secret is not sent.
	s.sent = nil
	s.open(with(`{"name":"secret","client_secret":"a secret of some length","token_endpoint_auth_method":"client_secret_jwt"}`))
	s.ok("client_credentials")
	jws := s.sent[0].Form().Get("client_assertion")
	i := strings.LastIndexByte(jws, '.')
	mac := hmac.New(sha256.New, []byte("a secret of some length"))
	mac.Write([]byte(jws[:i]))
	if b64(mac.Sum(nil)) != jws[i+1:] || !strings.HasPrefix(string(unb64(strings.Split(jws, ".")[0])), `{"alg":"HS256"`) || strings.Contains(s.sent[0].Raw, "some length") {
		t.Error(s.sent[0].Raw)
	}
	// A missing key, and a host without cryptography: nothing is sent, and after a new sign-in
	// another code works.
	s.sent = nil
	s.keys = nil
	s.open(with(strings.Replace(key, "{", `{"name":"lost",`, 1)))
	s.fails("client", "no_key", "client_credentials")
	s.noVerify = true
	s.fails("client", "unsupported", "client_credentials")
	s.wantSent(0)
	for _, row := range [][2]string{
		{`{"token_endpoint_auth_method":"private_key_jwt"}`, "client_key"},
		{`{"token_endpoint_auth_method":"client_secret_jwt"}`, "client_secret"},
		{`{"token_endpoint_auth_method":"private_key_jwt","client_key":"k","token_endpoint_auth_signing_alg":"HS256"}`, "token_endpoint_auth_signing_alg"},
		{`{"token_endpoint_auth_method":"private_key_jwt","client_key":"k","token_endpoint_auth_signing_alg":"none"}`, "token_endpoint_auth_signing_alg"},
		{`{"token_endpoint_auth_method":"PRIVATE_KEY_JWT"}`, "token_endpoint_auth_method"},
		{`{"request_object_signing_alg":"ES256"}`, "client_key"},
	} {
		if r := s.open(with(row[0])); r.Str("error", "field") != row[1] {
			t.Error(row[0], r.Raw)
		}
	}
}

// TestScenarioCertificates: a client that authenticates with the certificate of its connection
// sends its client_id, and uses the endpoints that require certificates (RFC 8705).
func TestScenarioCertificates(t *testing.T) {
	s := newScene(t, "tls_client_auth: client_id in the body, endpoints from mtls_endpoint_aliases.", "H1")
	const meta = `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token","revocation_endpoint":"https://as.example/revoke",` +
		`"mtls_endpoint_aliases":{"token_endpoint":"https://mtls.as.example/token"}}`
	for _, method := range []string{"tls_client_auth", "self_signed_tls_client_auth", "none"} {
		s.sent = nil
		s.tokenServer()
		serve := s.server
		s.server = func(m msg) reply {
			if m.Str("stage") == "discovery" {
				return jsonReply(200, meta)
			}
			return serve(m)
		}
		s.open(`{"name":"` + method + `","issuer":"https://as.example","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb","discovery":true,"token_endpoint_auth_method":"` + method + `"}`)
		s.signIn()
		s.ok("revoke")
		token, revoke := s.sent[1], s.sent[2]
		if want := method != "none"; (token.Str("url") == "https://mtls.as.example/token") != want || revoke.Str("url") != "https://as.example/revoke" || token.Form().Get("client_id") != "s6BhdRkqt3" {
			t.Error(method, token.Raw, revoke.Raw)
		}
	}
}
