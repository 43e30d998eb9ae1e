package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"

// codeChallenge is the code_challenge of a verifier (RFC 7636 section 4.2). authorize.go draws the
// verifier (fresh), code.go sends it (section 4.5), and the server checks it (section 4.6).
func codeChallenge(method, verifier string) string {
	if method == "plain" {
		return verifier
	}
	return sha256.Base64URL(verifier)
}

// verifierOK checks RFC 7636 section 4.1: 43 to 128 unreserved characters.
func verifierOK(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~') {
			return false
		}
	}
	return len(s) >= 43 && len(s) <= 128
}
