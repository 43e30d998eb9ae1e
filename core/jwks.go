package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// jwksLimit is how long a key set stands before an unknown key makes us ask again: tokens with made-up kids must not turn into requests.
const jwksLimit = 60_000

// A keySet is the server's public keys (RFC 7517 section 5).
type keySet struct {
	keys    json.Value // an array, or None before there were any
	at      int64      // fetched
	tried   int64      // to fetch them
	asked   bool
	waiting []func(*fault)
}

// good tells whether the set is there, and not so old that a key that was withdrawn could still be in it.
func (s *keySet) good(now int64) bool {
	return s.keys.Kind() != json.None && recent(now, s.at, metadataLife)
}

// pick gives the one key that can have signed; several is as bad as none where no kid says which (RFC 7515 section 10.7). What is no key that anything may be verified with counts as none.
func (s *keySet) pick(j *jws) (jwk string, f *fault) {
	kty, crv := keyType(j.alg)
	f = notVerified("unknown_key", "").not("", j.kid)
	for it := s.keys.Each(); it.Next(); {
		k := it.Value()
		str := func(name string) string { return k.Get(name).Str() }
		use, alg := str("use"), str("alg")
		if str("kty") != kty || str("crv") != crv || use != "" && use != "sig" || k.Get("key_ops").Kind() == json.Array && !lists(k.Get("key_ops"), "verify") || alg != "" && alg != j.alg || j.kid != "" && str("kid") != j.kid {
			continue
		}
		member, want := wrongKey(k)
		switch {
		case member != "" && jwk == "":
			f = badKey(str("kid"), member, want)
		case member != "":
		case jwk != "":
			return "", notVerified("ambiguous_key", "")
		default:
			jwk, f = publicKey(k), nil
		}
	}
	return jwk, f
}

// withKeys sees to a key set before something is spent that would be lost without one.
func (c *client) withKeys(scope string, then func(*fault)) {
	if !c.needsKeys(scope) {
		then(nil)
		return
	}
	if c.jwks == "" {
		then(c.absent("jwks_uri"))
		return
	}
	c.fetchKeys(then)
}

func (c *client) needsKeys(scope string) bool {
	return c.noKeys(scope) || c.jwks != "" && !c.idTokenOff && hasScope(scope, "openid") && !c.keySet.good(c.now)
}

// noKeys tells whether an ID token is asked for and the server says of no place where its keys are.
func (c *client) noKeys(scope string) bool {
	return c.discovery && c.jwks == "" && !c.idTokenOff && hasScope(scope, "openid")
}

// fetchKeys reads the key set; whoever asks meanwhile shares the answer.
func (c *client) fetchKeys(done func(*fault)) {
	s := &c.keySet
	if s.waiting = append(s.waiting, done); len(s.waiting) > 1 {
		return
	}
	s.asked, s.tried = true, c.now
	c.get(stageKeys, c.jwks, maxBody, func(v json.Value, f *fault) {
		keys := v.Get("keys")
		switch text := keys.Raw(); {
		case f != nil:
		case keys.Kind() != json.Array:
			f = &fault{kind: kindServer, code: "bad_key_set"}
		case keys.Values() > maxValues || len(text) > maxKeys:
			f = networkFault("too_large")
		default:
			if c.large { // the document may be much larger than its keys
				c.own(&text)
				keys, _ = json.Parse(text)
			}
			s.keys, s.at = keys, c.now
			c.storeMetadata()
		}
		waiting := s.waiting
		s.waiting = nil
		tell(waiting, f)
	})
}

// tell gives each its own fault: what becomes of it is a matter of its command.
func tell(waiting []func(*fault), f *fault) {
	for _, w := range waiting {
		if f == nil {
			w(nil)
			continue
		}
		own := *f
		w(&own)
	}
}

// verify has the signature of j verified, by a key that the server publishes now: an unknown key, and a signature that does not fit, make us ask for them anew.
func (c *client) verify(j *jws, done func(*fault)) {
	jwk, wrong := "", notVerified("unknown_key", "")
	if c.keySet.good(c.now) {
		jwk, wrong = c.keySet.pick(j)
	}
	if wrong != nil {
		c.verifyAnew(j, wrong, done)
		return
	}
	c.askVerify(j, jwk, func(wrong, f *fault) {
		if wrong != nil {
			c.verifyAnew(j, wrong, done)
			return
		}
		done(f)
	})
}

func (c *client) verifyAnew(j *jws, wrong *fault, done func(*fault)) {
	s := &c.keySet
	limit := int64(jwksLimit)
	if !s.good(c.now) {
		limit = leastWait // without keys nobody can sign in
	}
	if s.asked && recent(c.now, s.tried, limit) && len(s.waiting) == 0 {
		done(wrong)
		return
	}
	c.fetchKeys(func(f *fault) {
		if f != nil {
			done(f)
			return
		}
		jwk, wrong := c.keySet.pick(j)
		if wrong != nil {
			done(wrong)
			return
		}
		c.askVerify(j, jwk, func(wrong, f *fault) {
			if wrong != nil {
				f = wrong
			}
			done(f)
		})
	})
}

// askVerify asks the host; wrong is the verdict, f why there is none.
func (c *client) askVerify(j *jws, jwk string, done func(wrong, f *fault)) {
	w := c.effect("verify")
	w.MemberStr("alg", j.alg)
	w.MemberRaw("jwk", jwk)
	w.MemberStr("input", j.input)
	w.MemberStr("signature", j.signature)
	c.ask(w, func(ok json.Value, failed string) {
		switch {
		case failed != "":
			done(nil, &fault{kind: kindClient, code: failed})
		case !ok.Get("valid").True():
			done(notVerified("bad_signature", ""), nil)
		default:
			done(nil, nil)
		}
	})
}
