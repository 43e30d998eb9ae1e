package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// encode is the session's text, "" for none.
func (c *client) encode(t *tokens) string {
	if t.access == "" && t.refresh == "" {
		return ""
	}
	w := c.stored()
	w.MemberStrIf("access_token", t.access)
	w.MemberStrIf("token_type", t.kind)
	w.MemberStrIf("dpop_key", t.key)
	w.MemberStrIf("refresh_token", t.refresh)
	w.MemberStrIf("id_token", t.idToken)
	if t.claims.Kind() != json.None {
		w.MemberBool("id_token_verified", true)
	}
	w.MemberStrIf("scope", t.scope)
	w.MemberStrIf("requested_scope", t.requested)
	if t.expiresAt != 0 {
		w.MemberInt("expires_at", t.expiresAt)
	}
	w.MemberInt("received_at", t.receivedAt)
	w.MemberInt("generation", t.generation)
	w.MemberStrIf("grant", t.grant)
	if t.sentAt != 0 {
		w.MemberInt("sent_at", t.sentAt)
		w.MemberInt("tried_at", t.triedAt)
		w.MemberStr("tried_by", t.triedBy)
	}
	if c.kept != nil && t.key != "" {
		c.writeNonces(w)
	}
	t.writeExtra(w)
	w.Close('}')
	return w.String()
}

// export is all that another instance needs to go on.
func (c *client) export() string {
	text := c.encode(c.tokens)
	if c.device == nil {
		return text
	}
	if text == "" {
		w := c.stored()
		w.Close('}')
		text = w.String()
	}
	var w json.Writer
	w.Str(c.encodeDevice(c.device))
	return text[:len(text)-1] + `,"device":` + w.String() + "}"
}

// decode reads a session's text; ok is false for one of another configuration or format.
func (c *client) decode(text string) (t *tokens, ok bool) {
	t, _, ok = c.decodeAll(text)
	return t, ok
}

// decodeAll gives the device flow besides, that export put into it.
func (c *client) decodeAll(text string) (t *tokens, device string, ok bool) {
	t = &tokens{}
	if text == "" {
		return t, "", true
	}
	v, ok := json.Parse(text)
	if !ok || !c.ours(v) {
		return t, "", false
	}
	str := func(name string) string { return v.Get(name).Str() }
	t = &tokens{access: str("access_token"), kind: str("token_type"), key: str("dpop_key"), refresh: str("refresh_token"), idToken: str("id_token"),
		scope: str("scope"), requested: str("requested_scope")}
	t.expiresAt, _ = v.Get("expires_at").Int()
	t.receivedAt, _ = v.Get("received_at").Int()
	t.generation, _ = v.Get("generation").Int()
	t.sentAt, _ = v.Get("sent_at").Int()
	t.triedAt, _ = v.Get("tried_at").Int()
	t.triedBy, t.grant = str("tried_by"), str("grant")
	if c.nonces == nil {
		c.readNonces(v.Get("nonces"))
	}
	if j, ok := jose.Parse(t.idToken); ok && v.Get("id_token_verified").True() {
		t.claims = j.Claims // verified before it was stored
	}
	for it := v.Get("extra").Each(); it.Next(); {
		t.keep(it.Name(), it.Value().Raw())
	}
	if t.extraTooLarge() {
		t.extra = nil // of before there was a bound
	}
	t.ownBy(c.Link)
	return t, v.Get("device").Str(), true
}

// reload reads the store. changed tells that somebody else wrote there since; then theirs is held now. A text that is not ours is left alone, and as good as none.
func (c *client) reload(done func(changed bool, failed string)) {
	c.load(c.key, func(value, version, failed string) {
		if failed != "" {
			done(false, failed)
			return
		}
		c.looked, c.view.at = c.Turn, c.Now
		changed := version != c.version || c.blind
		c.version = version
		if changed {
			t, ok := c.decode(value)
			if c.foreign = !ok; c.foreign {
				c.Emit(c.event("session_refused"))
			}
			if c.blind {
				// Bytes that were handed in hold against what is older, or not there.
				c.blind = false
				if t.generation <= c.tokens.generation {
					if t.generation == c.tokens.generation {
						c.tokens.sentAt, c.tokens.triedAt, c.tokens.triedBy = t.sentAt, t.triedAt, t.triedBy
					}
					done(false, "")
					return
				}
			}
			if c.onlyHere() && t.grant == c.tokens.grant && t.generation < c.tokens.generation {
				// The store could not be written, and holds what ours came from: going back would lose the only copy.
				done(false, "")
				return
			}
			had, status := c.tokens, c.status
			if c.unsaved && had.key != t.key {
				c.dropKey(had.key) // a session that nobody else has
			}
			c.tokens, c.unsaved, c.only = t, false, ""
			if t.access != "" && !t.sameToken(had) {
				c.grant()
			} else {
				c.settle() // a mark, or the end of one, is nothing new
			}
			c.tellChange(had, status)
		}
		done(changed, "")
	})
}

// hold makes t the session after a sign-in: stored over whatever is there, and only then granted. Where the store fails it is held in memory, and the event says so.
func (c *client) hold(t *tokens, given bool, done func(*link.Fault)) {
	c.holdOver(t, c.tokens.grant, "", given, maxTries, done)
}

