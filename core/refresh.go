package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const lockTimeout = 60_000

// refresh makes the access token new (RFC 6749 section 6) or adopts what another instance got.
func (c *client) refresh(done func(*link.Fault)) {
	if c.refreshing != nil {
		c.refreshing.waiting = append(c.refreshing.waiting, done)
		return
	}
	if c.polling() {
		done(c.refreshable())
		return
	}
	run := &refreshRun{cmd: &command{}, had: c.tokens, waiting: []func(*link.Fault){done}}
	c.refreshing = run
	c.sessions.run(func(release func()) {
		c.locked(func(unlock func(), held bool, f *link.Fault) {
			run.alone = held
			end := func(f *link.Fault) {
				unlock()
				if c.status == refreshing || c.tokens.access == "" {
					c.settle()
				}
				c.refreshing = nil
				if f != nil && f.RetryAfter > 0 {
					c.retryAt = c.Now + f.RetryAfter
				}
				if f == nil || !c.tokens.sameToken(run.had) {
					c.arm(false)
				} else if c.expiry.N == 0 {
					c.awaitEnd()
				}
				release()
				for _, w := range run.waiting {
					w(f)
				}
			}
			if f != nil {
				end(f)
				return
			}
			c.discovered(func(f *link.Fault) {
				if f != nil {
					end(f)
					return
				}
				c.prepareRefresh(run, maxTries, end)
			})
		})
	})
}

// locked takes the session's lock and gives the way to free it. A host without locks is left to compare-and-set.
func (c *client) locked(then func(unlock func(), held bool, f *link.Fault)) {
	w := c.Effect("lock")
	w.MemberStr("name", c.key)
	w.MemberInt("timeout_ms", lockTimeout)
	var n int64
	n = c.Ask(w, func(ok json.Value, failed string) {
		switch failed {
		case "":
			then(func() { c.Cancel("unlock", n) }, true, nil)
		case "unsupported":
			then(func() {}, false, nil)
		default:
			then(func() {}, false, &link.Fault{Kind: link.KindClient, Code: "lock_" + failed, Retryable: true})
		}
	})
}

