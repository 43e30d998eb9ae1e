package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// What a host remembers of an exchange stands under the subject token, and other hosts remember it
// too. So a session notes the access tokens that it had, by their hashes, and when it ends each of
// them is marked in the store, for as long as anything that came of it may be remembered.

// maxHanded is how many access tokens of a session are noted: the newest, of those that are still
// good.
const maxHanded = 16

// A handed token is one that the session had, and when it ends, Unix ms; 0 where that is not known.
type handed struct {
	hash    string
	expires int64
}

func (c *config) endedKey(hash string) string { return c.name + ".ended." + hash }

// exchanges tells whether any caller may change a token for another.
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

// note adds the access token of a session's text to those that it had, and forgets those that are
// over.
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

// markEnded says of each access token that the session had that it is over, and only then the
// session may go.
func (v *vault) markEnded(done func(failed string)) {
	if len(v.handed) == 0 {
		done("")
		return
	}
	c := v.c
	c.link.Put(c.config.endedKey(v.handed[0].hash), "", "1", c.link.Now+longestMemory, func(_, failed string) {
		if failed != "" && failed != "conflict" { // which says that it stands there
			done(failed)
			return
		}
		v.handed = v.handed[1:]
		v.markEnded(done)
	})
}
