package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

func (s *session) setStatus(status string) {
	if s.status == status {
		return
	}
	s.status = status
	if status != refreshing {
		s.show() // a refresh goes on behind what an application shows
	}
	w := s.link.Event("status")
	w.MemberStr("status", status)
	s.link.Emit(w)
}

// show tells what an application shows of the session, before any other event of the same change: whether somebody is signed in, who, and until when. It may say again what it said.
func (s *session) show() {
	if !s.shows {
		return
	}
	w := s.link.Event("current")
	if t := s.tokens; t.access == "" || s.lapsed() {
		w.MemberStr("status", notAuthenticated)
	} else {
		w.MemberStr("status", granted)
		if t.expiresAt != 0 {
			w.MemberInt("expires_at", t.expiresAt)
		}
		if t.claims.Kind() != json.None {
			w.MemberRaw("claims", t.claims.Raw())
		}
	}
	s.link.Emit(w)
}

// settle sets the status that fits what is held: an access token that is over for good is no grant, and an event says so once.
func (s *session) settle() {
	over := s.lapsed()
	if s.tokens.access != "" && !over {
		s.setStatus(granted)
		return
	}
	s.link.Silence(&s.expiry)
	if begun, _ := s.device(); begun {
		s.setStatus(temporary)
	} else {
		s.setStatus(notAuthenticated)
	}
	if over && s.told != s.tokens.access {
		s.told = s.tokens.access
		w := s.link.Event("expired")
		w.MemberInt("expires_at", s.tokens.expiresAt)
		s.link.Emit(w)
	}
}

// grant enters granted: the event fires each time, the status event only on change. given is a token that the application brought.
func (s *session) grant(given bool) {
	s.failures, s.retryAt = 0, 0
	if s.lapsed() {
		s.settle()
		return
	}
	if s.status == granted {
		s.show()
	}
	s.setStatus(granted)
	w := s.link.Event("granted")
	w.MemberStr("scope", s.tokens.scope)
	if s.tokens.expiresAt != 0 {
		w.MemberInt("expires_at", s.tokens.expiresAt)
	}
	s.link.Emit(w)
	if !s.renewing {
		s.arm(given)
	}
}
