package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const (
	// maxListed is how many sessions of one user are found by a logout: the newest.
	maxListed = 100
	maxTries  = 5
)

// bySID and bySub are the keys under which a logout looks for sessions.
func (c *call) bySID(iss, sid string) string {
	return c.name + ".sid." + core.Hash(iss+"\n"+sid)
}
func (c *call) bySub(iss, sub string) string {
	return c.name + ".sub." + core.Hash(iss+"\n"+sub)
}

// list notes a new session under the server's names for it and for its user.
func (c *call) list(hash string, claims json.Value, done func(failed string)) {
	iss, sub, sid := claims.Get("iss").Str(), claims.Get("sub").Str(), claims.Get("sid").Str()
	if sub == "" {
		done("")
		return
	}
	c.add(c.bySub(iss, sub), hash, maxTries, func(failed string) {
		if failed != "" || sid == "" {
			done(failed)
			return
		}
		c.add(c.bySID(iss, sid), hash, maxTries, done)
	})
}

// add puts a session into a list, whoever else does so at once.
func (c *call) add(key, hash string, left int, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		if failed != "" {
			done(failed)
			return
		}
		hashes := readList(value)
		if len(hashes) >= maxListed {
			hashes = hashes[len(hashes)-maxListed+1:]
		}
		w := json.NewWriter()
		w.Open('[')
		for _, h := range append(hashes, hash) {
			w.Str(h)
		}
		w.Close(']')
		c.store(key, version, w.String(), c.s.Now()+c.sessionMS, func(_, failed string) {
			if failed == "conflict" && left > 0 {
				c.add(key, hash, left-1, done)
				return
			}
			done(failed)
		})
	})
}

func readList(text string) (hashes []string) {
	v, _ := json.Parse(text)
	for it := v.Each(); it.Next(); {
		hashes = append(hashes, it.Value().Str())
	}
	return hashes
}

// backchannelLogout takes the server's word that a session of its own, or all of a user's, are over (OpenID Connect Back-Channel Logout section 2.5). It is verified before anything is looked up.
func (c *call) backchannelLogout() {
	params, ok := c.posted()
	if !ok {
		c.refuse(400, "invalid_request", "The body is no form.")
		return
	}
	w := json.NewWriter()
	w.MemberStr("logout_token", core.ValueOf(params, "logout_token"))
	c.client(&vault{}).Do("logout_token", w.String(), func(ok json.Value, f *core.Fault) {
		if f != nil && f.Retryable() {
			c.unavailable()
			return
		}
		if f != nil {
			c.refuse(400, "invalid_request", f.Code())
			return
		}
		iss := ok.Get("iss").Str()
		jti := c.name + ".jti." + core.Hash(iss+"\n"+ok.Get("jti").Str())
		c.load(jti, func(value, version, failed string) {
			switch {
			case failed != "":
				c.unavailable()
				return
			case value != "":
				c.refuse(400, "invalid_request", "This logout token was used before.")
				return
			}
			key := c.bySub(iss, ok.Get("sub").Str())
			if sid := ok.Get("sid").Str(); sid != "" {
				key = c.bySID(iss, sid)
			}
			c.endAll(key, func(failed string) {
				if failed != "" {
					c.unavailable() // and the server may send the same token again
					return
				}
				exp, _ := ok.Get("exp").Int()
				c.store(jti, version, "1", exp*1000+60_000, func(string, string) { c.respond(200, nil, "") })
			})
		})
	})
}

// endAll signs out every session of a list and forgets the list.
func (c *call) endAll(key string, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		if failed != "" || value == "" {
			done(failed)
			return
		}
		hashes := readList(value)
		var next func()
		next = func() {
			if len(hashes) == 0 {
				c.store(key, version, "", 0, func(_, failed string) {
					if failed == "conflict" {
						failed = "" // somebody signed in meanwhile, with a session of later
					}
					done(failed)
				})
				return
			}
			hash := hashes[0]
			hashes = hashes[1:]
			c.client(&vault{hash: hash}).Do("log_out", "", func(_ json.Value, f *core.Fault) {
				if f != nil {
					done(f.Code())
					return
				}
				next()
			})
		}
		next()
	})
}
