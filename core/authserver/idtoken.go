package authserver

import (
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// idTokenClaims are the claims of OpenID Connect Core sections 2, 3.1.3.6 and 3.3.2.11; times are
// Unix seconds.
type idTokenClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	AuthTime int64  `json:"auth_time,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	AtHash   string `json:"at_hash,omitempty"`
	CHash    string `json:"c_hash,omitempty"`
	// SessionID is the claim of OpenID Connect Front-Channel Logout section 3.
	SessionID string `json:"sid,omitempty"`
	ACR       string `json:"acr,omitempty"`
	userClaims
}

// idToken makes the ID token for an access token or a code, either of which may be empty. It is
// valid as long as an access token.
func (s *Server) idToken(now time.Time, client Client, g grant, accessToken, code string) (string, error) {
	user := s.cfg.Users[g.user]
	claims := idTokenClaims{
		Issuer:    s.cfg.Issuer,
		Subject:   user.subject(g.user),
		Audience:  client.ClientID,
		Expires:   now.Add(s.cfg.AccessTokenLifetime).Unix(),
		IssuedAt:  now.Unix(),
		Nonce:     g.nonce,
		SessionID: g.sid,
		ACR:       g.acr,
		AtHash:    leftHalf(accessToken),
		CHash:     leftHalf(code),
	}
	if !g.authTime.IsZero() {
		claims.AuthTime = g.authTime.Unix()
	}
	if accessToken == "" && code == "" {
		// OpenID Connect Core section 5.4: without an access token the client cannot ask userinfo
		// for them.
		claims.userClaims = user.claims(g.scope)
	}
	return s.keys.sign("JWT", claims)
}

// leftHalf is the hash for at_hash and c_hash with ES256 (OpenID Connect Core section 3.3.2.11).
func leftHalf(value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}

type hintClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	SessionID string   `json:"sid"`
}
