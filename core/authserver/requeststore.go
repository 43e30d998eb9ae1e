package authserver

import "time"

// PushedRequest is an authorization request that is stored under a request_uri (RFC 9126).
type PushedRequest struct {
	// Digest is the digest of the request_uri.
	Digest   Digest
	ClientID string
	// Params are the parameters of the authorization request, form-encoded.
	Params    string
	ExpiresAt time.Time
	// Opened means that the user has come. The pages use the request now, under another
	// request_uri.
	Opened bool
}

// IsExpired reports whether the request has expired at now.
func (r PushedRequest) IsExpired(now time.Time) bool { return !now.Before(r.ExpiresAt) }

// RequestStore is the part of a [Store] for authorization requests, and for identifiers that may be
// used only once.
type RequestStore interface {
	// SavePushed stores a request. Requests that have expired at now may be deleted.
	SavePushed(r PushedRequest, now time.Time) error
	// Pushed returns a request, also an expired one, or ErrNotFound.
	Pushed(requestURI Digest) (PushedRequest, error)
	// TakePushed deletes a request, or returns ErrNotFound if it is not there any more.
	TakePushed(requestURI Digest) error
	// UseOnce records that the identifier of a proof or an assertion was used. It returns
	// ErrReplayed if it was used before and the until of that use has not passed at now. A store
	// without room returns ErrUnavailable, so that no use is left unrecorded.
	UseOnce(id Digest, now, until time.Time) error
}
