package oauth

import (
	"context"
	"encoding/json"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

func init() {
	door.Configuration = func(config, options any) (json.RawMessage, error) {
		return json.Marshal(options.(Options).configure(config.(Config)))
	}
	door.Open = func(engine any, kind string, config, options any, with door.Setting) (door.Session, error) {
		opts := options.(Options)
		opts.hands, opts.trouble = with.Hands, with.Trouble
		own, _ := engine.(Engine)
		s, err := newSession(own, kind, config, opts)
		if err != nil {
			return nil, err
		}
		return opened{s}, nil
	}
}

// opened is a session as door shows it.
type opened struct{ s *session }

func (o opened) Do(ctx context.Context, op string, params, out any) error {
	return o.s.do(ctx, op, params, out)
}

func (o opened) Begin(op string, params any) (int64, func(context.Context, any) error, error) {
	id, w, err := o.s.start(op, params, false)
	if err != nil {
		return 0, nil, err
	}
	o.s.help(w)
	return id, func(ctx context.Context, out any) error {
		if w.done != nil {
			select {
			case <-w.done:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return w.result.read(op, out)
	}, nil
}

func (o opened) Quiet() { o.s.quiet() }

func (o opened) Close() { o.s.close() }

// quiet waits until no request is under way. What the engine reads behind a result, as the server's metadata when they are a day old,
// would be given up with every session and never be read.
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

// lend has a hand carry out e.
func (s *session) lend(e *effect, hand door.Hand, raw json.RawMessage) {
	ctx, cancel := context.WithCancel(s.ctx)
	t := s.begin(e, cancel)
	s.aside(t, false, func() input {
		defer cancel()
		defer clear(raw)
		ok, failure := hand(ctx, raw)
		if failure != "" {
			return failed(e.ID, failure)
		}
		return answerOf(e.ID, ok)
	})
}
