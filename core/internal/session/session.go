// Package session has the tokens of one sign-in: reading, storing, refreshing and ending them. It
// does not know the flows that begin a session.
package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A Session has the tokens in memory, and what is known about the stored ones.
type Session struct {
	link   *link.Link
	config *config.Config
	store  *store.Store
	wire   *wire.Wire
	issuer *issuer.Issuer

	key       string // in the store
	Status    string
	Tokens    *Tokens
	version   string // of the stored text
	unsaved   bool   // the held session is newer than the stored one
	only      string // a refresh token that could not be stored
	stored    string // the sign-in (grant) that the store was last known to have
	marked    string // tried_by that this instance set itself
	looked    int64  // the input in which the store was last read
	ended     int64  // the input in which the user last signed out here
	told      string // the access token whose expiry was reported
	foreign   bool   // the stored text belongs to another configuration
	Shows     bool   // the host wants the event current
	uncleared bool   // signed out, but the stored session could not be deleted
	blind     bool   // the session came as bytes, and the store was never read
	Loading   bool   // the first look at the store is under way

	expiry   link.Alarm
	missed   bool                // an automatic refresh was due while polling
	failures int64               // of automatic refreshes, since the last success
	retryAt  int64               // until then the server asked us to wait
	renewing bool                // a refresh is under way
	renewed  string              // the target of its access token
	waiting  []func(*link.Fault) // for its end

	view  view
	queue link.Serial // changes of the session, one at a time

	// device reports whether there is a device flow, which the status shows, and whether it is
	// polling: then there is no refresh.
	device func() (begun, polling bool)
}

// New makes the session that is stored under key.
func New(l *link.Link, cfg *config.Config, st *store.Store, wr *wire.Wire, i *issuer.Issuer, key string, device func() (begun, polling bool)) *Session {
	return &Session{link: l, config: cfg, store: st, wire: wr, issuer: i, key: key, Status: notAuthenticated, Tokens: &Tokens{}, device: device}
}

// A view is the state of an instance's looks.
type view struct {
	at       int64 // when the store last agreed, or was last read
	busy     bool  // a look is under way
	late     bool  // and nobody waits for it any more
	release  func()
	now      []func()
	next     []func() // callers that came after it began: it may have read before the change that they need
	patience link.Alarm
	hint     link.Alarm
	hintAt   int64 // of the last look that a hint caused
}

// Statuses of a session.
const (
	notAuthenticated = "not_authenticated"
	Temporary        = "temporary_credentials_received"
	granted          = "granted"
	refreshing       = "refreshing"
)

// StorageFault is a failure of the store as the command's error.
func StorageFault(failed string) *link.Fault {
	return &link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true}
}

// ReportFault fires "server reported error" for a protocol error, and "request failed" for every
// one.
func (s *Session) ReportFault(f *link.Fault) {
	if f.Err != "" && !f.Unverified {
		w := s.link.Event("server_error")
		f.Write(w)
		s.link.Emit(w)
	}
	w := s.link.Event("request_failed")
	f.Write(w)
	s.link.Emit(w)
}

// ReportOnce tells the listeners once, however many commands wait for the same refresh.
func (s *Session) ReportOnce(f *link.Fault) {
	s.Redact(f)
	if !f.Reported {
		f.Reported = true
		s.ReportFault(f)
	}
}

const (
	// leastSecret is the least length of a secret that Redact looks for: a shorter one may be a
	// part of any word.
	leastSecret = 6
	// knownBy is how much of its beginning identifies a secret in a text. To search for the whole
	// of a long secret at each place of a long text would take the product of their lengths.
	knownBy = 48
)

// Redact drops a server's text that repeats a secret.
func (s *Session) Redact(f *link.Fault, more ...string) {
	more = append(more, s.config.ClientSecret, s.wire.LastAssertion)
	for t := s.Tokens; t != nil; t = t.other {
		more = append(more, t.Access, t.Refresh, t.IDToken)
	}
	for _, secret := range more {
		for _, text := range [...]*string{&f.Err, &f.Descr, &f.Link, &f.Came} {
			if len(secret) >= leastSecret && words.Contains(*text, secret[:min(len(secret), knownBy)]) {
				*text = "(redacted)"
			}
		}
	}
}
