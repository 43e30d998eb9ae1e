package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What kinds of sessions outside of this package, core/bff's, are made of, besides the boundary (package link): a client inside.

// A Client is a client session inside another kind of session. Its commands are not the host's; its requests, locks and keys are.
type Client struct{ c *client }

// A ClientConfig is a configuration of kind client.
type ClientConfig struct{ c *config }

// ReadClient reads one, or says what is wrong with it.
func ReadClient(in json.Value) (ClientConfig, *link.Fault) {
	c, f := readConfig(in)
	return ClientConfig{c}, f
}

// Under is the key of one thing that is the same for all clients of a configuration.
func (cfg ClientConfig) Under(what string) string { return cfg.c.under(what) }

// Fingerprint tells configurations of other servers or client ids apart.
func (cfg ClientConfig) Fingerprint() string { return cfg.c.mine }

// Extras is an object of what else an authorization response brought that the configuration names (callback_parameters), "" for nothing.
func (cfg ClientConfig) Extras(params []form.Param) string { return cfg.c.extras(params) }

// AttemptLife is how long a sign-in may take, in ms.
func (cfg ClientConfig) AttemptLife() int64 { return cfg.c.attemptLife }

// NewClient opens one under a name of its own, at the session's end of the boundary.
func NewClient(l *link.Link, cfg ClientConfig, name string, kept Storage) *Client {
	own := cfg.c.clone()
	own.name = name
	c := newClient(l, own)
	c.session.key = name + ".session" // a name that nothing else has
	c.store.kept, c.store.older = kept, nil
	if own.discovery || own.jwks == "" {
		c.open()
		return &Client{c}
	}
	// Nothing of a client but what is stored outlives a request: without the keys of the last one each would ask for them.
	c.session.loading = true
	c.issuer.loadMetadata(func(v json.Value) {
		c.issuer.adoptKeys(v)
		c.open()
	})
	return &Client{c}
}

// Do runs a command; members are its parameters as JSON members, without braces. done gets the members of its result, or why there are none.
func (in *Client) Do(name, members string, done func(ok json.Value, f *link.Fault)) {
	v, ok := json.Parse("{" + members + "}")
	if !ok {
		done(json.Value{}, link.Bad("bad_value", "parameters")) // text that is no UTF-8, say
		return
	}
	in.c.begin(&command{op: name, then: done}, v)
}

// Usable tells, after a command, why the session's tokens are good for nothing any more: nil where they are, as far as that is known without asking the server.
func (in *Client) Usable(done func(*link.Fault)) {
	s := &in.c.session
	switch t := s.tokens; {
	case s.expired(t) && s.refreshable() != nil:
		done(&link.Fault{Kind: link.KindExpired, Code: "token_expired"})
	case s.expired(t) && t.sentAt != 0 && s.tooLate(t):
		done(outcomeUnknown())
	case t.key == "":
		done(nil)
	default:
		s.wire.withKey(t.key, false, func(_ string, f *link.Fault) { done(f) })
	}
}

// RedirectURI is where the client's authorization responses arrive.
func (in *Client) RedirectURI() string { return in.c.config.redirectURI }
