package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const (
	// maxListed is how many sessions of one user are found by a logout: the newest.
	maxListed = 100
	// maxTries is how often a list is changed anew because somebody else changed it: as many sign-ins of one user at once find room.
	maxTries = 50
	// longestLogoutToken is how long a logout token may be good, in ms. Servers make it two minutes (OpenID Connect Back-Channel Logout section 2.4); its jti is kept for as long as it is taken.
	longestLogoutToken = 24 * 3_600_000
)

// bySID and bySub are the keys under which a logout looks for sessions: its own client's, not those of another backend in the same store.
func (c *call) bySID(iss, sid string) string { return c.listKey(".sid.", iss, sid) }
func (c *call) bySub(iss, sub string) string { return c.listKey(".sub.", iss, sub) }

func (c *call) listKey(what, iss, id string) string {
	return c.name + what + core.Hash(c.config.client.Fingerprint()+"\n"+iss+"\n"+id)
}

// loggedOut is why a session is not listed: the server ended it before it began here.
const loggedOut = "logged_out"

// list notes a new session under the server's names for it and for its user.
func (c *call) list(hash string, claims json.Value, done func(failed string)) {
	iss, sub, sid := claims.Get("iss").Str(), claims.Get("sub").Str(), claims.Get("sid").Str()
	if sub == "" {
		done("")
		return
	}
	if sid == "" {
		sid = "\n" + sub // a logout of any session of the user's may mean it
	}
	iat, _ := claims.Get("iat").Int()
	c.add(c.bySub(iss, sub), hash, iat, maxTries, func(failed string) {
		if failed != "" {
			done(failed)
			return
		}
		c.add(c.bySID(iss, sid), hash, iat, maxTries, done)
	})
}

// add puts a session into a list, whoever else does so at once, unless all that the server began by then was ended meanwhile.
func (c *call) add(key, hash string, iat int64, left int, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		hashes, ended := readList(value)
		if failed == "" && iat*1000 <= ended {
			failed = loggedOut
		}
		if failed != "" {
			done(failed)
			return
		}
		if len(hashes) >= maxListed {
			// A session that no logout would find is none.
			c.end(c.client(&vault{hash: hashes[0]}), func(f *core.Fault) {
				if f != nil {
					done(f.Code())
					return
				}
				c.put(key, version, append(hashes[1:], hash), ended, c.added(key, hash, iat, left, done))
			})
			return
		}
		c.put(key, version, append(hashes, hash), ended, c.added(key, hash, iat, left, done))
	})
}

// added is what follows a try of add.
func (c *call) added(key, hash string, iat int64, left int, done func(failed string)) func(failed string) {
	return func(failed string) {
		if failed == "conflict" && left > 0 {
			c.add(key, hash, iat, left-1, done)
			return
		}
		done(failed)
	}
}

// put stores a list.
func (c *call) put(key, version string, hashes []string, ended int64, done func(failed string)) {
	c.store(key, version, writeList(hashes, ended), c.s.Now()+c.sessionMS, func(_, failed string) { done(failed) })
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

// backchannelLogout takes the server's word that a session of its own, or all of a user's, are over (OpenID Connect Back-Channel Logout section 2.5). It is verified before anything is looked up.
func (c *call) backchannelLogout() {
	c.form(maxForm, "invalid_request", c.endSessions)
}

func (c *call) endSessions(params []form.Param) {
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
		exp, _ := ok.Get("exp").Int()
		taken, _ := ok.Get("expires_at").Int()
		if exp*1000 > c.s.Now()+longestLogoutToken {
			c.refuse(400, "invalid_request", "exp of the logout token is more than a day ahead.")
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
			sub, sid := ok.Get("sub").Str(), ok.Get("sid").Str()
			keys := []string{c.bySub(iss, sub)}
			if sid != "" {
				keys = []string{c.bySID(iss, sid)}
				if sub != "" {
					keys = append(keys, c.bySID(iss, "\n"+sub))
				}
			}
			var next func(failed string)
			next = func(failed string) {
				switch {
				case failed != "":
					c.unavailable() // and the server may send the same token again
				case len(keys) > 0:
					key := keys[0]
					keys = keys[1:]
					c.endAll(key, maxTries, next)
				default:
					c.store(jti, version, "1", taken+60_000, func(_, failed string) {
						if failed != "" && failed != "conflict" {
							c.unavailable()
							return
						}
						c.respond(200, nil, "")
					})
				}
			}
			next("")
		})
	})
}

// endAll signs out every session of a list, and leaves word for those that are about to begin. They stay listed until they are ended: whatever fails, the server's next try finds them.
func (c *call) endAll(key string, left int, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		if failed != "" {
			done(failed)
			return
		}
		hashes, _ := readList(value)
		c.put(key, version, hashes, c.s.Now(), func(failed string) {
			if failed == "conflict" && left > 0 {
				c.endAll(key, left-1, done)
				return
			}
			if failed != "" || len(hashes) == 0 {
				done(failed)
				return
			}
			c.endEach(hashes, "", func(failed string) {
				if failed != "" {
					done(failed)
					return
				}
				c.unlist(key, hashes, maxTries, done)
			})
		})
	})
}

// endEach ends the sessions one after the other; one that cannot be ended now keeps none of the others.
func (c *call) endEach(hashes []string, failed string, done func(failed string)) {
	if len(hashes) == 0 {
		done(failed)
		return
	}
	c.end(c.client(&vault{hash: hashes[0]}), func(f *core.Fault) {
		if f != nil {
			failed = f.Code()
		}
		c.endEach(hashes[1:], failed, done)
	})
}

// unlist takes sessions that are over out of a list.
func (c *call) unlist(key string, gone []string, left int, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		if failed != "" {
			done(failed)
			return
		}
		hashes, ended := readList(value)
		var stay []string
		for _, h := range hashes {
			if !contains(gone, h) {
				stay = append(stay, h)
			}
		}
		c.put(key, version, stay, ended, func(failed string) {
			if failed == "conflict" && left > 0 {
				c.unlist(key, gone, left-1, done)
				return
			}
			done(failed)
		})
	})
}
