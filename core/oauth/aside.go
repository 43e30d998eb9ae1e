package oauth

// aside has work done without the lane's lock, and gives the engine what comes of it as the answer to t. That happens on a goroutine of
// its own, or on that of the caller whose turn it is: one who waits for this and nothing else, and who cannot give up, or would not
// notice because the work is brief. Two goroutines waking each other cost more than all the rest of a command.
func (s *session) aside(t *task, brief bool, work func() input) {
	t.work = work
	if w := s.turn; w != nil && w.next == nil && (brief || w.patient) {
		w.next = t
		return
	}
	go s.carry(t, nil)
}

// help has the caller of w do what it is given, until that is nothing more.
func (s *session) help(w *waiter) {
	for w.next != nil {
		t := w.next
		w.next = nil
		s.carry(t, w)
	}
}

// carry does the work of t; w is the waiter whose caller does it, if any.
func (s *session) carry(t *task, w *waiter) {
	in, returned := failed(t.id, "internal"), false
	defer func() { // after a panic too, which the caller's own caller may recover from
		s.lane.mu.Lock()
		defer s.lane.mu.Unlock()
		if returned {
			s.turn = w
		}
		s.finish(t, in)
		s.endTurn()
	}()
	in, returned = t.work(), true
}

// endTurn decides whether the caller whose turn it was may go on with what it was given: nothing else is to bring its result meanwhile.
func (s *session) endTurn() {
	w := s.turn
	if s.turn = nil; w == nil || w.next == nil {
		return
	}
	alone := !w.ended && len(s.waiters) == 1
	for _, t := range s.tasks {
		alone = alone && (t == w.next || t.unlock != nil)
	}
	if !alone {
		go s.carry(w.next, nil)
		w.next = nil
	}
}
