package oauth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
)

// verify looks at a signature. Whatever a server may have got wrong, its key included, makes it not valid.
func (s *session) verify(e *effect) {
	a, ok := algorithms[Algorithm(e.Alg)]
	if !ok {
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
		return
	}
	key := s.verifier.read(e.JWK)
	s.aside(s.begin(e, func() {}), true, func() input {
		signature, readable := unbase64url(e.Signature)
		valid := readable && a.fits(key) && a.verify(key, a.hash, []byte(e.Input), signature)
		return answer(e.ID, members(nil).boolean("valid", valid))
	})
}

// verifier is a key with the text that it was read from: mostly one key signs all that a session sees.
type verifier struct {
	jwk string
	key crypto.PublicKey
}

// read gives the key of a JWK, nil where it is none.
func (v *verifier) read(jwk []byte) crypto.PublicKey {
	if string(jwk) != v.jwk {
		v.jwk, v.key = string(jwk), readJWK(jwk)
	}
	return v.key
}

func verifyPKCS1(public crypto.PublicKey, hash crypto.Hash, input, signature []byte) bool {
	if wide, ok := public.(*wideRSA); ok {
		return wide.verifyPKCS1(hash, digest(hash, input), signature)
	}
	return rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), hash, digest(hash, input), signature) == nil
}

func verifyPSS(public crypto.PublicKey, hash crypto.Hash, input, signature []byte) bool {
	if wide, ok := public.(*wideRSA); ok {
		return wide.verifyPSS(hash, digest(hash, input), signature)
	}
	return rsa.VerifyPSS(public.(*rsa.PublicKey), hash, digest(hash, input), signature, pssOptions(hash)) == nil
}

// verifyECDSA wants R and S, each as long as the order of the curve (RFC 7518 section 3.4).
func verifyECDSA(public crypto.PublicKey, hash crypto.Hash, input, signature []byte) bool {
	k := public.(*ecdsa.PublicKey)
	n := scalarSize(k)
	return len(signature) == 2*n &&
		ecdsa.Verify(k, digest(hash, input), new(big.Int).SetBytes(signature[:n]), new(big.Int).SetBytes(signature[n:]))
}

func scalarSize(k *ecdsa.PublicKey) int { return (k.Params().N.BitLen() + 7) / 8 }

func verifyEd25519(public crypto.PublicKey, _ crypto.Hash, input, signature []byte) bool {
	return ed25519.Verify(public.(ed25519.PublicKey), input, signature)
}
