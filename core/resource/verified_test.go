package resource

import (
	"fmt"
	"strings"
	"testing"
)

// bearer checks a GET with a bearer token.
func (s *scene) bearer(at, members string) msg {
	s.t.Helper()
	return s.check("GET", "/notes", members, "authorization", "Bearer "+at)
}

// verifications fails the test unless this many signatures have been verified so far.
func (s *scene) verifications(want int) {
	s.t.Helper()
	if s.signed != want {
		s.t.Fatalf("%d signatures verified, want %d", s.signed, want)
	}
}

// TestScenarioSeenBefore: the signature of a token is verified once a minute at most. Any other
// text is another token, and expiry counts as before (R58, R59).
func TestScenarioSeenBefore(t *testing.T) {
	s := newScene(t, "the signature of a token that comes again is verified once a minute; all else each time", "R58", "R59").mustOpen(conf)
	at := token(`{"exp":1700000100,"acr":"silver","auth_time":1700000000}`)
	s.allowed(s.bearer(at, ""))
	s.now += 59_999
	s.allowed(s.bearer(at, `"scope":"read","max_age":60`))
	s.verifications(1)
	s.refused(s.bearer(at, `"scope":"delete"`), 403, "insufficient_scope", "insufficient_scope scope")
	s.refused(s.bearer(at, `"acr_values":"gold"`), 401, "insufficient_user_authentication", "wrong_claim acr")
	s.refused(s.bearer(at, `"max_age":10`), 401, "insufficient_user_authentication", "wrong_claim auth_time")
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+at), 401, "invalid_token", "not_bound cnf")
	s.verifications(1)
	s.now++ // a minute
	s.allowed(s.bearer(at, ""))
	s.verifications(2)
	s.now = 1_700_000_100_000 // its expiry: within the tolerance, but no longer kept
	s.allowed(s.bearer(at, ""))
	s.verifications(3)
	s.now += 30_000
	s.refused(s.bearer(at, ""), 401, "invalid_token", "expired exp")
}

// TestSeenAndExpired: the claims of a token that is kept are judged at each request: it is refused
// from its expiry on, and if the clock is set back before its times (R59).
func TestSeenAndExpired(t *testing.T) {
	s := quietScene(t).mustOpen(with(`{"clock_tolerance_ms":0}`))
	at := token(`{"exp":1700000030,"nbf":1700000000}`)
	s.allowed(s.bearer(at, ""))
	s.now = 1_700_000_029_999
	s.allowed(s.bearer(at, ""))
	s.verifications(1)
	s.now++
	s.refused(s.bearer(at, ""), 401, "invalid_token", "expired exp")
	s.now = began - 1
	s.refused(s.bearer(at, ""), 401, "invalid_token", "not_yet nbf")
	s = quietScene(t).mustOpen(conf)
	s.allowed(s.bearer(at, ""))
	s.now -= 10 // a clock that was set back: nothing from the future is used
	s.allowed(s.bearer(at, ""))
	s.verifications(2)
}

// TestSeenAndForged: only a verified signature is kept, for exactly its token and key. A failure is
// not kept (R60).
func TestSeenAndForged(t *testing.T) {
	s := quietScene(t).mustOpen(conf)
	at := token(`{}`)
	forged := strings.TrimSuffix(at, "Z29vZA") + "YmFk"
	for n := range 3 { // the first one makes the keys be fetched again
		s.refused(s.bearer(forged, ""), 401, "invalid_token", "bad_signature")
		s.verifications(n + 1)
	}
	s.allowed(s.bearer(at, ""))
	s.verifications(4)
	s.refused(s.bearer(forged, ""), 401, "invalid_token", "bad_signature")
	s.refused(s.bearer(strings.TrimSuffix(token(`{"scope":"admin"}`), "Z29vZA")+"YmFk", ""), 401, "invalid_token", "bad_signature")
	s.refused(s.bearer(jwt(change(tokenHeader, `{"alg":"PS256"}`), tokenClaims), ""), 401, "invalid_token", "unknown_key")
	s.verifications(6)
	s.refused(s.bearer(jwt(change(tokenHeader, `{"alg":"none"}`), tokenClaims), ""), 401, "invalid_token", "alg_not_allowed")
	s.allowed(s.bearer(at, ""))
	s.verifications(6)
}

