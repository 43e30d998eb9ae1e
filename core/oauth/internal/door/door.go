// Package door leads the packages beside oauth to what it does for nobody else: sessions of kinds
// other than client. Package oauth sets the variables, since this package cannot import it; that is
// why engines, configurations and options are of type any here. They are an oauth.Engine, a
// oauth.Config and a oauth.Options.
package door

import (
	"context"
	"encoding/json"
)

// A Hand carries out effects of one kind. effect is all of it; ok marshals to the answer's members,
// or is an Object, and where failure is not empty it is the kind of failure. ctx ends with the
// session.
type Hand = func(ctx context.Context, effect json.RawMessage) (ok any, failure string)

// An Object is the text of an object, written without reflection. Who gets it owns it, and wipes
// it.
type Object []byte

// A Session is a handle of an engine.
type Session interface {
	// Do runs a command from beginning to end and reads its result into out, unless that is nil.
	// Params may be an Object; a string gets the result as text.
	Do(ctx context.Context, op string, params, out any) error
	// Begin gives the engine a command. wait gives its result, and may be called once.
	Begin(op string, params any) (id int64, wait func(ctx context.Context, out any) error, err error)
	// Quiet waits until no request is under way.
	Quiet()
	// Idle tells whether nothing at all is under way, so that nothing will happen before the next
	// command, and whether the session may have one.
	Idle() bool
	// Close ends the session.
	Close()
}

// Setting is what a session is opened with besides.
type Setting struct {
	// Hands are those for kinds of effects that package oauth does not carry out, by kind. Quick
	// are those that never wait: they are carried out at once, while the engine does nothing else.
	Hands, Quick map[string]Hand
	// Trouble, if not nil, gets what the HTTP client, the Store, the Locker or the KeyStore failed
	// with, one at a time.
	Trouble func(error)
}

var (
	// Open opens a session of a kind; config marshals to its configuration.
	Open func(engine any, kind string, config, options any, with Setting) (Session, error)
	// Configuration is a client's configuration as the engine reads it, with what follows from the
	// options.
	Configuration func(config, options any) (json.RawMessage, error)
)
