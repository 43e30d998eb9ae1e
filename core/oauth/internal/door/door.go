// Package door gives other packages of this project functions of package oauth that are not public:
// sessions of kinds other than client. Package oauth sets the variables, because this package
// cannot import it. For the same reason engines, configurations and options have the type any here:
// they are an oauth.Engine, an oauth.Config and an oauth.Options.
package door

import (
	"context"
	"encoding/json"
)

// A Hand carries out effects of one kind. effect is the whole effect. ok marshals to the members of
// the answer, or is an Object or a Response; if failure is not empty, it is the kind of failure.
// ctx ends with the session.
type Hand = func(ctx context.Context, effect json.RawMessage) (ok any, failure string)

// An Object is the text of an object, written without reflection. Who gets it owns it, and wipes
// it.
type Object []byte

// A Response is the answer to an effect that sent a request. The log of effects tells its status.
type Response struct {
	Object
	Status int
}

// A Session is a handle of an engine.
type Session interface {
	// Do runs a command to its end, and reads its result into out, unless out is nil. Params may be
	// an Object; a string gets the result as text.
	Do(ctx context.Context, op string, params, out any) error
	// Begin gives the engine a command. wait returns its result, and may be called once.
	Begin(op string, params any) (id int64, wait func(ctx context.Context, out any) error, err error)
	// Quiet waits until no request is under way.
	Quiet()
	// Idle tells whether nothing at all is under way, so that nothing will happen before the next
	// command, and whether the session may have one.
	Idle() bool
	// Close ends the session.
	Close()
}

// Setting is what else a session needs.
type Setting struct {
	// Hands carry out effects of kinds that package oauth does not know, by kind. Those of Quick
	// never wait: they are carried out at once, while the engine does nothing else.
	Hands, Quick map[string]Hand
	// Trouble, if not nil, gets the errors of the HTTP client, the Store, the Locker and the
	// KeyStore, one at a time.
	Trouble func(error)
}

var (
	// Open opens a session of a kind. config marshals to its configuration.
	Open func(engine any, kind string, config, options any, with Setting) (Session, error)
	// Configuration returns a client's configuration as the engine reads it, including what follows
	// from the options.
	Configuration func(config, options any) (json.RawMessage, error)
)
