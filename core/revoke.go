package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// revokeToken asks the revocation endpoint to end a token (RFC 7009 section 2.1).
func (c *client) revokeToken(cmd *command, token, hint string, done func(*fault)) {
	if c.config.revocation == "" {
		done(&fault{kind: kindClient, code: "revocation_not_supported"})
		return
	}
	r := &request{stage: stageRevocation, method: "POST", url: c.config.revocation, auth: c.revocationAuth,
		params: []form.Param{{Name: "token", Value: token}, {Name: "token_type_hint", Value: hint}}}
	c.send(cmd, r, func(res *response, f *fault) {
		// 200 says it all, the body is ignored (section 2.2).
		if f == nil && (res.status < 200 || res.status > 299) {
			if _, f = res.object(c.now); f == nil {
				f = &fault{kind: kindServer, code: "http_error", status: res.status}
			}
		}
		if f != nil {
			c.redact(f, token)
		}
		done(f)
	})
}

// discard ends a grant that nobody wants any more.
func (c *client) discard(t *tokens) {
	c.dropKey(t.key)
	token, hint := t.refresh, "refresh_token"
	if token == "" {
		token, hint = t.bearer(), "access_token"
	}
	if token != "" {
		c.revokeToken(&command{}, token, hint, func(*fault) {})
	}
}

// revoke ends one token at the server, and here once the server said so. Without a refresh token's grant the rest is worth nothing, so with it the session ends.
func (c *client) revoke(cmd *command, in json.Value) {
	which := in.Get("token").Str()
	if which != "" && which != "access_token" && which != "refresh_token" {
		c.fail(cmd, bad("bad_value", "token"))
		return
	}
	c.newest(func(release func(), f *fault) {
		end := func(f *fault) {
			release()
			c.finishStatus(cmd, f, "")
		}
		token, hint := c.endsMore(which)
		if f == nil && token == "" {
			f = &fault{kind: kindClient, code: "no_token"}
		}
		if f != nil {
			end(f)
			return
		}
		c.revokeToken(cmd, token, hint, func(f *fault) {
			if f != nil {
				end(f)
				return
			}
			if hint == "refresh_token" || c.tokens.refresh == "" {
				c.clear(end)
				return
			}
			c.tokens.access, c.tokens.expiresAt = "", 0
			c.settle()
			c.save(func() { end(nil) })
		})
	})
}

func (c *client) endsMore(which string) (token, hint string) {
	if which != "access_token" && (c.tokens.refresh != "" || which == "refresh_token") {
		return c.tokens.refresh, "refresh_token"
	}
	return c.tokens.bearer(), "access_token"
}

// logOut forgets the session first, whatever the server will say, and then revokes what there was.
func (c *client) logOut(cmd *command, in json.Value) {
	if _, f := c.endSessionURL(in, ""); f != nil {
		c.fail(cmd, f)
		return
	}
	c.missed = false
	c.giveUpDevice()
	c.blind = c.blind || c.uncleared // what is still stored is to be ended
	c.newest(func(release func(), f *fault) {
		if f != nil && f.kind == kindStorage {
			release()
			c.fail(cmd, f)
			return
		}
		token, hint := c.endsMore("")
		idToken := c.tokens.idToken
		c.clear(func(f *fault) {
			release()
			finish := func(revoked bool) {
				if f != nil {
					c.fail(cmd, f)
					return
				}
				url, _ := c.endSessionURL(in, idToken)
				c.finish(cmd, func(w *json.Writer) {
					w.MemberBool("revoked", revoked)
					w.MemberStrIf("url", url)
				})
			}
			c.discovered(func(*fault) {
				if token == "" || c.config.revocation == "" {
					finish(false)
					return
				}
				c.revokeToken(cmd, token, hint, func(f *fault) {
					if f != nil {
						f.op = cmd.op
						c.reportFault(f)
					}
					finish(f == nil)
				})
			})
		})
	})
}

// newest waits for what is under way, takes the lock and reads the store, so that what is ended is the newest there is.
func (c *client) newest(then func(release func(), f *fault)) {
	c.sessions.run(func(release func()) {
		c.locked(func(unlock func(), _ bool, f *fault) {
			c.reload(func(_ bool, failed string) {
				if f == nil && failed != "" && c.tokens.access == "" && c.tokens.refresh == "" {
					f = &fault{kind: kindStorage, code: failed, retryable: true} // nobody knows what there is to end
				}
				then(func() {
					unlock()
					release()
				}, f)
			})
		})
	})
}
