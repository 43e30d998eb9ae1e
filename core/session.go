package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

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
	if t.sentAt != 0 && plant != "mark-not-stored" {
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

func (t *tokens) writeExtra(w *json.Writer) {
	if len(t.extra) == 0 {
		return
	}
	w.Key("extra")
	w.Open('{')
	for _, e := range t.extra {
		w.Name(e.name)
		w.Raw(e.raw)
	}
	w.Close('}')
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
	if j, ok := parseJWS(t.idToken); ok && v.Get("id_token_verified").True() {
		t.claims = j.claims // verified before it was stored
	}
	for it := v.Get("extra").Each(); it.Next(); {
		t.keep(it.Name(), it.Value().Raw())
	}
	if t.extraTooLarge() {
		t.extra = nil // of before there was a bound
	}
	t.ownBy(c.link)
	return t, v.Get("device").Str(), true
}

// reload reads the store. changed tells that somebody else wrote there since; then theirs is held now. A text that is not ours is left alone, and as good as none.
func (c *client) reload(done func(changed bool, failed string)) {
	c.load(c.key, func(value, version, failed string) {
		if failed != "" {
			done(false, failed)
			return
		}
		c.looked, c.view.at = c.turn, c.now
		changed := version != c.version || c.blind
		c.version = version
		if changed && (plant != "adopt-skipped" || c.tokens.refresh == "") {
			t, ok := c.decode(value)
			if c.foreign = !ok; c.foreign {
				c.emit(c.event("session_refused"))
			}
			if c.blind {
				// Bytes that were handed in hold against what is older, or not there.
				c.blind = false
				if t.generation <= c.tokens.generation || plant == "old-bytes-win" {
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
func (c *client) hold(t *tokens, given bool, done func(*fault)) {
	c.holdOver(t, c.tokens.grant, "", given, maxTries, done)
}

// holdOver: before is the sign-in that t takes the place of, and replaced its key where another instance stored it. Where that is still there, t was never stored; what was signed in later than t came after it.
func (c *client) holdOver(t *tokens, before, replaced string, given bool, left int, done func(*fault)) {
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
				done(&fault{kind: kindClient, code: "signed_out"})
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

const overtaken = "overtaken"

func conflict(failed string) bool { return failed == "conflict" || failed == overtaken }

// overwrite stores text whatever is there; version is what was seen there last.
func (c *client) overwrite(key string, version *string, text string, done func(failed string)) {
	var try func(left int)
	try = func(left int) {
		c.store(key, *version, text, func(next, failed string) {
			if conflict(failed) && left > 0 {
				c.load(key, func(_, now, unread string) {
					if unread == "" {
						*version = now
					}
					try(left - 1)
				})
				return
			}
			if failed == "" {
				*version = next
			}
			done(failed)
		})
	}
	try(maxTries)
}

// keep takes t over after an attempt to store it.
func (c *client) keep(t *tokens, version, failed string) {
	if old := c.tokens.key; old != t.key && failed == "" || plant == "key-dropped" {
		c.dropKey(old)
	}
	c.tokens = t
	if failed == "" || plant == "failed-store-untold" {
		c.written(version)
		c.foreign, c.only = false, ""
		return
	}
	c.unsaved, c.only = true, t.refresh
	c.emit(c.event("not_persisted"))
}

// written notes that the store holds what is held here.
func (c *client) written(version string) {
	c.version, c.unsaved, c.blind, c.view.at = version, false, false, c.now
}

// onlyHere tells whether the refresh token held is one that no store has.
func (c *client) onlyHere() bool { return c.only != "" && c.only == c.tokens.refresh }

// clear forgets the tokens and deletes what is stored, unless it is another configuration's.
func (c *client) clear(done func(*fault)) {
	key := c.tokens.key
	c.tokens = &tokens{}
	c.settle()
	if c.foreign && c.kept == nil {
		done(nil)
		return
	}
	c.overwrite(c.key, &c.version, "", func(failed string) {
		if c.uncleared = failed != ""; c.uncleared {
			done(&fault{kind: kindStorage, code: failed, retryable: true})
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

// event begins an event; no member of one may hold a token or another secret.
func (c *client) event(name string) *json.Writer {
	w := c.effect("event")
	w.MemberStr("event", name)
	return w
}

func (c *client) setStatus(status string) {
	if c.status == status {
		return
	}
	c.status = status
	w := c.event("status")
	w.MemberStr("status", status)
	c.emit(w)
}

// settle sets the status that fits what is held: an access token that is over for good is no grant, and an event says so once.
func (c *client) settle() {
	over := c.lapsed()
	if c.tokens.access != "" && !over {
		c.setStatus(granted)
		return
	}
	c.silence(&c.expiry)
	if c.device != nil {
		c.setStatus(temporary)
	} else {
		c.setStatus(notAuthenticated)
	}
	if over && c.told != c.tokens.access {
		c.told = c.tokens.access
		w := c.event("expired")
		w.MemberInt("expires_at", c.tokens.expiresAt)
		c.emit(w)
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
	c.setStatus(granted)
	w := c.event("granted")
	w.MemberStr("scope", c.tokens.scope)
	if c.tokens.expiresAt != 0 {
		w.MemberInt("expires_at", c.tokens.expiresAt)
	}
	c.emit(w)
	if c.refreshing == nil {
		c.arm(given)
	}
}
