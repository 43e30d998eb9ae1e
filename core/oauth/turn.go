package oauth

import (
	"context"
	"fmt"
	"time"
)

// run gives the engine all waiting inputs: input, all its effects, next input; never nested.
func (s *session) run() {
	for len(s.inbox) > 0 && s.handle > 0 {
		in := s.inbox[0]
		s.inbox = s.inbox[1:]
		s.feed(in)
	}
	s.inbox = nil
}

func (s *session) feed(in input) {
	s.logAnswered(&in)
	msg := in.append(s.head())
	code := s.lane.engine.Input(s.handle, msg)
	clear(msg)
	clear(in.members)
	s.buffer, s.cause = msg, in.cause
	if in.cause != nil && s.opts.trouble != nil {
		s.events.post(func() { s.opts.trouble(in.cause) })
	}
	switch {
	case code == Taken:
		s.drain()
	case code == Trapped, code == UnknownHandle: // a handle that the engine does not know is as lost as one that died
		s.dead = true
	case code == TooLong && in.id != "":
		s.inbox = append(s.inbox, failed(in.id, "too_large"))
	case in.op != "":
		s.refuse(code, in)
	}
}

// refuse ends a command that the engine refused.
func (s *session) refuse(code int32, in input) {
	err := internal(in.op, "refused_input", fmt.Errorf("oauth2: code %d", code))
	if code == TooLong {
		err = &Error{Kind: KindClient, Code: "too_large", Op: in.op}
	}
	s.resolve(in.command, result{err: err})
}

// drain takes all effects before it carries out the first, so that inputs that they lead to come
// after them.
func (s *session) drain() {
	raws := s.effects[:0]
	for {
		raw := s.lane.engine.Effect(s.handle)
		if raw == nil {
			break
		}
		raws = append(raws, raw)
	}
	s.effects = raws
	if s.lost() {
		return // the effects of the turn that killed an instance cannot be trusted
	}
	for _, raw := range raws {
		e := &s.effect
		if !e.read(raw) {
			continue // this host cannot answer it; transcripts check the engine's format
		}
		if s.carryOut(e); e.Kind != "result" {
			clear(raw)
		}
	}
	clear(raws)
}

func (s *session) lost() bool {
	return s.handle > 0 && (s.dead || s.lane.lost(s.handle) != nil)
}

// settle must follow every call of the engine.
func (s *session) settle() {
	if s.lost() {
		s.lane.settle()
	}
	s.retire()
}

// carryOut begins to carry out an effect.
func (s *session) carryOut(e *effect) {
	s.logAsked(e)
	switch e.Kind {
	case "result":
		s.progress = s.progress || s.waiters[e.Command] != nil
		if e.Error != nil {
			s.explain(e.Error)
			s.resolve(e.Command, result{err: e.Error})
		} else {
			s.resolve(e.Command, result{ok: e.OK})
		}
	case "event":
		s.held.drop()
		if s.opts.OnEvent != nil {
			event := readEvent(e.raw)
			s.explain(event.Error)
			s.emit(event)
		}
	case "timer":
		s.timer(e)
	case "http-cancel", "timer-cancel":
		if t := s.tasks[e.Target]; t != nil {
			delete(s.tasks, e.Target)
			t.stop()
		}
	default:
		if hand := s.hands[e.Kind]; hand != nil {
			hand(e)
			return
		}
		s.reply(failed(e.ID, "unsupported"))
	}
}

// openEffect is an effect in the log that waits for its answer.
type openEffect struct {
	info EffectInfo
	at   time.Time
}

func (s *session) logAsked(e *effect) {
	if s.opts.OnEffect == nil {
		return
	}
	info := e.info()
	info.Context = s.whose
	s.events.post(func() { s.opts.OnEffect(info) })
	switch delete(s.asked, info.Target); e.Kind {
	case "result", "event", "http-cancel", "timer-cancel", "unlock", "remember": // these have no answer
	default:
		s.asked[info.ID] = &openEffect{info, time.Now()}
	}
}

func (s *session) logAnswered(in *input) {
	if s.opts.OnEffect == nil {
		return
	}
	a := s.asked[in.id]
	switch s.whose = context.Background(); {
	case in.ctx != nil:
		s.whose = context.WithoutCancel(in.ctx)
	case a != nil && a.info.Kind != "timer":
		s.whose = a.info.Context
	}
	if a == nil {
		return
	}
	delete(s.asked, in.id)
	a.info.Answered, a.info.Failed, a.info.Took = true, in.failure, time.Since(a.at)
	if in.status != 0 {
		a.info.Status = in.status
	}
	s.events.post(func() { s.opts.OnEffect(a.info) })
}

// reply answers an effect within the turn in which it was asked for.
func (s *session) reply(in input) { s.inbox = append(s.inbox, in) }

// explain adds the cause to an error: the host's own error for the effect that failed. The engine
// knows only kinds of failures.
func (s *session) explain(e *Error) {
	if e == nil {
		return
	}
	switch e.Code {
	case "lock_storage", "unsupported", "redirect", "hook_failed", "key_failed", "no_key":
		e.cause = s.cause
	}
	if e.Kind == KindStorage || e.Kind == KindNetwork {
		e.cause = s.cause
	}
}

func (s *session) emit(e Event) {
	if s.opts.OnEvent != nil {
		s.events.post(func() { s.opts.OnEvent(e) })
	}
}
