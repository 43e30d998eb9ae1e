package authserver

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"time"
)

// Code challenge methods (RFC 7636 section 4.2).
const (
	ChallengeS256  = "S256"
	ChallengePlain = "plain"
)

// AuthorizationCode is an authorization code and what it is bound to.
type AuthorizationCode struct {
	// Code is the value. It is set only when the code is issued, never on one read from a [Store].
	Code     string
	ClientID string
	// RedirectURI is the one that the authorization request named, empty if it named none.
	RedirectURI  string
	ResponseType string
	// Scope is what the user granted, separated by spaces.
	Scope string
	// AuthTime is when the user signed in, which may be long before the code was issued.
	AuthTime  time.Time
	IssuedAt  time.Time
	ExpiresIn time.Duration
	// CodeChallenge is empty if the request had none.
	CodeChallenge       string
	CodeChallengeMethod string
	Nonce               string
	// JKT is the thumbprint of the key whose possession the token request must prove (RFC 9449
	// section 10); empty if none is required.
	JKT string
	// ACR, Resources and AuthorizationDetails are those of [Token].
	ACR                  string
	Resources            []string
	AuthorizationDetails string
	// SID is the SID of the session in which it was granted.
	SID string
	// User is the username, a key of Config.Users.
	User string
}

// IsExpired reports whether the code has expired at now.
func (c AuthorizationCode) IsExpired(now time.Time) bool {
	return !now.Before(c.IssuedAt.Add(c.ExpiresIn))
}

// CheckCodeChallenge reports whether verifier matches the code challenge (RFC 7636 section 4.6). It
// compares in constant time. A challenge without a method is plain (section 4.3). Without a
// challenge the verifier must be absent too: a verifier without a challenge is a sign that somebody
// removed the challenge from the request (RFC 9700 section 4.8.2).
func (c AuthorizationCode) CheckCodeChallenge(verifier string) bool {
	if c.CodeChallenge == "" {
		return verifier == ""
	}
	if !isCodeVerifier(verifier) {
		return false
	}
	switch c.CodeChallengeMethod {
	case ChallengeS256:
		sum := sha256.Sum256([]byte(verifier))
		return constantTimeEqual(base64.RawURLEncoding.EncodeToString(sum[:]), c.CodeChallenge)
	case ChallengePlain, "":
		return constantTimeEqual(verifier, c.CodeChallenge)
	}
	return false
}

func constantTimeEqual(a, b string) bool {
	return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// isCodeVerifier checks the grammar of RFC 7636 section 4.1, which is also that of a code challenge
// (section 4.2).
func isCodeVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// isS256Challenge reports whether s can be the base64url of a SHA-256 digest.
func isS256Challenge(s string) bool {
	sum, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(sum) == sha256.Size && len(s) == 43
}
