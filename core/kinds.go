//go:build !page && (!tinygo || edge)

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
)

// What kinds of sessions outside of this package, core/bff's, are made of, besides the boundary (package link): a client inside.

// A Client is a client session inside another kind of session. Its commands are not the host's; its requests, locks and keys are.
type Client struct{ c *client }

// A ClientConfig is a configuration of kind client.
type ClientConfig struct{ c *config.Config }

// ReadClient reads one, or says what is wrong with it.
func ReadClient(in json.Value) (ClientConfig, *link.Fault) {
	c, f := config.Read(in)
	return ClientConfig{c}, f
}

// Under is the key of one thing that is the same for all clients of a configuration.
func (cfg ClientConfig) Under(what string) string { return cfg.c.Under(what) }

// Fingerprint tells configurations of other servers or client ids apart.
func (cfg ClientConfig) Fingerprint() string { return cfg.c.Fingerprint }

// Extras is an object of what else an authorization response brought that the configuration names (callback_parameters), "" for nothing.
func (cfg ClientConfig) Extras(params []form.Param) string { return extras(cfg.c, params) }

// AttemptLife is how long a sign-in may take, in ms.
func (cfg ClientConfig) AttemptLife() int64 { return cfg.c.AttemptLife }

// NewClient opens one under a name of its own, at the session's end of the boundary.
func NewClient(l *link.Link, cfg ClientConfig, name string, kept store.Storage) *Client {
	own := cfg.c.Clone()
	own.Name = name
	c := newClient(l, own, name+".session", kept) // a name that nothing else has
	if own.Discovery || own.JWKS == "" {
		c.open()
		return &Client{c}
	}
	// Nothing of a client but what is stored outlives a request: without the keys of the last one each would ask for them.
	c.session.Loading = true
	c.issuer.LoadMetadata(func(v json.Value) {
		c.issuer.AdoptKeys(v)
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
	in.c.session.Usable(done)
}

// RedirectURI is where the client's authorization responses arrive.
func (in *Client) RedirectURI() string { return in.c.config.RedirectURI }
