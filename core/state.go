package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What a client holds of each of its concerns, which are in files above this one.

// A device is one device authorization (RFC 8628) that the user may still answer.
type device struct {
	code, userCode, uri, uriComplete string
	requested                        string // scope
	key                              string // what its tokens shall be bound to, "" for none
	expiresAt, interval              int64
	polling                          bool
	asking                           bool     // a poll is under way, or what it brought is being stored
	cmd                              *command // of the poll
	lost                             int64    // polls in a row without an answer
	at                               int64    // of the last poll
}

// A refreshRun is the one refresh under way; whoever asks meanwhile waits for it. It goes on without any waiter: its answer may be the only copy of a new token.
type refreshRun struct {
	cmd     *command
	waiting []func(*link.Fault)
	sent    string  // the refresh token that goes out
	resent  bool    // it was sent before this request, by us or by one that did not see the answer
	alone   bool    // the lock is held: whoever set a mark is not sending any more
	had     *tokens // at the start
	mark    string  // tried_by of this run, not sent yet
	useless bool    // the answer, but for a refresh token in it
}

// metadata is what the server says of itself (RFC 8414, OpenID Connect Discovery).
type metadata struct {
	text    string // "" before there was any
	at      int64  // fetched
	tried   int64
	busy    bool
	looked  bool   // into the store
	version string // in the store
	waiting []func(*link.Fault)
}

// A keySet is the server's public keys (RFC 7517 section 5).
type keySet struct {
	keys    json.Value // an array, or None before there were any
	at      int64      // fetched
	tried   int64      // to fetch them
	asked   bool
	waiting []func(*link.Fault)
}

// A serverNonce is what a server wants to see in the next proof (RFC 9449 sections 8 and 9).
type serverNonce struct{ origin, nonce string }

// An attempt is one authorization request that may be answered: what binds the answer to it is kept here and nowhere else.
type attempt struct {
	state, nonce, verifier, redirectURI, scope, appState string
	iss                                                  string // of the response that answers it
	at, maxAge                                           int64  // maxAge in s, -1: not asked for
	key                                                  string // what its tokens shall be bound to, "" for none
	mode                                                 string // response_mode
	acr                                                  string // acr_values, of which the ID token has to say one
	redeemed                                             string // by which delivery of the callback; "": not yet
	text                                                 string // as it is stored; "": not written yet
}

// attempts keeps them under one key of the store and changes them one change at a time.
type attempts struct {
	c       *client
	key     string
	list    []*attempt
	version string
	loaded  bool
	queue   serial
}

// A serial lets one operation run at a time; the others wait in their order.
type serial struct {
	busy  bool
	queue []func(release func())
}

func (s *serial) run(op func(release func())) {
	if s.busy {
		s.queue = append(s.queue, op)
		return
	}
	s.busy = true
	op(s.release)
}

func (s *serial) release() {
	if len(s.queue) == 0 {
		s.busy = false
		return
	}
	next := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	next(s.release)
}

// A view is what an instance knows of its own looking.
type view struct {
	notified bool  // the host tells of changes of a key that is watched
	watched  bool  // that of the session is
	at       int64 // when the store last agreed, or was last asked
	busy     bool  // a look is under way
	late     bool  // and nobody waits for it any more
	now      []func()
	next     []func() // who asked after it began: it may have read before what they ask about
	patience link.Alarm
	hint     link.Alarm
	hintAt   int64 // of the last look that a hint caused
}

// Storage keeps a client's texts in place of load and store effects. The rules are those of the effects.
type Storage interface {
	Load(key string, done func(value, version, failed string))
	// Store deletes where value is "".
	Store(key, version, value string, done func(version, failed string))
}
