package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// Usable returns why the tokens cannot be used any more; nil if they can, as far as that is known
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

// Ready gets an access token for the target that can be used now, refreshed if it must be, or an
// error. It looks at the store first, unless that was just done.
func (s *Session) Ready(target string, force bool, done func(*link.Fault)) {
	given := done
	done = func(f *link.Fault) {
		t := s.For(target)
		if f == nil && t.Access == "" {
			s.readyNow(target, false, done) // meanwhile somebody else signed in
			return
		}
		if f == nil && t.Type == NoAccess {
			f = &link.Fault{Kind: link.KindClient, Code: "no_access_token"}
		}
		given(f)
	}
	if force || !s.outdated(s.For(target)) {
		s.readyNow(target, force, done)
		return
	}
	s.See(func() { s.readyNow(target, false, done) })
}

func (s *Session) readyNow(target string, force bool, done func(*link.Fault)) {
	t := s.For(target)
	again := func() { s.readyNow(target, false, done) }
	switch {
	case force:
		s.Refresh(target, done)
	case s.Tokens.Access == "" && s.Tokens.Refresh == "":
		s.Look(&link.Fault{Kind: link.KindClient, Code: "not_signed_in"}, again, done)
	case s.usable(t):
		if target != "" {
			s.Tokens.put(t)
		}
		done(nil)
	case s.LeftAlone():
		if t.Access != "" && !s.expired(t) {
			done(nil)
			return
		}
		s.Look(s.RetryLater(), again, done)
	case s.Refreshable() == nil:
		s.Refresh(target, func(f *link.Fault) {
			if now := s.For(target); f != nil && now.Access != "" && now.ExpiresAt != 0 && !s.expired(now) && (s.store.Inner() == nil || s.Tokens.Refresh != "") {
				// The refresh was early, so the held token still works; except in a backend, whose
				// session ends with its grant. Listeners are told in any case.
				f.Op = config.StageRefresh
				s.ReportOnce(f)
				f = nil
			}
			done(f)
		})
	case t.Access != "" && !s.expired(t):
		done(nil) // the token is valid for some time yet, and there is no other
	default:
		f := &link.Fault{Kind: link.KindExpired, Code: "token_expired"}
		if target != "" {
			f = s.Refreshable()
		}
		s.Look(f, again, done)
	}
}

// RetryLater is the fault while LeftAlone.
func (s *Session) RetryLater() *link.Fault {
	return &link.Fault{Kind: link.KindClient, Code: "retry_later", Retryable: true, RetryAfter: s.retryAt - s.link.Now}
}
