package link

// A Serial runs one operation at a time; others wait in order.
type Serial struct {
	busy  bool
	queue []func(release func())
}

// Run begins op when no other runs; op calls release at its end.
func (s *Serial) Run(op func(release func())) {
	if s.busy {
		s.queue = append(s.queue, op)
		return
	}
	s.busy = true
	op(s.release)
}

// Busy reports whether one runs.
func (s *Serial) Busy() bool { return s.busy }

func (s *Serial) release() {
	if len(s.queue) == 0 {
		s.busy = false
		return
	}
	next := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	next(s.release)
}
