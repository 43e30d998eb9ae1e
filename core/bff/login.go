package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// login sends the browser to the authorization server. All that binds the answer to it goes along in a sealed cookie: nothing is stored for those who never come back.
func (c *call) login() {
	// A page of another site may lead a browser here, but not load this behind its own back.
	if mode, dest := c.sent("sec-fetch-mode"), c.sent("sec-fetch-dest"); c.crossSite() && (mode != "" && mode != "navigate" || dest != "" && dest != "document") {
		c.refuse(403, "foreign_origin", "Another site may link here, and nothing else.")
		return
	}
	back, ok := c.mayReturnTo(core.ValueOf(c.query, "return_to"))
	if !ok {
		c.refuse(400, "bad_return_to", "return_to leads to where nobody is sent.")
		return
	}
	w := json.NewWriter()
	for _, name := range [...]string{"prompt", "login_hint", "acr_values", "ui_locales"} {
		if s := core.ValueOf(c.query, name); s != "" {
			w.MemberStr(name, s)
		}
	}
	if s := core.ValueOf(c.query, "max_age"); s != "" {
		n, ok := json.Int(s)
		if !ok {
			c.refuse(400, "bad_value", "max_age is no number.")
			return
		}
		w.MemberInt("max_age", n)
	}
	v := &vault{}
	c.client(v).Do("authorize", w.String(), func(ok json.Value, f *core.Fault) {
		if f != nil {
			c.failed(nil, f)
			return
		}
		// Whose session this one will take the place of is known now: with the navigation from another site that cookie does not come.
		c.sessionID(func(old, _ string) {
			w := json.NewWriter()
			w.Open('{')
			w.MemberStr("return_to", back)
			w.MemberStr("pending", v.pending)
			w.MemberStrIf("old", old)
			w.Close('}')
			c.begin(w.String(), ok)
		})
	})
}

// begin puts the attempt into its cookie and sends the browser off.
func (c *call) begin(attempt string, ok json.Value) {
	name := c.attemptCookie(ok.Get("state").Str())
	if c.crossSite() {
		name += elsewhere
	}
	c.seal(attempt, c.attemptContext(), func(sealed, failed string) {
		switch {
		case failed != "":
			c.unavailable()
		case cookieSize(name, sealed) > attemptRoom:
			c.refuse(400, "too_long", "return_to and the other parameters are too long for a cookie.")
		case !c.makeRoom(cookieSize(name, sealed)):
			c.refuse(429, "too_many_attempts", "Other sign-ins are under way in this browser. Finish them, or begin from a page of this site.")
		default:
			// Another site posts the answer in form_post, and to what another site posts only SameSite=None cookies go.
			sameSite := "Lax"
			if c.formPost {
				sameSite = "None"
			}
			c.setAttempt(name, sealed, sameSite)
			c.redirect(ok.Get("url").Str())
		}
	})
}

func (c *call) attemptContext() string { return c.name + " attempt" }

// mayReturnTo gives the URL that a browser may be sent to, for one of this list: a path and what is below it.
func (c *call) mayReturnTo(url string) (string, bool) {
	if url == "" {
		return c.returnTo[0], true
	}
	if url = c.absolute(url); url == "" {
		return "", false
	}
	bare, rest := cutQuery(url)
	for i := range len(rest) {
		if rest[i] == '#' && queryChars(rest[i+1:]) {
			rest = rest[:i] // a page that routes by fragment
			break
		}
	}
	for _, prefix := range c.returnTo {
		if core.Within(bare+rest, prefix) {
			return url, true
		}
	}
	return "", false
}

// absolute is a path of this origin as a URL; "" for one that some take for another host.
func (c *config) absolute(url string) string {
	if url == "" || url[0] != '/' {
		return url
	}
	if begins(url, "//") || begins(url, "/\\") {
		return ""
	}
	return core.Origin(c.base) + url
}

