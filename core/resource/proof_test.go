package resource

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioDpop: a token that is bound to a key needs a proof of that key, and each proof counts
// once, for all processes that share the store (R20, R21, R22).
func TestScenarioDpop(t *testing.T) {
	s := newScene(t, "a bound token needs a proof, and a proof counts once", "R20", "R21", "R22").mustOpen(conf)
	at := boundToken()
	p := proof(at, `{}`, `{}`)
	m := s.check("GET", "/notes?a=b", "", "authorization", "DPoP "+at, "dpop", p)
	s.allowed(m)
	if m.Str("ok", "scheme") != "DPoP" || len(s.store) != 1 {
		t.Error(m.Raw, s.store)
	}
	for key, until := range s.store {
		if !strings.HasPrefix(key, "oauth2.jti.") || until != "1700000120000" {
			t.Error(key, until)
		}
	}
	m = s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", p)
	s.refused(m, 401, "invalid_dpop_proof", "replayed jti")
	if !strings.HasPrefix(m.Header("www-authenticate"), `DPoP error="invalid_dpop_proof"`) {
		t.Error(m.Header("www-authenticate"))
	}
	// Another session plays another process.
	other := s.mustOpen(conf)
	other.refused(other.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", p), 401, "invalid_dpop_proof", "replayed jti")
	s.allowed(s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, `{"jti":"p2"}`)))
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+at, "dpop", proof(at, `{}`, `{"jti":"p3"}`)), 401, "invalid_token", "proof_needed")
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+token(`{}`), "dpop", proof(token(`{}`), `{}`, `{}`)), 401, "invalid_token", "not_bound cnf")
	s.fail = "storage"
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, `{"jti":"p4"}`)), 503, "", "storage")
}

