package session

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// SetStatus changes the status, with an event.
func (s *Session) SetStatus(status string) {
	if s.Status == status {
		return
	}
	s.Status = status
	if status != refreshing {
		s.show() // user interfaces do not show a refresh
	}
	w := s.link.Event("status")
	w.MemberStr("status", status)
	s.link.Emit(w)
}

// Resume continues a restored session.
func (s *Session) Resume() {
	if s.Tokens.Access != "" {
		s.grant(false)
	} else {
		s.show()
	}
}

// Loaded ends the first look at the store. Commands wait for it while Loading is set.
func (s *Session) Loaded() {
	s.Loading = false
	if s.Status == notAuthenticated {
		s.show() // it is known now that nobody is signed in, and no change reports it
	}
}

// SignedInSince reports whether somebody is signed in and signed in after a time.
func (s *Session) SignedInSince(at int64) bool {
	return s.Status == granted && s.Tokens.signedInAt() >= at
}

// show sends the event current, before all other events of the same change: whether somebody is
// signed in, who, and until when. It may repeat itself.
func (s *Session) show() {
	if !s.Shows {
		return
	}
	w := s.link.Event("current")
	if t := s.Tokens; t.Access == "" || s.lapsed() {
		w.MemberStr("status", notAuthenticated)
	} else {
		w.MemberStr("status", granted)
		if t.ExpiresAt != 0 {
			w.MemberInt("expires_at", t.ExpiresAt)
		}
		if t.Claims.Kind() != json.None {
			w.MemberRaw("claims", t.Claims.Raw())
		}
	}
	s.link.Emit(w)
}

// Settle sets the status that fits the tokens. If the access token has lapsed, the session is not
// granted, and one event says so.
func (s *Session) Settle() {
	over := s.lapsed()
	if s.Tokens.Access != "" && !over {
		s.SetStatus(granted)
		return
	}
	s.link.Silence(&s.expiry)
	if begun, _ := s.device(); begun {
		s.SetStatus(Temporary)
	} else {
		s.SetStatus(notAuthenticated)
	}
	if over && s.told != s.Tokens.Access {
		s.told = s.Tokens.Access
		w := s.link.Event("expired")
		w.MemberInt("expires_at", s.Tokens.ExpiresAt)
		s.link.Emit(w)
	}
}

// grant enters the status granted. The event granted comes each time, the event status only on
// change. given means that the application brought the token.
func (s *Session) grant(given bool) {
	s.failures, s.retryAt = 0, 0
	if s.lapsed() {
		s.Settle()
		return
	}
	if s.Status == granted {
		s.show()
	}
	s.SetStatus(granted)
	w := s.link.Event("granted")
	w.MemberStr("scope", s.Tokens.Scope)
	if s.Tokens.ExpiresAt != 0 {
		w.MemberInt("expires_at", s.Tokens.ExpiresAt)
	}
	s.link.Emit(w)
	if !s.renewing {
		s.arm(given)
	}
}

// WriteStatus writes the status of the session, without access and refresh token.
func (s *Session) WriteStatus(w *json.Writer) {
	t := s.Tokens
	w.MemberStr("name", s.config.Name)
	w.MemberStr("status", s.Status)
	w.MemberStr("scope", t.Scope)
	w.MemberStr("requested_scope", t.Requested)
	w.MemberStrIf("token_type", t.Type)
	if t.ExpiresAt != 0 {
		w.MemberInt("expires_at", t.ExpiresAt)
	}
	w.MemberBool("expired", s.expired(t))
	w.MemberBool("refreshable", s.Refreshable() == nil)
	w.MemberBool("not_persisted", s.unsaved && t.Access != "")
	w.MemberStrIf("id_token", t.IDToken)
	if t.Claims.Kind() != json.None {
		w.MemberRaw("claims", t.Claims.Raw())
	}
	t.writeExtra(w)
	w.MemberStr("pkce_method", s.config.PKCE)
	w.MemberInt("pkce_verifier_length", s.config.VerifierLength)
}
