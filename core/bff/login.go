package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// login sends the browser to the authorization server. All that binds the answer to it goes along in a sealed cookie: nothing is stored for those who never come back.
func (c *call) login() {
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
	c.seal(attempt, c.attemptContext(), func(sealed, failed string) {
		switch {
		case failed != "":
			c.unavailable()
		case len(sealed) > longestCookie:
			c.refuse(400, "too_long", "return_to and the other parameters are too long for a cookie.")
		default:
			// Another site posts the answer in form_post, and to what another site posts only SameSite=None cookies go.
			sameSite := "Lax"
			if c.formPost {
				sameSite = "None"
			}
			c.dropOldAttempts()
			c.setCookie(c.attemptCookie(ok.Get("state").Str()), sealed, sameSite, "; Max-Age=600")
			c.redirect(ok.Get("url").Str())
		}
	})
}

// longestCookie leaves room for name and attributes in what every browser takes (RFC 6265 section 6.1).
const longestCookie = 3900

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
	params, members := c.query, ""
	w := json.NewWriter()
	if c.method == "POST" {
		var ok bool
		if params, ok = c.posted(); !ok {
			c.refuse(400, "bad_body", "The body is no form.")
			return
		}
		w.Key("parameters")
		w.Open('[')
		for _, p := range params {
			w.Open('[')
			w.Str(p.Name)
			w.Str(p.Value)
			w.Close(']')
		}
		w.Close(']')
	} else {
		w.MemberStr("url", c.url+c.rawQuery)
	}
	members = w.String()
	state := core.ValueOf(params, "state")
	name := c.attemptCookie(state)
	sealed := c.cookie(name)
	if sealed == "" || state == "" {
		c.refuse(400, "unknown_attempt", "This sign-in was not begun in this browser, or too long ago. Begin again.")
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
				c.refuse(400, "unknown_attempt", "This sign-in was not begun in this browser, or too long ago. Begin again.")
			} else {
				c.unavailable()
			}
			return
		}
		id := c.s.Random("session", 43)
		v := &vault{hash: core.Hash(id), fresh: true, pending: attempt.Get("pending").Str(), closing: true, state: state}
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

// posted reads a form that was posted (RFC 6749 appendix B).
func (c *call) posted() ([]form.Param, bool) {
	ctype := core.HeaderOf(c.headers, "content-type")
	const formType = "application/x-www-form-urlencoded"
	text := c.body.Get("text")
	if len(ctype) < len(formType) || ctype[:len(formType)] != formType || text.Kind() != json.String {
		return nil, false
	}
	return form.Decode(text.Str())
}
