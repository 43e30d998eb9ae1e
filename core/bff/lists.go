package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const (
	// maxListed is how many sessions of one user a logout finds: the newest.
	maxListed = 100
	// maxTries is how often a change of a list is retried after a conflict. So many sign-ins of one
	// user may happen at once.
	maxTries = 50
)

// bySID and bySub are the keys under which a logout looks for sessions: those of its own client,
// not of another backend in the same store.
func (c *call) bySID(iss, sid string) string { return c.listKey(".sid.", iss, sid) }
func (c *call) bySub(iss, sub string) string { return c.listKey(".sub.", iss, sub) }

func (c *call) listKey(what, iss, id string) string {
	return c.config.name + what + sha256.Base64URL(c.config.client.Fingerprint+"\n"+iss+"\n"+id)
}

// loggedOut means that a session is not listed because the server ended it before it began here.
const loggedOut = "logged_out"

// list adds a new session to the lists of its sid and its sub.
func (c *call) list(hash string, claims json.Value, done func(failed string)) {
	iss, sub, sid := claims.Get("iss").Str(), claims.Get("sub").Str(), claims.Get("sid").Str()
	if sub == "" {
		done("")
		return
	}
	if sid == "" {
		sid = "\n" + sub // a logout of any session of this user may mean this one
	}
	iat, _ := claims.Get("iat").Int()
	c.add(c.bySub(iss, sub), hash, iat, func(failed string) {
		if failed != "" {
			done(failed)
			return
		}
		c.add(c.bySID(iss, sid), hash, iat, done)
	})
}

// lists reads and writes the lists.
type lists struct{ c *call }

// Load gives the list under key.
func (l lists) Load(key string, done func(value, version, failed string)) {
	l.c.link.Load(key, false, done)
}

// Put stores it for as long as a session may last.
func (l lists) Put(key, version, value string, done func(version, failed string)) {
	l.c.link.Put(key, version, value, l.c.link.Now+l.c.config.sessionMS, done)
}

// A listRun changes a list, and retries if another process changes it at the same time.
type listRun struct {
	c       *call
	change  store.Change
	version string
	hashes  []string
	ended   int64 // sessions that the server began until then have ended, Unix ms
	done    func(failed string)
}

// begin reads the list. met then decides what to do with it.
func (r *listRun) begin(key string, met func() bool) {
	r.change = store.Change{Store: store.Over(lists{r.c}), Key: key, Version: &r.version, Tries: maxTries, Done: r.done}
	r.change.Text = func() string { return writeList(r.hashes, r.ended) }
	r.change.Met = func(value, version, unread string) bool {
		if unread != "" {
			r.done(unread)
			return false
		}
		r.version = version
		r.hashes, r.ended = readList(value)
		return met()
	}
	r.change.Look()
}

// add puts a session into a list, unless the server has meanwhile ended all sessions that began by
// then.
func (c *call) add(key, hash string, iat int64, done func(failed string)) {
	r := &listRun{c: c, done: done}
	r.begin(key, func() bool {
		if iat*1000 <= r.ended {
			done(loggedOut)
			return false
		}
		r.hashes = append(r.hashes, hash)
		if len(r.hashes) <= maxListed {
			return true
		}
		// A session that no logout could find must not exist.
		oldest := r.hashes[0]
		r.hashes = r.hashes[1:]
		c.end(c.client(&vault{hash: oldest}), r.gone)
		return false
	})
}

// gone continues after the oldest session has ended.
func (r *listRun) gone(f *link.Fault) {
	if f != nil {
		r.done(f.Code)
		return
	}
	r.change.Write()
}

// endAll ends every session of a list, and leaves a note for sessions that are about to begin.
// Sessions stay listed until they are ended: if something fails, the server's next try finds them.
func (c *call) endAll(key string, done func(failed string)) {
	r := &listRun{c: c}
	r.done = func(failed string) {
		if failed != "" || len(r.hashes) == 0 {
			done(failed)
			return
		}
		c.endEach(r.hashes, "", func(failed string) {
			if failed != "" {
				done(failed)
				return
			}
			c.unlist(key, r.hashes, done)
		})
	}
	r.begin(key, func() bool {
		r.ended = c.link.Now
		return true
	})
}

// endEach ends the sessions one after the other. If one fails, the others are still ended.
func (c *call) endEach(hashes []string, failed string, done func(failed string)) {
	if len(hashes) == 0 {
		done(failed)
		return
	}
	c.end(c.client(&vault{hash: hashes[0]}), func(f *link.Fault) {
		if f != nil {
			failed = f.Code
		}
		c.endEach(hashes[1:], failed, done)
	})
}

// unlist removes ended sessions from a list.
func (c *call) unlist(key string, gone []string, done func(failed string)) {
	r := &listRun{c: c, done: done}
	r.begin(key, func() bool {
		var stay []string
		for _, h := range r.hashes {
			if !words.Among(gone, h) {
				stay = append(stay, h)
			}
		}
		r.hashes = stay
		return true
	})
}

func writeList(hashes []string, ended int64) string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberInt("ended_at", ended)
	w.Key("sessions")
	w.Open('[')
	for _, h := range hashes {
		w.Str(h)
	}
	w.Close(']')
	w.Close('}')
	return w.String()
}

func readList(text string) (hashes []string, ended int64) {
	v, _ := json.Parse(text)
	for it := v.Get("sessions").Each(); it.Next(); {
		hashes = append(hashes, it.Value().Str())
	}
	ended, _ = v.Get("ended_at").Int()
	return hashes, ended
}