// TestRefusedProofs: what makes a proof invalid, one by one. Invalid proofs are not recorded (R20).
func TestRefusedProofs(t *testing.T) {
	at := boundToken()
	private := change(ecKey, `{"d":"secret"}`)
	other := `{"kty":"EC","crv":"P-256","x":"Mec-Pl1Rb2DKLIXdFEFO1Vv9Wt6r2v3pFl2LmAzmFNE","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`
	for _, row := range []struct{ name, proof, code, reason string }{
		{"none", "", "", "proofs"},
		{"typ JWT", proof(at, `{"typ":"JWT"}`, `{}`), "", "wrong_type"},
		{"no typ", proof(at, `{"typ":null}`, `{}`), "", "wrong_type"},
		{"alg none", proof(at, `{"alg":"none"}`, `{}`), "", "alg_not_allowed"},
		{"alg HS256", proof(at, `{"alg":"HS256"}`, `{}`), "", "alg_not_allowed"},
		{"an algorithm that is not taken", proof(at, `{"alg":"RS256","jwk":`+rsaKey+`}`, `{}`), "", "alg_not_allowed"},
		{"a symmetric key", proof(at, `{"jwk":{"kty":"oct","k":"c2VjcmV0"}}`, `{}`), "", "bad_key jwk"},
		{"a key with its private part", proof(at, `{"jwk":`+private+`}`, `{}`), "", "bad_key jwk"},
		{"a key with k", proof(at, `{"jwk":`+change(ecKey, `{"k":""}`)+`}`, `{}`), "", "bad_key jwk"},
		{"no key", proof(at, `{"jwk":null}`, `{}`), "", "bad_key jwk"},
		{"a key that is text", proof(at, `{"jwk":"x"}`, `{}`), "", "bad_key jwk"},
		{"a key of another curve", proof(at, `{"jwk":`+change(ecKey, `{"crv":"P-384"}`)+`}`, `{}`), "", "bad_key jwk"},
		{"a key that is cut", proof(at, `{"jwk":`+change(ecKey, `{"x":"AAAA"}`)+`}`, `{}`), "", "bad_key jwk"},
		{"another key", proof(at, `{"jwk":`+other+`}`, `{}`), "invalid_token", "wrong_key cnf"},
		{"a critical member", proof(at, `{"crit":["nonce"]}`, `{}`), "", "malformed"},
		{"no JWT", "a.b", "", "malformed"},
		{"two in one header", proof(at, `{}`, `{}`) + ", " + proof(at, `{}`, `{}`), "", "malformed"},
		{"another method", proof(at, `{}`, `{"htm":"POST"}`), "", "wrong_claim htm"},
		{"the method in small letters", proof(at, `{}`, `{"htm":"get"}`), "", "wrong_claim htm"},
		{"no method", proof(at, `{}`, `{"htm":null}`), "", "wrong_claim htm"},
		{"another path", proof(at, `{}`, `{"htu":"https://api.example/other"}`), "", "wrong_claim htu"},
		{"another host", proof(at, `{}`, `{"htu":"https://evil.example/notes"}`), "", "wrong_claim htu"},
		{"another scheme", proof(at, `{}`, `{"htu":"http://api.example/notes"}`), "", "wrong_claim htu"},
		{"another port", proof(at, `{}`, `{"htu":"https://api.example:8443/notes"}`), "", "wrong_claim htu"},
		{"no URL", proof(at, `{}`, `{"htu":"/notes"}`), "", "wrong_claim htu"},
		{"another token", proof(token(`{}`), `{}`, `{}`), "", "wrong_claim ath"},
		{"no token", proof(at, `{}`, `{"ath":null}`), "", "wrong_claim ath"},
		{"no jti", proof(at, `{}`, `{"jti":null}`), "", "missing_claim jti"},
		{"a giant jti", proof(at, `{}`, `{"jti":"`+strings.Repeat("x", 513)+`"}`), "", "missing_claim jti"},
		{"no iat", proof(at, `{}`, `{"iat":null}`), "", "missing_claim iat"},
		{"iat as text", proof(at, `{}`, `{"iat":"1700000000"}`), "", "missing_claim iat"},
		{"of a time to come", proof(at, `{}`, `{"iat":1700000031}`), "", "untimely iat"},
		{"too old", proof(at, `{}`, `{"iat":1699999909}`), "", "untimely iat"},
		{"iat beyond all time", proof(at, `{}`, `{"iat":9e18}`), "", "missing_claim iat"},
		{"the wrong signature", strings.TrimSuffix(proof(at, `{}`, `{}`), "Z29vZA") + "YmFk", "", "bad_signature"},
		{"too long", proof(at, `{}`, `{"x":"`+strings.Repeat("x", 9000)+`"}`), "", "too_large"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t).mustOpen(with(`{"dpop_algorithms":["ES256"]}`))
			headers := []string{"authorization", "DPoP " + at}
			if row.proof != "" {
				headers = append(headers, "dpop", row.proof)
			}
			code := row.code
			if code == "" {
				code = "invalid_dpop_proof"
			}
			s.refused(s.check("GET", "/notes", "", headers...), 401, code, row.reason)
			if len(s.store) != 0 {
				t.Error("recorded")
			}
		})
	}
	s := quietScene(t).mustOpen(conf)
	p := proof(at, `{}`, `{}`)
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", p, "dpop", p), 401, "invalid_dpop_proof", "proofs")
}