// TestScenarioSeenAndRotated: a token that is kept ends with its key. If the key was withdrawn, or
// another one has its kid, the token is refused at once, also if it was being verified while the
// new keys came (R61).
func TestScenarioSeenAndRotated(t *testing.T) {
	s := newScene(t, "a token whose signature was verified ends with its key", "R61").mustOpen(conf)
	keys := rsaKey
	s.server = func(m msg) string { return answer(200, `{"keys":[`+keys+`]}`) }
	rotate := func(to string) { // somebody comes with an unknown key
		t.Helper()
		keys = to
		n := len(s.sent)
		s.check("GET", "/notes", "", "authorization", "Bearer "+jwt(change(tokenHeader, `{"kid":"new"}`), tokenClaims))
		if len(s.sent) != n+1 {
			t.Fatal("the keys were not fetched again")
		}
	}
	s.allowed(s.bearer(token(`{}`), ""))

	// Another key takes the kid while the token is being verified.
	s.now += 60_000
	at := token(`{"jti":"t2"}`)
	id := s.begin("check", request("GET", "/notes", "", "authorization", "Bearer "+at))
	verify := s.waiting
	s.waiting = nil
	rotate(strings.Replace(rsaKey, "sXchDa", "sXchDb", 1))
	s.waiting = verify
	s.settle()
	s.allowed(s.results[id]) // it was verified with the key of its time
	s.verifications(2)
	s.now++
	s.allowed(s.bearer(at, "")) // the scene's host likes any key, but it was asked
	s.verifications(3)

	// The same when the token was kept already.
	s.now += 59_000
	s.allowed(s.bearer(at, ""))
	s.verifications(3)
	s.now += 999
	rotate(rsaKey)
	s.now++
	s.allowed(s.bearer(at, ""))
	s.verifications(4)

	// The key is withdrawn.
	s.now += 59_000
	s.allowed(s.bearer(at, ""))
	s.verifications(4)
	s.now += 999
	rotate(strings.Replace(rsaKey, "k1", "other", 1))
	s.refused(s.bearer(at, ""), 401, "invalid_token", "unknown_key")
	s.verifications(4)
}

// TestSeenAndReplaced: keys that were replaced within the minute count at the next request, with
// and without alone (R61).
func TestSeenAndReplaced(t *testing.T) {
	for _, alone := range []bool{false, true} {
		t.Run(fmt.Sprint("alone ", alone), func(t *testing.T) {
			s := quietScene(t).mustOpen(with(fmt.Sprintf(`{"alone":%t,"authorization_servers":[{"issuer":"https://as.example"}]}`, alone)))
			keys := rsaKey
			s.server = func(m msg) string {
				if strings.HasSuffix(m.Str("url"), "jwks") {
					return answer(200, `{"keys":[`+keys+`]}`)
				}
				return publish(m)
			}
			other := jwt(change(tokenHeader, `{"kid":"k2"}`), tokenClaims)
			s.allowed(s.bearer(token(`{}`), ""))
			s.now += 30_000
			at := token(`{"jti":"t2"}`)
			for range 3 {
				s.allowed(s.bearer(at, ""))
			}
			s.verifications(2)
			s.now += 31_000 // the keys may be fetched again, and the token is 31 s old here
			keys = strings.Replace(rsaKey, "k1", "k2", 1)
			s.allowed(s.bearer(at, ""))
			s.verifications(2)
			s.allowed(s.bearer(other, ""))
			s.refused(s.bearer(at, ""), 401, "invalid_token", "unknown_key")
			s.verifications(3)
		})
	}
}

// TestSeenAndBound: each proof is verified and recorded, however often the token came before.
// TestScenarioCertificate compares certificates with a token that comes again (R59).
func TestSeenAndBound(t *testing.T) {
	s := quietScene(t).mustOpen(conf)
	at := boundToken()
	with := func(jti, header string) msg {
		t.Helper()
		return s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", proof(at, header, `{"jti":"`+jti+`"}`))
	}
	s.allowed(with("p1", `{}`))
	s.verifications(2)
	s.allowed(with("p2", `{}`))
	s.verifications(3)
	s.refused(with("p2", `{}`), 401, "invalid_dpop_proof", "replayed jti")
	s.verifications(4)
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+at, "dpop", strings.TrimSuffix(proof(at, `{}`, `{"jti":"p3"}`), "Z29vZA")+"YmFk"), 401, "invalid_dpop_proof", "bad_signature")
	s.verifications(5)
	s.refused(s.bearer(at, ""), 401, "invalid_token", "proof_needed")
	s.refused(s.check("GET", "/notes", "", "authorization", "DPoP "+at), 401, "invalid_dpop_proof", "proofs")
	s.verifications(5)
}

// TestSeenByOneServer: what was verified for one server counts for no other, even if both publish
// the same key (R60).
func TestSeenByOneServer(t *testing.T) {
	s := quietScene(t).mustOpen(with(`{"authorization_servers":[{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks"},{"issuer":"https://two.example","jwks_uri":"https://two.example/jwks"}]}`))
	one, two := token(`{}`), token(`{"iss":"https://two.example"}`)
	for range 2 {
		s.allowed(s.bearer(one, ""))
		s.allowed(s.bearer(two, ""))
	}
	s.verifications(2)
	for _, sv := range []string{one, two} {
		m := s.bearer(sv, "")
		if want := map[string]string{one: asURL, two: "https://two.example"}[sv]; m.Str("ok", "issuer") != want {
			t.Error(m.Raw)
		}
	}
}
