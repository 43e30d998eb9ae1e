package jws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math"
	"math/big"
	"strings"
)

// unbase64url accepts only the canonical form (RFC 7515 section 2): no line ends, no padding,
// unused bits zero.
func unbase64url(s string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return raw, err == nil && !strings.ContainsAny(s, "\r\n") // the package ignores line ends
}

// ReadKey returns the public key of a JWK (RFC 7518 section 6, RFC 8037 section 2), or nil if it is
// invalid. The engine has checked the members (core/contract/README.md, "Keys"). Here they are
// converted to numbers, and a point that is not on its curve is refused.
func ReadKey(text []byte) crypto.PublicKey {
	var k struct {
		Type     string `json:"kty"`
		Curve    string `json:"crv"`
		Modulus  string `json:"n"`
		Exponent string `json:"e"`
		X        string `json:"x"`
		Y        string `json:"y"`
	}
	if json.Unmarshal(text, &k) != nil {
		return nil
	}
	switch k.Type {
	case "RSA":
		n, ok := unbase64url(k.Modulus)
		e, also := unbase64url(k.Exponent)
		if !ok || !also || k.Curve != "" {
			return nil
		}
		return rsaKey(new(big.Int).SetBytes(n), new(big.Int).SetBytes(e))
	case "EC":
		x, ok := unbase64url(k.X)
		y, also := unbase64url(k.Y)
		curve := curves[k.Curve]
		if !ok || !also || curve == nil || len(x) != len(y) {
			return nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(curve, append(append([]byte{4}, x...), y...)) // SEC 1 section 2.3.4
		if err != nil {
			return nil
		}
		return public
	case "OKP":
		x, ok := unbase64url(k.X)
		if !ok || k.Curve != "Ed25519" {
			return nil
		}
		return ed25519.PublicKey(x)
	}
	return nil
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// rsaKey returns one of two types, because crypto/rsa supports only exponents below 2^31.
func rsaKey(n, e *big.Int) crypto.PublicKey {
	switch {
	case e.Bit(0) == 0 || e.BitLen() > 32 || n.Bit(0) == 0:
		return nil
	case e.BitLen() == 32:
		return &wideRSA{n, e}
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}
}

// rsaFits accepts keys from 2,048 bits (RFC 7518 section 3.3) to 8,192, which all hosts support,
// and no exponent with which anybody could make signatures.
func rsaFits(public crypto.PublicKey) bool {
	var n *big.Int
	switch k := public.(type) {
	case *rsa.PublicKey:
		if k.E < 3 || k.E > math.MaxInt32 || k.E&1 == 0 {
			return false
		}
		n = k.N
	case *wideRSA:
		n = k.n
	}
	return n != nil && n.BitLen() >= 2048 && n.BitLen() <= 8192
}
