package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// leadTime is how long before a token's expiry the event about_to_expire comes, in ms.
const leadTime = 10_000

// mostApart is how far the clock may be before a token's arrival without counting as set back,
// because hosts that share a store have different clocks.
const mostApart = 300_000

// ends is when an access token expires, in Unix ms; 0 if that is not known. All other rules
// (usable, expired, about to expire, granted) rely on it. If the clock was set back, nobody knows
// how much of the life is left, so the token counts as expired.
func (s *Session) ends(t *Tokens) int64 {
	life := max(0, t.ExpiresAt-t.receivedAt)
	if t.ExpiresAt != 0 && s.link.Now < t.receivedAt-max(s.config.Skew, min(life/4, mostApart)) {
		return 1
	}
	return min(t.ExpiresAt, s.link.Now+life)
}

// expired is strict: at the very millisecond of its expiry a token is still valid. A token without
// expiry never expires.
func (s *Session) expired(t *Tokens) bool { return t.ExpiresAt != 0 && s.link.Now > s.ends(t) }

// staleAt is the time, in Unix ms, from which a token is renewed before it is used. It leaves time
// for the request that uses the token, and for clocks that differ: the skew, or a quarter of a
// short life.
func (s *Session) staleAt(t *Tokens) int64 {
	if t.ExpiresAt == 0 {
		return link.MaxTime
	}
	return s.ends(t) - min(s.config.Skew, max(0, t.ExpiresAt-t.receivedAt)/4)
}

func (s *Session) usable(t *Tokens) bool { return t.Access != "" && s.link.Now < s.staleAt(t) }

// Ended reports whether the access token lapsed since the status was last settled.
func (s *Session) Ended() bool { return s.Status == granted && s.lapsed() }

// lapsed reports whether the access token has expired and cannot be renewed. Such a session is not
// granted.
func (s *Session) lapsed() bool {
	return s.Tokens.Access != "" && s.expired(s.Tokens) && s.renewable() != nil
}

// awaitEnd sets a timer for the expiry of a token that cannot be renewed, if timers are wanted at
// all.
func (s *Session) awaitEnd() {
	if t := s.Tokens; t.Access != "" && t.ExpiresAt != 0 && s.timed() && s.renewable() != nil {
		s.link.Ring(&s.expiry, s.ends(t)+1, func(string) {
			if !s.renewing {
				s.Look(nil, s.Settle, func(*link.Fault) { s.Settle() })
			}
		})
	}
}

// timed reports whether the application wants events about a token's expiry.
func (s *Session) timed() bool { return s.config.RefreshLead >= 0 || s.config.AutoRefresh }

// arm sets the alarm for the token's expiry. given means that the application brought the token: if
// something is already due, it happens at once.
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
		return // the host has no timers: tokens are refreshed on demand
	}
	w := s.link.Event("about_to_expire")
	w.MemberInt("expires_at", s.Tokens.ExpiresAt)
	s.link.Emit(w)
	s.refreshAlone("")
	s.awaitEnd()
}

// refreshAlone refreshes automatically, and retries later after a temporary failure.
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

// CatchUp does the refresh that was postponed because of polling.
func (s *Session) CatchUp() {
	if s.missed {
		s.missed = false
		s.refreshAlone("")
	}
}

// LeftAlone reports whether the server asked us to wait. Even if the clock was set back, the wait
// is no longer than a server can ask for.
func (s *Session) LeftAlone() bool {
	return s.link.Now < s.retryAt && s.retryAt-s.link.Now <= wire.LongestRetryAfter
}
