package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
)

// Reload reads the store. changed means that somebody else has written; then this instance now
// holds their session.
func (s *Session) Reload(done func(changed bool, failed string)) {
	s.store.Load(s.key, func(value, version, failed string) { done(s.adoptStored(value, version, failed), failed) })
}

// To adopt tokens is to make them this instance's session: those that it holds (Hold, and hold of a
// refresh), which it has tried to store, or those that another instance has stored.

// adoptStored adopts what the store contains. A text that is not ours is not changed, and counts as
// none.
func (s *Session) adoptStored(value, version, failed string) (changed bool) {
	if failed != "" {
		return false
	}
	s.looked, s.view.at = s.link.Turn, s.link.Now
	if version == s.version && !s.blind {
		return false
	}
	s.version = version
	t, _, ok := s.decode(value)
	if s.foreign = !ok; s.foreign {
		s.link.Emit(s.link.Event("session_refused"))
	}
	if s.blind {
		// A session that the host gave as bytes wins over an older stored one, or over none.
		s.blind = false
		if t.generation <= s.Tokens.generation {
			if t.generation == s.Tokens.generation {
				s.Tokens.sentAt, s.Tokens.triedAt, s.Tokens.triedBy = t.sentAt, t.triedAt, t.triedBy
			}
			return false
		}
	}
	if s.onlyHere() && value != "" && t.generation < s.Tokens.generation && (t.grant == s.Tokens.grant || s.stored != s.Tokens.grant) {
		// The store could not be written, and contains the predecessor of our tokens, or the
		// session that our sign-in replaces: adopting it would lose the only copy of ours. If it
		// had our sign-in before and has another one now, that came later, whatever the clocks say.
		return false
	}
	had, status := s.Tokens, s.Status
	if s.unsaved && had.Key != t.Key {
		s.wire.DropKey(had.Key) // nobody else has this session
	}
	s.Tokens, s.unsaved, s.only, s.stored = t, false, "", t.grant
	if t.Access != "" && !t.sameToken(had) {
		s.grant(false)
	} else {
		s.Settle() // a mark that was set or removed changes nothing
	}
	s.tellChange(had, status)
	return true
}

// A holdRun makes the tokens of a sign-in the session: it stores them over whatever is there, and
// only then they are granted. If the store fails, they are only in memory, and an event says so.
type holdRun struct {
	change   store.Change
	session  *Session
	tokens   *Tokens
	before   string // the sign-in that the tokens replace. If the store still has it, our write failed; a later sign-in came after our tokens
	replaced string // its key, if another instance stored it
	given    bool   // the application brought the tokens
	done     func(*link.Fault)
}

// Hold makes t the session after a sign-in.
func (s *Session) Hold(t *Tokens, given bool, done func(*link.Fault)) {
	h := &holdRun{session: s, tokens: t, before: s.Tokens.grant, given: given, done: done}
	h.change = store.Change{Store: s.store, Key: s.key, Version: &s.version, Tries: store.MaxTries, Text: h.text, Met: h.met, Done: h.stored}
	h.change.Write()
}

func (h *holdRun) text() string { return h.session.encode(h.tokens) }

