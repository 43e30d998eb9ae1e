package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// login sends the browser to the authorization server. Everything that binds the answer to the
// browser is in a sealed cookie: nothing is stored for users who never come back.
func (c *call) login() {
	// Another site may send a browser here, but its page may not load this in the background.
	if mode, dest := c.sent("sec-fetch-mode"), c.sent("sec-fetch-dest"); c.crossSite() && (mode != "" && mode != "navigate" || dest != "" && dest != "document") {
		c.refuse(403, "foreign_origin", "Another site may only link here.")
		return
	}
	back, ok := c.mayReturnTo(form.ValueOf(c.query, "return_to"))
	if !ok {
		c.refuse(400, "bad_return_to", "return_to leads to where nobody is sent.")
		return
	}
	c.back = back
	w := json.NewWriter()
	for _, name := range [...]string{"prompt", "login_hint", "acr_values", "ui_locales"} {
		if s := form.ValueOf(c.query, name); s != "" {
			w.MemberStr(name, s)
		}
	}
	if s := form.ValueOf(c.query, "max_age"); s != "" {
		n, ok := json.Int(s)
		if !ok {
			c.refuse(400, "bad_value", "max_age is no number.")
			return
		}
		w.MemberInt("max_age", n)
	}
	v := &vault{}
	c.client(v).Do("authorize", w.String(), func(ok json.Value, f *link.Fault) {
		if f != nil {
			c.failed(nil, f)
			return
		}
		// We read the id of the session that will be replaced now: the browser does not send that
		// cookie with the navigation from the authorization server's site.
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

// begin puts the attempt into its cookie and redirects the browser.
func (c *call) begin(attempt string, ok json.Value) {
	name := c.config.attemptCookie(ok.Get("state").Str())
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
			// In form_post another site posts the answer, and browsers send only SameSite=None
			// cookies with such a post.
			sameSite := "Lax"
			if c.config.formPost {
				sameSite = "None"
			}
			c.setAttempt(name, sealed, sameSite)
			c.redirect(ok.Get("url").Str())
		}
	})
}

func (c *call) attemptContext() string { return c.config.name + " attempt" }
