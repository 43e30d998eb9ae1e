package simulate

import (
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
)

// carryKey carries out a key effect. Effects of one name and one party run in order.
func (w *World) carryKey(p *party, e *effect) {
	t := p.begin(e)
	w.keys.record(e.Name).known(p.id)
	w.judge(p, e)
	order := "key " + e.Name
	at := max(w.now+w.keyLatency(), p.tails[order])
	p.tails[order] = at
	t.pending = func() {
		t.pending = nil
		member, delay := w.performKey(p, e), w.keyLatency()
		if strings.HasPrefix(member, `"ok"`) && w.goesWrong(keyAnswerLost) {
			w.keys.record(e.Name).excuse("the answer to a key effect was lost")
			member, delay = `"failed":{"kind":"timeout"}`, delay+w.span(0, 30_000)
		}
		w.after(delay, func() { p.answer(t, member) })
	}
	w.queue.add(at, false, func() {
		if t.pending != nil {
			t.pending()
		}
	})
}

func (w *World) keyLatency() int64 {
	if w.goesWrong(keySlow) {
		return w.long(100, 8_000)
	}
	return w.span(0, 4)
}

func (w *World) performKey(p *party, e *effect) (member string) {
	r := w.keys.record(e.Name)
	what := "find"
	switch {
	case e.Delete:
		what = "delete"
	case e.Create:
		what = "create"
	}
	if w.goesWrong(keyFails) {
		kind := []string{"storage", "unsupported", "internal"}[w.n(3)]
		w.note(p, "%s %s fails: %s", what, r.alias, kind)
		if e.Delete {
			r.excuse("a key could not be deleted")
		}
		return `"failed":{"kind":"` + kind + `"}`
	}
	k := w.keys.keys[e.Name]
	switch {
	case e.Delete:
		w.note(p, "delete %s, there: %v", r.alias, k != nil)
		if k != nil {
			delete(w.keys.keys, e.Name)
			w.keyDropped(p, r)
		}
		return `"ok":{}`
	case k == nil && e.Create:
		k = w.keys.make(e.Name)
		w.note(p, "create %s", r.alias)
	case k == nil:
		w.note(p, "find %s: it is not there", r.alias)
		return `"ok":{}`
	}
	jwk := k.jwk
	if w.goesWrong(keyCareless) {
		// This host hands out the whole key. The core must pass on none of the private part.
		jwk = jwk[:len(jwk)-1] + `,"d":"` + w.keys.private(k) + `","ext":true,"key_ops":["sign"]}`
	}
	return `"ok":{"jwk":` + jwk + `}`
}

// sign carries out a sign effect. The proof is checked when the core asks for the signature: it
// must contain what the core knew at that time.
func (w *World) sign(p *party, e *effect) {
	t := p.begin(e)
	w.keys.record(e.Key).known(p.id)
	w.claims(p, e)
	w.after(w.keyLatency(), func() {
		k := w.keys.keys[e.Key]
		switch {
		case w.goesWrong(signFails):
			kind := []string{"storage", "internal", "timeout"}[w.n(3)]
			w.note(p, "sign with %s fails: %s", w.keys.record(e.Key).alias, kind)
			p.answer(t, `"failed":{"kind":"`+kind+`"}`)
			return
		case k == nil:
			w.note(p, "sign with %s: it is not there", w.keys.record(e.Key).alias)
			p.answer(t, `"failed":{"kind":"denied"}`)
			return
		}
		digest := sha256.Sum256([]byte(e.Input))
		der, err := k.private.Sign(nil, digest[:], crypto.SHA256) // without randomness (RFC 6979)
		if err != nil {
			panic(err)
		}
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &pair); err != nil {
			panic(err)
		}
		signature := append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
		if made := w.keys.proofs[e.Input]; made != nil {
			made.jkt = k.jkt
		}
		w.after(w.keyLatency(), func() { p.answer(t, `"ok":{"signature":"`+base64.RawURLEncoding.EncodeToString(signature)+`"}`) })
	})
}

// loseKey deletes one key, as a browser or a user does who clears part of the storage.
func (w *World) loseKey() {
	names := sortedKeys(w.keys.keys)
	if len(names) == 0 {
		return
	}
	name := names[w.n(len(names))]
	delete(w.keys.keys, name)
	w.keys.record(name).lost = true
	w.note(nil, "%s is lost", w.keys.record(name).alias)
}
