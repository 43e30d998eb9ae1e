package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/link"

// ready sees to an access token that is good for a request now: the one held, a refreshed one, or the error. What is held is looked for in the store before, unless that was just done.
func (s *session) ready(force bool, done func(*link.Fault)) {
	given := done
	done = func(f *link.Fault) {
		if f == nil && s.tokens.kind == noAccess {
			f = &link.Fault{Kind: link.KindClient, Code: "no_access_token"}
		}
		given(f)
	}
	if force || !s.outdated() {
		s.readyNow(force, done)
		return
	}
	s.see(func() { s.readyNow(false, done) })
}

func (s *session) readyNow(force bool, done func(*link.Fault)) {
	t := s.tokens
	again := func() { s.readyNow(false, done) }
	switch {
	case force:
		s.refresh(done)
	case t.access == "" && t.refresh == "":
		s.look(&link.Fault{Kind: link.KindClient, Code: "not_signed_in"}, again, done)
	case s.usable(t):
		done(nil)
	case s.leftAlone():
		if t.access != "" && !s.expired(t) {
			done(nil)
			return
		}
		s.look(s.retryLater(), again, done)
	case s.refreshable() == nil:
		s.refresh(func(f *link.Fault) {
			if now := s.tokens; f != nil && now.access != "" && now.expiresAt != 0 && !s.expired(now) && (s.store.kept == nil || now.refresh != "") {
				// The refresh was early: what is held still holds, but in a backend, whose session ends with its grant. Listeners hear of it all the same.
				f.Op = stageRefresh
				s.reportOnce(f)
				f = nil
			}
			done(f)
		})
	case t.access != "" && !s.expired(t):
		done(nil) // good for a while yet, and there is no other
	default:
		s.look(&link.Fault{Kind: link.KindExpired, Code: "token_expired"}, again, done)
	}
}

func (s *session) retryLater() *link.Fault {
	return &link.Fault{Kind: link.KindClient, Code: "retry_later", Retryable: true, RetryAfter: s.retryAt - s.link.Now}
}
