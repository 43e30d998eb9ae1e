package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// leadTime is how long before its end a token is told to be about to expire, in ms.
const leadTime = 10_000

// mostApart is how far before a token's arrival a clock may stand without having been set back:
// hosts of one store have clocks of their own.
const mostApart = 300_000

// ends is when the life of an access token is over, in Unix ms; 0: that is not known. The one rule
// for what is usable, expired, about to expire and granted. Where the clock was set back nobody
// knows how much of the life is left, so all of it counts as over.
func (s *Session) ends(t *Tokens) int64 {
	life := max(0, t.ExpiresAt-t.receivedAt)
	if t.ExpiresAt != 0 && s.link.Now < t.receivedAt-max(s.config.Skew, min(life/4, mostApart)) {
		return 1
	}
	return min(t.ExpiresAt, s.link.Now+life)
}

// expired is strict: at the very millisecond a token is still good. Without expiry it never is.
func (s *Session) expired(t *Tokens) bool { return t.ExpiresAt != 0 && s.link.Now > s.ends(t) }

// staleAt is from when on, in Unix ms, a token is renewed before it is used: it leaves time for the
// request that the token is fetched for, and room for clocks apart: the skew, or a quarter of a
// short life.
func (s *Session) staleAt(t *Tokens) int64 {
	if t.ExpiresAt == 0 {
		return link.MaxTime
	}
	return s.ends(t) - min(s.config.Skew, max(0, t.ExpiresAt-t.receivedAt)/4)
}

func (s *Session) usable(t *Tokens) bool { return t.Access != "" && s.link.Now < s.staleAt(t) }

// Ended tells whether the access token lapsed since the status was last settled.
func (s *Session) Ended() bool { return s.Status == granted && s.lapsed() }

// lapsed tells whether the access token held is over for good: it has ended, and nothing can renew
// it. That is no grant.
func (s *Session) lapsed() bool {
	return s.Tokens.Access != "" && s.expired(s.Tokens) && s.renewable() != nil
}

// awaitEnd lets the end of a token that nothing can renew be told when it comes, where timers are
// wanted at all.
func (s *Session) awaitEnd() {
	if t := s.Tokens; t.Access != "" && t.ExpiresAt != 0 && s.timed() && s.renewable() != nil {
		s.link.Ring(&s.expiry, s.ends(t)+1, func(string) {
			if !s.renewing {
				s.Look(nil, s.Settle, func(*link.Fault) { s.Settle() })
			}
		})
	}
}

// timed tells whether the application wants to hear of the end of a token.
func (s *Session) timed() bool { return s.config.RefreshLead >= 0 || s.config.AutoRefresh }

// arm sets the alarm for the end of the token held. given is a token that the application brought:
// what is already due then is due at once.
func (s *Session) arm(given bool) {
	s.link.Silence(&s.expiry)
	s.missed = false
	t := s.Tokens
	if !s.timed() || t.Access == "" || t.ExpiresAt == 0 {
		return
	}
	life, lead := t.ExpiresAt-t.receivedAt, s.config.RefreshLead
	if lead <= 0 || !given && lead >= life {
		lead = max(leadTime, life/20)
	}
	due := s.ends(t) - lead
	if !given {
		due = max(due, min(t.receivedAt, s.link.Now)+wire.LeastWait)
	}
	if due <= s.link.Now {
		s.aboutToExpire("")
		return
	}
	s.link.Ring(&s.expiry, due, s.aboutToExpire)
}

func (s *Session) aboutToExpire(failed string) {
	if failed != "" {
		return // a host without timers: tokens are refreshed when they are asked for
	}
	w := s.link.Event("about_to_expire")
	w.MemberInt("expires_at", s.Tokens.ExpiresAt)
	s.link.Emit(w)
	s.refreshAlone("")
	s.awaitEnd()
}

// refreshAlone refreshes without being asked, and tries again later where that fails in passing.
func (s *Session) refreshAlone(failed string) {
	if _, polling := s.device(); polling {
		s.missed = true
		return
	}
	if failed != "" || !s.config.AutoRefresh || s.Refreshable() != nil {
		return
	}
	if s.LeftAlone() {
		s.link.Ring(&s.expiry, s.retryAt, s.refreshAlone)
		return
	}
	s.Refresh("", func(f *link.Fault) {
		if f == nil {
			return // the new token has its own alarm
		}
		f.Op = config.StageRefresh
		s.ReportOnce(f)
		_, polling := s.device()
		s.missed = s.missed || polling
		if f.Retryable || f.Garbled {
			wait := max(min(int64(wire.LeastWait)<<min(s.failures, 8), wire.LongestWait), f.RetryAfter)
			s.failures++
			s.link.Ring(&s.expiry, s.link.Now+wait, s.refreshAlone)
		}
	})
}

// CatchUp does the refresh that polling kept from being done.
func (s *Session) CatchUp() {
	if s.missed {
		s.missed = false
		s.refreshAlone("")
	}
}

// LeftAlone tells whether the server asked not to be bothered now. A clock set back makes that no
// longer than a server can ask for.
func (s *Session) LeftAlone() bool {
	return s.link.Now < s.retryAt && s.retryAt-s.link.Now <= wire.LongestRetryAfter
}
