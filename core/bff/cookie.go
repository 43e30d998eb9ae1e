package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	// maxAttempts is how many attempts a browser may have, and attemptRoom how many bytes they may
	// add to every request: servers and proxies accept at least 8 KB of headers.
	maxAttempts = 5
	attemptRoom = 4000
)

// elsewhere is the suffix of the names of attempts that another site began.
const elsewhere = ".x"

// readCookies reads our cookies (RFC 6265 section 4.2.1). A browser sends one header. If a name
// occurs twice, the first counts.
func (c *call) readCookies() (cookies []form.Param) {
	for _, h := range c.headers {
		if h.Name != "cookie" {
			continue
		}
		for from := 0; from < len(h.Value); {
			pair, next := cut(h.Value, from, ';')
			from = next
			name, at := cut(pair, 0, '=')
			session := name == c.config.sessionCookie()
			if at > len(pair) || !session && (!words.Prefixed(name, c.config.sessionCookie()+".") || len(cookies) > 2*maxAttempts) {
				continue // somebody else's cookie, or longer than any of ours
			}
			cookies = append(cookies, form.Param{Name: name, Value: pair[at:]})
		}
	}
	return cookies
}

// sessionCookie is the cookie's name. The prefix prevents other hosts, subdomains and plain http
// from setting it (RFC 6265bis section 4.1.3.2).
func (c *config) sessionCookie() string { return "__Host-" + c.name }

// attemptCookie gives each attempt a cookie of its own, so that several tabs can sign in at once.
func (c *config) attemptCookie(state string) string {
	return c.sessionCookie() + "." + sha256.Base64URL(state)[:12]
}

// attemptOf returns the name of the cookie that holds the attempt of a state, and the sealed
// attempt; "" if there is none.
func (c *call) attemptOf(state string) (name, sealed string) {
	name = c.config.attemptCookie(state)
	if sealed = c.cookie(name); sealed == "" {
		name += elsewhere
		sealed = c.cookie(name)
	}
	return name, sealed
}

// crossSite reports whether a page of another site led the browser here, according to Fetch
// Metadata. If the browser does not send it, we assume that a page of ours did.
func (c *call) crossSite() bool { return c.sent("sec-fetch-site") == "cross-site" }

func (c *call) cookie(name string) string { return form.ValueOf(c.cookies, name) }

func (c *call) setCookie(name, value, sameSite, life string) {
	c.set = append(c.set, name+"="+value+"; Path=/; Secure; HttpOnly; SameSite="+sameSite+life)
}

// setAttempt sets the cookie of an attempt, or of a ticket that follows it, for as long as the core
// keeps attempts.
func (c *call) setAttempt(name, sealed, sameSite string) {
	c.setCookie(name, sealed, sameSite, "; Max-Age="+string(json.AppendInt(nil, c.config.client.AttemptLife/1000)))
}

func (c *call) dropCookie(name string) { c.setCookie(name, "", "Lax", "; Max-Age=0") }

// attempts returns the cookies of attempts, in the order of the request.
func (c *call) attempts() (there []form.Param) {
	for _, k := range c.cookies {
		if k.Name != c.config.sessionCookie() {
			there = append(there, k)
		}
	}
	return there
}

// makeRoom removes attempts so that a new one of so many bytes fits: first those that another site
// began, then the oldest, which browsers send first (RFC 6265 section 5.4). An attempt that another
// site begins never displaces others: it fits or is refused.
func (c *call) makeRoom(size int) bool {
	there := c.attempts()
	for _, k := range there {
		size += cookieSize(k.Name, k.Value)
	}
	for size > attemptRoom || len(there) >= maxAttempts {
		if len(there) == 0 || c.crossSite() {
			return false
		}
		oldest := 0
		for i := range there {
			if words.Suffixed(there[i].Name, elsewhere) {
				oldest = i
				break
			}
		}
		gone := there[oldest]
		size -= cookieSize(gone.Name, gone.Value)
		there = append(there[:oldest], there[oldest+1:]...)
		c.dropCookie(gone.Name)
	}
	return true
}

// cookieSize is the number of bytes that a cookie adds to a Cookie header, with "=", ";" and a
// space.
func cookieSize(name, value string) int { return len(name) + len(value) + 3 }

// seal asks the host to encrypt a text. context names its kind, so that a sealed text of one kind
// is never accepted as another.
func (c *call) seal(text, context string, done func(sealed, failed string)) {
	w := c.link.Effect("seal")
	w.MemberStr("text", text)
	w.MemberStr("context", context)
	c.link.Ask(w, func(ok json.Value, failed string) { done(ok.Get("sealed").Str(), failed) })
}

func (c *call) unseal(sealed, context string, done func(text, failed string)) {
	w := c.link.Effect("unseal")
	w.MemberStr("sealed", sealed)
	w.MemberStr("context", context)
	c.link.Ask(w, func(ok json.Value, failed string) { done(ok.Get("text").Str(), failed) })
}
