package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A vault keeps the texts that a client inside stores: its session in the store, sealed, under a
// key that reveals nothing; its attempt in the browser's cookie; the server's metadata for all
// sessions.
type vault struct {
	c       *call
	hash    string // the session id's; "" for a client without a session
	fresh   bool   // nothing is stored yet
	created int64
	pending string // "" for none
	closing bool   // in a callback, storing the attempt means that it is used up
	state   string
	failed  bool // the session could not be read
	handed  []handed
	// unverified is a JSON object of additional parameters of the authorization response, which the
	// page gets once; "" for none.
	unverified            string
	key, version, session string // the session as it is stored
}

// client opens a client whose session has the hash of an id; "" for a client without a session.
func (c *call) client(v *vault) *core.Client {
	v.c = c
	name := c.config.name
	if v.hash != "" {
		name += "." + v.hash
	}
	return core.NewClient(c.link, c.config.client, name, v)
}

// Load is for the client inside.
func (v *vault) Load(key string, done func(value, version, failed string)) {
	switch {
	case words.Suffixed(key, ".metadata"):
		v.c.link.Load(v.c.config.client.Under("metadata"), false, done)
	case words.Suffixed(key, ".pending"):
		done(v.pending, v.pending, "")
	case words.Suffixed(key, ".session") && v.hash != "" && !v.fresh:
		r := &loadRun{vault: v, key: key, done: done}
		v.c.link.Load(key, false, r.loaded)
	default:
		done("", "", "")
	}
}

// A loadRun reads a session unless it has expired, and stores now and then that it is in use. Its
// methods are the steps: loaded, opened, deleted or noted.
type loadRun struct {
	vault                 *vault
	key, version, session string
	done                  func(value, version, failed string)
}

func (r *loadRun) loaded(sealed, version, failed string) {
	if failed != "" || sealed == "" {
		r.vault.failed = failed != ""
		r.done("", version, failed)
		return
	}
	r.version = version
	r.vault.c.unseal(sealed, r.key, r.opened)
}

func (r *loadRun) opened(text, failed string) {
	v, c := r.vault, r.vault.c
	if failed != "" && failed != "tampered" {
		v.failed = true
		r.done("", r.version, failed)
		return
	}
	record, _ := json.Parse(text)
	v.created, _ = record.Get("created_at").Int()
	v.handed = readHanded(record.Get("tokens"))
	v.unverified = record.Get("unverified").Raw()
	seen, _ := record.Get("seen_at").Int()
	now := c.link.Now
	r.session = record.Get("session").Str()
	v.key, v.version, v.session = r.key, r.version, r.session
	switch {
	case failed != "" || now >= v.created+c.config.sessionMS || now >= seen+c.config.idleMS:
		// Nobody can decrypt it, or may use it, so it is deleted.
		v.created = 0
		c.link.Put(r.key, r.version, "", 0, r.deleted)
	case now >= seen+c.config.idleMS/10:
		v.storeSession(r.key, r.version, r.session, r.noted)
	default:
		r.done(r.session, r.version, "")
	}
}

func (r *loadRun) deleted(version, _ string) { r.done("", version, "") }

func (r *loadRun) noted(version, failed string) {
	if failed != "" {
		version = r.version // somebody else wrote, or the write failed: the text that was read can still be used
	}
	r.done(r.session, version, "")
}

// Put is for the client inside.
func (v *vault) Put(key, version, value string, done func(version, failed string)) {
	switch {
	case words.Suffixed(key, ".metadata"):
		v.c.link.Put(v.c.config.client.Under("metadata"), version, value, 0, done)
	case words.Suffixed(key, ".pending"):
		if v.closing {
			v.useUp(value, done)
			return
		}
		v.pending = value
		done(value, "")
	case v.hash == "":
		done(value, "") // tokens that are handed to callers are not stored
	case value == "":
		v.markEnded(func(failed string) {
			if failed != "" {
				done("", failed)
				return
			}
			v.c.link.Put(key, version, "", 0, done)
		})
	default:
		v.storeSession(key, version, value, done)
	}
}

func (v *vault) storeSession(key, version, session string, done func(version, failed string)) {
	c := v.c
	now := c.link.Now
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
	if c.config.exchanges() {
		v.note(session)
		writeHanded(w, v.handed)
	}
	w.Close('}')
	c.seal(w.String(), key, func(sealed, failed string) {
		if failed != "" {
			done("", failed)
			return
		}
		c.link.Put(key, version, sealed, min(v.created+c.config.sessionMS, now+c.config.idleMS), func(next, failed string) {
			v.fresh = v.fresh && failed != ""
			if failed == "" {
				v.key, v.version, v.session = key, next, session
			}
			done(next, failed)
		})
	})
}

// useUp makes sure that an attempt is used for one callback only, wherever and how often the
// browser sends it: the first to store its mark may use it.
func (v *vault) useUp(mark string, done func(version, failed string)) {
	c := v.c
	key := c.config.name + ".attempt." + sha256.Base64URL(v.state)
	mark = sha256.Base64URL(mark)
	c.link.Put(key, "", mark, c.link.Now+c.config.client.AttemptLife, func(_, failed string) {
		if failed != "conflict" {
			done(mark, failed)
			return
		}
		c.link.Load(key, false, func(there, _, failed string) {
			if failed == "" && there != mark {
				failed = usedUp
			}
			done(mark, failed)
		})
	})
}

// usedUp is the failure that the store reports for an attempt that was answered before.
const usedUp = "already_used"

// handOut returns the unverified parameters of the sign-in, after it has stored that they were
// handed out; "" if another page got them, or there are none.
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
