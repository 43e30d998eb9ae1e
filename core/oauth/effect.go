package oauth

import (
	"bytes"
	"context"
	"net/url"
	"time"
)

// EffectInfo is what a log may show of an effect. It holds no query, no header, no body and no key.
type EffectInfo struct {
	Kind   EffectKind
	Stage  Stage  // of http and hook
	Method string // of http
	URL    string // of http: origin and path
}

func redacted(e *effect) EffectInfo {
	info := EffectInfo{Kind: EffectKind(e.Kind), Stage: Stage(e.Stage), Method: e.Method}
	if u, err := url.Parse(e.URL); err == nil && u.Host != "" {
		info.URL = (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}).String()
	}
	return info
}

// explain gives an error its cause: why the effect failed whose answer is being taken. The engine knows kinds only.
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

// carryOut begins an effect. It holds the lane's lock, so it never waits: what takes time happens elsewhere and ends in finish.
func (s *session) carryOut(e *effect, raw []byte) {
	if s.opts.OnEffect != nil {
		info := redacted(e)
		s.events.post(func() { s.opts.OnEffect(info) })
	}
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
		if s.opts.OnEvent != nil {
			event := readEvent(raw)
			s.explain(event.Error)
			s.emit(event)
		}
	case "http":
		s.request(e)
	case "timer":
		s.timer(e)
	case "load", "store":
		s.store(e)
	case "lock":
		s.lock(e)
	case "unlock":
		s.unlock(e.Target)
	case "http-cancel", "timer-cancel":
		if t := s.tasks[e.Target]; t != nil {
			delete(s.tasks, e.Target)
			t.stop()
		}
	case "hook":
		s.hook(e)
	case "verify":
		s.verify(e)
	case "key":
		s.key(e)
	case "sign":
		s.sign(e)
	case "remember":
		if hand := s.opts.hands[e.Kind]; hand != nil {
			hand(s.ctx, bytes.Clone(raw)) // which wants no answer, and is quick
		}
	default:
		if hand := s.opts.hands[e.Kind]; hand != nil {
			s.lend(e, hand, bytes.Clone(raw))
			return
		}
		s.inbox = append(s.inbox, failed(e.ID, "unsupported"))
	}
}

func (s *session) begin(e *effect, stop func()) *task {
	t := &task{id: e.ID, kind: e.Kind, stop: stop}
	s.tasks[e.ID] = t
	return t
}

func (s *session) timer(e *effect) {
	t := s.begin(e, nil)
	t.work = func() input { return answer(e.ID, nil) }
	clock := time.AfterFunc(milliseconds(e.MS), func() { s.carry(t, nil) })
	t.stop = func() { clock.Stop() }
}

// limit gives the context of a task, which ends after ms milliseconds where that is above 0. The task's stop ends it with the session.
func limit(ms int64) (context.Context, context.CancelFunc) {
	if ms <= 0 {
		return context.WithCancel(context.Background())
	}
	return context.WithTimeout(context.Background(), milliseconds(ms))
}

// milliseconds is n as a Duration, or the longest one (292 years) where n is above it.
func milliseconds(n int64) time.Duration {
	const most = int64(1<<63-1) / int64(time.Millisecond)
	return time.Duration(max(0, min(n, most))) * time.Millisecond
}
