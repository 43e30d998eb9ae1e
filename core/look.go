package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// An instance keeps up with what others write: what is held here is what the store held when it was last read.
const (
	// lookEvery is how old, in ms, what is held may be when a token is given out, and how far apart the looks are that hints cause.
	lookEvery = 1_000
	// lookPatience is how long, in ms, a command waits for a look.
	lookPatience = 1_000
)

// see looks at the store, and goes on with what is held then. It goes on at once while this instance itself changes the session, and where the store does not
// answer in time. All who ask at once share a look.
func (c *client) see(then func()) {
	v := &c.view
	switch {
	case v.busy && !v.late:
		v.next = append(v.next, then)
	case v.busy || c.sessions.busy:
		then()
	default:
		v.now = append(v.now, then)
		c.lookNow()
	}
}

func (c *client) lookNow() {
	v := &c.view
	v.busy, v.at = true, c.Now
	c.Ring(&v.patience, c.Now+lookPatience, func(failed string) {
		if failed == "" { // else a host without timers: there is no other way than to wait
			v.late = true
			v.now, v.next = call(v.now), call(v.next)
		}
	})
	c.sessions.run(func(release func()) {
		c.reload(func(_ bool, failed string) {
			c.Silence(&v.patience)
			v.busy, v.late = false, false
			release()
			if failed != "" {
				c.reportFault(&link.Fault{Kind: link.KindStorage, Code: failed, Op: "look", Retryable: true})
			}
			now, next := v.now, v.next
			v.now, v.next = nil, nil
			call(now)
			if len(next) > 0 {
				c.see(func() { call(next) })
			}
		})
	})
}

func call(list []func()) []func() {
	for _, f := range list {
		f()
	}
	return nil
}

// seenUntil is until when, in Unix ms, what is held needs no look at the store: in a host that tells of changes for good, else for a while after the last look.
// 0: it needs one now.
func (c *client) seenUntil() int64 {
	v := &c.view
	switch {
	case c.kept != nil || v.notified && v.watched:
		return link.MaxTime
	case recent(c.Now, v.at, lookEvery):
		return v.at + lookEvery
	}
	return 0
}

// outdated tells whether the store may hold something else than the access token that would be given out: nobody told us if so, and it was not read for a while.
func (c *client) outdated() bool {
	return c.seenUntil() == 0 && c.tokens.access != "" && (c.usable(c.tokens) || c.refreshable() != nil)
}

// writeGoodUntil tells the host until when the same question gets the same answer, with nothing read or sent, unless an event, a command or a hint comes in between.
func (c *client) writeGoodUntil(w *json.Writer) {
	if until := min(c.seenUntil(), c.staleAt(c.tokens)); c.kept == nil && until > c.Now {
		w.MemberInt("good_until", until)
	}
}

// lookSoon follows a hint that another writer changed the store. A hint is nobody's word: however many come, there is one look a second, the last after the last hint.
func (c *client) lookSoon() {
	v := &c.view
	switch {
	case v.hint.N != 0:
	case v.busy && !c.loading:
		if len(v.next) == 0 {
			v.next = append(v.next, func() {})
		}
	case c.loading || c.sessions.busy || recent(c.Now, v.hintAt, lookEvery):
		c.Ring(&v.hint, c.Now+lookEvery, func(failed string) {
			if failed == "" {
				c.lookSoon()
			}
		})
	default:
		v.hintAt = c.Now
		c.see(func() {})
	}
}

// tellChange tells of a session that another instance wrote, and that is held now in place of had.
func (c *client) tellChange(had *tokens, status string) {
	t := c.tokens
	if c.loading || t.sameToken(had) {
		return
	}
	w := c.event("changed")
	w.MemberStr("status", c.status)
	sub := t.claims.Get("sub").Str()
	switch {
	case t.access == "" && t.refresh == "":
		w.MemberStr("change", "signed_out")
	case t.grant == had.grant && t.access != "":
		w.MemberStr("change", "refreshed")
	case t.grant == had.grant:
	case status != granted && status != refreshing || sub != "" && sub == had.claims.Get("sub").Str():
		w.MemberStr("change", "signed_in")
	default:
		w.MemberStr("change", "other_account")
	}
	c.Emit(w)
}
