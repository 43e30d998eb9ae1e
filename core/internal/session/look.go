package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// An instance keeps up with what others write: what is held here is what the store held when it was
// last read.
const (
	// lookEvery is how old, in ms, what is held may be when a token is given out, and how far apart
	// the looks are that hints cause.
	lookEvery = 1_000
	// lookPatience is how long, in ms, a command waits for a look.
	lookPatience = 1_000
)

// See looks at the store, and goes on with what is held then. It goes on at once while this
// instance itself changes the session, and where the store does not answer in time. All who ask at
// once share a look.
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
	if failed == "" { // else a host without timers: there is no other way than to wait
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

// Look reads the store, unless that was just done, before something fails for want of a token:
// another instance may have signed in.
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

// KeyGone goes on after a failure for want of a session's key: the session may have been replaced
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

// Seen tells whether the store was read for this input.
func (s *Session) Seen() bool { return s.looked == s.link.Turn }

// seenUntil is until when, in Unix ms, what is held needs no look at the store: in a host that
// tells of changes for good, else for a while after the last look. 0: it needs one now.
func (s *Session) seenUntil() int64 {
	switch {
	case s.store.Inner() != nil || s.store.Notified && s.store.Watched:
		return link.MaxTime
	case s.link.Recent(s.view.at, lookEvery):
		return s.view.at + lookEvery
	}
	return 0
}

// outdated tells whether the store may hold something else than the access token t that would be
// given out: nobody told us if so, and it was not read for a while.
func (s *Session) outdated(t *Tokens) bool {
	return s.seenUntil() == 0 && t.Access != "" && (s.usable(t) || s.Refreshable() != nil)
}

// WriteGoodUntil tells the host until when the same question gets the same answer, with nothing
// read or sent, unless an event, a command or a hint comes in between.
func (s *Session) WriteGoodUntil(w *json.Writer, t *Tokens) {
	if until := min(s.seenUntil(), s.staleAt(t)); s.store.Inner() == nil && until > s.link.Now {
		w.MemberInt("good_until", until)
	}
}

// LookSoon follows a hint that another writer changed the store. A hint is nobody's word: however
// many come, there is one look a second, the last after the last hint.
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

// tellChange tells of a session that another instance wrote, and that is held now in place of had.
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
