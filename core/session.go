package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A session is the tokens of one sign-in: held here, kept in the store, made new in time. It knows nothing of the flows that begin and end one.
type session struct {
	link   *link.Link
	config *config
	store  *store
	wire   *wire
	issuer *issuer

	key       string // in the store
	status    string
	tokens    *tokens
	version   string // of what the store holds
	unsaved   bool   // what is held is newer than what is stored
	only      string // a refresh token that could not be stored
	marked    string // tried_by that this instance set itself
	looked    int64  // the input in which the store was last read
	told      string // the access token of which was told that it is over
	foreign   bool   // what is stored is another configuration's
	shows     bool   // the host wants the event current
	uncleared bool   // signed out, and what is stored could not be deleted
	blind     bool   // the session came as bytes: what the store holds was never seen
	loading   bool   // the first look at the store is under way

	expiry   link.Alarm
	missed   bool                // a refresh that nobody asked for was due while polling
	failures int64               // of refreshes nobody asked for, since the last good one
	retryAt  int64               // the server asked to be left alone until then
	renewing bool                // a refresh is under way
	waiting  []func(*link.Fault) // for its end

	view  view
	queue link.Serial // changes of the session, one at a time

	// device tells whether there is a device flow, which shows in the status, and whether it polls: then nothing is refreshed.
	device func() (begun, polling bool)
}

// A view is what an instance knows of its own looking.
type view struct {
	at       int64 // when the store last agreed, or was last asked
	busy     bool  // a look is under way
	late     bool  // and nobody waits for it any more
	release  func()
	now      []func()
	next     []func() // who asked after it began: it may have read before what they ask about
	patience link.Alarm
	hint     link.Alarm
	hintAt   int64 // of the last look that a hint caused
}

// Statuses of a session.
const (
	notAuthenticated = "not_authenticated"
	temporary        = "temporary_credentials_received"
	granted          = "granted"
	refreshing       = "refreshing"
)

func storageFault(failed string) *link.Fault {
	return &link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true}
}

// reportFault fires "server reported error" for a protocol error, and "request failed" for every one.
func (s *session) reportFault(f *link.Fault) {
	if f.Err != "" && !f.Unverified {
		w := s.link.Event("server_error")
		f.Write(w)
		s.link.Emit(w)
	}
	w := s.link.Event("request_failed")
	f.Write(w)
	s.link.Emit(w)
}

// reportOnce tells the listeners once, however many commands wait for the same refresh.
func (s *session) reportOnce(f *link.Fault) {
	s.redact(f)
	if !f.Reported {
		f.Reported = true
		s.reportFault(f)
	}
}

const (
	// leastSecret is the least length of a text whose repetition gives anything away: a shorter one
	// may stand in any word.
	leastSecret = 6
	// knownBy is the part at its beginning by which a secret is known in a text: all of a long one,
	// looked for at each place of a long text, would be work of their product.
	knownBy = 48
)

// redact drops a text of the server's that repeats what we hold secret.
func (s *session) redact(f *link.Fault, more ...string) {
	for _, secret := range append(more, s.config.clientSecret, s.wire.lastAssertion, s.tokens.access, s.tokens.refresh, s.tokens.idToken) {
		for _, text := range [...]*string{&f.Err, &f.Descr, &f.Link, &f.Came} {
			if len(secret) >= leastSecret && words.Contains(*text, secret[:min(len(secret), knownBy)]) {
				*text = "(redacted)"
			}
		}
	}
}