// TestPlaces: which htu matches a request: escapes and the default port make no difference, query
// and fragment do not count, and a resource may have several origins (R23).
func TestPlaces(t *testing.T) {
	at := boundToken()
	for n, row := range []struct {
		url, htu string
		ok       bool
	}{
		{"/notes", "https://api.example/notes", true},
		{"https://anything.example/notes?x=y", "https://api.example/notes", true},
		{"/notes", "HTTPS://API.EXAMPLE:443/notes", true},
		{"/notes", "https://api.example/notes?x=y", true},
		{"/notes", "https://api.example/notes#f", true},
		{"/notes/%7ea%2fb", "https://api.example/notes/~a%2Fb", true},
		{"/notes/a/b", "https://api.example/notes/a%2Fb", false},
		{"/", "https://api.example", true},
		{"", "https://api.example/", true},
		{"/notes", "https://www.example/notes", true},
		{"/notes", "https://user@api.example/notes", false},
		{"/notes", "https://api.example/notes/", false},
		{"/notes", "https://api.example/Notes", false},
		{"/notes", "https://api.example.evil.example/notes", false},
	} {
		s := quietScene(t).mustOpen(with(`{"origins":["https://www.example"]}`))
		m := s.check("GET", row.url, "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, fmt.Sprintf(`{"htu":%q}`, row.htu)))
		if got := m.Str("ok", "allowed") == "true"; got != row.ok {
			t.Errorf("row %d: %s for %s: %t", n, row.htu, row.url, got)
		}
	}
}

// TestScenarioNonce: the proof must contain a nonce of ours. A refusal brings one, it is valid
// wherever the nonce key is known, and it is renewed after half of its life (R24, R25).
func TestScenarioNonce(t *testing.T) {
	keys := `"nonce_keys":["` + strings.Repeat("A", 42) + `A"]`
	s := newScene(t, "a nonce of the engine's own making", "R24", "R25").mustOpen(with(`{"dpop_nonce":true,` + keys + `}`))
	at := boundToken()
	n := 0
	ask := func(nonce string) msg {
		n++
		return s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, fmt.Sprintf(`{"jti":"n%d","nonce":%q}`, n, nonce)))
	}
	m := s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, `{}`))
	s.refused(m, 401, "use_dpop_nonce", "nonce")
	nonce := m.Header("dpop-nonce")
	if nonce == "" {
		t.Fatal(m.Raw)
	}
	if m = ask(nonce); m.Header("dpop-nonce") != "" {
		t.Error("a new nonce already")
	}
	s.allowed(m)
	forged := nonce[:len(nonce)-2] + "AA"
	for _, bad := range []string{forged, "", "x", strings.Repeat("A", 28), nonce + "A"} {
		s.refused(ask(bad), 401, "use_dpop_nonce", "nonce")
	}
	// A nonce tells the server the time, so it does not matter that a clock is wrong by an hour.
	s.allowed(s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, `{}`, `{"jti":"late","iat":1700003600,"nonce":"`+nonce+`"}`)))
	s.now += 151_000
	m = ask(nonce)
	s.allowed(m)
	next := m.Header("dpop-nonce")
	if next == "" || next == nonce {
		t.Error(m.Raw)
	}
	s.now += 150_000
	s.refused(ask(nonce), 401, "use_dpop_nonce", "nonce")
	s.allowed(ask(next))
	// Another process with a new key in first place: the old key is still valid.
	s.mustOpen(with(`{"dpop_nonce":true,"nonce_keys":["` + strings.Repeat("B", 42) + `A","` + strings.Repeat("A", 42) + `A"]}`))
	s.allowed(ask(next))
	s.mustOpen(with(`{"dpop_nonce":true}`))
	s.refused(ask(next), 401, "use_dpop_nonce", "nonce")
}

// TestScenarioBound: a resource may accept bound tokens only. A token that is bound in a way that
// we cannot check is refused (R26, R27).
func TestScenarioBound(t *testing.T) {
	s := newScene(t, "tokens that are bound to nothing, where the resource wants bound ones", "R26", "R27").mustOpen(with(`{"dpop":"required"}`))
	m := s.check("GET", "/notes", "")
	s.refused(m, 401, "", "missing_token")
	if strings.Contains(m.Header("www-authenticate"), "Bearer") {
		t.Error(m.Header("www-authenticate"))
	}
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 401, "invalid_token", "not_bound cnf")
	s.mustOpen(with(`{"require_bound":true}`))
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 401, "invalid_token", "not_bound cnf")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"cnf":{"jwk":{}}}`)), 401, "invalid_token", "unknown_binding cnf")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"cnf":null,"cnf":"x"}`)), 401, "invalid_token", "unknown_binding cnf")
	s.mustOpen(with(`{"dpop":"off"}`))
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+boundToken(), "dpop", proof(boundToken(), `{}`, `{}`)), 401, "", "missing_token")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+boundToken()), 401, "invalid_token", "proof_needed")
}
