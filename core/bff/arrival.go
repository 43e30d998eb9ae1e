package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// An arrival is a session that was signed in and that no browser has a cookie of yet.
type arrival struct {
	client *core.Client
	cookie string // of the attempt, and then of the ticket
	back   string // where the browser goes
	id     string // of the session
	old    string // the id of the session that the browser had when it began, "" for none, or one that did not come along
}

// signedIn lists the session where the server's logout looks for it, and sees to its cookie.
func (c *call) signedIn(a *arrival, claims json.Value) {
	c.list(sha256.Base64URL(a.id), claims, func(failed string) {
		switch {
		case failed == loggedOut:
			c.undo(a.client, func() { c.sendBack(a.cookie, a.back, link.Bad(loggedOut, "")) })
		case failed != "":
			c.undo(a.client, func() { c.comeToNothing(a.cookie) }) // one that a logout would not find is none
		case c.crossSite():
			c.bounce(a)
		default:
			c.handOver(a, func() { c.undo(a.client, func() { c.comeToNothing(a.cookie) }) })
		}
	})
}

// bounce has the browser come again from a page of ours. The session's cookie is SameSite=Strict and does not come with what another site's redirect or form brings, so which
// session is being replaced is not known yet; and as redirects go, what began at another site stays cross-site (RFC 6265bis section 5.2). What that page leads to is same-site.
func (c *call) bounce(a *arrival) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", a.id)
	w.MemberStr("return_to", a.back)
	w.MemberStrIf("old", a.old)
	w.MemberInt("at", c.s.Now)
	w.Close('}')
	c.seal(w.String(), c.ticketContext(), func(sealed, failed string) {
		if failed != "" || len(sealed) > attemptRoom {
			c.undo(a.client, func() { c.comeToNothing(a.cookie) })
			return
		}
		// In the place of the attempt's cookie, which is used up.
		c.setAttempt(a.cookie, sealed, "Lax")
		c.continueAt("?ticket=" + a.cookie[len(c.sessionCookie())+1:])
	})
}

func (c *call) ticketContext() string { return c.name + " ticket" }

// arrive takes the ticket of a bounce.
func (c *call) arrive(ticket string) {
	name := c.sessionCookie() + "." + ticket
	unknown := func() {
		c.refuse(400, "unknown_attempt", "This sign-in was not begun in this browser, or too long ago. Begin again.")
	}
	sealed := c.cookie(name)
	if sealed == "" {
		unknown()
		return
	}
	c.unseal(sealed, c.ticketContext(), func(text, failed string) {
		v, _ := json.Parse(text)
		at, _ := v.Get("at").Int()
		switch {
		case failed != "" && failed != "tampered":
			c.unavailable()
		case failed != "" || c.s.Now > at+c.config.client.AttemptLife():
			unknown()
		default:
			a := &arrival{cookie: name, back: v.Get("return_to").Str(), id: v.Get("id").Str(), old: v.Get("old").Str()}
			c.handOver(a, c.unavailable) // the ticket stays: it may be tried again
		}
	})
}

// handOver ends the session that the browser had, and gives it the cookie of the new one.
func (c *call) handOver(a *arrival, fail func()) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", a.id)
	w.MemberInt("at", c.s.Now)
	w.Close('}')
	c.seal(w.String(), c.sessionContext(), func(sealed, failed string) {
		if failed != "" {
			fail()
			return
		}
		c.sessionID(func(here, failed string) {
			if failed != "" {
				fail()
				return
			}
			c.endOthers(a.id, []string{a.old, here}, func(f *link.Fault) {
				if f != nil {
					fail()
					return
				}
				c.dropCookie(a.cookie)
				c.setCookie(c.sessionCookie(), sealed, "Strict", "")
				c.redirect(a.back)
			})
		})
	})
}

// endOthers ends the sessions of ids, unless one is the session that stays.
func (c *call) endOthers(stays string, ids []string, then func(f *link.Fault)) {
	if len(ids) == 0 {
		then(nil)
		return
	}
	id := ids[0]
	if id == "" || id == stays || len(ids) > 1 && id == ids[1] {
		c.endOthers(stays, ids[1:], then)
		return
	}
	c.end(c.client(&vault{hash: sha256.Base64URL(id)}), func(f *link.Fault) {
		if f != nil {
			then(f)
			return
		}
		c.endOthers(stays, ids[1:], then)
	})
}

// continueAt answers with a page that leads on by itself, and by a link where the browser does not let it. There is no script in it, and nothing that is secret.
func (c *call) continueAt(url string) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("text", `<!doctype html><html lang="en"><title>Signing in</title><meta http-equiv="refresh" content="0;url=`+url+`"><p><a href="`+url+`">Continue</a></p></html>`)
	w.Close('}')
	c.send(200, []form.Param{{Name: "content-type", Value: "text/html; charset=utf-8"}, {Name: "cache-control", Value: "no-store"}, {Name: "referrer-policy", Value: "no-referrer"},
		{Name: "content-security-policy", Value: "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}}, w.String())
}
