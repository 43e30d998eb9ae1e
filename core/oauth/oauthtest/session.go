package oauthtest

import (
	"context"
	"encoding/json"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
)

// A Session is a session without a protocol (kind "contract" in core/contract/README.md). It asks
// the host for single effects, so that an HTTP client, a Store, a Locker or a KeyStore can be
// tested as part of a host.
type Session struct{ s door.Session }

// OpenSession opens such a session of engine.
func OpenSession(engine oauth.Engine, opts oauth.Options) (*Session, error) {
	s, err := door.Open(engine, "contract", struct{}{}, opts, door.Setting{})
	if err != nil {
		return nil, err
	}
	return &Session{s}, nil
}

// An Effect is an effect that the session asked for.
type Effect struct {
	// ID names it in the member "command" of a later effect.
	ID   int64
	wait func(ctx context.Context, out any) error
}

// Perform asks for an effect: an object with its kind and the members of that kind.
func (s *Session) Perform(effect json.RawMessage) (*Effect, error) {
	id, wait, err := s.s.Begin("perform", struct {
		Effect json.RawMessage `json:"effect"`
	}{effect})
	if err != nil {
		return nil, err
	}
	return &Effect{id, wait}, nil
}

// Answer waits for the host's answer: {"ok":…} or {"failed":…}, or {} for an effect without an
// answer. It may be called once.
func (e *Effect) Answer(ctx context.Context) (json.RawMessage, error) {
	var out struct {
		Answer json.RawMessage `json:"answer"`
	}
	if err := e.wait(ctx, &out); err != nil {
		return nil, err
	}
	if out.Answer == nil {
		return json.RawMessage("{}"), nil
	}
	return out.Answer, nil
}

// Close ends the session.
func (s *Session) Close() { s.s.Close() }
