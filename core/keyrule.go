package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// wrongKey names the member that makes a JWK of a known type and curve none to verify with, and what was expected of it: a key that makes signatures which anybody
// can forge, or that one host would take and another not. Whether a point is on its curve is for the host's arithmetic to say.
func wrongKey(k json.Value) (member, want string) {
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
			return "e", "3 to 4294967295, odd" // signatures of exponent 1 are no secret
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

func even(b []byte) bool { return b[len(b)-1]&1 == 0 }

// The points of order 8, whichever their sign, in base64url of their encoding without that.
const (
	eighth      = "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU"
	otherEighth = "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o"
)

// weakPoint tells of an Ed25519 key whether it is of small order, so that one signature is good for many messages and anybody can make it, or written as no number below
// the prime (RFC 8032 section 5.1.3).
func weakPoint(x []byte) bool {
	y := append([]byte{}, x...)
	y[31] &= 0x7f // the sign
	low, high := y[0], true
	rest := byte(0)
	for _, b := range y[1:31] {
		rest |= b
		high = high && b == 0xff
	}
	switch {
	case rest|y[31] == 0 && low <= 1: // of order 4, and the neutral one
		return true
	case high && y[31] == 0x7f && low >= 0xec: // of order 2, and what is not below the prime
		return true
	}
	text := base64url.Encode(y)
	return text == eighth || text == otherEighth
}

// badKey says which key of the server's is none, and why.
func badKey(kid, member, want string) *fault {
	name := "key " + kid
	if kid == "" {
		name = "key without kid"
	}
	return notVerified("bad_key", member).not(want, name)
}
