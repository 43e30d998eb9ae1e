package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// reload reads the store. changed tells that somebody else wrote there since; then theirs is held now.
func (s *session) reload(done func(changed bool, failed string)) {
	s.store.load(s.key, func(value, version, failed string) { done(s.take(value, version, failed), failed) })
}

// take takes what the store holds. A text that is not ours is left alone, and as good as none.
func (s *session) take(value, version, failed string) (changed bool) {
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
		// Bytes that were handed in hold against what is older, or not there.
		s.blind = false
		if t.generation <= s.tokens.generation {
			if t.generation == s.tokens.generation {
				s.tokens.sentAt, s.tokens.triedAt, s.tokens.triedBy = t.sentAt, t.triedAt, t.triedBy
			}
			return false
		}
	}
	if s.onlyHere() && t.grant == s.tokens.grant && t.generation < s.tokens.generation {
		// The store could not be written, and holds what ours came from: going back would lose the only copy.
		return false
	}
	had, status := s.tokens, s.status
	if s.unsaved && had.key != t.key {
		s.wire.dropKey(had.key) // a session that nobody else has
	}
	s.tokens, s.unsaved, s.only = t, false, ""
	if t.access != "" && !t.sameToken(had) {
		s.grant(false)
	} else {
		s.settle() // a mark, or the end of one, is nothing new
	}
	s.tellChange(had, status)
	return true
}

// A holdRun makes tokens of a sign-in the session: stored over whatever is there, and only then granted. Where the store fails they are held in memory, and the event says so.
type holdRun struct {
	change   change
	session  *session
	tokens   *tokens
	before   string // the sign-in that they take the place of. Where that is still there, they were never stored; what was signed in later came after them
	replaced string // its key, where another instance stored it
	given    bool   // by the application
	done     func(*link.Fault)
}

func (s *session) hold(t *tokens, given bool, done func(*link.Fault)) {
	h := &holdRun{session: s, tokens: t, before: s.tokens.grant, given: given, done: done}
	h.change = change{store: s.store, key: s.key, version: &s.version, tries: maxTries, text: h.text, met: h.met, done: h.stored}
	h.change.write()
}

func (h *holdRun) text() string { return h.session.encode(h.tokens) }

func (h *holdRun) met(value, version, unread string) bool {
	s := h.session
	if unread != "" {
		return true
	}
	theirs, _, ok := s.decode(value)
	switch {
	case h.change.failed != overtaken:
		h.before, h.replaced = theirs.grant, theirs.key
	case value == "":
		// Signed out elsewhere, and perhaps out of this very session: it is not brought back.
		s.wire.dropKey(s.tokens.key)
		s.lose(version)
		s.discard(h.tokens)
		h.done(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
		return false
	case ok && theirs.grant != h.before && (theirs.grant == h.tokens.grant || theirs.signedInAt() > h.tokens.signedInAt()):
		if h.tokens.key != theirs.key { // else it was stored, and only the answer was lost
			s.wire.dropKey(h.tokens.key)
		}
		s.follow(theirs, version)
		h.done(nil)
		return false
	}
	s.version = version
	return true
}

func (h *holdRun) stored(failed string) {
	s := h.session
	if failed == "" && h.replaced != h.tokens.key && h.replaced != s.tokens.key {
		s.wire.dropKey(h.replaced)
	}
	s.keep(h.tokens, s.version, failed)
	s.grant(h.given)
	h.done(nil)
}

// keep takes t over after an attempt to store it.
func (s *session) keep(t *tokens, version, failed string) {
	if old := s.tokens.key; old != t.key && failed == "" {
		s.wire.dropKey(old)
	}
	s.tokens = t
	if failed == "" {
		s.written(version)
		s.foreign, s.only = false, ""
		return
	}
	s.unsaved, s.only = true, t.refresh
	s.link.Emit(s.link.Event("not_persisted"))
}

// follow holds what another instance stored.
func (s *session) follow(theirs *tokens, version string) {
	had, status := s.tokens, s.status
	s.keep(theirs, version, "")
	s.grant(false)
	s.tellChange(had, status)
}

// lose forgets the tokens: another instance signed out.
func (s *session) lose(version string) {
	had, status := s.tokens, s.status
	s.tokens, s.version = &tokens{}, version
	s.settle()
	s.tellChange(had, status)
}

// save stores what is held now, as well as it goes; who wrote meanwhile knows better.
func (s *session) save(done func()) {
	c := &change{store: s.store, key: s.key, version: &s.version, tries: 1, text: func() string { return s.encode(s.tokens) }}
	c.met = func(value, version, unread string) bool {
		s.take(value, version, unread)
		done()
		return false
	}
	c.done = func(failed string) {
		if failed == "" {
			s.written(s.version)
		} else {
			s.unsaved = true
			s.link.Emit(s.link.Event("not_persisted"))
		}
		done()
	}
	c.write()
}

// written notes that the store holds what is held here.
func (s *session) written(version string) {
	s.version, s.unsaved, s.blind, s.view.at = version, false, false, s.link.Now
}

// onlyHere tells whether the refresh token held is one that no store has.
func (s *session) onlyHere() bool { return s.only != "" && s.only == s.tokens.refresh }

// clear forgets the tokens and deletes what is stored, unless it is another configuration's.
func (s *session) clear(done func(*link.Fault)) {
	key := s.tokens.key
	s.tokens = &tokens{}
	s.settle()
	if s.foreign && s.store.kept == nil {
		done(nil)
		return
	}
	s.store.overwrite(s.key, &s.version, "", func(failed string) {
		if s.uncleared = failed != ""; s.uncleared {
			done(storageFault(failed))
			return
		}
		s.unsaved = false
		s.wire.dropKey(key)
		done(nil)
	})
}

// dropUnused drops a key unless the session held or stored is bound to it: what it was made for may have become that session.
func (s *session) dropUnused(name string) {
	if name == "" || name == s.tokens.key {
		return
	}
	s.store.load(s.key, func(value, _, failed string) {
		if t, _, _ := s.decode(value); failed == "" && t.key != name && s.tokens.key != name {
			s.wire.dropKey(name)
		}
	})
}

// newest takes the lock and reads the store, so that what is ended is the newest there is.
func (s *session) newest(then func(l *lock, f *link.Fault)) {
	s.alone(func(l *lock, f *link.Fault) {
		s.reload(func(_ bool, failed string) {
			if f == nil && failed != "" && s.tokens.access == "" && s.tokens.refresh == "" {
				f = storageFault(failed) // nobody knows what there is to end
			}
			then(l, f)
		})
	})
}
