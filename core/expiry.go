package core

const (
	leadTime    = 10_000
	leastWait   = 2_000   // between two refreshes that the server's lifetimes bring about
	longestWait = 300_000 // between two tries of one refresh
)

// arm sets the alarm for the end of the token held. given is a token that the application brought: what is already due then is due at once.
func (c *client) arm(given bool) {
	c.silence(&c.expiry)
	c.missed = false
	t := c.tokens
	if c.refreshLead < 0 && !c.autoRefresh || t.access == "" || t.expiresAt == 0 {
		return
	}
	life, lead := t.expiresAt-t.receivedAt, c.refreshLead
	if lead <= 0 || !given && lead >= life {
		lead = max(leadTime, life/20)
	}
	// A clock that was set back makes no token live longer.
	due := min(t.expiresAt, c.now+max(life, 0)) - lead
	if !given {
		due = max(due, min(t.receivedAt, c.now)+leastWait)
	}
	if due <= c.now {
		c.aboutToExpire("")
		return
	}
	c.ring(&c.expiry, due, c.aboutToExpire)
}

func (c *client) aboutToExpire(failed string) {
	if failed != "" {
		return // a host without timers: tokens are refreshed when they are asked for
	}
	w := c.event("about_to_expire")
	w.MemberInt("expires_at", c.tokens.expiresAt)
	c.emit(w)
	c.refreshAlone("")
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
		c.ring(&c.expiry, c.retryAt, c.refreshAlone)
		return
	}
	c.refresh(func(f *fault) {
		if f == nil {
			return // the new token has its own alarm
		}
		f.op = stageRefresh
		c.reportOnce(f)
		c.missed = c.missed || c.polling()
		if f.retryable || f.garbled {
			wait := max(min(int64(leastWait)<<min(c.failures, 8), longestWait), f.retryAfter)
			c.failures++
			c.ring(&c.expiry, c.now+wait, c.refreshAlone)
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
func (c *client) leftAlone() bool { return c.now < c.retryAt && c.retryAt-c.now <= longestRetryAfter }
