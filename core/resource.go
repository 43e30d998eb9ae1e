package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// ready sees to an access token that is good for a request now: the one held, a refreshed one, or the error. What is held is looked for in the store before, unless that was just done.
func (c *client) ready(force bool, done func(*fault)) {
	given := done
	done = func(f *fault) {
		if f == nil && c.tokens.kind == noAccess {
			f = &fault{kind: kindClient, code: "no_access_token"}
		}
		given(f)
	}
	if force || !c.outdated() {
		c.readyNow(force, done)
		return
	}
	c.see(func() { c.readyNow(false, done) })
}

func (c *client) readyNow(force bool, done func(*fault)) {
	t := c.tokens
	again := func() { c.readyNow(false, done) }
	switch {
	case force:
		c.refresh(done)
	case t.access == "" && t.refresh == "":
		c.look(&fault{kind: kindClient, code: "not_signed_in"}, again, done)
	case c.usable(t):
		done(nil)
	case c.leftAlone():
		if t.access != "" && !c.expired(t) {
			done(nil)
			return
		}
		c.look(c.retryLater(), again, done)
	case c.refreshable() == nil:
		c.refresh(func(f *fault) {
			if now := c.tokens; f != nil && now.access != "" && now.expiresAt != 0 && !c.expired(now) && (c.kept == nil || now.refresh != "") {
				// The refresh was early: what is held still holds, but in a backend, whose session ends with its grant. Listeners hear of it all the same.
				f.op = stageRefresh
				c.reportOnce(f)
				f = nil
			}
			done(f)
		})
	case t.access != "" && !c.expired(t):
		done(nil) // good for a while yet, and there is no other
	default:
		c.look(&fault{kind: kindExpired, code: "token_expired"}, again, done)
	}
}

func (c *client) retryLater() *fault {
	return &fault{kind: kindClient, code: "retry_later", retryable: true, retryAfter: c.retryAt - c.now}
}

// look reads the store, unless that was just done, before something fails for want of a token: another instance may have signed in.
func (c *client) look(f *fault, again func(), done func(*fault)) {
	if c.looked == c.turn {
		done(f)
		return
	}
	c.sessions.run(func(release func()) {
		c.reload(func(changed bool, failed string) {
			release()
			switch {
			case failed != "":
				done(&fault{kind: kindStorage, code: failed, retryable: true})
			case changed:
				again()
			default:
				done(f)
			}
		})
	})
}

func (c *client) token(cmd *command, in json.Value) {
	c.ready(in.Get("force").True(), func(f *fault) {
		if f != nil {
			c.fail(cmd, f)
			return
		}
		t := c.tokens
		c.finish(cmd, func(w *json.Writer) {
			w.MemberStr("access_token", t.access)
			w.MemberStr("token_type", t.kind)
			if t.expiresAt != 0 {
				w.MemberInt("expires_at", t.expiresAt)
			}
			w.MemberStr("scope", t.scope)
		})
	})
}

// allowed tells whether a token may go to the URL: only where the configuration says.
func (c *client) allowed(url string) bool {
	u, ok := parseURI(url)
	if ok && c.secure(u) {
		for _, r := range c.resources {
			if u.within(r) {
				return true
			}
		}
	}
	return false
}

// prepare gives the headers of a request to a protected resource.
func (c *client) prepare(cmd *command, in json.Value) {
	c.withHeaders(in, false, func(headers []form.Param, f *fault) {
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) { writeParams(w, "headers", headers) })
	})
}

const destination = "a URL under one of token_destinations"

// withHeaders gives the headers of a request to where a token may go; force: with a token got from now on.
func (c *client) withHeaders(in json.Value, force bool, done func([]form.Param, *fault)) {
	url, method := in.Get("url").Str(), in.Get("method").Str()
	if method == "" {
		method = "GET"
	}
	f := bad("bad_value", "method")
	if token(method) == method {
		f = nil
	}
	if !c.allowed(url) {
		f = wrong("resource_not_allowed", "url", destination, in.Get("url"))
	}
	if f != nil {
		done(nil, f)
		return
	}
	c.ready(force, func(f *fault) {
		if f != nil {
			done(nil, f)
			return
		}
		key := c.tokens.key
		c.credentials(method, url, func(headers []form.Param, f *fault) {
			if f != nil {
				c.keyGone(key, f, func() { c.withHeaders(in, false, done) }, func(f *fault) { done(nil, f) })
				return
			}
			if c.userAgent != "" {
				headers = append(headers, form.Param{Name: "user-agent", Value: c.userAgent})
			}
			done(headers, f)
		})
	})
}

