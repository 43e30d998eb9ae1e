package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

func (c *client) take(id int64, name string, in json.Value) { c.begin(&command{id: id, op: name}, in) }

func (c *client) begin(cmd *command, in json.Value) {
	c.desk.commands = append(c.desk.commands, cmd)
	if cmd.op == "look" {
		c.session.LookSoon()
		c.desk.finish(cmd, nil)
		return
	}
	if c.session.Loading && cmd.op != "cancel" {
		c.waiting = append(c.waiting, func() {
			if !cmd.done {
				c.run(cmd, in)
			}
		})
		return
	}
	c.run(cmd, in)
}

// run waits for the server's metadata where a command cannot do without.
func (c *client) run(cmd *command, in json.Value) {
	if c.session.Ended() && cmd.op != "cancel" {
		// The token ended since. Another instance may have signed in.
		again := func() {
			c.session.Settle()
			if !cmd.done {
				c.run(cmd, in)
			}
		}
		c.session.Look(nil, again, func(*link.Fault) { again() })
		return
	}
	if c.config.ClientID == "" && cmd.op != "register" && cmd.op != "resource_metadata" && cmd.op != "answered" && cmd.op != "cancel" {
		c.desk.fail(cmd, link.Bad("missing", "client_id"))
		return
	}
	switch cmd.op {
	case "authorize", "callback", "exchange", "refresh", "revoke", "userinfo", "profile", "extend", "device_start", "poll_start", "client_credentials", "token_exchange", "jwt_bearer", "introspect", "logout_token", "register":
		c.issuer.Discovered(func(f *link.Fault) {
			if f != nil {
				c.desk.fail(cmd, f)
			} else if !cmd.done {
				c.perform(cmd, in)
			}
		})
	default:
		c.perform(cmd, in)
	}
}

func (c *client) perform(cmd *command, in json.Value) {
	switch cmd.op {
	case "authorize":
		c.authorize(cmd, in)
	case "callback":
		c.callback(cmd, in)
	case "exchange":
		c.exchange(cmd, in)
	case "token":
		c.token(cmd, in)
	case "prepare":
		c.prepare(cmd, in)
	case "answered":
		c.answered(cmd, in)
	case "refresh":
		c.refreshNow(cmd)
	case "revoke":
		c.revoke(cmd, in)
	case "userinfo":
		c.userinfo(cmd)
	case "profile":
		c.whoIs(cmd)
	case "extend":
		c.extend(cmd)
	case "matches":
		c.matches(cmd, in)
	case "device_start":
		c.device.start(cmd, in)
	case "device_wait":
		c.device.wait(cmd)
	case "poll_start":
		c.device.pollStart(cmd)
	case "poll_stop":
		c.device.pollStop(cmd, in)
	case "log_out":
		c.logOut(cmd, in)
	case "logout_token":
		c.logoutToken(cmd, in)
	case "client_credentials":
		c.clientCredentials(cmd, in)
	case "token_exchange":
		c.tokenExchange(cmd, in)
	case "jwt_bearer":
		c.jwtBearer(cmd, in)
	case "introspect":
		c.introspect(cmd, in)
	case "register":
		c.register(cmd, in)
	case "resource_metadata":
		c.resourceMetadata(cmd, in)
	case "front_channel_logout":
		c.frontChannelLogout(cmd, in)
	case "set_token":
		c.setToken(cmd, in)
	case "status":
		tell := func() {
			if !cmd.done {
				c.finishStatus(cmd, nil)
			}
		}
		if c.store.Kept != nil || c.session.Seen() || in.Get("held").True() {
			tell()
		} else {
			c.session.See(tell)
		}
	case "export":
		c.desk.finish(cmd, func(w *json.Writer) { w.MemberStr("session", c.export()) })
	case "cancel":
		c.cancelCommand(cmd, in)
	default:
		c.desk.fail(cmd, link.Bad("unknown_command", "command"))
	}
}

// refreshNow is the command: where nothing can be sent, nothing is done.
func (c *client) refreshNow(cmd *command) {
	done := func(f *link.Fault) { c.finishStatus(cmd, f) }
	if f := c.session.Idle(); f != nil {
		c.session.Look(f, func() { c.refreshNow(cmd) }, done)
		return
	}
	c.session.Refresh(done)
}

// cancelCommand ends another command's wait. What it set going and others may need (a refresh, a code being redeemed) goes on.
func (c *client) cancelCommand(cmd *command, in json.Value) {
	id, _ := in.Get("target").Int()
	for _, other := range c.desk.commands {
		if other.id == id && other != cmd {
			if other.op == "userinfo" || other.op == "profile" || other.op == "device_start" || other.op == "authorize" {
				if other.job.Unsent = true; other.job.HTTP != 0 {
					c.link.Cancel("http-cancel", other.job.HTTP)
				}
			}
			c.desk.end(other, &link.Fault{Kind: link.KindCanceled, Code: "cancelled", Op: other.op}, nil)
			c.desk.finish(cmd, func(w *json.Writer) { w.MemberBool("cancelled", true) })
			return
		}
	}
	c.desk.finish(cmd, func(w *json.Writer) { w.MemberBool("cancelled", false) })
}
