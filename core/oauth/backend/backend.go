package backend

import (
	"context"
	"encoding/json"
	"sync"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// mostIdle is how many sessions wait for a request.
const mostIdle = 64

// backend makes an engine serve requests. Each request has a session to itself while it runs. To
// open one costs a tenth of a request, so a session in which nothing can happen any more is kept
// for the next request.
type backend struct {
	engine  oauth.Engine
	config  json.RawMessage
	opts    oauth.Options
	own     Options
	trouble func(error)

	mu   sync.Mutex
	idle []*seat
}

// A seat is a session, and the request that it serves. Nothing changes that but take, and that only
// where the session is idle: an effect is always of the request that is here.
type seat struct {
	session  door.Session
	exchange *exchange
}

// openBackend checks a configuration.
func openBackend(engine oauth.Engine, config Config, opts oauth.Options, own Options, stop *stop, trouble func(error)) (*backend, error) {
	// Sessions come and go, so what they share must be kept here.
	if opts.Locker == nil {
		opts.Locker, _ = opts.Store.(oauth.Locker)
	}
	if opts.Locker == nil {
		opts.Locker = &oauth.MemoryLocker{}
	}
	if _, here := opts.Locker.(*oauth.MemoryLocker); !here {
		opts.Locker = heldLocker{opts.Locker, stop}
	}
	b := &backend{engine: engine, opts: opts, own: own, trouble: trouble}
	client, err := door.Configuration(config.Client, opts)
	if err == nil {
		b.config, err = json.Marshal(config.wire(client))
	}
	if err != nil {
		return nil, err
	}
	s, err := b.take(nil)
	if err != nil {
		return nil, err
	}
	b.leave(s, nil)
	return b, nil
}

// take gives the exchange a session that no other has.
func (b *backend) take(e *exchange) (*seat, error) {
	b.mu.Lock()
	if n := len(b.idle) - 1; n >= 0 {
		s := b.idle[n]
		b.idle[n], b.idle = nil, b.idle[:n]
		b.mu.Unlock()
		s.exchange = e
		return s, nil
	}
	b.mu.Unlock()
	s := &seat{exchange: e}
	hands, quick := s.hands(b.own)
	var err error
	s.session, err = door.Open(b.engine, "bff", b.config, b.opts, door.Setting{Hands: hands, Quick: quick, Trouble: b.trouble})
	return s, err
}

// leave keeps the session for another exchange, or ends it: what is known of a session that failed
// is not enough.
func (b *backend) leave(s *seat, err error) {
	if err == nil && s.session.Idle() {
		s.exchange = nil
		b.mu.Lock()
		if len(b.idle) < mostIdle {
			b.idle = append(b.idle, s)
			s = nil
		}
		b.mu.Unlock()
	}
	if s != nil {
		s.session.Close()
	}
}

// serve makes the engine answer one request. It returns when the answer is done, and all work that
// continues after it. Of ctx it uses only the values: every effect has a time limit, and work for
// which others wait (a refresh, storing a session) must not end because one browser went away.
//
// It fails with ErrInternal if the engine was lost, or with an Error of kind client and code
// too_large if the request is longer than an engine reads. Then the caller has to answer the
// request, unless a respond effect came before.
func (b *backend) serve(ctx context.Context, request door.Object, e *exchange) error {
	s, err := b.take(e)
	if err != nil {
		return err
	}
	if err = s.session.Do(context.WithoutCancel(ctx), "request", request, nil); err == nil {
		s.session.Quiet()
	}
	b.leave(s, err)
	return err
}