// prepareRefresh looks whether there is something newer, and else marks the token as being sent.
func (c *client) prepareRefresh(run *refreshRun, left int, end func(*link.Fault)) {
	had := c.tokens
	c.reload(func(changed bool, failed string) {
		t := c.tokens
		if failed != "" && !c.onlyHere() {
			// Without knowing what is stored, a token that another one has used up could go out.
			end(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
			return
		}
		// A mere mark is not something newer.
		if changed && !t.sameToken(had) && c.usable(t) {
			end(nil)
			return
		}
		if f := c.refreshable(); f != nil {
			if changed && t.access == "" {
				f.Code = "signed_out" // by another instance
			}
			end(f)
			return
		}
		if age := c.Now - t.triedAt; !run.alone && t.sentAt != 0 && t.triedBy != c.marked && age > -2*requestTimeout && age < 2*requestTimeout {
			// There is no lock to tell, and whoever set the mark may be sending at this moment.
			end(&link.Fault{Kind: link.KindClient, Code: "refresh_in_progress", Retryable: true})
			return
		}
		if run.mark == "" || run.mark != t.triedBy { // else only the answer of the store was lost
			run.resent = t.sentAt != 0
		}
		if run.resent && c.tooLate(t) {
			end(outcomeUnknown())
			return
		}
		if !run.resent {
			t.sentAt = c.Now
		}
		t.triedAt, t.triedBy = c.Now, c.Random("mark", 11)
		c.marked, run.mark = t.triedBy, t.triedBy
		run.sent = t.refresh
		c.store(c.key, c.version, c.encode(t), func(version, failed string) {
			switch {
			case failed == "":
				c.written(version)
			case conflict(failed) && left > 0:
				c.prepareRefresh(run, left-1, end)
				return
			case conflict(failed):
				end(&link.Fault{Kind: link.KindStorage, Code: "conflict", Retryable: true})
				return
			}
			c.sendRefresh(run, end)
		})
	})
}

// tooLate tells whether a refresh token that was sent and not answered is not sent again.
func (c *client) tooLate(t *tokens) bool { return c.retryWindow == 0 || c.Now-t.sentAt > c.retryWindow }

func outcomeUnknown() *link.Fault {
	return &link.Fault{Kind: link.KindNetwork, Code: "outcome_unknown"}
}

// refreshable says why a refresh cannot be now.
func (c *client) refreshable() *link.Fault {
	if c.polling() {
		return &link.Fault{Kind: link.KindClient, Code: "polling"}
	}
	return c.renewable()
}

// renewable says why a refresh can never be.
func (c *client) renewable() *link.Fault {
	switch {
	case c.config.refresh == "none":
		return &link.Fault{Kind: link.KindClient, Code: "refresh_not_supported"}
	case c.refreshEndpoint() == "" && (!c.discovery || c.known()):
		return c.absent("token_endpoint")
	case c.tokens.refresh == "":
		return &link.Fault{Kind: link.KindClient, Code: "no_refresh_token"}
	}
	return nil
}

func (c *client) refreshEndpoint() string {
	if c.config.refresh != "" {
		return c.config.refresh
	}
	return c.config.token
}

func (c *client) sendRefresh(run *refreshRun, end func(*link.Fault)) {
	c.setStatus(refreshing)
	params := []form.Param{{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Value: c.tokens.refresh}}
	if s := c.tokens.requested; c.refreshScope && s != "" {
		params = append(params, form.Param{Name: "scope", Value: s})
	}
	c.tokenRequest(run.cmd, stageRefresh, c.refreshEndpoint(), c.tokens.key, append(params, c.resource...), func(v json.Value, f *link.Fault) {
		var t *tokens
		if f != nil {
			// A proof that is refused may be that of a request which the network doubled: the first was carried out.
			f.Unknown = f.Unknown || f.Err == "invalid_dpop_proof"
			if f.Dead = c.deadToken(f); f.Dead {
				f.Retryable, f.RetryAfter = false, 0 // whatever the status says
			}
			c.redact(f) // while the token it may repeat is still known
		} else {
			t, f = c.readTokens(v, c.tokens, false)
			if f == nil {
				f = t.tooLarge()
			}
			if next := v.Get("refresh_token").Str(); f != nil && next != "" && len(next) <= maxTokens/4 {
				c.Own(&next)
				c.keepSuccessor(run, next, func(_ bool, other *link.Fault) {
					if other != nil {
						f = other
					}
					end(f)
				})
				return
			} else if f != nil {
				f.Unknown = true // it was carried out, and nothing of the answer is of use
			}
		}
		switch {
		case f == nil:
			c.adopt(run, t, end)
		case f.Unknown && !run.resent && f.RetryAfter == 0 && c.retryWindow > 0 && c.Now-c.tokens.sentAt <= c.retryWindow:
			// Still under the lock: nobody else can have got an answer.
			run.resent = true
			c.sendRefresh(run, end)
		case f.Dead:
			c.refused(run, f, end)
		case f.Unknown:
			end(f)
		default:
			// The token surely was not used: nothing is unknown about it.
			if !run.resent {
				c.tokens.clearMark()
			}
			c.save(func() { end(f) })
		}
	})
}

// adopt takes a good answer over. An ID token in it has to be verified first, and the refresh token does not wait for that: the old one is spent.
func (c *client) adopt(run *refreshRun, t *tokens, end func(*link.Fault)) {
	if t.idToken == c.tokens.idToken || c.jwks == "" || c.idTokenOff {
		if c.jwks == "" && !c.idTokenOff {
			t.idToken = c.tokens.idToken
		}
		c.adoptOwn(run, t, maxTries, end)
		return
	}
	before := c.tokens
	c.keepSuccessor(run, t.refresh, func(kept bool, f *link.Fault) {
		if f != nil || !kept {
			end(f)
			return
		}
		c.identify(t, before, expected{maxAge: -1, later: true}, func(f *link.Fault) {
			if f == nil {
				f = t.tooLarge()
			}
			if f != nil && (f.Kind == link.KindIDToken || f.Code == "too_large") {
				end(f)
				return
			}
			if f != nil {
				// The keys are out of reach: what is known of the user stays what it was.
				t.idToken, t.claims = before.idToken, before.claims
			}
			run.useless = false
			c.adoptOwn(run, t, maxTries, end)
		})
	})
}

// keepSuccessor takes from an answer the refresh token alone; kept tells whether it is held now, and not what somebody else stored meanwhile.
func (c *client) keepSuccessor(run *refreshRun, next string, done func(kept bool, f *link.Fault)) {
	run.useless = true
	kept := *c.tokens
	kept.clearMark()
	kept.refresh, kept.generation = next, max(kept.generation+1, c.Now)
	c.adoptOwn(run, &kept, maxTries, func(f *link.Fault) { done(c.tokens == &kept, f) })
}

// adoptOwn stores what the server gave, then it is granted. Somebody who wrote in between is newer than we are: a sign-in is adopted, a sign-out ends this too.
func (c *client) adoptOwn(run *refreshRun, t *tokens, left int, end func(*link.Fault)) {
	text := c.encode(t)
	c.store(c.key, c.version, text, func(version, failed string) {
		if !conflict(failed) {
			c.keep(t, version, failed)
			c.renewed(run)
			end(nil)
			return
		}
		c.load(c.key, func(value, version, unread string) {
			theirs, ok := c.decode(value)
			had, status := c.tokens, c.status
			switch {
			case unread != "" || !ok:
				c.keep(t, "", "conflict")
				c.renewed(run)
				end(nil)
			case theirs.refresh == run.sent && left > 0:
				// Nothing newer: another one's mark on the token that we have the successor of.
				c.version = version
				c.adoptOwn(run, t, left-1, end)
			case value == "":
				c.tokens, c.version = &tokens{}, version
				c.settle()
				c.tellChange(had, status)
				c.revokeToken(&command{}, t.refresh, "refresh_token", func(*link.Fault) {
					end(&link.Fault{Kind: link.KindClient, Code: "signed_out"})
				})
			default:
				c.keep(theirs, version, "")
				c.grant()
				c.tellChange(had, status)
				end(nil)
			}
		})
	})
}

// refused ends what a dead refresh token ends: that token, and after an unknown outcome the whole session.
func (c *client) refused(run *refreshRun, f *link.Fault, end func(*link.Fault)) {
	c.tokens.clearMark()
	c.tokens.refresh = ""
	key := c.tokens.key
	if run.resent {
		f.Code = "outcome_lost"
		c.tokens = &tokens{}
	}
	c.save(func() {
		if c.tokens.key != key || c.tokens.access == "" && c.tokens.refresh == "" {
			c.dropKey(key)
		}
		end(f)
	})
}

// renewed enters granted for a new access token; an answer of which only the refresh token was of use gave none.
func (c *client) renewed(run *refreshRun) {
	if !run.useless {
		c.grant()
	}
}

// save stores what is held now, as well as it goes; who wrote meanwhile knows better.
func (c *client) save(done func()) {
	c.store(c.key, c.version, c.encode(c.tokens), func(version, failed string) {
		if failed == "" {
			c.written(version)
		} else if conflict(failed) {
			c.reload(func(bool, string) { done() })
			return
		} else {
			c.unsaved = true
			c.Emit(c.event("not_persisted"))
		}
		done()
	})
}
