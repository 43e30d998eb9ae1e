package core

import (
	"fmt"
	"strings"
	"testing"
)

// TestRFC9207: the examples of section 2, a response and an error of the honest server; the same
// from another one is refused (section 2.4).
func TestRFC9207(t *testing.T) {
	for _, row := range []struct{ response, kind, code string }{
		{"code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fhonest.as.example", "", ""},
		{"error=access_denied&state=N2JjNTlmMGQ1M2U5YzJhNzk2YzFhZmM5MWI2MmJiMTk&iss=https%3A%2F%2Fhonest.as.example", "server", "oauth_error"},
		{"code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI&iss=https%3A%2F%2Fattacker.example", "callback_not_verified", "wrong_iss"},
		{"error=access_denied&state=N2JjNTlmMGQ1M2U5YzJhNzk2YzFhZmM5MWI2MmJiMTk&iss=https%3A%2F%2Fattacker.example", "callback_not_verified", "wrong_iss"},
		{"code=x1848ZT64p4IirMPT0R-X3141MFPTuBX-VFL_cvaplMH58&state=ZWVlNDBlYzA1NjdkMDNhYjg3ZjUxZjAyNGQzMTM2NzI", "callback_not_verified", "missing_iss"},
	} {
		s := quietScene(t)
		s.tokenServer()
		s.open(with(`{"issuer":"https://honest.as.example","authorization_response_iss_parameter_supported":true}`))
		_, state, _ := strings.Cut(row.response, "state=")
		state, _, _ = strings.Cut(state, "&")
		s.ok("authorize", `"insecure_state":`+quote(state))
		r := s.do("callback", `"url":"https://client.example/cb?`+row.response+`"`)
		if r.Str("error", "kind") != row.kind || r.Str("error", "code") != row.code {
			t.Error(row.response, r.Raw)
		}
	}
}

// TestRFC9101: the claims of the example in section 4.2, as far as this client asks for the like.
func TestRFC9101(t *testing.T) {
	s := quietScene(t)
	s.keys = map[string]bool{"k": true}
	s.open(`{"issuer":"https://server.example.com","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example.org/cb","authorization_endpoint":"https://server.example.com/authorize",` +
		`"jwks_uri":"https://server.example.com/jwks","scope":"openid","client_key":"k","request_object_signing_alg":"ES256"}`)
	u := authorizeURL(s, `"insecure_state":"af0ifjsldkj","insecure_nonce":"n-0S6_WzA2Mj","max_age":86400`)
	_, claims := wantJWS(t, "k", u.Query().Get("request"))
	for name, want := range map[string]string{"iss": "s6BhdRkqt3", "aud": "https://server.example.com", "client_id": "s6BhdRkqt3", "redirect_uri": "https://client.example.org/cb",
		"scope": "openid", "state": "af0ifjsldkj", "nonce": "n-0S6_WzA2Mj", "max_age": "86400"} {
		if got := fmt.Sprint(claims[name]); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
	// Section 5: client_id stands beside it, and equals the one inside.
	if u.Query().Get("client_id") != claims["client_id"] {
		t.Error(u)
	}
}

// TestRFC9449: the proofs of section 4.1 (figure 2) and section 7.1 (figure 12): the same members
// with the same values, for the same requests.
func TestRFC9449(t *testing.T) {
	s := quietScene(t)
	s.now = 1_562_262_616_000
	s.server = func(m msg) reply {
		return jsonReply(200, `{"access_token":"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU","token_type":"DPoP","expires_in":2677,"refresh_token":"Q..Zkm29lexi8VnWg2zPW1x-tgGad0Ibc3s3EwM_Ni4-g"}`)
	}
	s.open(`{"issuer":"https://server.example.com","client_id":"s6BhdRkqt","redirect_uri":"https://client.example/cb","authorization_endpoint":"https://server.example.com/authorize",` +
		`"token_endpoint":"https://server.example.com/token","token_destinations":["https://resource.example.org"],"dpop":true}`)
	s.signIn()
	header, claims := wantJWS(t, s.key(), s.sent[0].Header("dpop"))
	if header["typ"] != "dpop+jwt" || header["alg"] != "ES256" || len(header) != 3 || len(claims) != 4 || claims["htm"] != "POST" || claims["htu"] != "https://server.example.com/token" || claims["iat"] != 1562262616.0 {
		t.Error(header, claims)
	}
	s.now = 1_562_262_618_000
	r := s.ok("prepare", `"url":"https://resource.example.org/protectedresource","method":"GET"`)
	headers := r.M["ok"].(map[string]any)["headers"].([]any)
	if got := headers[0].([]any); got[0] != "authorization" || got[1] != "DPoP Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU" {
		t.Error(r.Raw)
	}
	_, claims = wantJWS(t, s.key(), headers[1].([]any)[1].(string))
	if len(claims) != 5 || claims["ath"] != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" || claims["htu"] != "https://resource.example.org/protectedresource" || claims["iat"] != 1562262618.0 {
		t.Error(claims)
	}
}

// TestRFC9701: the answer of section 5, figure 2, signed by a key of ours.
func TestRFC9701(t *testing.T) {
	s := quietScene(t)
	s.now = 1_514_797_892_000
	i := s.issuer()
	s.open(`{"issuer":"https://as.example.com/","client_id":"https://rs.example.com/resource","client_secret":"secret","introspection_endpoint":"https://as.example.com/introspect",` +
		`"token_endpoint":"https://as.example.com/token","jwks_uri":"https://as.example.com/jwks","introspection_signed_response_alg":"RS256"}`)
	const about = `{"active":true,"iss":"https://as.example.com/","aud":"https://rs.example.com/resource","iat":1514797822,"exp":1514797942,"client_id":"paiB2goo0a","scope":"read write dolphin","sub":"Z5O3upPC88QrAjx00dis","birthdate":"1982-02-01","given_name":"John","family_name":"Doe","jti":"t1FoCCaZd4Xv4ORJUWVUeTZfsKhW30CQCrWDDjwXy6w"}`
	s.server = func(m msg) reply {
		if m.Str("stage") == "jwks" {
			return i.serve(m)
		}
		return reply{status: 200, ctype: "application/token-introspection+jwt", body: jwt(rsaKey, "RS256", `"typ":"token-introspection+jwt","kid":"1"`,
			`{"iss":"https://as.example.com/","aud":"https://rs.example.com/resource","iat":1514797892,"token_introspection":`+about+`}`)}
	}
	if r := s.ok("introspect", `"token":"2YotnFZFEjr1zCsicMWpAA"`); !strings.Contains(r.Raw, `"claims":`+about) {
		t.Error(r.Raw)
	}
}
