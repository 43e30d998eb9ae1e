package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// ready sees to an access token that is good for a request now: the one held, a refreshed one, or the error. What is held is looked for in the store before, unless that was just done.
func (c *client) ready(force bool, done func(*link.Fault)) {
	given := done
	done = func(f *link.Fault) {
		if f == nil && c.tokens.kind == noAccess {
			f = &link.Fault{Kind: link.KindClient, Code: "no_access_token"}
		}
		given(f)
	}
	if force || !c.outdated() {
		c.readyNow(force, done)
		return
	}
	c.see(func() { c.readyNow(false, done) })
}

func (c *client) readyNow(force bool, done func(*link.Fault)) {
	t := c.tokens
	again := func() { c.readyNow(false, done) }
	switch {
	case force:
		c.refresh(done)
	case t.access == "" && t.refresh == "":
		c.look(&link.Fault{Kind: link.KindClient, Code: "not_signed_in"}, again, done)
	case c.usable(t):
		done(nil)
	case c.leftAlone():
		if t.access != "" && !c.expired(t) {
			done(nil)
			return
		}
		c.look(c.retryLater(), again, done)
	case c.refreshable() == nil:
		c.refresh(func(f *link.Fault) {
			if now := c.tokens; f != nil && now.access != "" && now.expiresAt != 0 && !c.expired(now) && (c.kept == nil || now.refresh != "") {
				// The refresh was early: what is held still holds, but in a backend, whose session ends with its grant. Listeners hear of it all the same.
				f.Op = stageRefresh
				c.reportOnce(f)
				f = nil
			}
			done(f)
		})
	case t.access != "" && !c.expired(t):
		done(nil) // good for a while yet, and there is no other
	default:
		c.look(&link.Fault{Kind: link.KindExpired, Code: "token_expired"}, again, done)
	}
}

func (c *client) retryLater() *link.Fault {
	return &link.Fault{Kind: link.KindClient, Code: "retry_later", Retryable: true, RetryAfter: c.retryAt - c.Now}
}

// look reads the store, unless that was just done, before something fails for want of a token: another instance may have signed in.
func (c *client) look(f *link.Fault, again func(), done func(*link.Fault)) {
	if c.looked == c.Turn {
		done(f)
		return
	}
	c.sessions.run(func(release func()) {
		c.reload(func(changed bool, failed string) {
			release()
			switch {
			case failed != "":
				done(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
			case changed:
				again()
			default:
				done(f)
			}
		})
	})
}

func (c *client) token(cmd *command, in json.Value) {
	c.ready(in.Get("force").True(), func(f *link.Fault) {
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
			c.writeGoodUntil(w)
		})
	})
}

// allowed tells whether a token may go to the URL: only where the configuration says.
func (c *client) allowed(url string) bool {
	u, ok := uri.Parse(url)
	if ok && c.secure(u) {
		for _, r := range c.resources {
			if u.Within(r) {
				return true
			}
		}
	}
	return false
}

// prepare gives the headers of a request to a protected resource.
func (c *client) prepare(cmd *command, in json.Value) {
	c.withHeaders(in, false, func(headers []form.Param, f *link.Fault) {
		if f != nil {
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) {
			writeParams(w, "headers", headers)
			if c.tokens.key == "" {
				c.writeGoodUntil(w) // else a proof is in them, which is good once
			}
		})
	})
}

const destination = "a URL under one of token_destinations"

// withHeaders gives the headers of a request to where a token may go; force: with a token got from now on.
func (c *client) withHeaders(in json.Value, force bool, done func([]form.Param, *link.Fault)) {
	url, method := in.Get("url").Str(), in.Get("method").Str()
	if method == "" {
		method = "GET"
	}
	f := link.Bad("bad_value", "method")
	if token(method) == method {
		f = nil
	}
	if !c.allowed(url) {
		f = link.Wrong("resource_not_allowed", "url", destination, in.Get("url"))
	}
	if f != nil {
		done(nil, f)
		return
	}
	c.ready(force, func(f *link.Fault) {
		if f != nil {
			done(nil, f)
			return
		}
		key := c.tokens.key
		c.credentials(method, url, func(headers []form.Param, f *link.Fault) {
			if f != nil {
				c.keyGone(key, f, func() { c.withHeaders(in, false, done) }, func(f *link.Fault) { done(nil, f) })
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
		c.fail(cmd, link.Wrong("resource_not_allowed", "url", destination, in.Get("url")))
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
	finish := func(headers []form.Param, f *link.Fault) {
		never := f != nil && (f.Code == "no_refresh_token" || f.Code == "refresh_not_supported")
		if f != nil && c.kept != nil && (!never || ch.get("error") == "invalid_token") {
			// A backend says why no token can be had. Where none ever could, a resource's 401 is its own business, unless it says that the token is no good.
			c.fail(cmd, f)
			return
		}
		if f != nil {
			f.Op = cmd.op
			c.reportOnce(f)
		}
		c.finish(cmd, func(w *json.Writer) {
			if f == nil && headers != nil {
				writeParams(w, "headers", headers)
				w.MemberStr("retried", words.Trim(retried+" "+reason))
			}
			ch.write(w)
		})
	}
	if reason == "" || sent == "" || words.Has(retried, reason) || reason == "nonce" && c.tokens.key == "" {
		finish(nil, nil)
		return
	}
	// A token that was refused is made new; one that is newer than the refused is tried as it is.
	refused := reason == "token" && sent == c.bearer().Value
	if refused && c.leftAlone() {
		c.look(c.retryLater(), func() { c.answered(cmd, in) }, func(f *link.Fault) { finish(nil, f) })
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
	c.ready(false, func(f *link.Fault) {
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
		answer := func(v json.Value, f *link.Fault) {
			if f == nil && !mine && v.Get("sub").Str() != claims.Get("sub").Str() {
				f = link.NotVerified("wrong_claim", "sub")
			}
			if f != nil {
				c.redact(f, r.access)
			}
			// Without leave to see the list there is no e-mail, which is no failure.
			if f != nil && (url != c.profile.emails || f.Status < 403 || f.Status > 404) {
				c.fail(cmd, f)
				return
			}
			done(v)
		}
		c.send(cmd, r, func(res *response, f *link.Fault) {
			if f != nil {
				c.keyGone(r.key, f, func() { c.fetch(cmd, url, done) }, func(f *link.Fault) { answer(json.Value{}, f) })
				return
			}
			res.list = url == c.profile.emails
			c.claims(res, answer)
		})
	})
}

// credentials gives the headers that carry the token to a resource, the token's own first (RFC 6750 section 2.1, RFC 9449 section 7.1).
func (c *client) credentials(method, url string, done func([]form.Param, *link.Fault)) {
	headers := []form.Param{c.bearer()}
	if c.tokens.key == "" {
		done(headers, nil)
		return
	}
	c.proof(c.tokens.key, false, method, url, c.tokens.access, func(proof string, f *link.Fault) {
		done(append(headers, form.Param{Name: "dpop", Value: proof}), f)
	})
}
