package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// A client is one session of kind "client".
type client struct {
	*link
	*config          // as the server's metadata completes it
	given   *config  // as the session was opened
	key     string   // of the session in the store
	older   []string // what an older version may have kept under the name alone, not looked for yet

	status    string
	tokens    *tokens
	version   string  // of what the store holds
	kept      Storage // nil: the host's, by load and store effects
	unsaved   bool    // what is held is newer than what is stored
	only      string  // a refresh token that could not be stored
	marked    string  // tried_by that this instance set itself
	looked    int64   // the input in which the store was last read
	told      string  // the access token of which was told that it is over
	foreign   bool    // what is stored is another configuration's
	uncleared bool    // signed out, and what is stored could not be deleted
	blind     bool    // the session came as bytes: what the store holds was never seen

	device        *device
	deviceKey     string
	deviceVersion string
	starting      *command // the device_start whose answer is awaited
	deviceWaits   []*command
	poll, expiry  alarm
	paused        bool // polling was stopped before it began
	over          bool // the last flow ended by itself, with ended
	ended         *fault
	missed        bool  // a refresh that nobody asked for was due while polling
	failures      int64 // of refreshes nobody asked for, since the last good one
	retryAt       int64 // the server asked to be left alone until then

	keyName, keyJWK string // the key that the host was last asked for
	nonces          []serverNonce
	lastAssertion   string // good for a minute, so nothing for an error

	view       view
	metadata   metadata
	keySet     keySet
	attempts   attempts
	sessions   serial // changes of the session, one at a time
	devices    serial // beginnings of device flows
	refreshing *refreshRun
	commands   []*command
	loading    bool
	waiting    []func()
}

// A command is one the host waits for.
type command struct {
	id   int64
	op   string
	http int64 // the request under way for it, 0: none
	done bool
	// unsent keeps a request that is still in its hooks from being sent.
	unsent bool
	// elsewhere: the callback's reply was handled before.
	elsewhere bool
	// then gets the result of a command that is not the host's.
	then func(ok json.Value, f *fault)
}

func openClient(l *link, in json.Value) *fault {
	cfg, f := readConfig(Session{l}.Config(in))
	if f != nil {
		return f
	}
	c := newClient(l, cfg)
	c.view.notified = in.Get("notified").True()
	l.command = c.take
	if v := in.Get("session"); v.Kind() == json.String {
		t, device, ok := c.decodeAll(v.Str())
		if !ok {
			return bad("wrong_configuration", "session")
		}
		c.tokens = t
		c.blind, c.unsaved = true, true
		c.resume(c.decodeDevice(device))
		if t.access != "" {
			c.grant()
		}
		return nil
	}
	c.open()
	return nil
}

