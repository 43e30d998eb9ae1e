package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// An arrival is a new session whose cookie no browser has yet. Its methods are the steps: signedIn,
// listed, and then bounce, or handOver, sealed, known, alone.
type arrival struct {
	c      *call
	client *core.Client
	cookie string // its name: first of the attempt's cookie, then of the ticket's
	back   string // where the browser goes
	id     string // of the session
	old    string // the id of the browser's session when the attempt began; "" if it had none or did not send it
	sealed string // the session's cookie
}

// signedIn puts the session into the lists that the server's logout uses, and makes its cookie.
func (a *arrival) signedIn(claims json.Value) { a.c.list(sha256.Base64URL(a.id), claims, a.listed) }

func (a *arrival) listed(failed string) {
	switch {
	case failed == loggedOut:
		a.c.undo(a.client, func() { a.c.sendBack(a.cookie, a.back, link.Bad(loggedOut, "")) })
	case failed != "":
		a.fail() // a logout could not find this session, so it must not exist
	case a.c.crossSite():
		a.bounce()
	default:
		a.handOver()
	}
}

// fail ends a session for which nobody gets a cookie. A session that came with a ticket stays,
// because the ticket may be tried again.
func (a *arrival) fail() {
	if a.client == nil {
		a.c.unavailable()
		return
	}
	a.c.undo(a.client, func() { a.c.comeToNothing(a.cookie) })
}

// bounce makes the browser come again from a page of ours. The session's cookie is SameSite=Strict,
// so the browser does not send it with another site's redirect or form, and we do not know yet
// which session is being replaced. A redirect of ours would not help: a navigation that began at
// another site stays cross-site (RFC 6265bis section 5.2). The navigation from our page is
// same-site.
func (a *arrival) bounce() {
	c := a.c
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", a.id)
	w.MemberStr("return_to", a.back)
	w.MemberStrIf("old", a.old)
	w.MemberInt("at", c.link.Now)
	w.Close('}')
	c.seal(w.String(), c.ticketContext(), func(sealed, failed string) {
		if failed != "" || len(sealed) > attemptRoom {
			a.fail()
			return
		}
		// It replaces the attempt's cookie, which is used up.
		c.setAttempt(a.cookie, sealed, "Lax")
		c.continueAt("?ticket=" + a.cookie[len(c.config.sessionCookie())+1:])
	})
}

func (c *call) ticketContext() string { return c.config.name + " ticket" }

// arrive handles the ticket of a bounce.
func (c *call) arrive(ticket string) {
	name := c.config.sessionCookie() + "." + ticket
	sealed := c.cookie(name)
	if sealed == "" {
		c.unknownAttempt()
		return
	}
	c.unseal(sealed, c.ticketContext(), func(text, failed string) {
		v, _ := json.Parse(text)
		at, _ := v.Get("at").Int()
		switch {
		case failed != "" && failed != "tampered":
			c.unavailable()
		case failed != "" || c.link.Now > at+c.config.client.AttemptLife:
			c.unknownAttempt()
		default:
			a := &arrival{c: c, cookie: name, back: v.Get("return_to").Str(), id: v.Get("id").Str(), old: v.Get("old").Str()}
			a.handOver()
		}
	})
}

// handOver ends the browser's previous session, and gives it the cookie of the new one.
func (a *arrival) handOver() {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("id", a.id)
	w.MemberInt("at", a.c.link.Now)
	w.Close('}')
	a.c.seal(w.String(), a.c.config.sessionContext(), func(sealed, failed string) {
		if failed != "" {
			a.fail()
			return
		}
		a.sealed = sealed
		a.c.sessionID(a.known)
	})
}

func (a *arrival) known(here, failed string) {
	if failed != "" {
		a.fail()
		return
	}
	a.c.endOthers(a.id, []string{a.old, here}, a.alone)
}

func (a *arrival) alone(f *link.Fault) {
	if f != nil {
		a.fail()
		return
	}
	c := a.c
	c.dropCookie(a.cookie)
	c.setCookie(c.config.sessionCookie(), a.sealed, "Strict", "")
	c.redirect(a.back)
}

// endOthers ends the sessions of ids, except the one that stays.
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
