package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A client is one session of kind "client".
type client struct {
	*link.Link
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
	shows     bool    // the host wants the event current
	uncleared bool    // signed out, and what is stored could not be deleted
	blind     bool    // the session came as bytes: what the store holds was never seen

	device        *device
	deviceKey     string
	deviceVersion string
	starting      *command // the device_start whose answer is awaited
	deviceWaits   []*command
	poll, expiry  link.Alarm
	paused        bool // polling was stopped before it began
	over          bool // the last flow ended by itself, with ended
	ended         *link.Fault
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
	then func(ok json.Value, f *link.Fault)
}

// end gives the command's result, once.
func (c *client) end(cmd *command, f *link.Fault, write func(*json.Writer)) {
	if cmd.done {
		return
	}
	cmd.done = true
	c.commands, c.deviceWaits = without(c.commands, cmd), without(c.deviceWaits, cmd)
	if cmd.then == nil {
		c.Result(cmd.id, f, write)
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
func (c *client) fail(cmd *command, f *link.Fault) {
	if cmd.done {
		return
	}
	f.Op = cmd.op
	c.reportOnce(f)
	c.end(cmd, f, nil)
}

// reportOnce tells the listeners once, however many commands wait for the same refresh.
func (c *client) reportOnce(f *link.Fault) {
	c.redact(f)
	if !f.Reported {
		f.Reported = true
		c.reportFault(f)
	}
}

// reportFault fires "server reported error" for a protocol error, and "request failed" for every one.
func (c *client) reportFault(f *link.Fault) {
	if f.Err != "" && !f.Unverified {
		w := c.event("server_error")
		f.Write(w)
		c.Emit(w)
	}
	w := c.event("request_failed")
	f.Write(w)
	c.Emit(w)
}

// event begins an event; no member of one may hold a token or another secret.
func (c *client) event(name string) *json.Writer {
	w := c.Effect("event")
	w.MemberStr("event", name)
	return w
}

// absent says that a command needs an endpoint that is neither in the configuration nor, such that it can be used, in the server's metadata.
func (c *client) absent(name string) *link.Fault {
	if !c.discovery {
		return link.Bad("missing", name).Not("discovery, or "+name, "")
	}
	v, _ := json.Parse(c.metadata.text)
	if v = v.Get(name); v.Kind() == json.None && name != "jwks_uri" {
		return link.Bad("missing", name).Not("in the configuration or the metadata", "")
	}
	c.metadata.at = 0 // it may be mended soon
	f := link.Wrong("bad_metadata", name, "https, or http on loopback", v)
	f.Kind = link.KindServer
	return f
}

// wantedScope is the scope of a request that a command makes.
func (c *client) wantedScope(in json.Value) string {
	if v := in.Get("scope"); v.Kind() == json.String {
		return v.Str()
	}
	if s := form.ValueOf(c.parameters, "scope"); s != "" {
		return s
	}
	return c.scope
}

func (c *client) polling() bool { return c.device != nil && c.device.polling }

// canPoll says why polling cannot be.
func (c *client) canPoll() *link.Fault {
	if c.config.token == "" {
		return c.absent("token_endpoint")
	}
	return nil
}
