package oauth

import "time"

// restartPause is the least time between restarts that no command caused.
const restartPause = time.Minute

// restart replaces an instance that was lost. Commands under way fail, because nobody knows how far
// they came, and the input that trapped is not repeated. The new session loads what is stored.
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

	// Stored bytes that trap the engine would do so again and again. So a session that made no
	// progress since it was opened a moment ago is opened again only at the next command. A session
	// that only has timers is opened again at once.
	if (s.progress || s.opts.Now().Sub(s.opened) >= restartPause) && !s.closed {
		s.progress = false
		s.open(s.handedIn) // if it fails, the next command tries again and reports why
	}
}

// retire moves the session to another instance if its own has grown too large. It does so only
// between commands: no command is under way, and no effect but timers waits for an answer.
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
		return // the session can stay where it is
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

// unsaved returns the session as text if the store does not have all of it: because the store
// failed, or because a device flow is polling, which would be restored with polling stopped.
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

// ask runs a command of this package's own, which needs no effects.
func (s *session) ask(op string, params members, out any) bool {
	id, w := s.enqueue(op, params)
	s.run()
	delete(s.waiters, id)
	return w.ended && w.result.read(op, out) == nil
}
