package oauth

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// waiter is a command that has not ended.
type waiter struct {
	op     string
	result result
	moment moment // of the result
	ended  bool
	done   chan struct{} // closed when it has ended; nil if it ended before anybody could wait

	patient bool  // the caller cannot be cancelled
	next    *task // what the caller must do; see aside
}

// result is the result of a command: err, or an object in a part of a message that nobody else
// uses.
type result struct {
	ok  json.RawMessage
	err error
}

// start gives the engine a command and returns before the command is done. A patient caller then
// does the command's work itself; see aside.
func (s *session) start(ctx context.Context, op string, params any, patient bool) (int64, *waiter, error) {
	raw, err := parameters(op, params) // before the lock, because the caller's own code may marshal
	if err != nil {
		return 0, nil, err
	}
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.closed {
		return 0, nil, &Error{Kind: KindClient, Code: "closed", Op: op}
	}
	if s.handle == 0 {
		if err := s.open(s.handedIn); err != nil {
			s.lane.settle()
			return 0, nil, internal(op, "restart_failed", err)
		}
	}
	id, w := s.enqueue(op, raw)
	s.inbox[len(s.inbox)-1].ctx = ctx
	w.patient, s.turn = patient, w
	s.run()
	s.settle()
	if s.endTurn(); !w.ended {
		w.done = make(chan struct{})
	}
	return id, w, nil
}

// enqueue makes a command the last of the inputs that wait.
func (s *session) enqueue(op string, params members) (int64, *waiter) {
	if op != "prepare" && (op != "token" || bytes.Contains(params, []byte(`"force":`))) {
		s.held.drop()
	}
	s.nextID++
	w := &waiter{op: op}
	s.waiters[s.nextID] = w
	s.inbox = append(s.inbox, input{op: op, command: s.nextID, members: params})
	return s.nextID, w
}

func (s *session) resolve(id int64, r result) {
	w := s.waiters[id]
	if w == nil {
		clear(r.ok)
		return
	}
	delete(s.waiters, id)
	w.moment = s.held.moment(s.at)
	if w.result, w.ended = r, true; w.done != nil {
		close(w.done)
	}
}

// do runs a command from beginning to end. A caller whose ctx is done cancels only its own command.
func (s *session) do(ctx context.Context, op string, params, out any) error {
	if err := ctx.Err(); err != nil {
		return gaveUp(op, err)
	}
	id, w, err := s.start(ctx, op, params, ctx.Done() == nil)
	if err != nil {
		return err
	}
	s.help(w)
	if w.done == nil {
		return s.read(w, out)
	}
	select {
	case <-w.done:
		return s.read(w, out)
	case <-ctx.Done():
		s.withdraw(id)
		return gaveUp(op, ctx.Err())
	}
}

func gaveUp(op string, err error) error {
	return fmt.Errorf("oauth2: %s: %w", strings.ReplaceAll(op, "_", " "), err)
}

// withdraw cancels a command whose caller is gone. Nobody waits for the result of the command or of
// its cancellation.
func (s *session) withdraw(id int64) {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.waiters[id] == nil || s.handle == 0 {
		return
	}
	cancel, _ := s.enqueue("cancel", members(nil).integer("target", id))
	s.run()
	delete(s.waiters, cancel)
	s.settle()
}

// read reads the result of the command, and caches it if that is allowed.
func (s *session) read(w *waiter, out any) error {
	err := w.result.read(w.op, out)
	if answer, ok := out.(keeper); ok && err == nil {
		answer.keep(&s.held, w.moment)
	}
	return err
}

// readable is a result that is needed so often that it is read without reflection.
type readable interface{ read(*reader) }

// read reads the result into out, unless that is nil, and wipes it.
func (r result) read(op string, out any) error {
	defer clear(r.ok)
	if r.err != nil || out == nil {
		return r.err
	}
	if out, ok := out.(readable); ok {
		in := read(r.ok)
		if out.read(in); !in.end() {
			return internal(op, "unreadable_result", nil)
		}
		return nil
	}
	if out, ok := out.(*string); ok {
		*out = string(r.ok)
		return nil
	}
	if err := json.Unmarshal(r.ok, out); err != nil {
		return internal(op, "unreadable_result", err)
	}
	return nil
}
