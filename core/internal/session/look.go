package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// An instance follows other writers by looks: it reads the store and adopts what it finds.
const (
	// lookEvery is how long ago, in ms, the last look may have been when a token is given, and the
	// least time between looks that hints cause.
	lookEvery = 1_000
	// lookPatience is how long, in ms, a command waits for a look.
	lookPatience = 1_000
)

// See looks at the store and then calls then. It does not wait while this instance itself changes
// the session, or if the store does not answer in time. Concurrent calls share a look.
func (s *Session) See(then func()) {
	v := &s.view
	switch {
	case v.busy && !v.late:
		v.next = append(v.next, then)
	case v.busy || s.queue.Busy():
		then()
	default:
		v.now = append(v.now, then)
		v.busy, v.at = true, s.link.Now
		s.link.Ring(&v.patience, s.link.Now+lookPatience, s.lookLate)
		s.queue.Run(s.lookNow)
	}
}

func (s *Session) lookLate(failed string) {
	v := &s.view
	if failed == "" { // else the host has no timers, and we can only wait
		v.late = true
		v.now, v.next = call(v.now), call(v.next)
	}
}

func (s *Session) lookNow(release func()) {
	s.view.release = release
	s.Reload(s.lookedNow)
}

func (s *Session) lookedNow(_ bool, failed string) {
	v := &s.view
	s.link.Silence(&v.patience)
	v.busy, v.late = false, false
	v.release()
	if failed != "" {
		f := StorageFault(failed)
		f.Op = "look"
		s.ReportFault(f)
	}
	now, next := v.now, v.next
	v.now, v.next = nil, nil
	call(now)
	if len(next) > 0 {
		s.See(func() { call(next) })
	}
}

func call(list []func()) []func() {
	for _, f := range list {
		f()
	}
	return nil
}

// Look reads the store, unless that was just done, before a command fails because there is no
// token: another instance may have signed in.
func (s *Session) Look(f *link.Fault, again func(), done func(*link.Fault)) {
	if s.Seen() {
		done(f)
		return
	}
	s.queue.Run(func(release func()) {
		s.Reload(func(changed bool, failed string) {
			release()
			switch {
			case failed != "":
				done(StorageFault(failed))
			case changed:
				again()
			default:
				done(f)
			}
		})
	})
}

// KeyGone handles a failure because a session's key is missing: the session may have been replaced
// meanwhile, here or by another instance.
func (s *Session) KeyGone(key string, f *link.Fault, again func(), done func(*link.Fault)) {
	switch {
	case f == nil || f.Code != "no_key":
		done(f)
	case s.Tokens.Key != key:
		again()
	default:
		s.Look(f, again, done)
	}
}

// Seen reports whether the store was read for this input.
func (s *Session) Seen() bool { return s.looked == s.link.Turn }

// seenUntil is until when, in Unix ms, no look is needed: forever in a host that reports changes,
// otherwise for a while after the last look. 0 means that a look is needed now.
func (s *Session) seenUntil() int64 {
	switch {
	case s.store.Inner() != nil || s.store.Notified && s.store.Watched:
		return link.MaxTime
	case s.link.Recent(s.view.at, lookEvery):
		return s.view.at + lookEvery
	}
	return 0
}

// outdated reports whether the store may have changed since the last look, so that t is not to be
// given out: the host does not report changes, and the last look was a while ago.
func (s *Session) outdated(t *Tokens) bool {
	return s.seenUntil() == 0 && t.Access != "" && (s.usable(t) || s.Refreshable() != nil)
}

// WriteGoodUntil tells the host until when the same command would get the same answer, without
// reading or sending anything, unless an event, a command or a hint comes in between.
func (s *Session) WriteGoodUntil(w *json.Writer, t *Tokens) {
	if until := min(s.seenUntil(), s.staleAt(t)); s.store.Inner() == nil && until > s.link.Now {
		w.MemberInt("good_until", until)
	}
}

// LookSoon follows a hint that another writer changed the store. Anybody may give hints, so there
// is at most one look a second, the last one after the last hint.
func (s *Session) LookSoon() {
	v := &s.view
	switch {
	case v.hint.N != 0:
	case v.busy && !s.Loading:
		if len(v.next) == 0 {
			v.next = append(v.next, func() {})
		}
	case s.Loading || s.queue.Busy() || s.link.Recent(v.hintAt, lookEvery):
		s.link.Ring(&v.hint, s.link.Now+lookEvery, func(failed string) {
			if failed == "" {
				s.LookSoon()
			}
		})
	default:
		v.hintAt = s.link.Now
		s.See(func() {})
	}
}

// tellChange sends the event changed for a session of another instance, which replaced had.
func (s *Session) tellChange(had *Tokens, status string) {
	t := s.Tokens
	if s.Loading || t.sameToken(had) {
		return
	}
	w := s.link.Event("changed")
	w.MemberStr("status", s.Status)
	sub := t.Claims.Get("sub").Str()
	switch {
	case t.Access == "" && t.Refresh == "":
		w.MemberStr("change", "signed_out")
	case t.grant == had.grant && t.Access != "":
		w.MemberStr("change", "refreshed")
	case t.grant == had.grant:
	case status != granted && status != refreshing || sub != "" && sub == had.Claims.Get("sub").Str():
		w.MemberStr("change", "signed_in")
	default:
		w.MemberStr("change", "other_account")
	}
	s.link.Emit(w)
}
