// Package jws makes and verifies signatures with public-key algorithms (RFC 7515), those of RFC
// 7518 section 3.1, RFC 8037 and RFC 9864.
package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes of the algorithms
	_ "crypto/sha512"
)

// An Algorithm says which keys it uses. Only the public key decides whether a key fits, because the
// private key may be in a device that does not reveal it.
type Algorithm struct {
	Generate func() (crypto.Signer, error)
	// Fits reports whether a public key is one of this algorithm.
	Fits    func(public crypto.PublicKey) bool
	hash    crypto.Hash // 0: the input itself is signed
	options crypto.SignerOpts
	verify  func(public crypto.PublicKey, hash crypto.Hash, input, signature []byte) bool // public is a key that fits
}

// Algorithms are the known algorithms by name.
var Algorithms = map[string]Algorithm{
	"RS256": rs(crypto.SHA256), "RS384": rs(crypto.SHA384), "RS512": rs(crypto.SHA512),
	"PS256": ps(crypto.SHA256), "PS384": ps(crypto.SHA384), "PS512": ps(crypto.SHA512),
	"ES256": es(crypto.SHA256, elliptic.P256()), "ES384": es(crypto.SHA384, elliptic.P384()), "ES512": es(crypto.SHA512, elliptic.P521()),
	"EdDSA": edwards, "Ed25519": edwards,
}

func rs(hash crypto.Hash) Algorithm {
	return Algorithm{generateRSA, rsaFits, hash, hash, verifyPKCS1}
}

// pssOptions: the salt is as long as the hash (RFC 7518 section 3.5).
func pssOptions(hash crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
}

func ps(hash crypto.Hash) Algorithm {
	return Algorithm{generateRSA, rsaFits, hash, pssOptions(hash), verifyPSS}
}

func generateRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// es combines a hash with its curve (RFC 7518 section 3.4).
func es(hash crypto.Hash, curve elliptic.Curve) Algorithm {
	fits := func(public crypto.PublicKey) bool {
		k, ok := public.(*ecdsa.PublicKey)
		return ok && k.Curve != nil && k.Params().Name == curve.Params().Name
	}
	generate := func() (crypto.Signer, error) { return ecdsa.GenerateKey(curve, rand.Reader) }
	return Algorithm{generate, fits, hash, hash, verifyECDSA}
}

var edwards = Algorithm{
	Fits: func(public crypto.PublicKey) bool {
		k, ok := public.(ed25519.PublicKey)
		return ok && len(k) == ed25519.PublicKeySize
	},
	verify:  verifyEd25519,
	options: crypto.Hash(0),
	Generate: func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	},
}

func digest(hash crypto.Hash, input []byte) []byte {
	h := hash.New()
	h.Write(input)
	return h.Sum(nil)
}
