package drive

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that algorithms names
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"

	"github.com/go-jose/go-jose/v4"
)

// algorithms are those of RFC 7518 section 3.1, RFC 8037 and RFC 9864 that a signature can be verified with.
var algorithms = map[string]struct {
	hash crypto.Hash
	is   func(key any, hash crypto.Hash, input, signature []byte) bool
}{
	"RS256": {crypto.SHA256, pkcs1}, "RS384": {crypto.SHA384, pkcs1}, "RS512": {crypto.SHA512, pkcs1},
	"PS256": {crypto.SHA256, pss}, "PS384": {crypto.SHA384, pss}, "PS512": {crypto.SHA512, pss},
	"ES256": {crypto.SHA256, ec("P-256")}, "ES384": {crypto.SHA384, ec("P-384")}, "ES512": {crypto.SHA512, ec("P-521")},
	"EdDSA": {0, edwards}, "Ed25519": {0, edwards},
}

// verify looks at a signature. Whatever a server may have got wrong, its key included, makes it not valid.
func (s *session) verify(e *effect) {
	algorithm, ok := algorithms[e.Alg]
	if !ok {
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
		return
	}
	t := s.begin(e, func() {})
	go func() {
		var key jose.JSONWebKey
		signature, err := base64.RawURLEncoding.DecodeString(e.Signature)
		valid := err == nil && json.Unmarshal(e.JWK, &key) == nil && algorithm.is(key.Key, algorithm.hash, []byte(e.Input), signature)
		s.finish(t, answer(e.ID, "ok", struct {
			Valid bool `json:"valid"`
		}{valid}))
	}()
}

// rsaKey takes keys of 2,048 bits (RFC 7518 section 3.3) up to what does not keep a processor busy.
func rsaKey(key any) (*rsa.PublicKey, bool) {
	k, ok := key.(*rsa.PublicKey)
	return k, ok && k.N.BitLen() >= 2048 && k.N.BitLen() <= 16384
}

func pkcs1(key any, hash crypto.Hash, input, signature []byte) bool {
	k, ok := rsaKey(key)
	return ok && rsa.VerifyPKCS1v15(k, hash, digest(hash, input), signature) == nil
}

func pss(key any, hash crypto.Hash, input, signature []byte) bool {
	k, ok := rsaKey(key)
	// RFC 7518 section 3.5: the salt is as long as the hash.
	return ok && rsa.VerifyPSS(k, hash, digest(hash, input), signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}) == nil
}

func ec(curve string) func(key any, hash crypto.Hash, input, signature []byte) bool {
	return func(key any, hash crypto.Hash, input, signature []byte) bool {
		k, ok := key.(*ecdsa.PublicKey)
		if !ok || k.Params().Name != curve {
			return false
		}
		// RFC 7518 section 3.4: R and S, each as long as the order of the curve.
		n := (k.Params().N.BitLen() + 7) / 8
		return len(signature) == 2*n &&
			ecdsa.Verify(k, digest(hash, input), new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
	}
}

func edwards(key any, _ crypto.Hash, input, signature []byte) bool {
	k, ok := key.(ed25519.PublicKey)
	return ok && len(k) == ed25519.PublicKeySize && ed25519.Verify(k, input, signature)
}

func digest(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}