// holdOver: before is the sign-in that t takes the place of, and replaced its key where another instance stored it. Where that is still there, t was never stored; what was signed in later than t came after it.
func (c *client) holdOver(t *tokens, before, replaced string, given bool, left int, done func(*link.Fault)) {
	c.store(c.key, c.version, c.encode(t), func(version, failed string) {
		if !conflict(failed) || left == 0 {
			if failed == "" && replaced != t.key && replaced != c.tokens.key {
				c.dropKey(replaced)
			}
			c.keep(t, version, failed)
			c.enter(given)
			done(nil)
			return
		}
		c.load(c.key, func(value, version, unread string) {
			theirs, ok := c.decode(value)
			switch {
			case unread != "":
			case failed != overtaken:
				c.version, before, replaced = version, theirs.grant, theirs.key
			case value == "":
				// Signed out elsewhere, and perhaps out of this very session: it is not brought back.
				had, status := c.tokens, c.status
				c.dropKey(had.key)
				c.tokens, c.version = &tokens{}, version
				c.settle()
				c.tellChange(had, status)
				c.discard(t)
				done(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
				return
			case ok && theirs.grant != before && (theirs.grant == t.grant || theirs.signedInAt() > t.signedInAt()):
				if t.key != theirs.key { // else it was stored, and only the answer was lost
					c.dropKey(t.key)
				}
				had, status := c.tokens, c.status
				c.keep(theirs, version, "")
				c.grant()
				c.tellChange(had, status)
				done(nil)
				return
			default:
				c.version = version
			}
			c.holdOver(t, before, replaced, given, left-1, done)
		})
	})
}

// keep takes t over after an attempt to store it.
func (c *client) keep(t *tokens, version, failed string) {
	if old := c.tokens.key; old != t.key && failed == "" {
		c.dropKey(old)
	}
	c.tokens = t
	if failed == "" {
		c.written(version)
		c.foreign, c.only = false, ""
		return
	}
	c.unsaved, c.only = true, t.refresh
	c.Emit(c.event("not_persisted"))
}

// written notes that the store holds what is held here.
func (c *client) written(version string) {
	c.version, c.unsaved, c.blind, c.view.at = version, false, false, c.Now
}

// onlyHere tells whether the refresh token held is one that no store has.
func (c *client) onlyHere() bool { return c.only != "" && c.only == c.tokens.refresh }

// clear forgets the tokens and deletes what is stored, unless it is another configuration's.
func (c *client) clear(done func(*link.Fault)) {
	key := c.tokens.key
	c.tokens = &tokens{}
	c.settle()
	if c.foreign && c.kept == nil {
		done(nil)
		return
	}
	c.overwrite(c.key, &c.version, "", func(failed string) {
		if c.uncleared = failed != ""; c.uncleared {
			done(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
			return
		}
		c.unsaved = false
		c.dropKey(key)
		done(nil)
	})
}

// Statuses of a session.
const (
	notAuthenticated = "not_authenticated"
	temporary        = "temporary_credentials_received"
	granted          = "granted"
	refreshing       = "refreshing"
)

func (c *client) setStatus(status string) {
	if c.status == status {
		return
	}
	c.status = status
	if status != refreshing {
		c.show() // a refresh goes on behind what an application shows
	}
	w := c.event("status")
	w.MemberStr("status", status)
	c.Emit(w)
}

// settle sets the status that fits what is held: an access token that is over for good is no grant, and an event says so once.
func (c *client) settle() {
	over := c.lapsed()
	if c.tokens.access != "" && !over {
		c.setStatus(granted)
		return
	}
	c.Silence(&c.expiry)
	if c.device != nil {
		c.setStatus(temporary)
	} else {
		c.setStatus(notAuthenticated)
	}
	if over && c.told != c.tokens.access {
		c.told = c.tokens.access
		w := c.event("expired")
		w.MemberInt("expires_at", c.tokens.expiresAt)
		c.Emit(w)
	}
}

func (c *client) grant() { c.enter(false) }

// enter enters granted: the event fires each time, the status event only on change. given is a token that the application brought.
func (c *client) enter(given bool) {
	c.failures, c.retryAt = 0, 0
	if c.lapsed() {
		c.settle()
		return
	}
	if c.status == granted {
		c.show()
	}
	c.setStatus(granted)
	w := c.event("granted")
	w.MemberStr("scope", c.tokens.scope)
	if c.tokens.expiresAt != 0 {
		w.MemberInt("expires_at", c.tokens.expiresAt)
	}
	c.Emit(w)
	if c.refreshing == nil {
		c.arm(given)
	}
}

// dropUnused drops a key unless the session held or stored is bound to it: what it was made for may have become that session.
func (c *client) dropUnused(name string) {
	if name == "" || name == c.tokens.key {
		return
	}
	c.load(c.key, func(value, _, failed string) {
		if t, _ := c.decode(value); failed == "" && t.key != name && c.tokens.key != name {
			c.dropKey(name)
		}
	})
}

// keyGone goes on after a failure for want of a session's key: the session may have been replaced meanwhile, here or by another instance.
func (c *client) keyGone(key string, f *link.Fault, again func(), done func(*link.Fault)) {
	switch {
	case f == nil || f.Code != "no_key":
		done(f)
	case c.tokens.key != key:
		again()
	default:
		c.look(f, again, done)
	}
}
