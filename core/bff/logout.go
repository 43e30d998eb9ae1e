package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// A logoutRun ends the session here and its tokens at the server. It answers with a URL of ours
// that leads the browser once to the server's sign-out: the server's own URL contains the ID token.
// Its methods are the steps: known, ended, sealed, stored.
type logoutRun struct {
	c           *call
	members     string // the command's
	ticket, key string
	unsealed    string // why sealing the URL failed
}

func (c *call) logout() {
	if c.method == "GET" {
		c.leave()
		return
	}
	if !c.guard() {
		return
	}
	back := form.ValueOf(c.query, "return_to")
	w := json.NewWriter()
	if back != "" {
		url, ok := c.mayReturnTo(back)
		if !ok {
			c.refuse(400, "bad_return_to", "return_to leads to where nobody is sent.")
			return
		}
		w.MemberStr("post_logout_redirect_uri", url)
	}
	r := &logoutRun{c: c, members: w.String()}
	c.sessionID(r.known)
}

func (r *logoutRun) known(id, failed string) {
	c := r.c
	switch {
	case failed != "":
		c.unavailable()
	case id == "":
		c.dropCookie(c.config.sessionCookie())
		c.respond(200, nil, "{}")
	default:
		c.client(&vault{hash: sha256.Base64URL(id)}).Do("log_out", r.members, r.ended)
	}
}

func (r *logoutRun) ended(ok json.Value, f *link.Fault) {
	c := r.c
	if f != nil {
		c.failed(nil, f) // the cookie stays, so the page can retry
		return
	}
	c.dropCookie(c.config.sessionCookie())
	url := ok.Get("url").Str()
	if url == "" {
		c.respond(200, nil, "{}")
		return
	}
	r.ticket = c.link.Random("leave", 43)
	r.key = c.config.leaveKey(r.ticket)
	c.seal(url, r.key, r.sealed)
}

func (r *logoutRun) sealed(sealed, failed string) {
	r.unsealed = failed
	r.c.link.Put(r.key, "", sealed, r.c.link.Now+leaveLife, r.stored)
}

func (r *logoutRun) stored(_, failed string) {
	if failed != "" || r.unsealed != "" {
		r.c.respond(200, nil, "{}") // the user is signed out here, which matters most
		return
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("url", r.c.config.base+"/logout?ticket="+r.ticket)
	w.Close('}')
	r.c.respond(200, nil, w.String())
}

// leaveLife is how long the browser may take to follow the URL, in ms.
const leaveLife = 60_000

func (c *config) leaveKey(ticket string) string { return c.name + ".leave." + sha256.Base64URL(ticket) }

// A leaveRun redirects the browser to the server's sign-out, for a ticket that works once. Its
// methods are the steps: loaded, opened, used.
type leaveRun struct {
	c                 *call
	key, version, url string
	tampered          bool
}

func (c *call) leave() {
	ticket := form.ValueOf(c.query, "ticket")
	if ticket == "" {
		c.redirect(c.config.returnTo[0])
		return
	}
	r := &leaveRun{c: c, key: c.config.leaveKey(ticket)}
	c.link.Load(r.key, false, r.loaded)
}

func (r *leaveRun) loaded(sealed, version, failed string) {
	switch {
	case failed != "":
		r.c.unavailable() // a redirect elsewhere would leave the user signed in at the server
	case sealed == "":
		r.c.redirect(r.c.config.returnTo[0])
	default:
		r.version = version
		r.c.unseal(sealed, r.key, r.opened)
	}
}

func (r *leaveRun) opened(url, failed string) {
	if failed != "" && failed != "tampered" {
		r.c.unavailable()
		return
	}
	r.url, r.tampered = url, failed != ""
	r.c.link.Put(r.key, r.version, "", 0, r.used)
}

func (r *leaveRun) used(_, failed string) {
	switch {
	case r.tampered || failed == "conflict":
		r.c.redirect(r.c.config.returnTo[0])
	case failed != "":
		r.c.unavailable()
	default:
		r.c.redirect(r.url)
	}
}
