package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// attemptSeconds is how long a browser keeps an attempt, as long as the core does.
const attemptSeconds = 600

// maxAttempts is how many of them a browser may hold: more would swell every request.
const maxAttempts = 5

// readCookies reads the Cookie headers (RFC 6265 section 4.2.1). A browser sends one; a name that comes twice counts by its first.
func readCookies(headers json.Value) (cookies []form.Param) {
	for it := headers.Each(); it.Next(); {
		pair := it.Value().Each()
		if !pair.Next() || pair.Value().Str() != "cookie" || !pair.Next() {
			continue
		}
		text := pair.Value().Str()
		for from := 0; from < len(text); {
			to, eq := from, -1
			for to < len(text) && text[to] != ';' {
				if text[to] == '=' && eq < 0 {
					eq = to
				}
				to++
			}
			if eq >= 0 {
				start := from
				for start < eq && text[start] == ' ' {
					start++
				}
				cookies = append(cookies, form.Param{Name: text[start:eq], Value: text[eq+1 : to]})
			}
			from = to + 1
		}
	}
	return cookies
}

// sessionCookie is the cookie's name; the prefix keeps other hosts, subdomains and plain http from setting it (RFC 6265bis section 4.1.3.2).
func (c *config) sessionCookie() string { return "__Host-" + c.name }

// attemptCookie has an attempt's own name, so that several tabs can be at it.
func (c *config) attemptCookie(state string) string {
	return c.sessionCookie() + "." + core.Hash(state)[:12]
}

func (c *call) cookie(name string) string { return core.ValueOf(c.cookies, name) }

func (c *call) setCookie(name, value, sameSite, life string) {
	c.set = append(c.set, name+"="+value+"; Path=/; Secure; HttpOnly; SameSite="+sameSite+life)
}

func (c *call) dropCookie(name string) { c.setCookie(name, "", "Lax", "; Max-Age=0") }

// dropOldAttempts makes room for one more: browsers send the oldest cookie first (RFC 6265 section 5.4).
func (c *call) dropOldAttempts() {
	var mine []string
	for _, k := range c.cookies {
		if begins(k.Name, c.sessionCookie()+".") {
			mine = append(mine, k.Name)
		}
	}
	for len(mine) >= maxAttempts {
		c.dropCookie(mine[0])
		mine = mine[1:]
	}
}

// seal has the host encrypt a text; context says what it is, so that no sealed text passes for another kind of text.
func (c *call) seal(text, context string, done func(sealed, failed string)) {
	w := c.s.Effect("seal")
	w.MemberStr("text", text)
	w.MemberStr("context", context)
	c.s.Ask(w, func(ok json.Value, failed string) { done(ok.Get("sealed").Str(), failed) })
}

func (c *call) unseal(sealed, context string, done func(text, failed string)) {
	w := c.s.Effect("unseal")
	w.MemberStr("sealed", sealed)
	w.MemberStr("context", context)
	c.s.Ask(w, func(ok json.Value, failed string) { done(ok.Get("text").Str(), failed) })
}
