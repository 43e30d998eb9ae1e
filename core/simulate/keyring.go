package simulate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
)

const keyAlg = "ES256"

// keyStore holds the keys of all parties, as the tabs of a browser share one database: a party
// finds keys that another one made, and no party can read a private key.
type keyStore struct {
	seed    uint64
	ledger  *ledger
	keys    map[string]*hostKey
	records map[string]*keyRecord // of every key that was ever made
	jtis    map[string]bool       // of all proofs
	proofs  map[string]*proof     // by their signed text
}

// A hostKey is a key that exists now.
type hostKey struct {
	private *ecdsa.PrivateKey
	jwk     string // the public part
	jkt     string // its thumbprint (RFC 7638)
}

func newKeyStore(seed uint64, l *ledger) *keyStore {
	return &keyStore{seed: seed, ledger: l, keys: map[string]*hostKey{}, records: map[string]*keyRecord{}, jtis: map[string]bool{}, proofs: map[string]*proof{}}
}

// make derives a key from the seed, so that one seed always gives the same digest.
func (s *keyStore) make(name string) *hostKey {
	r := s.record(name)
	r.made++
	sum := sha256.Sum256([]byte(strconv.FormatUint(s.seed, 10) + " " + name + " " + strconv.Itoa(r.made)))
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
	s.ledger.secret("private", b64(sum[:]))
	s.keys[name] = k
	return k
}

func (s *keyStore) private(k *hostKey) string {
	b, err := k.private.Bytes()
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// A keyRecord is what is known of a key, whether it still exists or not.
type keyRecord struct {
	name, alias string
	made        int
	lost        bool
	// attempt, device and root name what the key was first stored with: at most one of each, in
	// the order of a sign-in.
	attempt, device string
	root            *token
	parties         []int    // ids of those that know it
	taker           int      // id of the party that last removed it from a stored text, and must delete it
	reasons         []string // why it may be left over
	death           *death   // of the party that was perhaps the only one to know it
	spent           bool     // its attempt was redeemed
	jumps           int      // of the clock, until then
	held            bool     // a party tried to store a session with it, with whatever result
}

func (s *keyStore) record(name string) *keyRecord {
	r := s.records[name]
	if r == nil {
		r = &keyRecord{name: name, alias: fmt.Sprintf("key%d", len(s.records)+1)}
		s.records[name] = r
	}
	return r
}

func (r *keyRecord) known(party int) {
	if !slices.Contains(r.parties, party) {
		r.parties = append(r.parties, party)
	}
}

// excuse records why the key may exist although nothing names it.
func (r *keyRecord) excuse(why string) { r.reasons = append(r.reasons, why) }

// A death counts the keys that a dead party may leave behind.
type death struct{ allowed, left int }

// A proof is one DPoP proof (RFC 9449 section 4.2). It is recorded when a party asks to sign it.
type proof struct {
	jti, htm, htu, ath, nonce string
	iat                       int64
	jkt                       string // of the key that signed it
	sent                      int
}
