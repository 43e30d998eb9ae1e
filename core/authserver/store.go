package authserver

import (
	"time"
)

// Store persists the server's state. Every method is safe for concurrent use and atomic.
// RedeemCode, RedeemDevice, DecideDevice, PollDevice, TakePushed, UseOnce and RotateRefreshToken
// decide between concurrent requests, so they must read and write in one step. Records are values:
// changes that the caller makes after the call do not change the store.
type Store interface {
	// Client returns a registered client, or ErrNotFound.
	Client(clientID string) (Client, error)

	// AddClient registers a client, or replaces the one with the same ClientID. It may return the
	// error of [Client.Validate].
	AddClient(Client) error

	// SaveCode stores a new code.
	SaveCode(CodeRecord) error
	// Code returns a code, also a used one, or ErrNotFound.
	Code(Digest) (CodeRecord, error)
	// RedeemCode marks the code as used and stores the token that was issued for it. If the code
	// was used before, it revokes the code's grant, stores nothing and returns ErrReplayed.
	RedeemCode(code Digest, issued TokenRecord) error

	DeviceStore
	RequestStore

	// SaveToken stores a token that was not issued for a code or refresh token. If it was exchanged
	// for another token (TokenRecord.Subject) that is deleted or revoked, it stores nothing and
	// returns ErrNotFound.
	SaveToken(TokenRecord) error
	// Token returns the record whose Access or Refresh is the digest, or ErrNotFound.
	Token(Digest) (TokenRecord, error)
	// RotateRefreshToken marks the refresh token as rotated at successor.IssuedAt and stores its
	// successor. If it was rotated more than grace before that, RotateRefreshToken revokes the
	// grant, stores nothing and returns ErrReplayed. Within grace it stores the additional
	// successor. For a revoked token it returns ErrNotFound.
	RotateRefreshToken(used Digest, successor TokenRecord, grace time.Duration) error
	// RevokeAccessToken deletes one access token, and all tokens that were exchanged for it,
	// directly or indirectly (TokenRecord.Subject). The refresh token that was issued with it stays
	// valid.
	RevokeAccessToken(access Digest) error
	// RevokeGrant revokes every token of the grant, and deletes its code if that is not used yet.
	RevokeGrant(grant string) error

	// SaveSession stores a session under the digest of its identifier.
	SaveSession(Digest, Session) error
	// Session returns a session, or ErrNotFound.
	Session(Digest) (Session, error)
	// JoinSession adds a member to a session. It returns ErrNotFound if there is no such session,
	// and ErrUnavailable if it has too many members.
	JoinSession(Digest, SessionMember) error
	// DeleteSession deletes a session and returns its last state. If there is none, it returns the
	// zero value and no error.
	DeleteSession(Digest) (Session, error)
}
