package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A Receipt makes the tokens of a sign-in the session once their ID token is verified. Its methods
// are the steps: identified, turn, held.
type Receipt struct {
	session *Session
	Tokens  *Tokens
	Want    issuer.Expected
	Since   int64       // the input in which the sign-in was asked for
	Wanted  func() bool // reports whether anybody still waits for them; nil: yes
	release func()
	Done    func(*link.Fault)
}

// Receive begins. f is a fault that happened before.
func (s *Session) Receive(r *Receipt, f *link.Fault) {
	r.session = s
	if f != nil {
		r.Done(f)
		return
	}
	s.identify(r.Tokens, &Tokens{}, r.Want, r.identified)
}

func (r *Receipt) identified(f *link.Fault) {
	if f == nil {
		f = r.Tokens.TooLarge()
	}
	if f != nil {
		if !r.Want.Brought {
			r.session.Discard(r.Tokens) // nobody will use it
		}
		r.Done(f)
		return
	}
	r.session.queue.Run(r.turn)
}

func (r *Receipt) turn(release func()) {
	if out := r.Since < r.session.ended; out || r.Wanted != nil && !r.Wanted() {
		release()
		r.session.Discard(r.Tokens) // signed out, or cancelled, while it waited
		if out {
			r.Done(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
		}
		return
	}
	r.release = release
	r.session.Hold(r.Tokens, r.Want.Brought, r.held)
}

func (r *Receipt) held(f *link.Fault) {
	r.release()
	r.Done(f)
}
