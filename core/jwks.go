package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// jwksLimit is how long a key set stands before an unknown key makes us ask again: tokens with made-up kids must not turn into requests.
const jwksLimit = 60_000

// A keySet is the server's public keys (RFC 7517 section 5).
type keySet struct {
	keys    json.Value
	at      int64 // fetched
	waiting []func(*fault)
}

// pick gives the one key that can have signed; several is as bad as none where no kid says which (RFC 7515 section 10.7).
func (s *keySet) pick(j *jws) (jwk string, code string) {
	kty, crv := keyType(j.alg)
	code = "unknown_key"
	for it := s.keys.Each(); it.Next(); {
		k := it.Value()
		str := func(name string) string { return k.Get(name).Str() }
		use, alg := str("use"), str("alg")
		if str("kty") != kty || str("crv") != crv || use != "" && use != "sig" || alg != "" && alg != j.alg || j.kid != "" && str("kid") != j.kid {
			continue
		}
		if code == "" {
			return "", "ambiguous_key"
		}
		// Only what is public and what matters goes to the host: the rest of the key, a private part included, is nobody's business.
		w := json.NewWriter()
		w.Open('{')
		w.MemberStr("kty", kty)
		for _, name := range [...]string{"crv", "x", "y", "n", "e"} {
			w.MemberStrIf(name, str(name))
		}
		w.Close('}')
		jwk, code = w.String(), ""
	}
	return jwk, code
}

// withKey finds the key of a signature, asking the server again where it is not among those known.
func (c *client) withKey(j *jws, done func(jwk string, f *fault)) {
	jwk, code := c.keySet.pick(j)
	if code == "" || c.keySet.at != 0 && (code != "unknown_key" || recent(c.now, c.keySet.at, jwksLimit)) {
		done(jwk, notVerified(code, ""))
		return
	}
	c.fetchKeys(func(f *fault) {
		if f != nil {
			done("", f)
			return
		}
		jwk, code := c.keySet.pick(j)
		done(jwk, notVerified(code, ""))
	})
}

// fetchKeys reads the key set; whoever asks meanwhile shares the answer.
func (c *client) fetchKeys(done func(*fault)) {
	s := &c.keySet
	if s.waiting = append(s.waiting, done); len(s.waiting) > 1 {
		return
	}
	c.get(stageKeys, c.jwks, func(v json.Value, f *fault) {
		if keys := v.Get("keys"); f == nil && keys.Kind() == json.Array {
			s.keys, s.at = keys, max(c.now, 1)
			c.storeMetadata()
		} else if f == nil {
			f = &fault{kind: kindServer, code: "bad_key_set"}
		}
		waiting := s.waiting
		s.waiting = nil
		for _, w := range waiting {
			w(f)
		}
	})
}

// verify asks the host whether the signature is right.
func (c *client) verify(j *jws, done func(*fault)) {
	if !hasScope(c.idTokenAlgs, j.alg) {
		done(notVerified("alg_not_allowed", ""))
		return
	}
	c.withKey(j, func(jwk string, f *fault) {
		if f != nil {
			done(f)
			return
		}
		w := c.effect("verify")
		w.MemberStr("alg", j.alg)
		w.MemberRaw("jwk", jwk)
		w.MemberStr("input", j.input)
		w.MemberStr("signature", j.signature)
		c.ask(w, func(ok json.Value, failed string) {
			switch {
			case failed != "":
				done(&fault{kind: kindClient, code: failed})
			case !ok.Get("valid").True():
				done(notVerified("bad_signature", ""))
			default:
				done(nil)
			}
		})
	})
}
