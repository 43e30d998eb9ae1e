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
	return s.list.Kind() != json.None && recent(now, s.at, metadataLife)
}

// withKeys sees to a key set before something is spent that would be lost without one.
func (i *issuer) withKeys(scope string, then func(*link.Fault)) {
	if !i.needsKeys(scope) {
		then(nil)
		return
	}
	if i.config.jwks == "" {
		then(i.absent("jwks_uri"))
		return
	}
	i.fetchKeys(then)
}

func (i *issuer) needsKeys(scope string) bool {
	return i.noKeys(scope) || i.config.jwks != "" && !i.config.idTokenOff && words.Has(scope, "openid") && !i.keys.good(i.link.Now)
}

// noKeys tells whether an ID token is asked for and the server says of no place where its keys are.
func (i *issuer) noKeys(scope string) bool {
	return i.config.discovery && i.config.jwks == "" && !i.config.idTokenOff && words.Has(scope, "openid")
}

// fetchKeys reads the key set; whoever asks meanwhile shares the answer.
func (i *issuer) fetchKeys(done func(*link.Fault)) {
	s := &i.keys
	if s.waiting = append(s.waiting, done); len(s.waiting) > 1 {
		return
	}
	s.asked, s.tried = true, i.link.Now
	i.get(stageKeys, i.config.jwks, maxBody, i.keysRead)
}

func (i *issuer) keysRead(v json.Value, f *link.Fault) {
	s := &i.keys
	keys := v.Get("keys")
	switch text := keys.Raw(); {
	case f != nil:
	case keys.Kind() != json.Array:
		f = &link.Fault{Kind: link.KindServer, Code: "bad_key_set"}
	case keys.Values() > maxValues || len(text) > maxKeys:
		f = link.NetworkFault("too_large")
	default:
		if i.link.Large { // the document may be much larger than its keys
			i.link.Own(&text)
			keys, _ = json.Parse(text)
		}
		s.list, s.at = keys, i.link.Now
		i.storeMetadata()
	}
	waiting := s.waiting
	s.waiting = nil
	tell(waiting, f)
}

// A verifyRun is of one signature, by a key that the server publishes now: an unknown key, and a signature that does not fit, make us ask for the keys anew, once.
// Its methods are the steps: pick, judged, refused, fetched.
type verifyRun struct {
	issuer *issuer
	jws    *jose.JWS
	anew   bool // the keys were asked for
	done   func(*link.Fault)
}

func (i *issuer) verify(j *jose.JWS, done func(*link.Fault)) {
	v := &verifyRun{issuer: i, jws: j, done: done}
	if i.keys.good(i.link.Now) {
		v.pick()
		return
	}
	v.refused(link.NotVerified("unknown_key", ""))
}

// pick asks the host about the signature.
func (v *verifyRun) pick() {
	jwk, wrong := jose.Pick(v.issuer.keys.list, v.jws)
	if wrong != nil {
		v.refused(wrong)
		return
	}
	askVerify(v.issuer.link, v.jws, jwk, v.judged)
}

// askVerify has the host verify a signature.
func askVerify(l *link.Link, j *jose.JWS, jwk string, then func(ok json.Value, failed string)) {
	w := l.Effect("verify")
	w.MemberStr("alg", j.Alg)
	w.MemberRaw("jwk", jwk)
	w.MemberStr("input", j.Input)
	w.MemberStr("signature", j.Signature)
	l.Ask(w, then)
}

func (v *verifyRun) judged(ok json.Value, failed string) {
	switch {
	case failed != "":
		v.done(&link.Fault{Kind: link.KindClient, Code: failed})
	case !ok.Get("valid").True():
		v.refused(link.NotVerified("bad_signature", ""))
	default:
		v.done(nil)
	}
}

// refused asks for the keys, unless that was done lately.
func (v *verifyRun) refused(wrong *link.Fault) {
	i := v.issuer
	limit := int64(jwksLimit)
	if !i.keys.good(i.link.Now) {
		limit = leastWait // without keys nobody can sign in
	}
	if v.anew || i.keys.asked && recent(i.link.Now, i.keys.tried, limit) && len(i.keys.waiting) == 0 {
		v.done(wrong)
		return
	}
	v.anew = true
	i.fetchKeys(v.fetched)
}

func (v *verifyRun) fetched(f *link.Fault) {
	if f != nil {
		v.done(f)
		return
	}
	v.pick()
}
