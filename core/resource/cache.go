package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const (
	// cacheMS is the longest time for which something about a token is cached (RFC 7662 section 4
	// for introspection answers). inactiveMS is the time for an inactive token.
	cacheMS    = 60_000
	inactiveMS = 10_000
	// maxCached is how many tokens a cache knows, maxCachedBytes how many bytes it may have in
	// total, and maxCachedOne how many one text may have.
	maxCached      = 1_000
	maxCachedBytes = 512 << 10
	maxCachedOne   = 16 << 10
)

// A cache holds a text about each of some tokens, the oldest first. Tokens are stored as digests.
type cache struct {
	entries []*cached
	byKey   map[string]*cached
	bytes   int
}

type cached struct {
	key, text   string
	from, until int64 // Unix ms
}

// get returns a cached text that has not expired, or "". After the clock was set back, the text is
// ignored.
func (c *cache) get(key string, now int64) string {
	e := c.byKey[key]
	if e == nil || now < e.from || now >= e.until {
		return ""
	}
	return e.text
}

// lives returns until when something about a token with these claims may be cached: at most until
// the token expires.
func lives(claims json.Value, now int64) (until int64) {
	until = now + cacheMS
	if exp, ok := claims.Get("exp").Int(); ok && exp >= 0 && exp <= link.MaxTime/1000 {
		until = min(until, exp*1000)
	}
	return until
}

// put caches a text, which must not be a part of a longer one: that would stay in memory, too.
func (c *cache) put(key, text string, now, until int64) {
	if until <= now || len(text) > maxCachedOne {
		return
	}
	if c.byKey == nil {
		c.byKey = map[string]*cached{}
	}
	if old := c.byKey[key]; old != nil {
		c.bytes -= len(old.text)
		old.text, old.until = "", 0 // its place is freed in its turn
	}
	e := &cached{key, text, now, until}
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
