package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// What kinds of sessions outside of this package, core/bff's, are made of: the boundary, and a client inside.

// A Session is a handle's end of the boundary.
type Session struct{ l *link }

// Now is the time of the input being taken, Unix ms.
func (s Session) Now() int64 { return s.l.now }

// Random gives n characters of base64url, at most 172, that no other call gives.
func (s Session) Random(label string, n int64) string { return s.l.random(label, n) }

// Config is the configuration in an open message, without the rest of a large one.
func (s Session) Config(in json.Value) json.Value {
	v := in.Get("config")
	if s.l.large {
		text := v.Raw()
		s.l.own(&text)
		v, _ = json.Parse(text)
	}
	return v
}

// OnCommand says what takes the commands; each ends with one Result.
func (s Session) OnCommand(take func(id int64, name string, in json.Value)) { s.l.command = take }

// Result ends a command.
func (s Session) Result(id int64, f *Fault) { s.l.result(id, f, nil) }

// Effect begins an effect; members follow, then Ask.
func (s Session) Effect(kind string) *json.Writer { return s.l.effect(kind) }

// Emit hands an effect out that wants no answer.
func (s Session) Emit(w *json.Writer) { s.l.emit(w) }

// Ask hands an effect out; then gets its answer, or the kind of its failure.
func (s Session) Ask(w *json.Writer, then func(ok json.Value, failed string)) { s.l.ask(w, then) }

// A Fault is an error of the boundary.
type Fault = fault

// Bad is a refused configuration or parameter.
func Bad(code, field string) *Fault { return bad(code, field) }

// Wrong is Bad with what was expected; what came is shown where it is no secret.
func Wrong(code, field, want string, v json.Value) *Fault { return wrong(code, field, want, v) }

// UnknownMember refuses a member that is none of the names, which have a space between them, and says which of them was probably meant; in is the member that it
// stands in, "" for none.
func UnknownMember(names, came, in string) *Fault {
	f := unknownMember(names, came)
	if in == "" {
		return f
	}
	return f.within(in)
}

// Kind, Code, Status and Protocol are what a Fault says of itself; Protocol is the server's error, "" for none.
func (f *fault) Kind() string  { return f.kind }
func (f *fault) Code() string  { return f.code }
func (f *fault) Status() int64 { return f.status }
func (f *fault) Protocol() string {
	if f.unverified {
		return ""
	}
	return printable(f.err, maxText)
}

// Dead tells whether the server said of the refresh token that it is of no use any more.
func (f *fault) Dead() bool { return f.dead }

// Retryable tells whether the same may succeed later.
func (f *fault) Retryable() bool { return f.retryable }

// RetryAfter is how long the server asked to be left alone, in ms, at most an hour; 0 where it did not.
func (f *fault) RetryAfter() int64 { return f.retryAfter }

// Printable is what of a text may stand in an error_description (RFC 6749 section 5.2), at most so much of it.
func Printable(s string, most int) string { return printable(s, most) }

// Storage keeps a client's texts in place of load and store effects. The rules are those of the effects.
type Storage interface {
	Load(key string, done func(value, version, failed string))
	// Store deletes where value is "".
	Store(key, version, value string, done func(version, failed string))
}

// A Client is a client session inside another kind of session. Its commands are not the host's; its requests, locks and keys are.
type Client struct{ c *client }

// A ClientConfig is a configuration of kind client.
type ClientConfig struct{ c *config }

// ReadClient reads one, or says what is wrong with it.
func ReadClient(in json.Value) (ClientConfig, *Fault) {
	c, f := readConfig(in)
	return ClientConfig{c}, f
}

// Under is the key of one thing that is the same for all clients of a configuration.
func (cfg ClientConfig) Under(what string) string { return cfg.c.under(what) }

// Fingerprint tells configurations of other servers or client ids apart.
func (cfg ClientConfig) Fingerprint() string { return cfg.c.mine }

// Extras is an object of what else an authorization response brought that the configuration names (callback_parameters), "" for nothing.
func (cfg ClientConfig) Extras(params []form.Param) string { return cfg.c.extras(params) }

// AttemptLife is how long a sign-in may take, in ms.
func (cfg ClientConfig) AttemptLife() int64 { return cfg.c.attemptLife }

// Client opens one under a name of its own.
func (s Session) Client(cfg ClientConfig, name string, kept Storage) *Client {
	own := cfg.c.clone()
	own.name = name
	c := newClient(s.l, own)
	c.kept, c.key, c.older = kept, name+".session", nil // a name that nothing else has
	if c.discovery || c.jwks == "" {
		c.open()
		return &Client{c}
	}
	// Nothing of a client but what is stored outlives a request: without the keys of the last one each would ask for them.
	c.loading = true
	c.loadMetadata(func(v json.Value) {
		c.adoptKeys(v)
		c.open()
	})
	return &Client{c}
}

// Do runs a command; members are its parameters as JSON members, without braces. done gets the members of its result, or why there are none.
func (in *Client) Do(name, members string, done func(ok json.Value, f *Fault)) {
	v, ok := json.Parse("{" + members + "}")
	if !ok {
		done(json.Value{}, bad("bad_value", "parameters")) // text that is no UTF-8, say
		return
	}
	in.c.begin(&command{op: name, then: done}, v)
}

// Usable tells, after a command, why the session's tokens are good for nothing any more: nil where they are, as far as that is known without asking the server.
func (in *Client) Usable(done func(*Fault)) {
	c := in.c
	switch t := c.tokens; {
	case c.expired(t) && c.refreshable() != nil:
		done(&fault{kind: kindExpired, code: "token_expired"})
	case c.expired(t) && t.sentAt != 0 && c.tooLate(t):
		done(outcomeUnknown())
	case t.key == "":
		done(nil)
	default:
		c.withKey(t.key, false, func(_ string, f *fault) { done(f) })
	}
}

// RedirectURI is where the client's authorization responses arrive.
func (in *Client) RedirectURI() string { return in.c.redirectURI }

// Hash is a name for what must not be shown: 43 characters, of base64url.
func Hash(s string) string { return digest43(s) }

// Within tells whether a URL stands under a prefix: same origin, and the path below its path at a segment's border, with nothing in it that a server may read in two ways.
func Within(url, prefix string) bool {
	u, ok := parseURI(url)
	p, known := parseURI(prefix)
	return ok && known && u.within(p)
}

// Origin is scheme, host and port of a URL, "" where it is none or goes unprotected to another machine.
func Origin(url string) string {
	if u, ok := parseURI(url); !ok || !u.secure() {
		return ""
	}
	return origin(url)
}

// Unprotected tells whether a URL is http and of one of the origins listed.
func Unprotected(url string, origins json.Value) bool {
	u, ok := parseURI(url)
	return ok && u.scheme == "http" && lists(origins, origin(url))
}

// Path is the path of a URL as it stands.
func Path(url string) string {
	u, _ := parseURI(url)
	return u.path
}

// WithQuery adds parameters to a URL's query, in front of its fragment.
func WithQuery(url string, params []form.Param) string { return withQuery(url, params) }

// ValueOf is the value of the first parameter of that name.
func ValueOf(params []form.Param, name string) string { return valueOf(params, name) }
