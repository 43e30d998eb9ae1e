package drive

import (
	"context"
	"encoding/json"
)

// Contract is a session without a protocol (kind "contract" in core/testdata/README.md). It has single effects carried out in the
// ordinary way, so that an HTTP client, a Store and a Locker can be tested as the hands of a host; package drivetest runs the suite.
type Contract struct{ s *session }

// OpenContract opens such a session of engine.
func OpenContract(engine Engine, opts Options) (*Contract, error) {
	s, err := newSession(engine, "contract", struct{}{}, opts)
	if err != nil {
		return nil, err
	}
	return &Contract{s}, nil
}

// Performance is an effect that was asked for.
type Performance struct {
	// ID names it in the member command of a later effect.
	ID int64
	w  *waiter
}

// Perform asks for an effect: an object with its kind and the members of that kind.
func (c *Contract) Perform(effect json.RawMessage) (*Performance, error) {
	id, w, err := c.s.start("perform", struct {
		Effect json.RawMessage `json:"effect"`
	}{effect}, false)
	if err != nil {
		return nil, err
	}
	c.s.help(w)
	return &Performance{id, w}, nil
}

// Answer waits for what the host answered: {"ok":…} or {"failed":…}, or {} for an effect that wants no answer. It may be called once.
func (p *Performance) Answer(ctx context.Context) (json.RawMessage, error) {
	if p.w.done != nil {
		select {
		case <-p.w.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	var out struct {
		Answer json.RawMessage `json:"answer"`
	}
	if err := p.w.result.read("perform", &out); err != nil {
		return nil, err
	}
	if out.Answer == nil {
		return json.RawMessage("{}"), nil
	}
	return out.Answer, nil
}

// Close ends the session.
func (c *Contract) Close() { c.s.close() }
