package simulate

import (
	"encoding/json"
	"slices"
	"strconv"
)

// patience is how many steps a world may take to settle, so that an endless loop is a broken rule
// and not an endless test.
const patience = 50_000

// settle ends all faults, lets everything finish, and checks the end state.
// promised.
func (w *World) settle() {
	w.healed, w.offset = true, 0
	w.jumps++
	w.note(nil, "all is made good")
	if w.plan.device {
		for _, p := range w.alive() {
			p.command("poll_stop", `"forget":true`, nil)
		}
	}
	w.quiet()
	if !w.ok() {
		return
	}
	for _, p := range w.alive() {
		for id, c := range p.commands {
			w.fail("one-result", "%s: command %d %s has no result", p.name(), id, c.name)
		}
		for _, t := range p.tasks {
			if t.effect.Kind != "timer" {
				w.fail("left-over", "%s: %s is still asked for", p.name(), t.effect.Kind)
			}
		}
		for range p.locks {
			w.fail("left-over", "%s still holds a lock", p.name())
		}
	}
	w.dropped()
	w.leftOver()
	if !w.ok() {
		return
	}
	for _, p := range w.alive() {
		p.die()
	}
	w.quiet()
	// Marks of dead parties are old enough now.
	w.now += 2 * fresh
	w.survives()
}

// leftOver checks which keys are left.
func (w *World) leftOver() {
	if !w.plan.dpop || !w.ok() {
		return
	}
	var memory []string
	for _, p := range w.alive() {
		p.command("export", "", func(ok json.RawMessage) {
			var result struct{ Session string }
			json.Unmarshal(ok, &result)
			memory = append(memory, result.Session)
		})
	}
	w.quiet()
	w.orphans(memory)
}

// quiet runs the world until only timers remain.
func (w *World) quiet() {
	for n := 0; w.busy() && w.ok(); n++ {
		if n > patience {
			w.fail("never-settles", "there is still something to come after %d steps", patience)
		}
		w.step()
	}
}

func (w *World) busy() bool {
	for _, p := range w.alive() {
		for _, t := range p.tasks {
			if t.effect.Kind != "timer" {
				return true
			}
		}
	}
	return w.queue.busy > 0
}

// dropped: a token that a party received and the server honours was stored, or there is a reason.
func (w *World) dropped() {
	for _, p := range w.everyone {
		for _, r := range p.receipts {
			t := r.token
			if t.stored != 0 || t.root.muddled || p.dead || p.unsaved(t) || w.ledger.asked[t.value] || w.store.replaced >= r.began || p.withdrawn["set_token"] || !w.server.honours(t.value) {
				continue
			}
			if t.parent != nil && slices.ContainsFunc(t.parent.successors, func(s *token) bool { return s.stored != 0 }) {
				continue // another successor of the same token, within the server's grace
			}
			if t.parent == nil && p.failedOnce && (w.plan.skewed || w.jumps > 0) {
				w.excuse("a store failed, and by clocks apart another sign-in came later")
				continue
			}
			if t.parent == nil && p.failedOnce {
				w.fail("sign-in-given-up", "%s received %s by a sign-in, and gave it up for an older session", p.name(), t.name)
				continue
			}
			w.fail("token-dropped", "%s received %s, which the server honours, and it was never stored", p.name(), t.name)
		}
	}
}

// survives: a new instance continues the session in the store, if the server still honours it.
func (w *World) survives() {
	kept := readSaved(w.store.entries[sessionKey].value)
	good := kept.Refresh != "" && w.server.honours(kept.Refresh)
	if now := w.now; good && kept.SentAt != 0 && (w.plan.retryWindow == 0 || now-kept.SentAt > w.plan.retryWindow) {
		w.excuse("the token went out before, unanswered, and its window is over")
		good = false
	}
	if good && kept.Key != "" && w.keys.keys[kept.Key] == nil {
		w.excuse("the key of the session is lost")
		good = false
	}
	p := w.open(0, "")
	p.skew = 0
	w.quiet()
	for _, force := range []bool{false, true} {
		p.command("token", `"force":`+strconv.FormatBool(force), func(ok json.RawMessage) {
			var result struct {
				Access string `json:"access_token"`
			}
			json.Unmarshal(ok, &result)
			if force && !w.server.accepts(result.Access) {
				w.fail("session-lost", "at the end a forced refresh gives a token that the server does not take")
			}
			good = good && !force
		})
		w.quiet()
		if good && force {
			w.fail("session-lost", "at the end the server honours %s, but a new instance does not get a token: %s", w.ledger.name(kept.Refresh), w.lastError)
		}
	}
}
