package jws

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"testing"
)

// TestWideExponents (S77): a key with an exponent of 32 bits verifies what it signed and nothing
// else, like one with a smaller exponent in crypto/rsa.
func TestWideExponents(t *testing.T) {
	input := []byte("input")
	for _, bits := range []int{2048, 2049, 2055} { // with 2,049 bits the encoded message of PSS is one octet shorter
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		phi := big.NewInt(1)
		for _, p := range key.Primes {
			phi.Mul(phi, new(big.Int).Sub(p, big.NewInt(1)))
		}
		e := big.NewInt(4294967291) // the greatest prime below 2^32
		d := new(big.Int).ModInverse(e, phi)
		wide, ok := rsaKey(key.N, e).(*wideRSA)
		if !ok || !rsaFits(wide) || d == nil {
			t.Fatal("no key")
		}
		for name, a := range map[string]Algorithm{"RS256": rs(crypto.SHA256), "RS512": rs(crypto.SHA512), "PS256": ps(crypto.SHA256), "PS384": ps(crypto.SHA384), "PS512": ps(crypto.SHA512)} {
			ordinary, err := a.Sign(key, input)
			if err != nil {
				t.Fatal(err)
			}
			// The encoded message of the normal signature, signed for the other exponent.
			em := new(big.Int).Exp(new(big.Int).SetBytes(ordinary), big.NewInt(int64(key.E)), key.N)
			signature := em.Exp(em, d, key.N).FillBytes(make([]byte, len(ordinary)))
			if !a.Valid(wide, input, signature) {
				t.Errorf("%s, %d bits: not valid", name, bits)
			}
			same := &wideRSA{key.N, big.NewInt(int64(key.E))}
			if !a.Valid(same, input, ordinary) || a.Valid(wide, input, ordinary) {
				t.Errorf("%s, %d bits: judged unlike crypto/rsa", name, bits)
			}
			for _, at := range []int{0, 100, len(signature) - 1} { // one octet is wrong
				signature[at] ^= 1
				if a.Valid(wide, input, signature) {
					t.Errorf("%s, %d bits: octet %d does not matter", name, bits, at)
				}
				signature[at] ^= 1
			}
			if a.Valid(wide, []byte("other"), signature) || a.Valid(wide, input, append([]byte{0}, signature...)) || a.Valid(wide, input, nil) {
				t.Errorf("%s, %d bits: valid", name, bits)
			}
			// A message that is too short for PSS, or has other padding, is refused.
			for _, em := range []*big.Int{new(big.Int), big.NewInt(1), big.NewInt(0xbc), new(big.Int).Sub(key.N, big.NewInt(1))} {
				forged := new(big.Int).Exp(em, d, key.N).FillBytes(make([]byte, len(ordinary)))
				if a.Valid(wide, input, forged) {
					t.Errorf("%s, %d bits: %x is valid", name, bits, em)
				}
			}
		}
	}
}
