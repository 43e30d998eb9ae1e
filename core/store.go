package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// format is the version of what we store.
const format = 1

// stored begins a text for the store: its format and whose it is.
func (c *client) stored() *json.Writer {
	w := &json.Writer{}
	w.Open('{')
	w.MemberInt("v", format)
	w.MemberStr("for", c.mine)
	return w
}

// ours tells whether a stored text is of this format and this configuration.
func (c *client) ours(v json.Value) bool {
	n, _ := v.Get("v").Int()
	return n == format && v.Get("for").Str() == c.mine
}

// load reads what stands under key. Before that it takes over, once, what is ours under the key that an older version had.
func (c *client) load(key string, done func(value, version, failed string)) {
	for i, what := range c.older {
		if key == c.under(what) {
			c.older = append(c.older[:i:i], c.older[i+1:]...)
			c.takeOver(c.name+"."+what, key, func(failed string) {
				if failed != "" {
					c.older = append(c.older, what)
					done("", "", failed)
					return
				}
				c.loadOnly(key, done)
			})
			return
		}
	}
	c.loadOnly(key, done)
}

// takeOver moves a text of ours: it is stored under key unless something newer stands there, and then deleted. Whoever breaks off in between leaves it in both places, and two who
// move it at once get in each other's way no more than two who write. A text of another configuration is left alone.
func (c *client) takeOver(old, key string, done func(failed string)) {
	c.loadOnly(old, func(text, version, failed string) {
		v, _ := json.Parse(text)
		if failed != "" || !c.ours(v) {
			done(failed)
			return
		}
		c.store(key, "", text, func(_, failed string) {
			if failed != "" && !conflict(failed) {
				done(failed)
				return
			}
			c.store(old, version, "", func(_, failed string) { done("") })
		})
	})
}

func (c *client) loadOnly(key string, done func(value, version, failed string)) {
	if c.storage() != nil {
		c.storage().Load(key, done)
		return
	}
	w := c.Effect("load")
	w.MemberStr("key", key)
	if v := &c.view; key == c.key && v.notified && !v.watched {
		v.watched = true
		w.MemberBool("watch", true)
	}
	c.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		c.Own(&version)
		done(ok.Get("value").Str(), version, failed)
	})
}

// store replaces what stands under key at that version by value, or deletes it where value is "". A failure other than a conflict is tried once more; "overtaken" is
// then the conflict of which nobody can say whether the first try was written and what is there came after it, or is it: each caller knows its own write.
func (c *client) store(key, version, value string, done func(version, failed string)) {
	c.storeOnce(key, version, value, func(v, failed string) {
		if failed == "" || failed == "conflict" {
			done(v, failed)
			return
		}
		c.storeOnce(key, version, value, func(v, failed string) {
			if failed == "conflict" {
				failed = overtaken
			}
			done(v, failed)
		})
	})
}

func (c *client) storeOnce(key, version, value string, done func(version, failed string)) {
	if c.storage() != nil {
		c.storage().Store(key, version, value, done)
		return
	}
	w := c.Effect("store")
	w.MemberStr("key", key)
	w.MemberStr("version", version)
	if value == "" {
		w.MemberBool("delete", true)
	} else {
		w.MemberStr("value", value)
	}
	c.Ask(w, func(ok json.Value, failed string) {
		version := ok.Get("version").Str()
		c.Own(&version)
		done(version, failed)
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

// maxTries bounds how often a change is made anew after somebody else changed the store.
const maxTries = 5
