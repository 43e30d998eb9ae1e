package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// Usable tells why the tokens can no longer be used; nil if they can, as far as that is known
// without asking the server.
func (s *Session) Usable(done func(*link.Fault)) {
	switch t := s.Tokens; {
	case s.expired(t) && s.Refreshable() != nil:
		done(&link.Fault{Kind: link.KindExpired, Code: "token_expired"})
	case s.expired(t) && t.sentAt != 0 && s.tooLate(t):
		done(outcomeUnknown())
	case t.Key == "":
		done(nil)
	default:
		s.wire.WithKey(t.Key, false, func(_ string, f *link.Fault) { done(f) })
	}
}

// Ready gets an access token that can be used now, refreshed if it must be, or an error. It looks
// at the store first, unless that was just done.
func (s *Session) Ready(force bool, done func(*link.Fault)) {
	given := done
	done = func(f *link.Fault) {
		if f == nil && s.Tokens.Type == NoAccess {
			f = &link.Fault{Kind: link.KindClient, Code: "no_access_token"}
		}
		given(f)
	}
	if force || !s.outdated() {
		s.readyNow(force, done)
		return
	}
	s.See(func() { s.readyNow(false, done) })
}

func (s *Session) readyNow(force bool, done func(*link.Fault)) {
	t := s.Tokens
	again := func() { s.readyNow(false, done) }
	switch {
	case force:
		s.Refresh(done)
	case t.Access == "" && t.Refresh == "":
		s.Look(&link.Fault{Kind: link.KindClient, Code: "not_signed_in"}, again, done)
	case s.usable(t):
		done(nil)
	case s.LeftAlone():
		if t.Access != "" && !s.expired(t) {
			done(nil)
			return
		}
		s.Look(s.RetryLater(), again, done)
	case s.Refreshable() == nil:
		s.Refresh(func(f *link.Fault) {
			if now := s.Tokens; f != nil && now.Access != "" && now.ExpiresAt != 0 && !s.expired(now) && (s.store.Inner() == nil || now.Refresh != "") {
				// The refresh was early: what is held still holds, but in a backend, whose session
				// ends with its grant. Listeners hear of it all the same.
				f.Op = config.StageRefresh
				s.ReportOnce(f)
				f = nil
			}
			done(f)
		})
	case t.Access != "" && !s.expired(t):
		done(nil) // good for a while yet, and there is no other
	default:
		s.Look(&link.Fault{Kind: link.KindExpired, Code: "token_expired"}, again, done)
	}
}

// RetryLater is the fault while LeftAlone.
func (s *Session) RetryLater() *link.Fault {
	return &link.Fault{Kind: link.KindClient, Code: "retry_later", Retryable: true, RetryAfter: s.retryAt - s.link.Now}
}
