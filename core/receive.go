package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A receiveRun makes the tokens of a sign-in the session once their ID token is verified. Its methods are the steps: identified, turn, held.
type receiveRun struct {
	session *session
	tokens  *tokens
	want    expected
	wanted  func() bool // whether anybody still waits for them; nil: yes
	release func()
	done    func(*link.Fault)
}

// receive begins with what is wrong already, f.
func (s *session) receive(r *receiveRun, f *link.Fault) {
	r.session = s
	if f != nil {
		r.done(f)
		return
	}
	s.identify(r.tokens, &tokens{}, r.want, r.identified)
}

func (r *receiveRun) identified(f *link.Fault) {
	if f == nil {
		f = r.tokens.tooLarge()
	}
	if f != nil {
		if !r.want.brought {
			r.session.discard(r.tokens) // nobody will use it
		}
		r.done(f)
		return
	}
	r.session.queue.Run(r.turn)
}

func (r *receiveRun) turn(release func()) {
	if r.wanted != nil && !r.wanted() {
		release()
		r.session.discard(r.tokens) // given up while it waited for its turn
		return
	}
	r.release = release
	r.session.hold(r.tokens, r.want.brought, r.held)
}

func (r *receiveRun) held(f *link.Fault) {
	r.release()
	r.done(f)
}
