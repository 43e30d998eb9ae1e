package authserver

import (
	"slices"
	"strings"
	"time"
)

// Token is an access token, the refresh token issued with it if any, and what they are good for.
type Token struct {
	// AccessToken, RefreshToken and IDToken are the values; they are set only on a token as issued,
	// never on one read from a [Store] or returned by [Server.Authenticate].
	AccessToken  string
	RefreshToken string
	// IDToken comes with the scope openid, where there is a user (OpenID Connect Core section
	// 3.1.3.3).
	IDToken string
	// Scope is that of the access token, separated by spaces.
	Scope     string
	IssuedAt  time.Time
	ExpiresIn time.Duration
	// RefreshTokenExpiresIn counts from IssuedAt as ExpiresIn does.
	RefreshTokenExpiresIn time.Duration
	ClientID              string
	// TokenType is Bearer, or DPoP for an access token that is bound to a key.
	TokenType string
	// Revoked tells that neither token may be used any more.
	Revoked bool
	// User is the username, a key of Config.Users; empty where the client acts for itself
	// (RFC 6749 section 4.4).
	User string
	// AuthTime is when the user signed in; zero where no browser came.
	AuthTime time.Time
	// ACR is the authentication context class of that sign-in; empty where the server tells none.
	ACR string
	// Resources are those the access token is for (RFC 8707); none means any.
	Resources []string
	// AuthorizationDetails are those of RFC 9396, as a JSON array; empty where there are none.
	AuthorizationDetails string
	// JKT is the thumbprint (RFC 7638) of the key that the access token is bound to (RFC 9449
	// section 6.1), and a public client's refresh token too; empty for a bearer token.
	JKT string
	// X5T is the SHA-256 of the certificate that it is bound to in that way (RFC 8705 section 3.1).
	X5T string
}

// IsExpired tells whether the access token's lifetime is over at now.
func (t Token) IsExpired(now time.Time) bool {
	return !now.Before(t.IssuedAt.Add(t.ExpiresIn))
}

// RefreshTokenExpired tells whether the refresh token's lifetime is over at now.
func (t Token) RefreshTokenExpired(now time.Time) bool {
	return !now.Before(t.IssuedAt.Add(t.RefreshTokenExpiresIn))
}

// HasScope tells whether the access token's scope holds the scope token name.
func (t Token) HasScope(name string) bool {
	return slices.Contains(strings.Fields(t.Scope), name)
}
