package jose

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// WrongKey names the member that makes a JWK of a known type and curve unusable, and what was
// expected: with such a key anybody can forge signatures, or hosts would disagree. The host checks
// that a point is on its curve.
func WrongKey(k json.Value) (member, want string) {
	of := func(name string) []byte {
		b, ok := base64url.Decode(k.Get(name).Str())
		if !ok {
			return nil
		}
		return b
	}
	const coordinate = "as many octets as the curve has" // RFC 7518 section 6.2.1.2
	size := 0
	switch k.Get("crv").Str() {
	case "P-256":
		size = 32
	case "P-384":
		size = 48
	case "P-521":
		size = 66
	case "Ed25519":
		if x := of("x"); len(x) != 32 || weakPoint(x) {
			return "x", "a point of 32 octets, not of small order" // RFC 8032 sections 5.1.3 and 5.1.7
		}
		return "", ""
	default: // RSA, with numbers in no more octets than they need (RFC 7518 sections 2, 3.3 and 6.3.1)
		if n := of("n"); len(n) < 256 || len(n) > 1024 || n[0] == 0 || len(n) == 256 && n[0] < 0x80 || even(n) {
			return "n", "2048 to 8192 bits, odd"
		}
		if e := of("e"); len(e) == 0 || len(e) > 4 || e[0] == 0 || even(e) || len(e) == 1 && e[0] == 1 {
			return "e", "3 to 4294967295, odd" // anybody can make signatures of exponent 1
		}
		return "", ""
	}
	switch {
	case len(of("x")) != size:
		return "x", coordinate
	case len(of("y")) != size:
		return "y", coordinate
	}
	return "", ""
}

// Verifiable reports whether the host is asked about a signature of a known algorithm. All other
// signatures are refused here, so that all hosts agree.
func Verifiable(alg string, k json.Value, signature string) bool {
	kty, crv := KeyType(alg)
	wrong, _ := WrongKey(k)
	_, readable := base64url.Decode(signature)
	return readable && wrong == "" && k.Get("kty").Str() == kty && k.Get("crv").Str() == crv
}

func even(b []byte) bool { return b[len(b)-1]&1 == 0 }

// weakPoint reports whether an Ed25519 key is of small order, so that anybody can make signatures,
// which fit many messages; or is not a number below the prime (RFC 8032 section 5.1.3). Eight
// octets are enough to recognize such keys: another key begins with them with a probability of
// 2^-56.
func weakPoint(x []byte) bool {
	switch string(x[1:8]) {
	case "\x00\x00\x00\x00\x00\x00\x00":
		return x[0] <= 1 // of order 4, and the neutral element
	case "\xff\xff\xff\xff\xff\xff\xff":
		return x[0] >= 0xec // of order 2, and numbers that are not below the prime
	case "\xe8\x95\x8f\xc2\xb2\x27\xb0", "\x17\x6a\x70\x3d\x4d\xd8\x4f":
		return true // of order 8
	}
	return false
}
