package simulate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"strconv"
	"strings"
)

const keyAlg = "ES256"

// keyStore holds the keys of all parties, as the tabs of a browser share one database: what one makes another finds, and no party reads a private part.
type keyStore struct {
	w       *World
	keys    map[string]*hostKey
	records map[string]*keyRecord // of every key that there was
	jtis    map[string]bool       // of all proofs
	proofs  map[string]*proof     // by their input
}

// A hostKey is a key that is there now.
type hostKey struct {
	private *ecdsa.PrivateKey
	jwk     string // the public part
	jkt     string // its thumbprint (RFC 7638)
}

func newKeyStore(w *World) *keyStore {
	return &keyStore{w: w, keys: map[string]*hostKey{}, records: map[string]*keyRecord{}, jtis: map[string]bool{}, proofs: map[string]*proof{}}
}

// make makes a key out of the seed, so that one seed gives one digest.
func (s *keyStore) make(name string) *hostKey {
	r := s.record(name)
	r.made++
	sum := sha256.Sum256([]byte(strconv.FormatUint(s.w.seed, 10) + " " + name + " " + strconv.Itoa(r.made)))
	sum[0] &= 0x7f // below the order of the curve
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), sum[:])
	if err != nil {
		panic(err)
	}
	point, err := private.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	k := &hostKey{private: private, jwk: `{"crv":"P-256","kty":"EC","x":"` + b64(point[1:33]) + `","y":"` + b64(point[33:]) + `"}`}
	digest := sha256.Sum256([]byte(k.jwk))
	k.jkt = b64(digest[:])
	s.w.ledger.secret("private", b64(sum[:]))
	s.keys[name] = k
	return k
}

// carry carries out a key effect; those of one name and one party in their order.
func (s *keyStore) carry(p *party, e *effect) {
	w := s.w
	t := p.begin(e)
	s.record(e.Name).known(p)
	s.judge(p, e)
	order := "key " + e.Name
	at := max(w.now+s.latency(), p.tails[order])
	p.tails[order] = at
	t.pending = func() {
		t.pending = nil
		member, delay := s.perform(p, e), s.latency()
		if strings.HasPrefix(member, `"ok"`) && w.goesWrong(keyAnswerLost) {
			s.record(e.Name).excuse("the answer to a key effect was lost")
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

func (s *keyStore) latency() int64 {
	if s.w.goesWrong(keySlow) {
		return s.w.long(100, 8_000)
	}
	return s.w.span(0, 4)
}

func (s *keyStore) perform(p *party, e *effect) (member string) {
	w, r := s.w, s.record(e.Name)
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
	k := s.keys[e.Name]
	switch {
	case e.Delete:
		w.note(p, "delete %s, there: %v", r.alias, k != nil)
		if k != nil {
			delete(s.keys, e.Name)
			s.dropped(p, r)
		}
		return `"ok":{}`
	case k == nil && e.Create:
		k = s.make(e.Name)
		w.note(p, "create %s", r.alias)
	case k == nil:
		w.note(p, "find %s: it is not there", r.alias)
		return `"ok":{}`
	}
	jwk := k.jwk
	if w.goesWrong(keyCareless) {
		// A host that hands out the whole key: nothing of that may go on.
		jwk = jwk[:len(jwk)-1] + `,"d":"` + s.private(k) + `","ext":true,"key_ops":["sign"]}`
	}
	return `"ok":{"jwk":` + jwk + `}`
}

func (s *keyStore) private(k *hostKey) string {
	b, err := k.private.Bytes()
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// sign carries out a sign effect. The proof is looked at as it is asked for: what the core knew then it has to say.
func (s *keyStore) sign(p *party, e *effect) {
	w, t := s.w, p.begin(e)
	s.record(e.Key).known(p)
	s.claims(p, e)
	w.after(s.latency(), func() {
		k := s.keys[e.Key]
		switch {
		case w.goesWrong(signFails):
			kind := []string{"storage", "internal", "timeout"}[w.n(3)]
			w.note(p, "sign with %s fails: %s", s.record(e.Key).alias, kind)
			p.answer(t, `"failed":{"kind":"`+kind+`"}`)
			return
		case k == nil:
			w.note(p, "sign with %s: it is not there", s.record(e.Key).alias)
			p.answer(t, `"failed":{"kind":"denied"}`)
			return
		}
		digest := sha256.Sum256([]byte(e.Input))
		der, err := k.private.Sign(nil, digest[:], crypto.SHA256) // without randomness: RFC 6979
		if err != nil {
			panic(err)
		}
		var pair struct{ R, S *big.Int }
		if _, err := asn1.Unmarshal(der, &pair); err != nil {
			panic(err)
		}
		signature := append(pair.R.FillBytes(make([]byte, 32)), pair.S.FillBytes(make([]byte, 32))...)
		if made := s.proofs[e.Input]; made != nil {
			made.jkt = k.jkt
		}
		w.after(s.latency(), func() { p.answer(t, `"ok":{"signature":"`+base64.RawURLEncoding.EncodeToString(signature)+`"}`) })
	})
}

// lose is a browser that clears its storage in part, or a user who does: one key is gone.
func (s *keyStore) lose() {
	names := sortedKeys(s.keys)
	if len(names) == 0 {
		return
	}
	name := names[s.w.n(len(names))]
	delete(s.keys, name)
	s.record(name).lost = true
	s.w.note(nil, "%s is lost", s.record(name).alias)
}

// names are the keys that a stored text names: session, device flow or attempts.
func namesIn(text string) (names []string) {
	var v struct {
		Key      string `json:"dpop_key"`
		Device   string
		Attempts []struct {
			Key string `json:"dpop_key"`
		}
	}
	if text == "" || json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	if v.Key != "" {
		names = append(names, v.Key)
	}
	for _, a := range v.Attempts {
		if a.Key != "" {
			names = append(names, a.Key)
		}
	}
	if v.Device != "" {
		names = append(names, namesIn(v.Device)...) // in what export gives
	}
	return names
}
