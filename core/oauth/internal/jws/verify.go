package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"math/big"
)

// Verify reports whether signature, in base64url, is the signature of input with key. It is false
// if the key is nil or does not fit.
func (a Algorithm) Verify(key crypto.PublicKey, input []byte, signature string) bool {
	raw, ok := unbase64url(signature)
	return ok && a.Valid(key, input, raw)
}

// Valid is Verify for a signature in bytes.
func (a Algorithm) Valid(key crypto.PublicKey, input, signature []byte) bool {
	return a.Fits(key) && a.verify(key, a.hash, input, signature)
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

// verifyECDSA expects R and S, each as long as the order of the curve (RFC 7518 section 3.4).
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
