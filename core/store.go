package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// format is the version of what we store.
const format = 1

// stored begins a text for the store: its format and whose it is.
func (c *client) stored() *json.Writer {
	w := &json.Writer{}
	w.Open('{')
	w.MemberInt("v", format)
	w.MemberStr("for", c.mine)
	return w
}

// ours tells whether a stored text is of this format and this configuration.
func (c *client) ours(v json.Value) bool {
	n, _ := v.Get("v").Int()
	return n == format && v.Get("for").Str() == c.mine
}

// load reads what stands under key. Before that it takes over, once, what is ours under the key that an older version had.
func (c *client) load(key string, done func(value, version, failed string)) {
	for i, what := range c.older {
		if key == c.under(what) {
			c.older = append(c.older[:i:i], c.older[i+1:]...)
			c.takeOver(c.name+"."+what, key, func(failed string) {
				if failed != "" {
					c.older = append(c.older, what)
					done("", "", failed)
					return
				}
				c.loadOnly(key, done)
			})
			return
		}
	}
	c.loadOnly(key, done)
}

// takeOver moves a text of ours: it is stored under key unless something newer stands there, and then deleted. Whoever breaks off in between leaves it in both places, and two who
// move it at once get in each other's way no more than two who write. A text of another configuration is left alone.
func (c *client) takeOver(old, key string, done func(failed string)) {
	c.loadOnly(old, func(text, version, failed string) {
		v, _ := json.Parse(text)
		if failed != "" || !c.ours(v) {
			done(failed)
			return
		}
		c.store(key, "", text, func(_, failed string) {
			if failed != "" && !conflict(failed) {
				done(failed)
				return
			}
			c.store(old, version, "", func(_, failed string) { done("") })
		})
	})
}

func (c *client) loadOnly(key string, done func(value, version, failed string)) {
	if c.kept != nil {
		c.kept.Load(key, done)
		return
	}
	w := c.effect("load")
	w.MemberStr("key", key)
	if v := &c.view; key == c.key && v.notified && !v.watched {
		v.watched = true
		w.MemberBool("watch", true)
	}
	c.ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		c.own(&version)
		done(ok.Get("value").Str(), version, failed)
	})
}

// store replaces what stands under key at that version by value, or deletes it where value is "". A failure other than a conflict is tried once more; "overtaken" is
// then the conflict of which nobody can say whether the first try was written and what is there came after it, or is it: each caller knows its own write.
func (c *client) store(key, version, value string, done func(version, failed string)) {
	c.storeOnce(key, version, value, func(v, failed string) {
		if failed == "" || failed == "conflict" {
			done(v, failed)
			return
		}
		c.storeOnce(key, version, value, func(v, failed string) {
			if failed == "conflict" {
				failed = overtaken
			}
			done(v, failed)
		})
	})
}

func (c *client) storeOnce(key, version, value string, done func(version, failed string)) {
	if c.kept != nil {
		c.kept.Store(key, version, value, done)
		return
	}
	w := c.effect("store")
	w.MemberStr("key", key)
	w.MemberStr("version", version)
	if value == "" {
		w.MemberBool("delete", true)
	} else {
		w.MemberStr("value", value)
	}
	c.ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		c.own(&version)
		done(version, failed)
	})
}

// A serial lets one operation run at a time; the others wait in their order.
type serial struct {
	busy  bool
	queue []func(release func())
}

func (s *serial) run(op func(release func())) {
	if s.busy {
		s.queue = append(s.queue, op)
		return
	}
	s.busy = true
	op(s.release)
}

func (s *serial) release() {
	if len(s.queue) == 0 {
		s.busy = false
		return
	}
	next := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	next(s.release)
}

// An instance keeps up with what others write: what is held here is what the store held when it was last read.
const (
	// lookEvery is how old, in ms, what is held may be when a token is given out, and how far apart the looks are that hints cause.
	lookEvery = 1_000
	// lookPatience is how long, in ms, a command waits for a look.
	lookPatience = 1_000
)

// A view is what an instance knows of its own looking.
type view struct {
	notified bool  // the host tells of changes of a key that is watched
	watched  bool  // that of the session is
	at       int64 // when the store last agreed, or was last asked
	busy     bool  // a look is under way
	late     bool  // and nobody waits for it any more
	now      []func()
	next     []func() // who asked after it began: it may have read before what they ask about
	patience alarm
	hint     alarm
	hintAt   int64 // of the last look that a hint caused
}

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
	v.busy, v.at = true, c.now
	c.ring(&v.patience, c.now+lookPatience, func(failed string) {
		if failed == "" { // else a host without timers: there is no other way than to wait
			v.late = true
			v.now, v.next = call(v.now), call(v.next)
		}
	})
	c.sessions.run(func(release func()) {
		c.reload(func(_ bool, failed string) {
			c.silence(&v.patience)
			v.busy, v.late = false, false
			release()
			if failed != "" {
				c.reportFault(&fault{kind: kindStorage, code: failed, op: "look", retryable: true})
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

// outdated tells whether the store may hold something else than the access token that would be given out: nobody told us if so, and it was not read for a while.
func (c *client) outdated() bool {
	v := &c.view
	return c.kept == nil && !(v.notified && v.watched) && c.looked != c.turn && !recent(c.now, v.at, lookEvery) &&
		c.tokens.access != "" && (c.usable(c.tokens) || c.refreshable() != nil)
}

// lookSoon follows a hint that another writer changed the store. A hint is nobody's word: however many come, there is one look a second, the last after the last hint.
func (c *client) lookSoon() {
	v := &c.view
	switch {
	case v.hint.n != 0:
	case v.busy && !c.loading:
		if len(v.next) == 0 {
			v.next = append(v.next, func() {})
		}
	case c.loading || c.sessions.busy || recent(c.now, v.hintAt, lookEvery):
		c.ring(&v.hint, c.now+lookEvery, func(failed string) {
			if failed == "" {
				c.lookSoon()
			}
		})
	default:
		v.hintAt = c.now
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
	c.emit(w)
}
