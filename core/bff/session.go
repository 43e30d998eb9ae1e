package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

func (c *config) sessionContext() string { return c.name + " session" }

// sessionID gives the id in the session cookie, "" where there is none that the host sealed, or its time is over. Storage is not touched.
func (c *call) sessionID(done func(id, failed string)) {
	sealed := c.cookie(c.sessionCookie())
	if sealed == "" {
		done("", "")
		return
	}
	c.unseal(sealed, c.sessionContext(), func(text, failed string) {
		v, _ := json.Parse(text)
		at, _ := v.Get("at").Int()
		if failed == "tampered" || failed == "" && c.s.Now() >= at+c.sessionMS {
			done("", "")
			return
		}
		done(v.Get("id").Str(), failed)
	})
}

// signedOut: nobody is signed in, or not any more. The cookie stays: it is good for nothing, and this answer may be older than the browser's new one.
func (c *call) signedOut(status int64) {
	if status == 200 {
		c.respond(200, nil, `{"claims":null}`)
		return
	}
	c.refuse(401, "not_signed_in", "")
}

// withClient goes on with the client of the session that the browser has; nobody is the status where there is none.
func (c *call) withClient(nobody int64, then func(client *core.Client, v *vault)) {
	c.nobody = nobody
	c.sessionID(func(id, failed string) {
		switch {
		case failed != "":
			c.unavailable()
		case id == "":
			c.signedOut(nobody)
		default:
			v := &vault{hash: core.Hash(id)}
			then(c.client(v), v)
		}
	})
}

// failed answers for a command that failed; client is that of the session, which ends where it cannot go on, nil for a command of the browser's own.
func (c *call) failed(client *core.Client, f *core.Fault) {
	switch {
	case f.Retryable():
		c.tryLater(f.RetryAfter())
	case client != nil && over(f):
		// Nobody is told to sign in again while this session goes on elsewhere.
		c.end(client, func(f *core.Fault) {
			if f != nil {
				c.tryLater(f.RetryAfter())
				return
			}
			c.signedOut(c.nobody)
		})
	case client == nil && f.Kind() == "client":
		c.refuse(400, f.Code(), "")
	default:
		c.refuse(502, f.Code(), f.Protocol())
	}
}

// over tells whether a session cannot go on: only another sign-in helps.
func over(f *core.Fault) bool {
	switch f.Code() {
	case "not_signed_in", "signed_out", "token_expired", "no_key", "no_refresh_token", "refresh_not_supported", "outcome_lost", "outcome_unknown":
		return true
	}
	return f.Protocol() == "invalid_grant" || f.Dead()
}

// session tells a page who is signed in.
func (c *call) session() {
	c.withClient(c.anonymous, func(client *core.Client, v *vault) {
		client.Do("status", "", func(ok json.Value, f *core.Fault) {
			if f != nil {
				c.failed(client, f)
				return
			}
			if v.failed {
				c.unavailable()
				return
			}
			if ok.Get("status").Str() != "granted" && !ok.Get("expired").True() { // of one that has expired, usable says what is left
				c.signedOut(c.nobody)
				return
			}
			who := ok.Get("claims").Raw()
			if who == "" {
				who = "{}"
			}
			c.usable(client, func() {
				v.handOut(func(unverified string) {
					w := json.NewWriter()
					w.Open('{')
					w.MemberRaw("claims", who)
					w.MemberInt("expires_at", v.created+c.sessionMS)
					if unverified != "" {
						w.MemberRaw("unverified", unverified)
					}
					w.Close('}')
					c.respond(200, nil, w.String())
				})
			})
		})
	})
}

// usable goes on with a session whose tokens are still good for something, as far as that is known here. Where nothing is done with a token, who signed in is all there is to it.
func (c *call) usable(client *core.Client, then func()) {
	if len(c.routes) == 0 && !c.tokenEndpoint {
		then()
		return
	}
	client.Usable(func(f *core.Fault) {
		if f != nil {
			c.failed(client, f)
			return
		}
		then()
	})
}

// logout ends the session here and its tokens at the server, and says where the browser ends the rest: at a URL of ours that leads there once, since the server's has the ID token in it.
func (c *call) logout() {
	if c.method == "GET" {
		c.leave()
		return
	}
	if !c.guard() {
		return
	}
	back := core.ValueOf(c.query, "return_to")
	w := json.NewWriter()
	if back != "" {
		url, ok := c.mayReturnTo(back)
		if !ok {
			c.refuse(400, "bad_return_to", "return_to leads to where nobody is sent.")
			return
		}
		w.MemberStr("post_logout_redirect_uri", url)
	}
	c.sessionID(func(id, failed string) {
		if failed != "" {
			c.unavailable()
			return
		}
		if id == "" {
			c.dropCookie(c.sessionCookie())
			c.respond(200, nil, "{}")
			return
		}
		c.client(&vault{hash: core.Hash(id)}).Do("log_out", w.String(), func(ok json.Value, f *core.Fault) {
			if f != nil {
				c.failed(nil, f) // the cookie stays: it may be tried again
				return
			}
			c.dropCookie(c.sessionCookie())
			url := ok.Get("url").Str()
			if url == "" {
				c.respond(200, nil, "{}")
				return
			}
			ticket := c.s.Random("leave", 43)
			key := c.leaveKey(ticket)
			c.seal(url, key, func(sealed, failed string) {
				c.store(key, "", sealed, c.s.Now()+leaveLife, func(_, other string) {
					if failed != "" || other != "" {
						c.respond(200, nil, "{}") // signed out here, which is what matters
						return
					}
					w := json.NewWriter()
					w.Open('{')
					w.MemberStr("url", c.base+"/logout?ticket="+ticket)
					w.Close('}')
					c.respond(200, nil, w.String())
				})
			})
		})
	})
}

// leaveLife is how long a browser may take to follow, in ms.
const leaveLife = 60_000

func (c *config) leaveKey(ticket string) string { return c.name + ".leave." + core.Hash(ticket) }

// leave sends the browser on to the server's sign-out, for a ticket that is good once.
func (c *call) leave() {
	ticket := core.ValueOf(c.query, "ticket")
	if ticket == "" {
		c.redirect(c.returnTo[0])
		return
	}
	key := c.leaveKey(ticket)
	c.load(key, func(sealed, version, failed string) {
		if failed != "" {
			c.unavailable() // who is sent elsewhere now is not signed out at the server
			return
		}
		if sealed == "" {
			c.redirect(c.returnTo[0])
			return
		}
		c.unseal(sealed, key, func(url, failed string) {
			if failed != "" && failed != "tampered" {
				c.unavailable()
				return
			}
			c.store(key, version, "", 0, func(_, other string) {
				switch {
				case failed != "" || other == "conflict":
					c.redirect(c.returnTo[0])
				case other != "":
					c.unavailable()
				default:
					c.redirect(url)
				}
			})
		})
	})
}

// token hands the page an access token, where that is switched on: never more, and never by itself.
func (c *call) token() {
	if !c.tokenEndpoint {
		c.refuse(404, "not_found", "There is nothing here.")
		return
	}
	c.withClient(401, func(client *core.Client, _ *vault) {
		client.Do("token", "", func(ok json.Value, f *core.Fault) {
			if f != nil {
				c.failed(client, f)
				return
			}
			c.respond(200, nil, ok.Raw())
		})
	})
}
