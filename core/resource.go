package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

func (c *client) token(cmd *command, in json.Value) {
	force := in.Get("force").True()
	target, f := config.ReadTarget(in)
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.session.Ready(target, force, func(f *link.Fault) {
		if f != nil {
			c.desk.fail(cmd, f)
			return
		}
		c.desk.finish(cmd, func(w *json.Writer) {
			t := c.session.For(target)
			t.WriteAccess(w)
			if !force {
				c.session.WriteGoodUntil(w, t) // otherwise a second call wants another token
			}
		})
	})
}

// allowed reports whether a token may be sent to the URL, and which one. The configuration decides;
// of several destinations the longest counts.
func (c *client) allowed(url string) (target string, ok bool) {
	u, known := uri.Parse(url)
	if known && c.config.Secure(u) {
		longest := -1
		for _, d := range c.config.Destinations {
			if n := len(d.URL.Path); u.Within(d.URL) && (n > longest || n == longest && d.Target != "") {
				longest, target, ok = n, d.Target, true
			}
		}
	}
	return target, ok
}

// prepare returns the headers for a request to a protected resource.
func (c *client) prepare(cmd *command, in json.Value) {
	target, _ := c.allowed(in.Get("url").Str())
	c.withHeaders(in, false, func(headers []form.Param, f *link.Fault) {
		if f != nil {
			c.desk.fail(cmd, f)
			return
		}
		c.desk.finish(cmd, func(w *json.Writer) {
			link.WriteParams(w, "headers", headers)
			if c.session.Tokens.Key == "" {
				c.session.WriteGoodUntil(w, c.session.For(target)) // otherwise they contain a proof, which is valid once
			}
		})
	})
}

const destination = "a URL under one of token_destinations"

// A headersRun makes the headers for a request to a URL that may get a token. Its methods are the
// steps: begin, ready, proved.
type headersRun struct {
	c           *client
	url, method string
	target      string
	headers     []form.Param
	key         string
	done        func([]form.Param, *link.Fault)
}

// withHeaders makes headers. force means with a token that is issued from now on.
func (c *client) withHeaders(in json.Value, force bool, done func([]form.Param, *link.Fault)) {
	r := &headersRun{c: c, url: in.Get("url").Str(), method: in.Get("method").Str(), done: done}
	if r.method == "" {
		r.method = "GET"
	}
	f := link.Bad("bad_value", "method")
	if wire.MethodOK(r.method) {
		f = nil
	}
	var ok bool
	if r.target, ok = c.allowed(r.url); !ok {
		f = link.Wrong("resource_not_allowed", "url", destination, in.Get("url"))
	}
	if f != nil {
		done(nil, f)
		return
	}
	c.session.Ready(r.target, force, r.ready)
}

func (r *headersRun) ready(f *link.Fault) {
	if f != nil {
		r.fail(f)
		return
	}
	t := r.c.session.For(r.target)
	r.headers, r.key = []form.Param{r.c.bearer(t)}, t.Key
	if t.Key == "" {
		r.end()
		return
	}
	r.c.wire.Proof(t.Key, false, r.method, r.url, t.Access, r.proved)
}

func (r *headersRun) proved(proof string, f *link.Fault) {
	if f != nil {
		r.c.session.KeyGone(r.key, f, r.again, r.fail)
		return
	}
	r.headers = append(r.headers, form.Param{Name: "dpop", Value: proof})
	r.end()
}

func (r *headersRun) again() { r.c.session.Ready(r.target, false, r.ready) }

func (r *headersRun) fail(f *link.Fault) { r.done(nil, f) }

func (r *headersRun) end() {
	if agent := r.c.config.UserAgent; agent != "" {
		r.headers = append(r.headers, form.Param{Name: "user-agent", Value: agent})
	}
	r.done(r.headers, nil)
}

// An answeredRun handles a resource's answer. It returns the headers with which the request may be
// sent once more, once for each reason.
type answeredRun struct {
	c               *client
	cmd             *command
	challenge       wire.Challenge
	retried, reason string
}

func (c *client) answered(cmd *command, in json.Value) {
	headers, url := in.Get("headers"), in.Get("url").Str()
	s, sent := c.session, in.Get("sent").Str()
	target, ok := c.allowed(url)
	if ok {
		if c.wire.NoteNonce(url, headers) && c.store.Inner() != nil {
			s.Save(func() { c.answered(cmd, in) }) // for the next request
			return
		}
	} else if sent != "" {
		c.desk.fail(cmd, link.Wrong("resource_not_allowed", "url", destination, in.Get("url")))
		return
	}
	scheme := "bearer"
	if s.Tokens.Key != "" {
		scheme = "dpop"
	}
	r := &answeredRun{c: c, cmd: cmd, challenge: wire.ReadChallenge(headers, scheme), retried: in.Get("retried").Str()}
	if status, _ := in.Get("status").Int(); status == 401 {
		switch r.challenge.Get("error") {
		case "use_dpop_nonce", "invalid_dpop_proof": // these say nothing about the token
			r.reason = "nonce"
		case "insufficient_user_authentication": // no token of this sign-in helps (RFC 9470 section 3)
		default:
			r.reason = "token"
		}
	}
	if r.reason == "" || sent == "" || words.Has(r.retried, r.reason) || r.reason == "nonce" && s.Tokens.Key == "" {
		r.end(nil, nil)
		return
	}
	// A refused token is refreshed. If there is a newer token than the refused one, it is tried
	// first.
	refused := r.reason == "token" && sent == c.bearer(s.For(target)).Value
	if refused && s.LeftAlone() {
		s.Look(s.RetryLater(), func() { c.answered(cmd, in) }, func(f *link.Fault) { r.end(nil, f) })
		return
	}
	c.withHeaders(in, refused, r.end)
}

func (r *answeredRun) end(headers []form.Param, f *link.Fault) {
	never := f != nil && (f.Code == "no_refresh_token" || f.Code == "refresh_not_supported")
	if f != nil && r.c.store.Inner() != nil && (!never || r.challenge.Get("error") == "invalid_token") {
		// A backend reports why there is no token. If there never could be one, a resource's 401 is
		// passed on, unless it says that the token is invalid.
		r.c.desk.fail(r.cmd, f)
		return
	}
	if f != nil {
		f.Op = r.cmd.op
		r.c.session.ReportOnce(f)
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) {
		if f == nil && headers != nil {
			link.WriteParams(w, "headers", headers)
			w.MemberStr("retried", words.Trim(r.retried+" "+r.reason))
		}
		r.challenge.Write(w)
	})
}

// bearer is the header that carries the token, the first of those that do (RFC 6750 section 2.1,
// RFC 9449 section 7.1).
func (c *client) bearer(t *session.Tokens) form.Param {
	if name := c.config.TokenHeader; name != "" {
		return form.Param{Name: name, Value: t.Access}
	}
	scheme := "Bearer "
	if t.Key != "" {
		scheme = "DPoP "
	}
	return form.Param{Name: "authorization", Value: scheme + t.Access}
}
