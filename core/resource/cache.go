package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const (
	// cacheMS is how long what a server said of a token is believed at the most (RFC 7662 section
	// 4), and inactiveMS that a token is none.
	cacheMS    = 60_000
	inactiveMS = 10_000
	// maxCached is how many answers are kept, maxCachedBytes how long they are together, and
	// maxCachedOne one of them.
	maxCached      = 1_000
	maxCachedBytes = 512 << 10
	maxCachedOne   = 16 << 10
)

// A cache keeps what a server said of tokens, the oldest first. Tokens stand in it as their
// digests.
type cache struct {
	entries []*cached
	byKey   map[string]*cached
	bytes   int
}

type cached struct {
	key, text   string
	from, until int64 // Unix ms
}

// get finds an answer that is still believed. A clock that was set back makes it as good as none.
func (c *cache) get(key string, now int64) (v json.Value, ok bool) {
	e := c.byKey[key]
	if e == nil || now < e.from || now >= e.until {
		return v, false
	}
	return json.Parse(e.text)
}

// put keeps an answer, for no longer than the token lives.
func (c *cache) put(key string, v json.Value, now int64) {
	until := now + cacheMS
	if !v.Get("active").True() {
		until = now + inactiveMS
	} else if exp, ok := v.Get("exp").Int(); ok && exp >= 0 && exp <= link.MaxTime/1000 {
		until = min(until, exp*1000)
	}
	text := v.Raw()
	if until <= now || len(text) > maxCachedOne {
		return
	}
	if c.byKey == nil {
		c.byKey = map[string]*cached{}
	}
	if old := c.byKey[key]; old != nil {
		c.bytes -= len(old.text)
		old.text, old.until = "", 0 // its place goes when its turn comes
	}
	e := &cached{key, string([]byte(text)), now, until}
	c.byKey[key] = e
	c.entries = append(c.entries, e)
	c.bytes += len(e.text)
	gone := 0
	for ; gone < len(c.entries) && (len(c.entries)-gone > maxCached || c.bytes > maxCachedBytes || now >= c.entries[gone].until); gone++ {
		old := c.entries[gone]
		c.bytes -= len(old.text)
		if c.byKey[old.key] == old {
			delete(c.byKey, old.key)
		}
		c.entries[gone] = nil
	}
	c.entries = c.entries[gone:]
}