func newClient(l *link, cfg *config) *client {
	c := &client{link: l, config: cfg, given: cfg, key: cfg.under("session"), deviceKey: cfg.under("device"), status: notAuthenticated, tokens: &tokens{}}
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
				if c.now >= d.expiresAt {
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
		c.reportFault(&fault{kind: kindStorage, code: failed, op: "open", retryable: true})
	}
	c.loading = false
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
	if c.now >= d.expiresAt {
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

func (c *client) take(id int64, name string, in json.Value) { c.begin(&command{id: id, op: name}, in) }

func (c *client) begin(cmd *command, in json.Value) {
	c.commands = append(c.commands, cmd)
	if cmd.op == "look" {
		c.lookSoon()
		c.finish(cmd, nil)
		return
	}
	if c.loading && cmd.op != "cancel" {
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
	if c.status == granted && c.lapsed() && cmd.op != "cancel" {
		// The token ended since. Another instance may have signed in.
		again := func() {
			c.settle()
			if !cmd.done {
				c.run(cmd, in)
			}
		}
		c.look(nil, again, func(*fault) { again() })
		return
	}
	if c.clientID == "" && cmd.op != "register" && cmd.op != "resource_metadata" && cmd.op != "answered" && cmd.op != "cancel" {
		c.fail(cmd, bad("missing", "client_id"))
		return
	}
	switch cmd.op {
	case "authorize", "callback", "exchange", "refresh", "revoke", "userinfo", "profile", "extend", "device_start", "poll_start", "client_credentials", "token_exchange", "jwt_bearer", "introspect", "logout_token", "register":
		c.discovered(func(f *fault) {
			if f != nil {
				c.fail(cmd, f)
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
		c.deviceStart(cmd, in)
	case "device_wait":
		c.deviceWait(cmd)
	case "poll_start":
		c.pollStart(cmd)
	case "poll_stop":
		c.pollStop(cmd, in)
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
				c.finishStatus(cmd, nil, "")
			}
		}
		if c.kept != nil || c.looked == c.turn || in.Get("held").True() {
			tell()
		} else {
			c.see(tell)
		}
	case "export":
		c.finish(cmd, func(w *json.Writer) { w.MemberStr("session", c.export()) })
	case "cancel":
		c.cancelCommand(cmd, in)
	default:
		c.fail(cmd, bad("unknown_command", "command"))
	}
}

// refreshNow is the command: where nothing can be sent, nothing is done.
func (c *client) refreshNow(cmd *command) {
	done := func(f *fault) { c.finishStatus(cmd, f, "") }
	if f := c.refreshable(); f != nil && c.refreshing == nil {
		c.look(f, func() { c.refreshNow(cmd) }, done)
		return
	}
	c.refresh(done)
}

// cancelCommand ends another command's wait. What it set going and others may need (a refresh, a code being redeemed) goes on.
func (c *client) cancelCommand(cmd *command, in json.Value) {
	id, _ := in.Get("target").Int()
	for _, other := range c.commands {
		if other.id == id && other != cmd {
			if other.op == "userinfo" || other.op == "profile" || other.op == "device_start" || other.op == "authorize" {
				if other.unsent = true; other.http != 0 {
					c.link.cancel("http-cancel", other.http)
				}
			}
			c.end(other, &fault{kind: kindCanceled, code: "cancelled", op: other.op}, nil)
			c.finish(cmd, func(w *json.Writer) { w.MemberBool("cancelled", true) })
			return
		}
	}
	c.finish(cmd, func(w *json.Writer) { w.MemberBool("cancelled", false) })
}

// end gives the command's result, once.
func (c *client) end(cmd *command, f *fault, write func(*json.Writer)) {
	if cmd.done && plant != "result-twice" {
		return
	}
	cmd.done = true
	c.commands, c.deviceWaits = without(c.commands, cmd), without(c.deviceWaits, cmd)
	if cmd.then == nil {
		c.result(cmd.id, f, write)
		return
	}
	w := json.NewWriter()
	w.Open('{')
	if f == nil && write != nil {
		write(w)
	}
	w.Close('}')
	v, _ := json.Parse(w.String())
	cmd.then(v, f)
}

func without(list []*command, cmd *command) []*command {
	for i, other := range list {
		if other != cmd {
			continue
		}
		if len(list) == 1 {
			return nil // and not an array that still holds on to it
		}
		return append(list[:i:i], list[i+1:]...)
	}
	return list
}

func (c *client) finish(cmd *command, write func(*json.Writer)) { c.end(cmd, nil, write) }

// fail reports the failure to listeners and ends the command with it.
func (c *client) fail(cmd *command, f *fault) {
	if cmd.done {
		return
	}
	f.op = cmd.op
	c.reportOnce(f)
	c.end(cmd, f, nil)
}

// reportOnce tells the listeners once, however many commands wait for the same refresh.
func (c *client) reportOnce(f *fault) {
	c.redact(f)
	if !f.reported {
		f.reported = true
		c.reportFault(f)
	}
}

// reportFault fires "server reported error" for a protocol error, and "request failed" for every one.
func (c *client) reportFault(f *fault) {
	if f.err != "" && !f.unverified {
		w := c.event("server_error")
		f.write(w)
		c.emit(w)
	}
	w := c.event("request_failed")
	f.write(w)
	c.emit(w)
}

// finishStatus ends a command with all that may be read of the session; the tokens themselves are not among it.
func (c *client) finishStatus(cmd *command, f *fault, appState string, extras ...string) {
	if f != nil {
		c.fail(cmd, f)
		return
	}
	t := c.tokens
	c.finish(cmd, func(w *json.Writer) {
		w.MemberStr("name", c.name)
		w.MemberStr("status", c.status)
		w.MemberStr("scope", t.scope)
		w.MemberStr("requested_scope", t.requested)
		w.MemberStrIf("token_type", t.kind)
		if t.expiresAt != 0 {
			w.MemberInt("expires_at", t.expiresAt)
		}
		w.MemberBool("expired", c.expired(t))
		w.MemberBool("refreshable", c.refreshable() == nil)
		w.MemberBool("not_persisted", c.unsaved && t.access != "")
		w.MemberStrIf("id_token", t.idToken)
		if t.claims.Kind() != json.None {
			w.MemberRaw("claims", t.claims.Raw())
		}
		t.writeExtra(w)
		w.MemberStr("pkce_method", c.pkce)
		w.MemberInt("pkce_verifier_length", c.verifierLength)
		if c.device != nil {
			w.Key("device")
			w.Open('{')
			c.device.write(w)
			w.Close('}')
		}
		w.MemberStrIf("app_state", appState)
		for _, s := range extras {
			if s != "" {
				w.MemberRaw("unverified", s)
			}
		}
		if cmd.elsewhere {
			w.MemberBool("handled_elsewhere", true)
		}
	})
}
