package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

func (c *client) take(id int64, name string, in json.Value) { c.begin(&command{id: id, op: name}, in) }

func (c *client) begin(cmd *command, in json.Value) {
	cmd.turn = c.link.Turn
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

// run waits for the server's metadata if the command needs it.
func (c *client) run(cmd *command, in json.Value) {
	if c.session.Ended() && cmd.op != "cancel" {
		// The token has expired meanwhile. Another instance may have signed in.
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
	if words.Has(online, cmd.op) || words.Has(moreOnline, cmd.op) {
		c.issuer.Discovered(func(f *link.Fault) {
			if f != nil {
				c.desk.fail(cmd, f)
			} else if !cmd.done {
				c.perform(cmd, in)
			}
		})
		return
	}
	c.perform(cmd, in)
}

// A verb carries out a command.
type verb func(c *client, cmd *command, in json.Value)

// The commands of every module. online are those that need the server's metadata. Commands that
// oauth2.wasm lacks are in moreCommands.
const (
	offline      = "token prepare answered matches device_wait poll_stop log_out resource_metadata front_channel_logout set_token status export cancel"
	online       = "authorize callback exchange refresh revoke userinfo profile device_start poll_start"
	moreCommands = "client_credentials token_exchange jwt_bearer introspect register extend logout_token grant cross_app_access"
)

// verbs carry out the commands in offline, and then those in online, in the same order.
var verbs []verb

func init() { // in init, because the functions refer to verbs, which would be an initialization cycle
	verbs = []verb{
		(*client).token, (*client).prepare, (*client).answered, (*client).matches,
		func(c *client, cmd *command, _ json.Value) { c.device.wait(cmd) },
		func(c *client, cmd *command, in json.Value) { c.device.pollStop(cmd, in) },
		(*client).logOut, (*client).resourceMetadata, (*client).frontChannelLogout, (*client).setToken, (*client).tellStatus, (*client).tellSession, (*client).cancelCommand,
		(*client).authorize, (*client).callback, (*client).exchange, (*client).refreshNow, (*client).revoke, (*client).userinfo, (*client).whoIs,
		func(c *client, cmd *command, in json.Value) { c.device.start(cmd, in) },
		func(c *client, cmd *command, _ json.Value) { c.device.pollStart(cmd) },
	}
}

func (c *client) perform(cmd *command, in json.Value) {
	if i := words.Nth(offline+" "+online, cmd.op); i >= 0 {
		verbs[i](c, cmd, in)
		return
	}
	c.performMore(cmd, in)
}

// tellStatus reads the store before it answers, unless the caller asks only for what is held.
func (c *client) tellStatus(cmd *command, in json.Value) {
	tell := func() {
		if !cmd.done {
			c.finishStatus(cmd, nil)
		}
	}
	if c.store.Inner() != nil || c.session.Seen() || in.Get("held").True() {
		tell()
	} else {
		c.session.See(tell)
	}
}

func (c *client) tellSession(cmd *command, _ json.Value) {
	c.desk.finish(cmd, func(w *json.Writer) { w.MemberStr("session", c.export()) })
}

// refreshNow is the command refresh. If nothing can be sent, it does nothing.
func (c *client) refreshNow(cmd *command, in json.Value) {
	done := func(f *link.Fault) { c.finishStatus(cmd, f) }
	if f := c.session.Idle(); f != nil {
		c.session.Look(f, func() { c.refreshNow(cmd, in) }, done)
		return
	}
	c.session.Refresh("", done)
}

// cancelCommand ends another command. Work that others may need (a refresh, a code being redeemed)
// continues.
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
