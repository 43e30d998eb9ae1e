package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A host remembers exchanged tokens by the subject token, and other hosts remember them too. So a
// session records the hashes of its access tokens. When it ends, each of them is marked as ended in
// the store, for as long as a token that was exchanged for it may be remembered.

// maxHanded is how many access tokens of a session are recorded: the newest of those that are still
// valid.
const maxHanded = 16

// A handed token is an access token of the session and its expiry, Unix ms; 0 if that is not known.
type handed struct {
	hash    string
	expires int64
}

func (c *config) endedKey(hash string) string { return c.name + ".ended." + hash }

// exchanges reports whether any caller may exchange tokens.
func (c *config) exchanges() bool {
	for i := range c.callers {
		if words.Among(c.callers[i].grants, grantExchange) {
			return true
		}
	}
	return false
}

func readHanded(v json.Value) (list []handed) {
	for it := v.Each(); it.Next(); {
		h := handed{hash: it.Value().Get("hash").Str()}
		h.expires, _ = it.Value().Get("expires_at").Int()
		list = append(list, h)
	}
	return list
}

func writeHanded(w *json.Writer, list []handed) {
	w.Key("tokens")
	w.Open('[')
	for _, h := range list {
		w.Open('{')
		w.MemberStr("hash", h.hash)
		w.MemberInt("expires_at", h.expires)
		w.Close('}')
	}
	w.Close(']')
}

// note adds the access token in a session's text to the recorded ones, and removes those that have
// expired.
func (v *vault) note(session string) {
	s, _ := json.Parse(session)
	h := handed{hash: sha256.Base64URL(s.Get("access_token").Str())}
	h.expires, _ = s.Get("expires_at").Int()
	kept := v.handed[:0:0]
	for _, old := range v.handed {
		if old.hash != h.hash && (old.expires == 0 || v.c.link.Now < old.expires) {
			kept = append(kept, old)
		}
	}
	if kept = append(kept, h); len(kept) > maxHanded {
		kept = kept[1:]
	}
	v.handed = kept
}

// markEnded marks every recorded access token of the session as ended. Only then may the session be
// deleted.
func (v *vault) markEnded(done func(failed string)) {
	if len(v.handed) == 0 {
		done("")
		return
	}
	c := v.c
	c.link.Put(c.config.endedKey(v.handed[0].hash), "", "1", c.link.Now+longestMemory, func(_, failed string) {
		if failed != "" && failed != "conflict" { // a conflict means that the mark exists already
			done(failed)
			return
		}
		v.handed = v.handed[1:]
		v.markEnded(done)
	})
}
