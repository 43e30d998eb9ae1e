package authserver

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// TestJWTSpelling (S76): a client's token has only one spelling. Line ends, padding and unused bits
// make it invalid.
func TestJWTSpelling(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(`{"iss":"client"}`))
	if err != nil {
		t.Fatal(err)
	}
	good, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	at := strings.LastIndex(good, ".") + 5
	last := good[len(good)-1] // of 256 octets: only two bits of it are used
	for _, row := range []struct {
		name, token string
		ok          bool
	}{
		{"as it was signed", good, true},
		{"a line feed in the signature", good[:at] + "\n" + good[at:], false},
		{"a carriage return in the payload", strings.Replace(good, ".", ".\r", 1), false},
		{"a line feed in front", "\n" + good, false},
		{"a line feed behind", good + "\n", false},
		{"padding", good + "==", false},
		{"unused bits", good[:len(good)-1] + string(rune(last+1)), false},
		{"base64", strings.NewReplacer("-", "+", "_", "/").Replace(good), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			var claims struct{ Iss string }
			_, err := verifyJWT(row.token, []jose.SignatureAlgorithm{jose.RS256}, []jose.JSONWebKey{{Key: key.Public()}}, &claims)
			if (err == nil) != row.ok {
				t.Error(err)
			}
		})
	}
}

// TestClientKeysAreStrong (S75): a key with which anybody could sign is refused.
func TestClientKeysAreStrong(t *testing.T) {
	modulus := func(bits int) *big.Int { return new(big.Int).SetBytes(bytes.Repeat([]byte{0xff}, bits/8)) }
	for _, row := range []struct {
		name string
		key  rsa.PublicKey
		ok   bool
	}{
		{"2,048 bits", rsa.PublicKey{N: modulus(2048), E: 65537}, true},
		{"exponent 3", rsa.PublicKey{N: modulus(2048), E: 3}, true},
		{"exponent 1", rsa.PublicKey{N: modulus(2048), E: 1}, false},
		{"exponent 2", rsa.PublicKey{N: modulus(2048), E: 2}, false},
		{"1,024 bits", rsa.PublicKey{N: modulus(1024), E: 65537}, false},
		{"16,384 bits", rsa.PublicKey{N: modulus(16384), E: 65537}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if ok := isStrongPublicKey(jose.JSONWebKey{Key: &row.key}); ok != row.ok {
				t.Error(ok)
			}
		})
	}
}
