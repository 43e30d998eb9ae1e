package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

func openClient(l *link.Link, in json.Value) *link.Fault {
	cfg, f := readConfig(l.Config(in))
	if f != nil {
		return f
	}
	c := newClient(l, cfg)
	c.view.notified, c.shows = in.Get("notified").True(), in.Get("current").True()
	l.Command = c.take
	if v := in.Get("session"); v.Kind() == json.String {
		t, device, ok := c.decodeAll(v.Str())
		if !ok {
			return link.Bad("wrong_configuration", "session")
		}
		c.tokens = t
		c.blind, c.unsaved = true, true
		c.resume(c.decodeDevice(device))
		if t.access != "" {
			c.grant()
		} else {
			c.show()
		}
		return nil
	}
	c.open()
	return nil
}

func newClient(l *link.Link, cfg *config) *client {
	c := &client{Link: l, config: cfg, given: cfg, key: cfg.under("session"), deviceKey: cfg.under("device"), status: notAuthenticated, tokens: &tokens{}}
	c.attempts = attempts{c: c, key: cfg.under("pending")}
	c.older = []string{"session", "device", "pending"}
	return c
}

// open loads what is stored; commands wait for that.
func (c *client) open() {
	c.loading = true
	c.reload(func(_ bool, failed string) {
		if c.deviceAuthorization == "" && !c.discovery {
			c.loaded(failed)
			return
		}
		c.load(c.deviceKey, func(value, version, unread string) {
			c.deviceVersion = version
			d := c.decodeDevice(value)
			if d != nil {
				d.polling = false // whoever stored it may be at it
				if c.Now >= d.expiresAt {
					c.dropUnused(d.key)
				}
				d.key = c.newKey() // that one may come to a session with the other
			}
			c.resume(d)
			if failed == "" {
				failed = unread
			}
			c.loaded(failed)
		})
	})
}

func (c *client) loaded(failed string) {
	if failed != "" {
		c.reportFault(&link.Fault{Kind: link.KindStorage, Code: failed, Op: "open", Retryable: true})
	}
	c.loading = false
	if c.status == notAuthenticated {
		c.show() // that nobody is signed in is known by now, and no change says so
	}
	for _, w := range c.waiting {
		w()
	}
	c.waiting = nil
}

// resume goes on with a device flow that another instance began.
func (c *client) resume(d *device) {
	if d == nil {
		return
	}
	if c.Now >= d.expiresAt {
		c.storeDevice("", d)
		return
	}
	c.device = d
	c.settle()
	if d.polling {
		c.startPolling(d)
	} else {
		c.deviceChanged()
	}
}