func (h *holdRun) met(value, version, unread string) bool {
	s := h.session
	if unread != "" {
		return true
	}
	theirs, _, ok := s.decode(value)
	switch {
	case h.change.Failed != store.Overtaken:
		h.before, h.replaced = theirs.grant, theirs.Key
	case value == "":
		// Somebody signed out elsewhere, perhaps out of this very session: do not bring it back.
		s.wire.DropKey(s.Tokens.Key)
		s.lose(version)
		s.Discard(h.tokens)
		h.done(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
		return false
	case ok && theirs.grant != h.before && (theirs.grant == h.tokens.grant || theirs.signedInAt() > h.tokens.signedInAt()):
		if h.tokens.Key != theirs.Key { // else our write succeeded, and only the answer was lost
			s.wire.DropKey(h.tokens.Key)
		}
		s.adoptTheirs(theirs, version)
		h.done(nil)
		return false
	}
	s.version = version
	return true
}

func (h *holdRun) stored(failed string) {
	s := h.session
	if failed == "" && h.replaced != h.tokens.Key && h.replaced != s.Tokens.Key {
		s.wire.DropKey(h.replaced)
	}
	s.adopt(h.tokens, s.version, failed)
	s.grant(h.given)
	h.done(nil)
}

// adopt makes t the session after a try to store it.
func (s *Session) adopt(t *Tokens, version, failed string) {
	if old := s.Tokens.Key; old != t.Key && failed == "" {
		s.wire.DropKey(old)
	}
	s.Tokens = t
	if failed == "" {
		s.written(version)
		s.foreign, s.only = false, ""
		return
	}
	s.unsaved, s.only = true, t.Refresh
	s.link.Emit(s.link.Event("not_persisted"))
}

// adoptTheirs adopts what another instance stored.
func (s *Session) adoptTheirs(theirs *Tokens, version string) {
	had, status := s.Tokens, s.Status
	s.adopt(theirs, version, "")
	s.grant(false)
	s.tellChange(had, status)
}

// lose drops the tokens because another instance signed out.
func (s *Session) lose(version string) {
	had, status := s.Tokens, s.Status
	s.Tokens, s.version = &Tokens{}, version
	s.Settle()
	s.tellChange(had, status)
}

// Save tries to store the session. If somebody else wrote meanwhile, theirs stays.
func (s *Session) Save(done func()) {
	c := &store.Change{Store: s.store, Key: s.key, Version: &s.version, Tries: 1, Text: func() string { return s.encode(s.Tokens) }}
	c.Met = func(value, version, unread string) bool {
		s.adoptStored(value, version, unread)
		done()
		return false
	}
	c.Done = func(failed string) {
		if failed == "" {
			s.written(s.version)
		} else {
			s.unsaved = true
			s.link.Emit(s.link.Event("not_persisted"))
		}
		done()
	}
	c.Write()
}

// written records that the store contains this session.
func (s *Session) written(version string) {
	s.version, s.unsaved, s.blind, s.uncleared, s.view.at = version, false, false, false, s.link.Now
	s.stored = s.Tokens.grant
}

// onlyHere reports whether the refresh token is not in the store.
func (s *Session) onlyHere() bool { return s.only != "" && s.only == s.Tokens.Refresh }

// Clear drops the tokens and deletes the stored session, unless it belongs to another
// configuration.
func (s *Session) Clear(done func(*link.Fault)) {
	key := s.Tokens.Key
	s.Tokens = &Tokens{}
	s.Settle()
	if s.foreign && s.store.Inner() == nil {
		done(nil)
		return
	}
	s.store.Overwrite(s.key, &s.version, "", func(failed string) {
		if s.uncleared = failed != ""; s.uncleared {
			done(StorageFault(failed))
			return
		}
		s.unsaved = false
		s.wire.DropKey(key)
		done(nil)
	})
}

// DropUnused drops a key unless the session, here or in the store, is bound to it.
func (s *Session) DropUnused(name string) {
	if name == "" || name == s.Tokens.Key {
		return
	}
	s.store.Load(s.key, func(value, _, failed string) {
		if t, _, _ := s.decode(value); failed == "" && t.Key != name && s.Tokens.Key != name {
			s.wire.DropKey(name)
		}
	})
}

// Ending prepares the end of the session by a command that came in the input turn: no refresh
// catches up, no sign-in that is under way is received, and a stored session that could not be
// deleted must be ended, too.
func (s *Session) Ending(turn int64) {
	s.missed, s.ended = false, turn
	s.blind = s.blind || s.uncleared
}

// Newest takes the lock and reads the store, so that the newest session is ended.
func (s *Session) Newest(then func(l *Lock, f *link.Fault)) {
	s.alone(func(l *Lock, f *link.Fault) {
		s.Reload(func(_ bool, failed string) {
			if f == nil && failed != "" && s.Tokens.Access == "" && s.Tokens.Refresh == "" {
				f = StorageFault(failed) // we do not know which session to end
			}
			then(l, f)
		})
	})
}