// callback takes the authorization response. Without the cookie of the browser that began, nothing is looked at and nothing stored (RFC 9700 section 4.7).
func (c *call) callback() {
	if ticket := core.ValueOf(c.query, "ticket"); ticket != "" && c.method == "GET" && core.ValueOf(c.query, "state") == "" {
		c.arrive(ticket)
		return
	}
	w := json.NewWriter()
	if c.method == "GET" {
		w.MemberStr("url", c.url+c.rawQuery)
		c.respondTo(c.query, w.String())
		return
	}
	if isForm(c.sent("content-type")) && len(c.attempts()) == 0 {
		c.unknownAttempt() // whatever the form says
		return
	}
	c.form(maxForm, "bad_body", func(params []form.Param) {
		w.Key("parameters")
		writePairs(w, params)
		c.respondTo(params, w.String())
	})
}

// unknownAttempt: this browser has no cookie that begins what is answered.
func (c *call) unknownAttempt() {
	c.refuse(400, "unknown_attempt", "This sign-in was not begun in this browser, or too long ago. Begin again.")
}

// respondTo goes on with the parameters of an authorization response; members has it for the client.
func (c *call) respondTo(params []form.Param, members string) {
	state := core.ValueOf(params, "state")
	name, sealed := c.attemptOf(state)
	if sealed == "" || state == "" {
		c.unknownAttempt()
		return
	}
	c.unseal(sealed, c.attemptContext(), func(text, failed string) {
		attempt, _ := json.Parse(text)
		back := attempt.Get("return_to").Str()
		if failed == "" && back == "" {
			failed = "tampered"
		}
		if failed != "" {
			if failed == "tampered" {
				c.dropCookie(name)
				c.unknownAttempt()
			} else {
				c.unavailable()
			}
			return
		}
		id := c.s.Random("session", 43)
		v := &vault{hash: core.Hash(id), fresh: true, pending: attempt.Get("pending").Str(), closing: true, state: state, unverified: c.config.client.Extras(params)}
		client := c.client(v)
		client.Do("callback", members, func(ok json.Value, f *core.Fault) {
			switch {
			case f != nil:
				c.notSignedIn(name, back, f)
			case ok.Get("not_persisted").True():
				c.undo(client, func() { c.comeToNothing(name) })
			default:
				c.signedIn(&arrival{client: client, cookie: name, back: back, id: id, old: attempt.Get("old").Str()}, ok.Get("claims"))
			}
		})
	})
}

// notSignedIn sends the browser back with the reason: the page knows best how to say it. What may work later keeps its attempt.
func (c *call) notSignedIn(cookie, back string, f *core.Fault) {
	if f.Code() == usedUp {
		c.dropCookie(cookie)
		c.refuse(400, usedUp, "This sign-in was answered before.")
		return
	}
	if f.Retryable() {
		c.failed(nil, f)
		return
	}
	c.sendBack(cookie, back, f)
}

// sendBack ends an attempt that came to nothing.
func (c *call) sendBack(cookie, back string, f *core.Fault) {
	c.dropCookie(cookie)
	reason := f.Protocol()
	if reason == "" {
		reason = f.Code()
	}
	c.redirect(core.WithQuery(back, []form.Param{{Name: "error", Value: reason}}))
}

// end ends a session: its tokens at the server, as well as that goes, and what is stored of it.
func (c *call) end(client *core.Client, then func(f *core.Fault)) {
	client.Do("log_out", "", func(_ json.Value, f *core.Fault) { then(f) })
}

// undo ends a session that nobody gets a cookie for.
func (c *call) undo(client *core.Client, then func()) {
	c.end(client, func(*core.Fault) { then() })
}

// comeToNothing: the code was spent, so only another sign-in helps.
func (c *call) comeToNothing(cookie string) {
	c.dropCookie(cookie)
	c.refuse(503, "temporarily_unavailable", "A server that is needed for this could not be reached. Begin again.")
}
