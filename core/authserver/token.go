package authserver

import (
	"slices"
	"strings"
	"time"
)

// Token is an access token, the refresh token that was issued with it, if any, and what they allow.
type Token struct {
	// AccessToken, RefreshToken and IDToken are the values. They are set only when the token is
	// issued, never on one read from a [Store] or returned by [Server.Authenticate].
	AccessToken  string
	RefreshToken string
	// IDToken is issued with the scope openid, if there is a user (OpenID Connect Core section
	// 3.1.3.3).
	IDToken string
	// Scope is the access token's scope, separated by spaces.
	Scope     string
	IssuedAt  time.Time
	ExpiresIn time.Duration
	// RefreshTokenExpiresIn counts from IssuedAt, as ExpiresIn does.
	RefreshTokenExpiresIn time.Duration
	ClientID              string
	// TokenType is Bearer, or DPoP for an access token that is bound to a key.
	TokenType string
	// Revoked means that neither token may be used any more.
	Revoked bool
	// User is the username, a key of Config.Users; empty if the client acts for itself (RFC 6749
	// section 4.4).
	User string
	// AuthTime is when the user signed in; zero if no browser was involved.
	AuthTime time.Time
	// ACR is the authentication context class of that sign-in; empty if the server has no classes.
	ACR string
	// Resources are the resources to which the access token is limited (RFC 8707); none means any.
	Resources []string
	// AuthorizationDetails are those of RFC 9396, as a JSON array; empty if there are none.
	AuthorizationDetails string
	// JKT is the thumbprint (RFC 7638) of the key to which the access token is bound (RFC 9449
	// section 6.1), and a public client's refresh token too; empty for a bearer token.
	JKT string
	// X5T is the SHA-256 of the certificate to which it is bound in the same way (RFC 8705 section
	// 3.1).
	X5T string
}

// IsExpired reports whether the access token has expired at now.
func (t Token) IsExpired(now time.Time) bool {
	return !now.Before(t.IssuedAt.Add(t.ExpiresIn))
}

// RefreshTokenExpired reports whether the refresh token has expired at now.
func (t Token) RefreshTokenExpired(now time.Time) bool {
	return !now.Before(t.IssuedAt.Add(t.RefreshTokenExpiresIn))
}

// HasScope reports whether the access token's scope contains the scope token name.
func (t Token) HasScope(name string) bool {
	return slices.Contains(strings.Fields(t.Scope), name)
}
