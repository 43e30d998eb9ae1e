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

// callback handles the authorization response. Without the cookie of the browser that began the
// sign-in, nothing is read or stored (RFC 9700 section 4.7).
func (c *call) callback() {
	if c.method == "GET" && form.ValueOf(c.query, "state") == "" {
		if ticket := form.ValueOf(c.query, "ticket"); ticket != "" {
			c.arrive(ticket)
			return
		}
		if code := form.ValueOf(c.query, "bounce"); code != "" {
			c.comeAgain(code)
			return
		}
	}
	w := json.NewWriter()
	if c.method == "GET" {
		w.MemberStr("url", c.url+c.rawQuery)
		c.respondTo(c.query, w.String())
		return
	}
	if isForm(c.sent("content-type")) && len(c.attempts()) == 0 {
		c.unknownAttempt() // whatever the form contains
		return
	}
	c.form(maxForm, "bad_body", func(params []form.Param) {
		link.WriteParams(w, "parameters", params)
		c.respondTo(params, w.String())
	})
}

// unknownAttempt answers a browser that has no cookie of the attempt.
func (c *call) unknownAttempt() {
	c.leadOn(400, "unknown_attempt", "This sign-in was not begun in this browser, or too long ago. Begin again.")
}

// A callbackRun handles the parameters of an authorization response. Its methods are the steps:
// opened, answered.
type callbackRun struct {
	c       *call
	params  []form.Param
	members string // what the client gets of the response
	state   string
	cookie  string // its name
	attempt json.Value
	back    string // where the browser goes
	id      string // of the session
	client  *core.Client
}

func (c *call) respondTo(params []form.Param, members string) {
	r := &callbackRun{c: c, params: params, members: members, state: form.ValueOf(params, "state")}
	name, sealed := c.attemptOf(r.state)
	if sealed == "" || r.state == "" {
		c.unknownAttempt()
		return
	}
	r.cookie = name
	c.unseal(sealed, c.attemptContext(), r.opened)
}

func (r *callbackRun) opened(text, failed string) {
	c := r.c
	r.attempt, _ = json.Parse(text)
	r.back = r.attempt.Get("return_to").Str()
	c.back = r.back
	switch {
	case failed != "" && failed != "tampered":
		c.unavailable()
		return
	case failed != "" || r.back == "":
		c.dropCookie(r.cookie)
		c.unknownAttempt()
		return
	}
	r.id = c.link.Random("session", 43)
	v := &vault{hash: sha256.Base64URL(r.id), fresh: true, pending: r.attempt.Get("pending").Str(), closing: true, state: r.state, unverified: c.config.client.Extras(r.params)}
	r.client = c.client(v)
	r.client.Do("callback", r.members, r.answered)
}

func (r *callbackRun) answered(ok json.Value, f *link.Fault) {
	switch {
	case f != nil:
		r.c.notSignedIn(r.cookie, r.back, f)
	case ok.Get("not_persisted").True():
		r.c.undo(r.client, func() { r.c.comeToNothing(r.cookie) })
	default:
		a := &arrival{c: r.c, client: r.client, cookie: r.cookie, back: r.back, id: r.id, old: r.attempt.Get("old").Str()}
		a.signedIn(ok.Get("claims"))
	}
}

// notSignedIn sends the browser back to the page with the reason. If a retry may work, the attempt
// is kept.
func (c *call) notSignedIn(cookie, back string, f *link.Fault) {
	if f.Code == usedUp {
		c.dropCookie(cookie)
		c.leadOn(400, usedUp, "This sign-in was answered before.")
		return
	}
	if f.Code == "attempt_expired" && c.page {
		c.dropCookie(cookie)
		c.leadOn(400, f.Code, "")
		return
	}
	if f.Retryable {
		c.failed(nil, f)
		return
	}
	c.sendBack(cookie, back, f)
}

// sendBack ends a failed attempt.
func (c *call) sendBack(cookie, back string, f *link.Fault) {
	c.dropCookie(cookie)
	reason := f.Protocol()
	if reason == "" {
		reason = f.Code
	}
	if !words.Has(toldErrors, reason) {
		reason = "server_error"
	}
	c.redirect(uri.WithQuery(back, []form.Param{{Name: "error", Value: reason}}))
}

// comeToNothing ends an attempt whose code was used up, so that only another sign-in helps.
func (c *call) comeToNothing(cookie string) {
	c.dropCookie(cookie)
	c.refuse(503, "temporarily_unavailable", "A server that is needed for this could not be reached. Begin again.")
}
