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
	c.store.notified, c.session.shows = in.Get("notified").True(), in.Get("current").True()
	l.Command = c.take
	if v := in.Get("session"); v.Kind() == json.String {
		return c.restore(v.Str())
	}
	c.open()
	return nil
}

// restore goes on with what export gave.
func (c *client) restore(text string) *link.Fault {
	t, flow, ok := c.session.decode(text)
	if !ok {
		return link.Bad("wrong_configuration", "session")
	}
	c.session.tokens = t
	c.session.blind, c.session.unsaved = true, true
	c.device.resume(decodeDevice(&c.store, flow))
	if t.access != "" {
		c.session.grant(false)
	} else {
		c.session.show()
	}
	return nil
}

// export is all that another instance needs to go on.
func (c *client) export() string {
	text := c.session.encode(c.session.tokens)
	if c.device.held == nil {
		return text
	}
	if text == "" {
		w := c.store.begin()
		w.Close('}')
		text = w.String()
	}
	var w json.Writer
	w.Str(c.device.held.encode(&c.store))
	return text[:len(text)-1] + `,"device":` + w.String() + "}"
}

// open loads what is stored; commands wait for that.
func (c *client) open() {
	c.session.loading = true
	c.session.reload(func(_ bool, failed string) {
		if c.config.deviceAuthorization == "" && !c.config.discovery {
			c.loaded(failed)
			return
		}
		c.device.load(func(unread string) {
			if failed == "" {
				failed = unread
			}
			c.loaded(failed)
		})
	})
}

func (c *client) loaded(failed string) {
	if failed != "" {
		f := storageFault(failed)
		f.Op = "open"
		c.session.reportFault(f)
	}
	c.session.loading = false
	if c.session.status == notAuthenticated {
		c.session.show() // that nobody is signed in is known by now, and no change says so
	}
	for _, w := range c.waiting {
		w()
	}
	c.waiting = nil
}
