//go:build !page && (!tinygo || edge)

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
)

// A Client is a client inside a session of another kind (core/bff). Its commands do not come from
// the host; the host carries out its requests, locks and keys.
type Client struct{ c *client }

// NewClient opens one under a name of its own, at the session's end of the boundary; kept is where
// it keeps its texts.
func NewClient(l *link.Link, cfg *config.Config, name string, kept store.Storage) *Client {
	own := cfg.Clone()
	own.Name = name
	c := newClient(l, own, name+".session", kept) // a name that nothing else has
	if own.Discovery || own.JWKS == "" {
		c.open()
		return &Client{c}
	}
	// A client lives for one request, except what is stored: so it takes over the server's keys of
	// the last one instead of fetching them each time.
	c.session.Loading = true
	c.issuer.LoadMetadata(func(v json.Value) {
		c.issuer.AdoptKeys(v)
		c.open()
	})
	return &Client{c}
}

// Do runs a command; members are its parameters as JSON members, without braces. done gets the
// members of its result, or why there are none.
func (in *Client) Do(name, members string, done func(ok json.Value, f *link.Fault)) {
	v, ok := json.Parse("{" + members + "}")
	if !ok {
		done(json.Value{}, link.Bad("bad_value", "parameters")) // text that is no UTF-8, say
		return
	}
	in.c.begin(&command{op: name, then: done}, v)
}

// Usable tells, after a command, why the session's tokens can no longer be used; nil if they can,
// as far as that is known without asking the server.
func (in *Client) Usable(done func(*link.Fault)) { in.c.session.Usable(done) }

// Server is the client's authorization server.
func (in *Client) Server() *issuer.Issuer { return in.c.issuer }
