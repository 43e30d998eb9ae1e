package authserver

import (
	"crypto/sha256"
	"errors"
	"time"
)

// Errors of a [Store]. Any other error becomes server_error.
var (
	// ErrNotFound tells that there is no such client, code, device authorization, token or session.
	ErrNotFound = errors.New("authserver: not found")
	// ErrReplayed tells that a code, device code or refresh token had been used before, and that
	// its grant is now revoked.
	ErrReplayed = errors.New("authserver: replayed")
	// ErrUserCodeTaken tells that another device authorization has the user code.
	ErrUserCodeTaken = errors.New("authserver: user code taken")
	// ErrUnavailable tells that the store cannot answer at the moment; it becomes
	// temporarily_unavailable.
	ErrUnavailable = errors.New("authserver: store unavailable")
)

// Digest is the SHA-256 of a code, token or session identifier: what a [Store] knows it by, so that
// nothing read from the store can be presented to the server.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a value.
func DigestOf(value string) Digest { return sha256.Sum256([]byte(value)) }

// CodeRecord is an authorization code as stored; its Code is empty.
type CodeRecord struct {
	AuthorizationCode
	Digest Digest
	// Grant names what the user granted; everything issued from the code carries it.
	Grant string
	// Used tells that the code was redeemed.
	Used bool
}

// TokenRecord is a token as stored; its AccessToken, RefreshToken and IDToken are empty.
type TokenRecord struct {
	Token
	Access Digest
	// Refresh is zero where no refresh token was issued.
	Refresh Digest
	Grant   string
	// Subject is the access token that this one was exchanged for (RFC 8693); zero where it was
	// not. They have one Grant.
	Subject Digest
	// SID is that of the session it was granted in; empty where there was none.
	SID string
	// GrantScope is the scope of the refresh token, which Token.Scope may be narrower than.
	GrantScope string
	// GrantResources are those of the refresh token, of which Token.Resources may be some.
	GrantResources []string
	// RotatedAt is when the refresh token was first used; zero while it was not.
	RotatedAt time.Time
}

// Session is a user signed in at the authorization endpoint with one browser.
type Session struct {
	User     string
	AuthTime time.Time
	// ACR is the authentication context class of the sign-in.
	ACR       string
	ExpiresAt time.Time
	// SID is the claim sid of its ID tokens. The browser's cookie cannot be found from it.
	SID string
	// Members are the clients the user signed in to.
	Members []SessionMember
}

// SessionMember is a client that got an ID token in a session.
type SessionMember struct {
	ClientID, Grant string
	// Offline tells that the grant outlives the session (OpenID Connect Core section 11).
	Offline bool
	// Scope, Resources and AuthorizationDetails are what the user allowed. As much is answered
	// without a question for as long as the session lasts, where the client asks for that with
	// prompt=none.
	Scope                string
	Resources            []string
	AuthorizationDetails string
}
