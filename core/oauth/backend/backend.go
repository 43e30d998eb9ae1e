package backend

import (
	"context"
	"encoding/json"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// backend makes an engine serve requests. Each request has its own session, which ends with it.
type backend struct {
	engine  oauth.Engine
	config  json.RawMessage
	opts    oauth.Options
	trouble func(error)
}

// openBackend checks a configuration.
func openBackend(engine oauth.Engine, config Config, opts oauth.Options, trouble func(error)) (*backend, error) {
	// Sessions last for one request, so what they share must be kept here.
	if opts.Locker == nil {
		opts.Locker, _ = opts.Store.(oauth.Locker)
	}
	if opts.Locker == nil {
		opts.Locker = &oauth.MemoryLocker{}
	}
	b := &backend{engine: engine, opts: opts, trouble: trouble}
	client, err := door.Configuration(config.Client, opts)
	if err == nil {
		b.config, err = json.Marshal(config.wire(client))
	}
	if err != nil {
		return nil, err
	}
	s, err := b.open(nil)
	if err != nil {
		return nil, err
	}
	s.Close()
	return b, nil
}

func (b *backend) open(hands map[string]door.Hand) (door.Session, error) {
	return door.Open(b.engine, "bff", b.config, b.opts, door.Setting{Hands: hands, Trouble: b.trouble})
}

// serve makes the engine answer one request. It returns when the answer is done, and all work that
// continues after it. Of ctx it uses only the values: every effect has a time limit, and work for
// which others wait (a refresh, storing a session) must not end because one browser went away.
//
// It fails with ErrInternal if the engine was lost, or with an Error of kind client and code
// too_large if the request is longer than an engine reads. Then the caller has to answer the
// request, unless a respond effect came before.
func (b *backend) serve(ctx context.Context, request *command, hands map[string]door.Hand) error {
	s, err := b.open(hands)
	if err != nil {
		return err
	}
	defer s.Close()
	if err := s.Do(context.WithoutCancel(ctx), "request", request, nil); err != nil {
		return err
	}
	s.Quiet()
	return nil
}
