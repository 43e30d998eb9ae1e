package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A vault keeps what a client inside stores: its session sealed under a key that tells nothing, its attempt in the browser's cookie, the server's metadata for all.
type vault struct {
	c       *call
	hash    string // of the session's id; "" for a client without a session
	fresh   bool   // nothing is stored yet
	created int64
	pending string // the attempt, "" for none
	closing bool   // a callback: storing the attempt means that it is used up
	state   string
	failed  bool // the session could not be read
	handed  []handed
	// unverified is what else the authorization response brought: an object, for the page to take once; "" for nothing.
	unverified            string
	key, version, session string // as the session is stored
}

// client opens a client whose session goes by the hash of an id; "" for one that has none.
func (c *call) client(v *vault) *core.Client {
	v.c = c
	name := c.name
	if v.hash != "" {
		name += "." + v.hash
	}
	return c.s.Client(c.config.client, name, v)
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

func (v *vault) Load(key string, done func(value, version, failed string)) {
	switch {
	case hasSuffix(key, ".metadata"):
		v.c.load(v.c.config.client.Under("metadata"), done)
	case hasSuffix(key, ".pending"):
		done(v.pending, v.pending, "")
	case hasSuffix(key, ".session") && v.hash != "" && !v.fresh:
		v.loadSession(key, done)
	default:
		done("", "", "")
	}
}

// loadSession reads a session unless its time is over, and notes now and then that it is in use.
func (v *vault) loadSession(key string, done func(value, version, failed string)) {
	c := v.c
	c.load(key, func(sealed, version, failed string) {
		if failed != "" || sealed == "" {
			v.failed = failed != ""
			done("", version, failed)
			return
		}
		c.unseal(sealed, key, func(text, failed string) {
			if failed != "" && failed != "tampered" {
				v.failed = true
				done("", version, failed)
				return
			}
			record, _ := json.Parse(text)
			v.created, _ = record.Get("created_at").Int()
			v.handed = readHanded(record.Get("tokens"))
			v.unverified = record.Get("unverified").Raw()
			seen, _ := record.Get("seen_at").Int()
			now, session := c.s.Now(), record.Get("session").Str()
			v.key, v.version, v.session = key, version, session
			switch {
			case failed != "" || now >= v.created+c.sessionMS || now >= seen+c.idleMS:
				// Nobody can read it, or may use it: it is gone.
				v.created = 0
				c.store(key, version, "", 0, func(next, failed string) { done("", next, "") })
			case now >= seen+c.idleMS/10:
				v.storeSession(key, version, session, func(next, failed string) {
					if failed != "" {
						next = version // somebody else wrote, or nobody could: what was read is as good as before
					}
					done(session, next, "")
				})
			default:
				done(session, version, "")
			}
		})
	})
}

func (v *vault) Store(key, version, value string, done func(version, failed string)) {
	switch {
	case hasSuffix(key, ".metadata"):
		v.c.store(v.c.config.client.Under("metadata"), version, value, 0, done)
	case hasSuffix(key, ".pending"):
		if v.closing {
			v.useUp(value, done)
			return
		}
		v.pending = value
		done(value, "")
	case v.hash == "":
		done(value, "") // tokens that are handed on are not kept
	case value == "":
		v.markEnded(func(failed string) {
			if failed != "" {
				done("", failed)
				return
			}
			v.c.store(key, version, "", 0, done)
		})
	default:
		v.storeSession(key, version, value, done)
	}
}

func (v *vault) storeSession(key, version, session string, done func(version, failed string)) {
	c := v.c
	now := c.s.Now()
	if v.created == 0 {
		v.created = now
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberInt("created_at", v.created)
	w.MemberInt("seen_at", now)
	w.MemberStr("session", session)
	if v.unverified != "" {
		w.MemberRaw("unverified", v.unverified)
	}
	if c.exchanges() {
		v.note(session)
		writeHanded(w, v.handed)
	}
	w.Close('}')
	c.seal(w.String(), key, func(sealed, failed string) {
		if failed != "" {
			done("", failed)
			return
		}
		c.store(key, version, sealed, min(v.created+c.sessionMS, now+c.idleMS), func(next, failed string) {
			v.fresh = v.fresh && failed != ""
			if failed == "" {
				v.key, v.version, v.session = key, next, session
			}
			done(next, failed)
		})
	})
}

// useUp makes an attempt good for one callback, wherever and how often the browser sends it: the first to store its mark has it.
func (v *vault) useUp(mark string, done func(version, failed string)) {
	c := v.c
	key := c.name + ".attempt." + core.Hash(v.state)
	mark = core.Hash(mark)
	c.store(key, "", mark, c.s.Now()+c.config.client.AttemptLife(), func(_, failed string) {
		if failed != "conflict" {
			done(mark, failed)
			return
		}
		c.load(key, func(there, _, failed string) {
			if failed == "" && there != mark {
				failed = usedUp
			}
			done(mark, failed)
		})
	})
}

// usedUp is how a store fails whose attempt was answered before.
const usedUp = "already_used"

func (c *call) load(key string, done func(value, version, failed string)) {
	w := c.s.Effect("load")
	w.MemberStr("key", key)
	c.s.Ask(w, func(ok json.Value, failed string) { done(ok.Get("value").Str(), ok.Get("version").Str(), failed) })
}

func (c *call) store(key, version, value string, expires int64, done func(version, failed string)) {
	w := c.s.Effect("store")
	w.MemberStr("key", key)
	w.MemberStr("version", version)
	if value == "" {
		w.MemberBool("delete", true)
	} else {
		w.MemberStr("value", value)
	}
	if expires != 0 {
		w.MemberInt("expires_at", expires)
	}
	c.s.Ask(w, func(ok json.Value, failed string) { done(ok.Get("version").Str(), failed) })
}

// handOut gives what came unverified with the sign-in, once it is stored that it was given: "" where somebody else has it, or there is none.
func (v *vault) handOut(done func(unverified string)) {
	given := v.unverified
	if given == "" {
		done("")
		return
	}
	v.unverified = ""
	v.storeSession(v.key, v.version, v.session, func(_, failed string) {
		if failed != "" {
			given = ""
		}
		done(given)
	})
}
