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
	// longestLogoutToken is how long a logout token may be good, in ms. Servers make it two minutes (OpenID Connect Back-Channel Logout section 2.4); its jti is kept for that long.
	longestLogoutToken = 24 * 3_600_000
)

// bySID and bySub are the keys under which a logout looks for sessions.
func (c *call) bySID(iss, sid string) string {
	return c.name + ".sid." + core.Hash(iss+"\n"+sid)
}
func (c *call) bySub(iss, sub string) string {
	return c.name + ".sub." + core.Hash(iss+"\n"+sub)
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
		var oldest string
		if len(hashes) >= maxListed {
			oldest, hashes = hashes[0], hashes[1:]
		}
		c.store(key, version, writeList(append(hashes, hash), ended), c.s.Now()+c.sessionMS, func(_, failed string) {
			switch {
			case failed == "conflict" && left > 0:
				c.add(key, hash, iat, left-1, done)
			case failed == "" && oldest != "":
				// A session that no logout would find is none.
				c.undo(c.client(&vault{hash: oldest}), func() { done("") })
			default:
				done(failed)
			}
		})
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
					c.store(jti, version, "1", exp*1000+60_000, func(_, failed string) {
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

// endAll signs out every session of a list, and leaves word for those that are about to begin.
func (c *call) endAll(key string, left int, done func(failed string)) {
	c.load(key, func(value, version, failed string) {
		if failed != "" {
			done(failed)
			return
		}
		hashes, _ := readList(value)
		c.store(key, version, writeList(nil, c.s.Now()), c.s.Now()+c.sessionMS, func(_, failed string) {
			if failed == "conflict" && left > 0 {
				c.endAll(key, left-1, done)
				return
			}
			if failed != "" {
				done(failed)
				return
			}
			c.endEach(key, hashes, done)
		})
	})
}

// endEach ends the sessions one after the other; those that cannot be ended now are listed again, for the server's next try.
func (c *call) endEach(key string, hashes []string, done func(failed string)) {
	if len(hashes) == 0 {
		done("")
		return
	}
	c.client(&vault{hash: hashes[0]}).Do("log_out", "", func(_ json.Value, f *core.Fault) {
		if f == nil {
			c.endEach(key, hashes[1:], done)
			return
		}
		c.load(key, func(value, version, _ string) {
			since, ended := readList(value)
			c.store(key, version, writeList(append(hashes, since...), ended), c.s.Now()+c.sessionMS, func(string, string) { done(f.Code()) })
		})
	})
}
