package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// A client is one session of kind "client": the owners of its state, and its flows.
type client struct {
	link     *link.Link
	config   *config.Config
	store    *store.Store
	wire     *wire.Wire
	issuer   *issuer.Issuer
	session  *session.Session
	desk     desk
	attempts attempts
	device   deviceFlow
	idp      *identityProvider // nil until it is needed
	waiting  []func()          // commands that wait until the stored session is loaded
}

// newClient makes a client whose session is stored under key. If kept is nil, it uses the host's
// store.
func newClient(l *link.Link, cfg *config.Config, key string, kept store.Storage) *client {
	c := &client{link: l, config: cfg, store: store.New(l, cfg, key, kept), wire: wire.New(l, cfg)}
	c.issuer = issuer.New(l, cfg, c.store, c.wire)
	c.session = session.New(l, cfg, c.store, c.wire, c.issuer, key, c.device.status)
	c.desk = desk{link: l, session: c.session}
	c.attempts = attempts{link: l, config: cfg, store: c.store, wire: c.wire, session: c.session, key: cfg.Under("pending")}
	c.device = deviceFlow{link: l, config: cfg, store: c.store, wire: c.wire, issuer: c.issuer, session: c.session, desk: &c.desk, key: cfg.Under("device")}
	return c
}

// finishStatus ends a command with the status of the session, or with the fault.
func (c *client) finishStatus(cmd *command, f *link.Fault) {
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.desk.finish(cmd, c.writeStatus)
}

// writeStatus writes the status of the session and of a device flow.
func (c *client) writeStatus(w *json.Writer) { c.device.writeStatus(w) }
