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

// NewClient opens a client under its own name, with the outer session's effects. kept is where it
// stores its texts.
func NewClient(l *link.Link, cfg *config.Config, name string, kept store.Storage) *Client {
	own := cfg.Clone()
	own.Name = name
	c := newClient(l, own, name+".session", kept) // no other text has this name
	if own.Discovery || own.JWKS == "" {
		c.open()
		return &Client{c}
	}
	// A client lives for one request, except what is stored. So it uses the server's keys from the
	// last client instead of fetching them each time.
	c.session.Loading = true
	c.issuer.LoadMetadata(func(v json.Value) {
		c.issuer.AdoptKeys(v)
		c.open()
	})
	return &Client{c}
}

// Do runs a command. members are its parameters as JSON members, without braces. done gets the
// members of its result, or the fault.
func (in *Client) Do(name, members string, done func(ok json.Value, f *link.Fault)) {
	v, ok := json.Parse("{" + members + "}")
	if !ok {
		done(json.Value{}, link.Bad("bad_value", "parameters")) // for example text that is not UTF-8
		return
	}
	in.c.begin(&command{op: name, then: done}, v)
}

// Usable says, after a command, why the session's tokens cannot be used any more. The fault is nil
// if they can, as far as that is known without asking the server.
func (in *Client) Usable(done func(*link.Fault)) { in.c.session.Usable(done) }

// Server is the client's authorization server.
func (in *Client) Server() *issuer.Issuer { return in.c.issuer }
