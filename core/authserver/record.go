package authserver

import (
	"crypto/sha256"
	"errors"
	"time"
)

// Errors of a [Store]. Any other error becomes server_error.
var (
	// ErrNotFound means that there is no such client, code, device authorization, token or session.
	ErrNotFound = errors.New("authserver: not found")
	// ErrReplayed means that a code, device code or refresh token was used before, and that its
	// grant is now revoked.
	ErrReplayed = errors.New("authserver: replayed")
	// ErrUserCodeTaken means that another device authorization has the user code.
	ErrUserCodeTaken = errors.New("authserver: user code taken")
	// ErrUnavailable means that the store cannot answer at the moment. The client gets
	// temporarily_unavailable.
	ErrUnavailable = errors.New("authserver: store unavailable")
)

// Digest is the SHA-256 of a code, token or session identifier. A [Store] knows only digests, so
// what is read from a store cannot be presented to the server.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a value.
func DigestOf(value string) Digest { return sha256.Sum256([]byte(value)) }

// CodeRecord is a stored authorization code. Its Code is empty.
type CodeRecord struct {
	AuthorizationCode
	Digest Digest
	// Grant is the name of what the user granted. Everything that is issued from the code carries
	// it.
	Grant string
	// Used means that the code was redeemed.
	Used bool
}

// TokenRecord is a stored token. Its AccessToken, RefreshToken and IDToken are empty.
type TokenRecord struct {
	Token
	Access Digest
	// Refresh is zero if no refresh token was issued.
	Refresh Digest
	Grant   string
	// Subject is the access token for which this one was exchanged (RFC 8693), or zero. Both have
	// the same Grant.
	Subject Digest
	// SID is the SID of the session in which it was granted, empty if there was none.
	SID string
	// GrantScope is the scope of the refresh token. Token.Scope may be narrower.
	GrantScope string
	// GrantResources are the resources of the refresh token. Token.Resources may be fewer.
	GrantResources []string
	// RotatedAt is when the refresh token was first used; zero if it was not.
	RotatedAt time.Time
}

// Session is a user who is signed in at the authorization endpoint in one browser.
type Session struct {
	User     string
	AuthTime time.Time
	// ACR is the authentication context class of the sign-in.
	ACR       string
	ExpiresAt time.Time
	// SID is the claim sid of its ID tokens. It does not reveal the browser's cookie.
	SID string
	// Members are the clients the user signed in to.
	Members []SessionMember
}

// SessionMember is a client that got an ID token in a session.
type SessionMember struct {
	ClientID, Grant string
	// Offline means that the grant outlives the session (OpenID Connect Core section 11).
	Offline bool
	// Scope, Resources and AuthorizationDetails are what the user allowed. As long as the session
	// lasts, a request of the client with prompt=none for as much is answered without asking the
	// user.
	Scope                string
	Resources            []string
	AuthorizationDetails string
}
