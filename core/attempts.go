package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// maxRedeemed is how many that were answered are remembered, so that a second delivery is told from a forged one.
const maxRedeemed = 4

// ownBy makes t independent of the input that it came in.
func (t *attempt) ownBy(l *link.Link) {
	l.Own(&t.state, &t.nonce, &t.verifier, &t.redirectURI, &t.scope, &t.appState, &t.iss, &t.key, &t.mode, &t.acr, &t.redeemed, &t.text)
}

func findAttempt(list []*attempt, state string) int {
	for i := range list {
		if list[i].state == state {
			return i
		}
	}
	return -1
}

// update lets op change a copy of the list and stores it; op may run several times and changes no attempt, only which stand there. Where op or the store fails, nothing has changed.
func (a *attempts) update(op func([]*attempt) ([]*attempt, *link.Fault), done func(*link.Fault)) {
	a.queue.run(func(release func()) {
		finish := func(f *link.Fault) {
			release()
			done(f)
		}
		var stale []*attempt // of lists that were written over, if only the answers are lost
		var try func(left int, current bool)
		reload := func(left int) {
			a.load(func(f *link.Fault) {
				if f != nil {
					finish(f)
					return
				}
				try(left, true)
			})
		}
		try = func(left int, current bool) {
			next, f := op(append([]*attempt(nil), a.list...))
			if f != nil {
				// What this instance never saw may have been stored by another: look once.
				if f.Code == "wrong_state" && !current {
					reload(left)
					return
				}
				finish(f)
				return
			}
			next = a.c.prune(next)
			a.c.store(a.key, a.version, a.encode(next), func(version, failed string) {
				switch {
				case failed == "":
					gone := a.list
					a.list, a.version = next, version
					for _, t := range gone {
						a.dropKey(t, t.redeemed != "")
					}
					for _, t := range stale {
						a.dropKey(t, true)
					}
					finish(nil)
				case conflict(failed) && left > 0:
					stale = a.list
					reload(left - 1)
				default:
					finish(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
				}
			})
		}
		if a.loaded {
			try(maxTries, false)
		} else {
			reload(maxTries)
		}
	})
}

// dropKey drops the key of an attempt that is not kept any more; one that was redeemed, or is gone for another instance, may have come to a session.
func (a *attempts) dropKey(gone *attempt, used bool) {
	for _, t := range a.list {
		if t.key == gone.key {
			return
		}
	}
	switch {
	case !used:
		a.c.dropKey(gone.key)
	case a.c.Now > gone.at+a.c.attemptLife:
		a.c.dropUnused(gone.key)
		// else it was crowded out, and may be on its way to a session; if not, its sign-in drops it
	}
}

// prune forgets what is over, and the oldest where there are too many: redeemed ones first.
func (c *client) prune(list []*attempt) []*attempt {
	kept, redeemed := list[:0], 0
	for _, t := range list {
		if c.Now <= t.at+c.attemptLife {
			kept = append(kept, t)
			if t.redeemed != "" {
				redeemed++
			}
		}
	}
	for redeemed > maxRedeemed || int64(len(kept)) > c.maxAttempts {
		drop := 0
		for i, t := range kept {
			if t.redeemed != "" {
				drop = i
				redeemed--
				break
			}
		}
		kept = append(kept[:drop], kept[drop+1:]...)
	}
	return kept
}

func (a *attempts) load(done func(*link.Fault)) {
	a.c.load(a.key, func(value, version, failed string) {
		if failed != "" {
			done(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
			return
		}
		a.loaded, a.version, a.list = true, version, nil
		v, _ := json.Parse(value)
		if a.c.ours(v) {
			over := -int(a.c.maxAttempts) // the oldest stand first
			for it := v.Get("attempts").Each(); it.Next(); {
				over++
			}
			for it := v.Get("attempts").Each(); it.Next(); over-- {
				if over > 0 {
					continue
				}
				e := it.Value()
				str := func(name string) string { return e.Get(name).Str() }
				t := &attempt{state: str("state"), nonce: str("nonce"), verifier: str("code_verifier"), redirectURI: str("redirect_uri"),
					scope: str("scope"), appState: str("app_state"), redeemed: str("redeemed"), key: str("dpop_key"), mode: str("response_mode"), acr: str("acr_values"), maxAge: -1}
				t.at, _ = e.Get("at").Int()
				if n, ok := e.Get("max_age").Int(); ok {
					t.maxAge = n
				}
				t.text = e.Raw()
				t.ownBy(a.c.Link)
				a.list = append(a.list, t)
			}
		}
		done(nil)
	})
}

func (a *attempts) encode(list []*attempt) string {
	size := 0
	for _, t := range list {
		if t.text == "" {
			t.text = t.encode()
		}
		size += len(t.text) + 1
	}
	w := a.c.stored()
	w.Grow(size + 64)
	w.Key("attempts")
	w.Open('[')
	for _, t := range list {
		w.Raw(t.text)
	}
	w.Close(']')
	w.Close('}')
	return w.String()
}

func (t *attempt) encode() string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("state", t.state)
	w.MemberStrIf("nonce", t.nonce)
	w.MemberStrIf("code_verifier", t.verifier)
	w.MemberStrIf("redirect_uri", t.redirectURI)
	w.MemberStrIf("scope", t.scope)
	w.MemberStrIf("app_state", t.appState)
	w.MemberStrIf("dpop_key", t.key)
	w.MemberStrIf("response_mode", t.mode)
	w.MemberStrIf("acr_values", t.acr)
	w.MemberInt("at", t.at)
	if t.maxAge >= 0 {
		w.MemberInt("max_age", t.maxAge)
	}
	w.MemberStrIf("redeemed", t.redeemed)
	w.Close('}')
	return w.String()
}
