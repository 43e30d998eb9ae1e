package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// bounced are the codes with which a page of ours sends the browser back.
const bounced = "already_used attempt_expired not_signed_in unknown_attempt"

// leadOn refuses a request that a signed-in person does not need any more, such as a callback that
// was answered before. If the session is alive, the person goes to the page as if nothing had
// happened. That can only be seen when the browser comes from a page of ours, because the session's
// cookie does not come with a navigation from another site.
func (c *call) leadOn(status int64, code, description string) {
	if !c.page {
		c.refuse(status, code, description)
		return
	}
	if c.cookie(c.config.sessionCookie()) == "" && !c.wasBounced && c.crossSiteMaybe() {
		query := []form.Param{{Name: "bounce", Value: code}, {Name: "return_to", Value: c.backTo()}}
		c.continueAt(uri.Path(c.config.base) + "/callback?" + form.Encode(query))
		return
	}
	c.ifAlive(func(alive bool) {
		if back := c.backTo(); alive && !c.answersFor(back) {
			c.redirect(back)
			return
		}
		c.turn(status, nil, code)
	})
}

// crossSiteMaybe reports whether the browser may have held back the session's cookie. It has sent
// it if it says that a page of this site, or the person, led here.
func (c *call) crossSiteMaybe() bool {
	site := c.sent("sec-fetch-site")
	return site == "" || site == "cross-site"
}

// comeAgain takes the browser back from the page that leadOn led to. It always continues from here,
// so a bounce never follows a bounce.
func (c *call) comeAgain(code string) {
	c.wasBounced = true
	c.back, _ = c.mayReturnTo(form.ValueOf(c.query, "return_to"))
	if !words.Has(bounced, code) {
		code = "unknown_attempt"
	}
	c.leadOn(400, code, "")
}

// ifAlive continues with whether the browser has a usable session. If that cannot be known now, it
// answers that.
func (c *call) ifAlive(then func(alive bool)) {
	c.nobody = 401
	c.sessionID(func(id, failed string) {
		switch {
		case failed != "":
			c.unavailable()
			return
		case id == "":
			then(false)
			return
		}
		v := &vault{hash: sha256.Base64URL(id)}
		r := &aliveRun{c: c, vault: v, client: c.client(v), then: then}
		r.client.Do("status", "", r.told)
	})
}

// An aliveRun finds out whether a session is usable. Its methods are the steps: told, usable.
type aliveRun struct {
	c      *call
	vault  *vault
	client *core.Client
	then   func(alive bool)
}

func (r *aliveRun) told(ok json.Value, f *link.Fault) {
	switch {
	case f != nil:
		r.c.failed(r.client, f)
	case r.vault.failed:
		r.c.unavailable()
	case ok.Get("status").Str() != "granted" && !ok.Get("expired").True():
		r.then(false)
	default:
		r.c.usable(r.client, r.usable)
	}
}

func (r *aliveRun) usable() { r.then(true) }
