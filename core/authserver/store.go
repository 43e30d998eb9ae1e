package authserver

import (
	"time"
)

// Store keeps the server's state. Every method is safe for concurrent use and atomic; RedeemCode,
// RedeemDevice, DecideDevice, PollDevice, TakePushed, UseOnce and RotateRefreshToken decide between
// concurrent requests, so they must look and write in one step. Records are values: what the caller
// does to one after the call does not change the store.
type Store interface {
	// Client returns a registered client, or ErrNotFound.
	Client(clientID string) (Client, error)

	// AddClient registers a client, or replaces the one with the same ClientID. The error may be
	// that of [Client.Validate].
	AddClient(Client) error

	// SaveCode keeps a new code.
	SaveCode(CodeRecord) error
	// Code returns a code, used ones included, or ErrNotFound.
	Code(Digest) (CodeRecord, error)
	// RedeemCode marks the code used and keeps the token issued for it. If the code was used
	// before, it revokes the code's grant, keeps nothing and returns ErrReplayed.
	RedeemCode(code Digest, issued TokenRecord) error

	DeviceStore
	RequestStore

	// SaveToken keeps a token that was issued for nothing that could be used up. Where it came of
	// another (TokenRecord.Subject) that is not there any more, or revoked, it keeps nothing and
	// returns ErrNotFound.
	SaveToken(TokenRecord) error
	// Token returns the record whose Access or Refresh is the digest, or ErrNotFound.
	Token(Digest) (TokenRecord, error)
	// RotateRefreshToken marks the refresh token as rotated at successor.IssuedAt and keeps its
	// successor. If it was rotated more than grace before that, it revokes the grant, keeps nothing
	// and returns ErrReplayed; within grace it keeps the further successor. A revoked token is
	// ErrNotFound.
	RotateRefreshToken(used Digest, successor TokenRecord, grace time.Duration) error
	// RevokeAccessToken deletes one access token, and all tokens that were exchanged for it,
	// directly or indirectly (TokenRecord.Subject). The refresh token that was issued with it stays
	// valid.
	RevokeAccessToken(access Digest) error
	// RevokeGrant revokes every token of the grant, and deletes its code if that is not used yet.
	RevokeGrant(grant string) error

	// SaveSession keeps a session under the digest of its identifier.
	SaveSession(Digest, Session) error
	// Session returns a session, or ErrNotFound.
	Session(Digest) (Session, error)
	// JoinSession adds a member to a session; one that is not there is ErrNotFound, and one that
	// has too many already ErrUnavailable.
	JoinSession(Digest, SessionMember) error
	// DeleteSession forgets a session and returns it as it was at the last; one that is not there
	// is no error, and the zero value.
	DeleteSession(Digest) (Session, error)
}
