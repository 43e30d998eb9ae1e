package oauth

import (
	"context"
	"time"
)

// task is an effect that is being carried out, or a lock that is held.
type task struct {
	id     string
	kind   string
	stop   func() // it does not wait
	unlock func() // for a lock that is held
	work   func() input
}

func (s *session) begin(e *effect, stop func()) *task {
	t := &task{id: e.ID, kind: e.Kind, stop: stop}
	s.tasks[e.ID] = t
	return t
}

// aside does work without the lane's lock and gives the engine the result as the answer to t. The
// work runs on a new goroutine, or on the goroutine of the caller whose turn it is, if that caller
// waits only for this and cannot be cancelled, or the work is too brief for that to matter. Two
// goroutines that wake each other cost more than all the rest of a command.
func (s *session) aside(t *task, brief bool, work func() input) {
	t.work = work
	if w := s.turn; w != nil && w.next == nil && (brief || w.patient) {
		w.next = t
		return
	}
	go s.carry(t, nil)
}

// help lets the caller of w do the work that it is given, until there is none.
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
	defer func() { // also after a panic, which the caller's own caller may recover
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

// endTurn decides whether the caller whose turn it was may do the work that it was given: only if
// nothing else could give its result meanwhile.
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

// finish gives the engine the answer to t, unless t was cancelled.
func (s *session) finish(t *task, in input) {
	if s.tasks[t.id] != t {
		return
	}
	if t.unlock == nil {
		delete(s.tasks, t.id)
	}
	s.inbox = append(s.inbox, in)
	s.run()
	s.settle()
	s.tellQuiet()
}

func (s *session) timer(e *effect) {
	t := s.begin(e, nil)
	id := e.ID
	t.work = func() input { return answer(id, nil) }
	clock := time.AfterFunc(milliseconds(e.MS), func() { s.carry(t, nil) })
	t.stop = func() { clock.Stop() }
}

// limit gives the context of a task. It ends after ms milliseconds if that is above 0, and with the
// session.
func limit(ms int64) (context.Context, context.CancelFunc) {
	if ms <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), milliseconds(ms))
}

// storeTimeout ends a store operation that never returns: otherwise the session would wait forever.
const storeTimeout = 30 * time.Second

// inOrder carries out e after all earlier effects for the same thing. Work that has begun is
// completed even if the session is closed.
func (s *session) inOrder(e *effect, thing string, carryOut func(context.Context) input) {
	before, done := s.tails[thing], make(chan struct{})
	s.tails[thing] = done
	s.aside(s.begin(e, func() {}), false, func() input {
		if before != nil {
			<-before
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		in := carryOut(ctx)
		cancel()
		close(done)
		s.lane.mu.Lock()
		if s.tails[thing] == done {
			delete(s.tails, thing)
		}
		s.lane.mu.Unlock()
		return in
	})
}

// quiet waits until no request is under way. The engine reads some things after it gave a result,
// such as metadata that is a day old. Short-lived sessions would always abort such a request.
func (s *session) quiet() {
	s.lane.mu.Lock()
	if !s.requesting() {
		s.lane.mu.Unlock()
		return
	}
	still := make(chan struct{})
	s.still = still
	s.lane.mu.Unlock()
	<-still
}

// idle tells whether nothing is under way, no lock is held, no input waits, and the session may
// stay in its instance.
func (s *session) idle() bool {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	return !s.closed && s.handle > 0 && len(s.tasks) == 0 && len(s.inbox) == 0 && len(s.waiters) == 0 && len(s.tails) == 0 && !s.lane.worn(s.handle)
}

func (s *session) tellQuiet() {
	if s.still != nil && !s.requesting() {
		close(s.still)
		s.still = nil
	}
}

func (s *session) requesting() bool {
	for _, t := range s.tasks {
		if t.kind == "http" {
			return true
		}
	}
	return false
}
