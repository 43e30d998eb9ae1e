package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// KeysLimit is the least time, in ms, between two fetches of a key set because of an unknown key:
// tokens with forged kids must not cause many requests.
const KeysLimit = 60_000

// keysGood reports whether there is a key set that is not too old.
func (i *Issuer) keysGood() bool {
	return i.keys.list.Kind() != json.None && i.link.Recent(i.keys.at, MetadataLife)
}

// WithKeys fetches the key set before something is used up that would be lost without keys.
func (i *Issuer) WithKeys(scope string, then func(*link.Fault)) {
	if !i.NeedsKeys(scope) {
		then(nil)
		return
	}
	if i.config.JWKS == "" {
		then(i.Absent("jwks_uri"))
		return
	}
	i.fetchKeys(then)
}

// NeedsKeys reports whether WithKeys would have to fetch keys.
func (i *Issuer) NeedsKeys(scope string) bool {
	return i.NoKeys(scope) || i.config.JWKS != "" && !i.config.IDTokenOff && words.Has(scope, "openid") && !i.keysGood()
}

// NoKeys reports whether an ID token is requested, but the server does not say where its keys are.
func (i *Issuer) NoKeys(scope string) bool {
	return i.config.Discovery && i.config.JWKS == "" && !i.config.IDTokenOff && words.Has(scope, "openid")
}

// fetchKeys reads the key set; concurrent calls share the request.
func (i *Issuer) fetchKeys(done func(*link.Fault)) {
	s := &i.keys
	if s.waiting = append(s.waiting, done); len(s.waiting) > 1 {
		return
	}
	s.asked, s.tried = true, i.link.Now
	i.Get(config.StageKeys, i.config.JWKS, wire.MaxBody, i.keysRead)
}

func (i *Issuer) keysRead(v json.Value, f *link.Fault) {
	s := &i.keys
	keys := v.Get("keys")
	switch text := keys.Raw(); {
	case f != nil:
	case keys.Kind() != json.Array:
		f = &link.Fault{Kind: link.KindServer, Code: "bad_key_set"}
	case keys.Values() > wire.MaxValues || len(text) > wire.MaxKeys:
		f = link.NetworkFault("too_large")
	default:
		if i.link.Large { // the document may be much larger than its keys
			i.link.Own(&text)
			keys, _ = json.Parse(text)
		}
		s.list, s.at, s.picked = keys, i.link.Now, picked{}
		i.storeMetadata()
	}
	waiting := s.waiting
	s.waiting = nil
	tell(waiting, f)
}

// A verifyRun verifies one signature with a key that the server publishes. If the key is unknown,
// or the signature does not fit, it fetches the keys again, once. Its methods are the steps: pick,
// judged, refused, fetched.
type verifyRun struct {
	issuer *Issuer
	jws    *jose.JWS
	anew   bool // the keys were fetched already
	done   func(*link.Fault)
}

func (i *Issuer) verify(j *jose.JWS, done func(*link.Fault)) {
	v := &verifyRun{issuer: i, jws: j, done: done}
	if i.keysGood() {
		v.pick()
		return
	}
	v.refused(link.NotVerified("unknown_key", ""))
}

// pick asks the host to verify the signature.
func (v *verifyRun) pick() {
	jwk, wrong := v.issuer.pick(v.jws)
	if wrong != nil {
		v.refused(wrong)
		return
	}
	v.jws.Key = jwk
	askVerify(v.issuer.link, v.jws, jwk, v.judged)
}

// pick returns the key of the list for a signature.
func (i *Issuer) pick(j *jose.JWS) (jwk string, wrong *link.Fault) {
	p := &i.keys.picked
	if p.jwk == "" || p.alg != j.Alg || p.kid != j.Kid {
		if jwk, wrong = jose.Pick(i.keys.list, j); wrong != nil {
			return "", wrong
		}
		*p = picked{j.Alg, j.Kid, jwk}
		i.link.Own(&p.alg, &p.kid)
	}
	return p.jwk, nil
}

// askVerify asks the host to verify a signature.
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

// refused fetches the keys, unless that was done a short time ago.
func (v *verifyRun) refused(wrong *link.Fault) {
	i := v.issuer
	limit := int64(KeysLimit)
	if !i.keysGood() {
		limit = wire.LeastWait // without keys nobody can sign in
	}
	if v.anew || i.keys.asked && i.link.Recent(i.keys.tried, limit) && len(i.keys.waiting) == 0 {
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
