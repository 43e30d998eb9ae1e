package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
)

func openClient(l *link.Link, in json.Value) *link.Fault {
	cfg, f := config.Read(l.Config(in))
	if f != nil {
		return f
	}
	c := newClient(l, cfg, cfg.Under("session"), nil)
	c.store.Notified, c.session.Shows = in.Get("notified").True(), in.Get("current").True()
	l.Command = c.take
	if v := in.Get("session"); v.Kind() == json.String {
		return c.restore(v.Str())
	}
	c.open()
	return nil
}

// restore continues a session from the text of export.
func (c *client) restore(text string) *link.Fault {
	flow, ok := c.session.Restore(text)
	if !ok {
		return link.Bad("wrong_configuration", "session")
	}
	c.device.resume(decodeDevice(c.store, flow))
	c.session.Resume()
	return nil
}

// export returns the session as text, for another instance.
func (c *client) export() string {
	text := c.session.Export()
	if c.device.held == nil {
		return text
	}
	if text == "" {
		w := c.store.Begin()
		w.Close('}')
		text = w.String()
	}
	var w json.Writer
	w.Str(c.device.held.encode(c.store))
	return text[:len(text)-1] + `,"device":` + w.String() + "}"
}

// open loads the stored session; commands wait for that.
func (c *client) open() {
	c.session.Loading = true
	c.session.Reload(func(_ bool, failed string) {
		if c.config.DeviceAuthorizationEndpoint == "" && !c.config.Discovery {
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
		f := session.StorageFault(failed)
		f.Op = "open"
		c.session.ReportFault(f)
	}
	c.session.Loaded()
	for _, w := range c.waiting {
		w()
	}
	c.waiting = nil
}
