package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// digest43 is BASE64URL(SHA256(s)), 43 characters.
func digest43(s string) string {
	d := sha256.Sum([]byte(s))
	return base64url.Encode(d)
}

// codeChallenge is the code_challenge of a verifier (RFC 7636 section 4.2).
func codeChallenge(method, verifier string) string {
	if method == "plain" {
		return verifier
	}
	return digest43(verifier)
}

// verifierOK: RFC 7636 section 4.1, 43 to 128 unreserved characters.
func verifierOK(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~') {
			return false
		}
	}
	return len(s) >= 43 && len(s) <= 128
}
