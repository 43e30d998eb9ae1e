package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// jwksLimit is how long a key set stands before an unknown key makes us ask again: tokens with made-up kids must not turn into requests.
const jwksLimit = 60_000

// good tells whether the set is there, and not so old that a key that was withdrawn could still be in it.
func (s *keySet) good(now int64) bool {
	return s.keys.Kind() != json.None && recent(now, s.at, metadataLife)
}

// withKeys sees to a key set before something is spent that would be lost without one.
func (c *client) withKeys(scope string, then func(*link.Fault)) {
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
	return c.noKeys(scope) || c.jwks != "" && !c.idTokenOff && words.Has(scope, "openid") && !c.keySet.good(c.Now)
}

// noKeys tells whether an ID token is asked for and the server says of no place where its keys are.
func (c *client) noKeys(scope string) bool {
	return c.discovery && c.jwks == "" && !c.idTokenOff && words.Has(scope, "openid")
}

// fetchKeys reads the key set; whoever asks meanwhile shares the answer.
func (c *client) fetchKeys(done func(*link.Fault)) {
	s := &c.keySet
	if s.waiting = append(s.waiting, done); len(s.waiting) > 1 {
		return
	}
	s.asked, s.tried = true, c.Now
	c.get(stageKeys, c.jwks, maxBody, func(v json.Value, f *link.Fault) {
		keys := v.Get("keys")
		switch text := keys.Raw(); {
		case f != nil:
		case keys.Kind() != json.Array:
			f = &link.Fault{Kind: link.KindServer, Code: "bad_key_set"}
		case keys.Values() > maxValues || len(text) > maxKeys:
			f = link.NetworkFault("too_large")
		default:
			if c.Large { // the document may be much larger than its keys
				c.Own(&text)
				keys, _ = json.Parse(text)
			}
			s.keys, s.at = keys, c.Now
			c.storeMetadata()
		}
		waiting := s.waiting
		s.waiting = nil
		tell(waiting, f)
	})
}

// tell gives each its own fault: what becomes of it is a matter of its command.
func tell(waiting []func(*link.Fault), f *link.Fault) {
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
func (c *client) verify(j *jose.JWS, done func(*link.Fault)) {
	jwk, wrong := "", link.NotVerified("unknown_key", "")
	if c.keySet.good(c.Now) {
		jwk, wrong = jose.Pick(c.keySet.keys, j)
	}
	if wrong != nil {
		c.verifyAnew(j, wrong, done)
		return
	}
	c.askVerify(j, jwk, func(wrong, f *link.Fault) {
		if wrong != nil {
			c.verifyAnew(j, wrong, done)
			return
		}
		done(f)
	})
}

func (c *client) verifyAnew(j *jose.JWS, wrong *link.Fault, done func(*link.Fault)) {
	s := &c.keySet
	limit := int64(jwksLimit)
	if !s.good(c.Now) {
		limit = leastWait // without keys nobody can sign in
	}
	if s.asked && recent(c.Now, s.tried, limit) && len(s.waiting) == 0 {
		done(wrong)
		return
	}
	c.fetchKeys(func(f *link.Fault) {
		if f != nil {
			done(f)
			return
		}
		jwk, wrong := jose.Pick(c.keySet.keys, j)
		if wrong != nil {
			done(wrong)
			return
		}
		c.askVerify(j, jwk, func(wrong, f *link.Fault) {
			if wrong != nil {
				f = wrong
			}
			done(f)
		})
	})
}

// askVerify asks the host; wrong is the verdict, f why there is none.
func (c *client) askVerify(j *jose.JWS, jwk string, done func(wrong, f *link.Fault)) {
	w := c.Effect("verify")
	w.MemberStr("alg", j.Alg)
	w.MemberRaw("jwk", jwk)
	w.MemberStr("input", j.Input)
	w.MemberStr("signature", j.Signature)
	c.Ask(w, func(ok json.Value, failed string) {
		switch {
		case failed != "":
			done(nil, &link.Fault{Kind: link.KindClient, Code: failed})
		case !ok.Get("valid").True():
			done(link.NotVerified("bad_signature", ""), nil)
		default:
			done(nil, nil)
		}
	})
}
