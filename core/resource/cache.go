package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const (
	// cacheMS is the longest time for which an introspection answer is cached (RFC 7662 section 4).
	// inactiveMS is the time for an inactive token.
	cacheMS    = 60_000
	inactiveMS = 10_000
	// maxCached is how many answers are cached, maxCachedBytes how many bytes they may have in
	// total, and maxCachedOne how many one may have.
	maxCached      = 1_000
	maxCachedBytes = 512 << 10
	maxCachedOne   = 16 << 10
)

// A cache holds the server's answers about tokens, the oldest first. Tokens are stored as digests.
type cache struct {
	entries []*cached
	byKey   map[string]*cached
	bytes   int
}

type cached struct {
	key, text   string
	from, until int64 // Unix ms
}

// get returns a cached answer that has not expired. After the clock was set back, the answer is
// ignored.
func (c *cache) get(key string, now int64) (v json.Value, ok bool) {
	e := c.byKey[key]
	if e == nil || now < e.from || now >= e.until {
		return v, false
	}
	return json.Parse(e.text)
}

// put caches an answer, at most until the token expires.
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
		old.text, old.until = "", 0 // its place is freed in its turn
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
