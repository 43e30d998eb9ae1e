package drive

// restart leaves an instance that was lost. The commands under way fail, because nobody knows how far they came, and the input
// that trapped is not given again. What was stored is loaded by the new session.
func (s *session) restart() {
	cause := s.lane.lost(s.handle)
	s.lane.engine.Close(s.handle)
	s.handle = 0
	for id, w := range s.waiters {
		s.resolve(id, result{err: internal(w.op, "instance_lost", cause)})
	}
	go s.drop()()
	s.volatile = false
	s.emit(Event{Name: "restarted", Error: internal("", "instance_lost", cause)})

	// Stored bytes that trap the engine would do so again and again. So a session that achieved nothing since it was last
	// opened is not opened before somebody asks for something.
	if s.progress && !s.closed {
		s.progress = false
		s.open("") // where it fails, the next command tries again and reports why
	}
}

// retire moves the session to another instance where its own has grown too large, between commands: with no command under way
// and nothing to be answered but timers.
func (s *session) retire() {
	if s.closed || s.handle == 0 || s.volatile || len(s.waiters) > 0 || len(s.tails) > 0 || !s.lane.worn(s.handle) {
		return
	}
	for _, t := range s.tasks {
		if t.kind != "timer" {
			return
		}
	}
	s.lane.engine.Close(s.handle)
	s.handle = 0
	go s.drop()()
	s.progress = false
	s.open("")
	s.lane.settle()
}
