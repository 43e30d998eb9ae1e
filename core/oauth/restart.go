package oauth

import "time"

// restartPause is how far apart restarts are that nobody asked for.
const restartPause = time.Minute

// restart leaves an instance that was lost. The commands under way fail, because nobody knows how
// far they came, and the input that trapped is not given again. What was stored is loaded by the
// new session.
func (s *session) restart() {
	s.held.drop()
	cause := s.lane.lost(s.handle)
	s.lane.engine.Close(s.handle)
	s.handle = 0
	for id, w := range s.waiters {
		s.resolve(id, result{err: internal(w.op, "instance_lost", cause)})
	}
	go s.drop()()
	s.emit(Event{Name: EventRestarted, Error: internal("", "instance_lost", cause)})

	// Stored bytes that trap the engine would do so again and again. So a session that achieved
	// nothing since it was last opened, a moment ago, is not opened before somebody asks for
	// something. One that works by its timers alone goes on.
	if (s.progress || s.opts.Now().Sub(s.opened) >= restartPause) && !s.closed {
		s.progress = false
		s.open(s.handedIn) // where it fails, the next command tries again and reports why
	}
}

// retire moves the session to another instance where its own has grown too large, between commands:
// with no command under way and nothing to be answered but timers.
func (s *session) retire() {
	if s.kind != "client" || s.closed || s.handle == 0 || len(s.waiters) > 0 || len(s.tails) > 0 || !s.lane.worn(s.handle) {
		return
	}
	for _, t := range s.tasks {
		if t.kind != "timer" {
			return
		}
	}
	stored := s.handedIn
	if held, ok := s.unsaved(); !ok {
		return // nothing is lost by staying
	} else if held != "" {
		stored = held
	}
	s.lane.engine.Close(s.handle)
	s.handle = 0
	go s.drop()()
	s.progress = false
	s.open(stored)
	s.lane.settle()
}

// unsaved gives the session as text where the store has less than the engine: because it failed, or
// because a device flow whose polling goes on would come back from there with its polling stopped.
func (s *session) unsaved() (text string, ok bool) {
	var status struct {
		NotPersisted bool `json:"not_persisted"`
		Device       struct {
			Polling bool `json:"polling"`
		} `json:"device"`
	}
	if !s.ask("status", members(nil).boolean("held", true), &status) || !status.NotPersisted && !status.Device.Polling {
		return "", s.handle > 0 && !s.lost()
	}
	var bytes struct {
		Session string `json:"session"`
	}
	ok = s.ask("export", nil, &bytes)
	return bytes.Session, ok
}

// ask runs a command of the session's own that needs no effect.
func (s *session) ask(op string, params members, out any) bool {
	id, w := s.enqueue(op, params)
	s.run()
	delete(s.waiters, id)
	return w.ended && w.result.read(op, out) == nil
}
