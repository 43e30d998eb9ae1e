package authserver

import "time"

// PushedRequest is an authorization request that is kept under a request_uri (RFC 9126).
type PushedRequest struct {
	// Digest is that of the request_uri.
	Digest   Digest
	ClientID string
	// Params are the parameters of the authorization request, form-encoded.
	Params    string
	ExpiresAt time.Time
	// Opened tells that the user has come: the request is in the hands of the pages, under another
	// request_uri.
	Opened bool
}

// IsExpired tells whether the request's lifetime is over at now.
func (r PushedRequest) IsExpired(now time.Time) bool { return !now.Before(r.ExpiresAt) }

// RequestStore is the part of a [Store] that keeps authorization requests, and what may come only
// once.
type RequestStore interface {
	// SavePushed keeps a request; now tells what else may be forgotten.
	SavePushed(r PushedRequest, now time.Time) error
	// Pushed returns a request, expired ones included, or ErrNotFound.
	Pushed(requestURI Digest) (PushedRequest, error)
	// TakePushed forgets a request, or returns ErrNotFound if it is not there any more.
	TakePushed(requestURI Digest) error
	// UseOnce notes that the identifier of a proof or an assertion has come, and returns
	// ErrReplayed if it had come before and until, of then, is not over at now. A store without
	// room for it returns ErrUnavailable, so that nothing passes unnoticed.
	UseOnce(id Digest, now, until time.Time) error
}
