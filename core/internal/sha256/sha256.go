// Package sha256 is SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104). The module does not use
// crypto/sha256, which would add 30 KB; Go programs do.
package sha256

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"

// Size is the length of a digest in bytes.
const Size = 32

const block = 64

// Base64URL is BASE64URL(SHA256(s)), 43 characters.
func Base64URL(s string) string {
	d := Sum([]byte(s))
	return base64url.Encode(d)
}
