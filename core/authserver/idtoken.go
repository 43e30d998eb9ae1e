package authserver

import (
	"crypto/sha256"
	"encoding/base64"
)

// scopeOpenID asks for an ID token (OpenID Connect Core section 3.1.2.1).
const scopeOpenID = "openid"

// idTokenClaims are those of OpenID Connect Core sections 2 and 3.1.3.6; times are Unix seconds.
type idTokenClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	AuthTime int64  `json:"auth_time,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	AtHash   string `json:"at_hash"`
}

// idToken makes the ID token for an access token, as long as which it lasts.
func (s *Server) idToken(t Token, g grant) (string, error) {
	claims := idTokenClaims{
		Issuer:   s.cfg.Issuer,
		Subject:  s.cfg.Users[t.User].subject(t.User),
		Audience: t.ClientID,
		Expires:  t.IssuedAt.Add(t.ExpiresIn).Unix(),
		IssuedAt: t.IssuedAt.Unix(),
		Nonce:    g.nonce,
	}
	if !g.authTime.IsZero() {
		claims.AuthTime = g.authTime.Unix()
	}
	half := sha256.Sum256([]byte(t.AccessToken))
	claims.AtHash = base64.RawURLEncoding.EncodeToString(half[:len(half)/2])
	return s.sign(claims)
}
