package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/link"

// leadTime is how long before its end a token is told to be about to expire, in ms.
const leadTime = 10_000

// mostApart is how far before a token's arrival a clock may stand without having been set back: hosts of one store have clocks of their own.
const mostApart = 300_000

// ends is when the life of an access token is over, in Unix ms; 0: that is not known. The one rule for what is usable, expired, about to expire and granted.
// Where the clock was set back nobody knows how much of the life is left, so all of it counts as over.
func (c *client) ends(t *tokens) int64 {
	life := max(0, t.expiresAt-t.receivedAt)
	if t.expiresAt != 0 && c.Now < t.receivedAt-max(c.skew, min(life/4, mostApart)) {
		return 1
	}
	return min(t.expiresAt, c.Now+life)
}

// expired is strict: at the very millisecond a token is still good. Without expiry it never is.
func (c *client) expired(t *tokens) bool { return t.expiresAt != 0 && c.Now > c.ends(t) }

// staleAt is from when on, in Unix ms, a token is renewed before it is used: it leaves time for the request that the token is fetched for, and room for clocks apart: the skew, or
// a quarter of a short life.
func (c *client) staleAt(t *tokens) int64 {
	if t.expiresAt == 0 {
		return link.MaxTime
	}
	return c.ends(t) - min(c.skew, max(0, t.expiresAt-t.receivedAt)/4)
}

func (c *client) usable(t *tokens) bool { return t.access != "" && c.Now < c.staleAt(t) }

// lapsed tells whether the access token held is over for good: it has ended, and nothing can renew it. That is no grant.
func (c *client) lapsed() bool {
	return c.tokens.access != "" && c.expired(c.tokens) && c.renewable() != nil
}

// awaitEnd lets the end of a token that nothing can renew be told when it comes, where timers are wanted at all.
func (c *client) awaitEnd() {
	if t := c.tokens; t.access != "" && t.expiresAt != 0 && c.timed() && c.renewable() != nil {
		c.Ring(&c.expiry, c.ends(t)+1, func(string) {
			if c.refreshing == nil {
				c.look(nil, c.settle, func(*link.Fault) { c.settle() })
			}
		})
	}
}

// timed tells whether the application wants to hear of the end of a token.
func (c *client) timed() bool { return c.refreshLead >= 0 || c.autoRefresh }

// arm sets the alarm for the end of the token held. given is a token that the application brought: what is already due then is due at once.
func (c *client) arm(given bool) {
	c.Silence(&c.expiry)
	c.missed = false
	t := c.tokens
	if !c.timed() || t.access == "" || t.expiresAt == 0 {
		return
	}
	life, lead := t.expiresAt-t.receivedAt, c.refreshLead
	if lead <= 0 || !given && lead >= life {
		lead = max(leadTime, life/20)
	}
	due := c.ends(t) - lead
	if !given {
		due = max(due, min(t.receivedAt, c.Now)+leastWait)
	}
	if due <= c.Now {
		c.aboutToExpire("")
		return
	}
	c.Ring(&c.expiry, due, c.aboutToExpire)
}

func (c *client) aboutToExpire(failed string) {
	if failed != "" {
		return // a host without timers: tokens are refreshed when they are asked for
	}
	w := c.event("about_to_expire")
	w.MemberInt("expires_at", c.tokens.expiresAt)
	c.Emit(w)
	c.refreshAlone("")
	c.awaitEnd()
}

// refreshAlone refreshes without being asked, and tries again later where that fails in passing.
func (c *client) refreshAlone(failed string) {
	if c.polling() {
		c.missed = true
		return
	}
	if failed != "" || !c.autoRefresh || c.refreshable() != nil {
		return
	}
	if c.leftAlone() {
		c.Ring(&c.expiry, c.retryAt, c.refreshAlone)
		return
	}
	c.refresh(func(f *link.Fault) {
		if f == nil {
			return // the new token has its own alarm
		}
		f.Op = stageRefresh
		c.reportOnce(f)
		c.missed = c.missed || c.polling()
		if f.Retryable || f.Garbled {
			wait := max(min(int64(leastWait)<<min(c.failures, 8), longestWait), f.RetryAfter)
			c.failures++
			c.Ring(&c.expiry, c.Now+wait, c.refreshAlone)
		}
	})
}

// catchUp does the refresh that polling kept from being done.
func (c *client) catchUp() {
	if c.missed {
		c.missed = false
		c.refreshAlone("")
	}
}

// leftAlone tells whether the server asked not to be bothered now. A clock set back makes that no longer than a server can ask for.
func (c *client) leftAlone() bool { return c.Now < c.retryAt && c.retryAt-c.Now <= longestRetryAfter }
