package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A client is one session of kind "client": the owners of what it holds, and the commands that are flows of it.
type client struct {
	link     *link.Link
	config   *config
	store    store
	wire     wire
	issuer   issuer
	session  session
	desk     desk
	attempts attempts
	device   deviceFlow
	waiting  []func() // commands, until what is stored is loaded
}

func newClient(l *link.Link, cfg *config) *client {
	c := &client{link: l, config: cfg}
	key := cfg.under("session")
	c.store = store{link: l, config: cfg, watch: key, older: []string{"session", "device", "pending"}}
	c.wire = wire{link: l, config: cfg}
	c.issuer = issuer{link: l, config: cfg, store: &c.store, wire: &c.wire}
	if cfg.discovery {
		c.issuer.given = cfg.clone()
	}
	c.session = session{link: l, config: cfg, store: &c.store, wire: &c.wire, issuer: &c.issuer, key: key, status: notAuthenticated, tokens: &tokens{}, device: c.device.status}
	c.desk = desk{link: l, session: &c.session}
	c.attempts = attempts{link: l, config: cfg, store: &c.store, session: &c.session, key: cfg.under("pending")}
	c.device = deviceFlow{link: l, config: cfg, store: &c.store, session: &c.session, desk: &c.desk, key: cfg.under("device")}
	return c
}

// finishStatus ends a command with all that may be read of the session, or why it failed.
func (c *client) finishStatus(cmd *command, f *link.Fault) {
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.desk.finish(cmd, c.writeStatus)
}

func (c *client) writeStatus(w *json.Writer) { writeStatus(w, &c.session, c.device.held) }
