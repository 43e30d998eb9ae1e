package oauth

import (
	"context"
	"time"
)

// task is an effect that is being carried out, or a lock that is held.
type task struct {
	id     string
	kind   string
	stop   func() // does not wait
	unlock func() // of a lock that is held
	work   func() input
}

func (s *session) begin(e *effect, stop func()) *task {
	t := &task{id: e.ID, kind: e.Kind, stop: stop}
	s.tasks[e.ID] = t
	return t
}

// aside has work done without the lane's lock, and gives the engine what comes of it as the answer
// to t. That happens on a goroutine of its own, or on that of the caller whose turn it is: one who
// waits for this and nothing else, and who cannot give up, or would not notice because the work is
// brief. Two goroutines waking each other cost more than all the rest of a command.
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

// endTurn decides whether the caller whose turn it was may go on with what it was given: nothing
// else is to bring its result meanwhile.
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

// finish gives the engine the answer to t, unless nobody waits for that any more.
func (s *session) finish(t *task, in input) {
	if s.tasks[t.id] != t {
		return
	}
	if t.unlock == nil {
		delete(s.tasks, t.id)
	}
	s.tell(in)
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

// limit gives the context of a task, which ends after ms milliseconds where that is above 0. The
// task's stop ends it with the session.
func limit(ms int64) (context.Context, context.CancelFunc) {
	if ms <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), milliseconds(ms))
}

// storeTimeout ends a store operation that never returns: a session that waits for it forever would
// be of no use.
const storeTimeout = 30 * time.Second

// inOrder carries out e after everything that was asked for of the same thing before. What has
// begun is not given up with the session.
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

// quiet waits until no request is under way. What the engine reads behind a result, as the server's
// metadata when they are a day old, would be given up with every session and never be read.
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
