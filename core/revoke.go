package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// revokeToken asks the revocation endpoint to end a token (RFC 7009 section 2.1).
func (c *client) revokeToken(cmd *command, token, hint string, done func(*link.Fault)) {
	if c.config.revocation == "" {
		done(&link.Fault{Kind: link.KindClient, Code: "revocation_not_supported"})
		return
	}
	r := &request{stage: stageRevocation, method: "POST", url: c.config.revocation, auth: c.revocationAuth,
		params: []form.Param{{Name: "token", Value: token}, {Name: "token_type_hint", Value: hint}}}
	c.send(cmd, r, func(res *response, f *link.Fault) {
		// 200 says it all, the body is ignored (section 2.2).
		if f == nil && (res.status < 200 || res.status > 299) {
			if _, f = res.object(c.Now); f == nil {
				f = &link.Fault{Kind: link.KindServer, Code: "http_error", Status: res.status}
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
		c.revokeToken(&command{}, token, hint, func(*link.Fault) {})
	}
}

// revoke ends one token at the server, and here once the server said so. Without a refresh token's grant the rest is worth nothing, so with it the session ends.
func (c *client) revoke(cmd *command, in json.Value) {
	which := in.Get("token").Str()
	if which != "" && which != "access_token" && which != "refresh_token" {
		c.fail(cmd, link.Bad("bad_value", "token"))
		return
	}
	c.newest(func(release func(), f *link.Fault) {
		end := func(f *link.Fault) {
			release()
			c.finishStatus(cmd, f, "")
		}
		token, hint := c.endsMore(which)
		if f == nil && token == "" {
			f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
		}
		if f != nil {
			end(f)
			return
		}
		c.revokeToken(cmd, token, hint, func(f *link.Fault) {
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
	c.newest(func(release func(), f *link.Fault) {
		if f != nil && f.Kind == link.KindStorage {
			release()
			c.fail(cmd, f)
			return
		}
		token, hint := c.endsMore("")
		idToken := c.tokens.idToken
		c.clear(func(f *link.Fault) {
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
			c.discovered(func(*link.Fault) {
				if token == "" || c.config.revocation == "" {
					finish(false)
					return
				}
				c.revokeToken(cmd, token, hint, func(f *link.Fault) {
					if f != nil {
						f.Op = cmd.op
						c.reportFault(f)
					}
					finish(f == nil)
				})
			})
		})
	})
}

// newest waits for what is under way, takes the lock and reads the store, so that what is ended is the newest there is.
func (c *client) newest(then func(release func(), f *link.Fault)) {
	c.sessions.run(func(release func()) {
		c.locked(func(unlock func(), _ bool, f *link.Fault) {
			c.reload(func(_ bool, failed string) {
				if f == nil && failed != "" && c.tokens.access == "" && c.tokens.refresh == "" {
					f = &link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true} // nobody knows what there is to end
				}
				then(func() {
					unlock()
					release()
				}, f)
			})
		})
	})
}
