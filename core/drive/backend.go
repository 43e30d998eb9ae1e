package drive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// Backend is a backend for a frontend (kind "bff" in core/testdata/README.md). Each request that it serves has a session of the engine of
// its own, which ends with it. Package core/drive/bff makes an http.Handler of one.
type Backend struct {
	engine Engine
	config json.RawMessage
	opts   Options
}

// Hand carries out effects of one kind. effect is all of it; ok marshals to the answer's members, and where failure is not empty it is the
// kind of failure. ctx ends with the session.
type Hand func(ctx context.Context, effect json.RawMessage) (ok any, failure string)

// OpenBackend checks a configuration: that of the client, and the other members, which marshal to an object. A member that the engine
// refuses makes an Error of kind client that names it. Options.Hooks, Session and OnEvent play no part. trouble, if not nil, gets what the
// HTTP client, the Store, the Locker or the KeyStore failed with, one at a time.
func OpenBackend(engine Engine, client Config, members any, opts Options, trouble func(error)) (*Backend, error) {
	opts.Hooks, opts.Session, opts.OnEvent = Hooks{}, "", nil
	opts = opts.withDefaults()
	// Sessions come and go: what they share has to stay.
	if opts.Locker == nil {
		opts.Locker = &MemoryLocker{}
	}
	if opts.Keys == nil {
		opts.Keys = &MemoryKeyStore{}
	}
	opts.trouble = trouble
	inside, err := json.Marshal(opts.configure(client))
	if err != nil {
		return nil, fmt.Errorf("drive: configuration: %w", err)
	}
	all := map[string]json.RawMessage{}
	raw, err := json.Marshal(members)
	if err != nil || json.Unmarshal(raw, &all) != nil {
		return nil, errors.Join(errors.New("drive: configuration: members are no object"), err)
	}
	all["client"] = inside
	b := &Backend{engine: engine, opts: opts}
	if b.config, err = json.Marshal(all); err != nil {
		return nil, fmt.Errorf("drive: configuration: %w", err)
	}
	s, err := newSession(engine, "bff", b.config, opts)
	if err != nil {
		return nil, err
	}
	s.close()
	return b, nil
}

// Serve has the engine answer one request: the parameters of the command of that name. It returns when that is done, and what was begun
// behind it too. The hands are for the kinds seal, unseal, recall, remember, body, respond and proxy; that for remember must not block. There is no context: every effect has an end, and what others
// wait for, a refresh or a session that is being stored, does not end because one browser went away.
//
// It fails with ErrInternal where the engine was lost, or with an Error of kind client with the code too_large where the request is longer
// than an engine reads. Unless respond was asked for before, nobody has answered the request then.
func (b *Backend) Serve(request any, hands map[string]Hand) error {
	opts := b.opts
	opts.hands = hands
	s, err := newSession(b.engine, "bff", b.config, opts)
	if err != nil {
		return err
	}
	defer s.close()
	if err := s.do(context.Background(), "request", request, nil); err != nil {
		return err
	}
	s.quiet()
	return nil
}

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
func (s *session) lend(e *effect, hand Hand, raw json.RawMessage) {
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