// answered takes what a resource said, and gives the headers with which the request may be sent once more: for each reason once.
func (c *client) answered(cmd *command, in json.Value) {
	headers, retried, url := in.Get("headers"), in.Get("retried").Str(), in.Get("url").Str()
	sent := in.Get("sent").Str()
	if c.allowed(url) {
		if c.noteNonce(url, headers) && c.kept != nil {
			c.save(func() { c.answered(cmd, in) }) // for the next request
			return
		}
	} else if sent != "" {
		c.fail(cmd, wrong("resource_not_allowed", "url", destination, in.Get("url")))
		return
	}
	scheme := "bearer"
	if c.tokens.key != "" {
		scheme = "dpop"
	}
	ch := readChallenge(headers, scheme)
	reason := ""
	if status, _ := in.Get("status").Int(); status == 401 {
		switch ch.get("error") {
		case "use_dpop_nonce", "invalid_dpop_proof": // which says nothing of the token
			reason = "nonce"
		case "insufficient_user_authentication": // no token of this sign-in will do (RFC 9470 section 3)
		default:
			reason = "token"
		}
	}
	finish := func(headers []form.Param, f *fault) {
		never := f != nil && (f.code == "no_refresh_token" || f.code == "refresh_not_supported")
		if f != nil && c.kept != nil && (!never || ch.get("error") == "invalid_token") {
			// A backend says why no token can be had. Where none ever could, a resource's 401 is its own business, unless it says that the token is no good.
			c.fail(cmd, f)
			return
		}
		if f != nil {
			f.op = cmd.op
			c.reportOnce(f)
		}
		c.finish(cmd, func(w *json.Writer) {
			if f == nil && headers != nil {
				writeParams(w, "headers", headers)
				w.MemberStr("retried", trim(retried+" "+reason))
			}
			ch.write(w)
		})
	}
	if reason == "" || sent == "" || hasScope(retried, reason) || reason == "nonce" && c.tokens.key == "" {
		finish(nil, nil)
		return
	}
	// A token that was refused is made new; one that is newer than the refused is tried as it is.
	refused := reason == "token" && sent == c.bearer().Value
	if refused && c.leftAlone() {
		c.look(c.retryLater(), func() { c.answered(cmd, in) }, func(f *fault) { finish(nil, f) })
		return
	}
	c.withHeaders(in, refused, finish)
}

// bearer is the header that carries the token (RFC 6750 section 2.1).
func (c *client) bearer() form.Param {
	if c.tokenHeader != "" {
		return form.Param{Name: c.tokenHeader, Value: c.tokens.access}
	}
	scheme := "Bearer "
	if c.tokens.key != "" {
		scheme = "DPoP "
	}
	return form.Param{Name: "authorization", Value: scheme + c.tokens.access}
}

// userinfo asks who signed in (OpenID Connect Core section 5.3). What it says is the server's word over TLS, not a verified ID token.
func (c *client) userinfo(cmd *command) {
	c.fetch(cmd, c.config.userinfo, func(v json.Value) {
		c.finish(cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
	})
}

// fetch reads one of the server's own resources with the access token; done comes only where that went well.
func (c *client) fetch(cmd *command, url string, done func(json.Value)) {
	if url == "" {
		c.fail(cmd, c.absent("userinfo_endpoint"))
		return
	}
	c.ready(false, func(f *fault) {
		if f != nil {
			c.fail(cmd, f)
			return
		}
		if cmd.done {
			return // given up while the token was fetched
		}
		// Decided before it is sent: the metadata may change meanwhile (OpenID Connect Core section 5.3.2).
		claims := c.tokens.claims
		mine := url != c.config.userinfo || claims.Kind() == json.None
		r := &request{stage: stageUserinfo, method: "GET", url: url, headers: []form.Param{c.bearer()}, key: c.tokens.key, access: c.tokens.access}
		answer := func(v json.Value, f *fault) {
			if f == nil && !mine && v.Get("sub").Str() != claims.Get("sub").Str() {
				f = notVerified("wrong_claim", "sub")
			}
			if f != nil {
				c.redact(f, r.access)
			}
			// Without leave to see the list there is no e-mail, which is no failure.
			if f != nil && (url != c.profile.emails || f.status < 403 || f.status > 404) {
				c.fail(cmd, f)
				return
			}
			done(v)
		}
		c.send(cmd, r, func(res *response, f *fault) {
			if f != nil {
				c.keyGone(r.key, f, func() { c.fetch(cmd, url, done) }, func(f *fault) { answer(json.Value{}, f) })
				return
			}
			res.list = url == c.profile.emails
			c.claims(res, answer)
		})
	})
}
