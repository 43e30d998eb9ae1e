package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

const lockTimeout = 60_000

// A refreshRun is the one refresh under way; whoever asks meanwhile waits for it. It goes on without any waiter: its answer may be the only copy of a new token.
type refreshRun struct {
	cmd     *command
	waiting []func(*fault)
	sent    string  // the refresh token that goes out
	resent  bool    // it was sent before this request, by us or by one that did not see the answer
	alone   bool    // the lock is held: whoever set a mark is not sending any more
	had     *tokens // at the start
	mark    string  // tried_by of this run, not sent yet
	useless bool    // the answer, but for a refresh token in it
}

// refresh makes the access token new (RFC 6749 section 6) or adopts what another instance got.
func (c *client) refresh(done func(*fault)) {
	if c.refreshing != nil {
		c.refreshing.waiting = append(c.refreshing.waiting, done)
		return
	}
	if c.polling() {
		done(c.refreshable())
		return
	}
	run := &refreshRun{cmd: &command{}, had: c.tokens, waiting: []func(*fault){done}}
	c.refreshing = run
	c.sessions.run(func(release func()) {
		c.locked(func(unlock func(), held bool, f *fault) {
			run.alone = held
			if plant == "lock-released-early" {
				unlock()
			}
			end := func(f *fault) {
				unlock()
				if c.status == refreshing || c.tokens.access == "" {
					c.settle()
				}
				c.refreshing = nil
				if f != nil && f.retryAfter > 0 {
					c.retryAt = c.now + f.retryAfter
				}
				if f == nil || !c.tokens.sameToken(run.had) {
					c.arm(false)
				} else if c.expiry.n == 0 {
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
			c.discovered(func(f *fault) {
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
func (c *client) locked(then func(unlock func(), held bool, f *fault)) {
	if plant == "no-lock" {
		then(func() {}, true, nil)
		return
	}
	w := c.effect("lock")
	w.MemberStr("name", c.key)
	w.MemberInt("timeout_ms", lockTimeout)
	var n int64
	n = c.ask(w, func(ok json.Value, failed string) {
		switch failed {
		case "":
			then(func() { c.cancel("unlock", n) }, true, nil)
		case "unsupported":
			then(func() {}, false, nil)
		default:
			then(func() {}, false, &fault{kind: kindClient, code: "lock_" + failed, retryable: true})
		}
	})
}

// prepareRefresh looks whether there is something newer, and else marks the token as being sent.
func (c *client) prepareRefresh(run *refreshRun, left int, end func(*fault)) {
	had := c.tokens
	c.reload(func(changed bool, failed string) {
		t := c.tokens
		if failed != "" && !c.onlyHere() {
			// Without knowing what is stored, a token that another one has used up could go out.
			end(&fault{kind: kindStorage, code: failed, retryable: true})
			return
		}
		// A mere mark is not something newer.
		if changed && !t.sameToken(had) && c.usable(t) {
			end(nil)
			return
		}
		if f := c.refreshable(); f != nil {
			if changed && t.access == "" {
				f.code = "signed_out" // by another instance
			}
			end(f)
			return
		}
		if age := c.now - t.triedAt; !run.alone && t.sentAt != 0 && t.triedBy != c.marked && age > -2*requestTimeout && age < 2*requestTimeout && plant != "young-mark-ignored" {
			// There is no lock to tell, and whoever set the mark may be sending at this moment.
			end(&fault{kind: kindClient, code: "refresh_in_progress", retryable: true})
			return
		}
		if run.mark == "" || run.mark != t.triedBy { // else only the answer of the store was lost
			run.resent = t.sentAt != 0
		}
		if plant != "window-ignored" && run.resent && c.tooLate(t) {
			end(outcomeUnknown())
			return
		}
		if !run.resent {
			t.sentAt = c.now
		}
		t.triedAt, t.triedBy = c.now, c.random("mark", 11)
		c.marked, run.mark = t.triedBy, t.triedBy
		run.sent = t.refresh
		c.store(c.key, c.version, c.encode(t), func(version, failed string) {
			switch {
			case failed == "" || plant == "conflict-ignored":
				c.written(version)
			case conflict(failed) && left > 0:
				c.prepareRefresh(run, left-1, end)
				return
			case conflict(failed):
				end(&fault{kind: kindStorage, code: "conflict", retryable: true})
				return
			}
			c.sendRefresh(run, end)
		})
	})
}

// tooLate tells whether a refresh token that was sent and not answered is not sent again.
func (c *client) tooLate(t *tokens) bool { return c.retryWindow == 0 || c.now-t.sentAt > c.retryWindow }

func outcomeUnknown() *fault { return &fault{kind: kindNetwork, code: "outcome_unknown"} }

// refreshable says why a refresh cannot be now.
func (c *client) refreshable() *fault {
	if c.polling() {
		return &fault{kind: kindClient, code: "polling"}
	}
	return c.renewable()
}

// renewable says why a refresh can never be.
func (c *client) renewable() *fault {
	switch {
	case c.config.refresh == "none":
		return &fault{kind: kindClient, code: "refresh_not_supported"}
	case c.refreshEndpoint() == "" && (!c.discovery || c.known()):
		return c.absent("token_endpoint")
	case c.tokens.refresh == "":
		return &fault{kind: kindClient, code: "no_refresh_token"}
	}
	return nil
}

func (c *client) refreshEndpoint() string {
	if c.config.refresh != "" {
		return c.config.refresh
	}
	return c.config.token
}

func (c *client) sendRefresh(run *refreshRun, end func(*fault)) {
	c.setStatus(refreshing)
	params := []form.Param{{Name: "grant_type", Value: "refresh_token"}, {Name: "refresh_token", Value: c.tokens.refresh}}
	if s := c.tokens.requested; c.refreshScope && s != "" {
		params = append(params, form.Param{Name: "scope", Value: s})
	}
	c.tokenRequest(run.cmd, stageRefresh, c.refreshEndpoint(), c.tokens.key, append(params, c.resource...), func(v json.Value, f *fault) {
		var t *tokens
		if f != nil {
			// A proof that is refused may be that of a request which the network doubled: the first was carried out.
			f.unknown = f.unknown || f.err == "invalid_dpop_proof"
			if f.dead = c.deadToken(f); f.dead {
				f.retryable, f.retryAfter = false, 0 // whatever the status says
			}
			c.redact(f) // while the token it may repeat is still known
		} else {
			t, f = c.readTokens(v, c.tokens, false)
			if f == nil {
				f = t.tooLarge()
			}
			if next := v.Get("refresh_token").Str(); f != nil && next != "" && len(next) <= maxTokens/4 {
				c.own(&next)
				c.keepSuccessor(run, next, func(_ bool, other *fault) {
					if other != nil {
						f = other
					}
					end(f)
				})
				return
			} else if f != nil {
				f.unknown = true // it was carried out, and nothing of the answer is of use
			}
		}
		switch {
		case f == nil:
			c.adopt(run, t, end)
		case f.unknown && (!run.resent || plant == "resent-without-limit") && f.retryAfter == 0 && c.retryWindow > 0 && c.now-c.tokens.sentAt <= c.retryWindow:
			// Still under the lock: nobody else can have got an answer.
			run.resent = true
			c.sendRefresh(run, end)
		case f.dead || plant == "transient-ends-the-session" && f.status >= 429:
			c.refused(run, f, end)
		case f.unknown:
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
func (c *client) adopt(run *refreshRun, t *tokens, end func(*fault)) {
	if t.idToken == c.tokens.idToken || c.jwks == "" || c.idTokenOff {
		if c.jwks == "" && !c.idTokenOff {
			t.idToken = c.tokens.idToken
		}
		c.adoptOwn(run, t, maxTries, end)
		return
	}
	before := c.tokens
	c.keepSuccessor(run, t.refresh, func(kept bool, f *fault) {
		if f != nil || !kept {
			end(f)
			return
		}
		c.identify(t, before, expected{maxAge: -1, later: true}, func(f *fault) {
			if f == nil {
				f = t.tooLarge()
			}
			if f != nil && (f.kind == kindIDToken || f.code == "too_large") {
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
func (c *client) keepSuccessor(run *refreshRun, next string, done func(kept bool, f *fault)) {
	run.useless = true
	kept := *c.tokens
	kept.clearMark()
	kept.refresh, kept.generation = next, max(kept.generation+1, c.now)
	c.adoptOwn(run, &kept, maxTries, func(f *fault) { done(c.tokens == &kept, f) })
}

// adoptOwn stores what the server gave, then it is granted. Somebody who wrote in between is newer than we are: a sign-in is adopted, a sign-out ends this too.
func (c *client) adoptOwn(run *refreshRun, t *tokens, left int, end func(*fault)) {
	if plant == "use-before-persist" {
		c.tokens = t
		c.grant()
	}
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
			case (theirs.refresh == run.sent || plant == "sign-out-undone" && value == "") && left > 0:
				// Nothing newer: another one's mark on the token that we have the successor of.
				c.version = version
				c.adoptOwn(run, t, left-1, end)
			case value == "":
				c.tokens, c.version = &tokens{}, version
				c.settle()
				c.tellChange(had, status)
				c.revokeToken(&command{}, t.refresh, "refresh_token", func(*fault) {
					end(&fault{kind: kindClient, code: "signed_out"})
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
func (c *client) refused(run *refreshRun, f *fault, end func(*fault)) {
	c.tokens.clearMark()
	c.tokens.refresh = ""
	key := c.tokens.key
	if run.resent {
		f.code = "outcome_lost"
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
			c.emit(c.event("not_persisted"))
		}
		done()
	})
}
