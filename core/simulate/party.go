package simulate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

// A party plays a tab or a process: an engine with one session, and a host that follows the
// contract.
type party struct {
	w      *World
	id     int
	slot   int
	engine *core.Engine
	handle int32
	epoch  string
	count  int64 // the last effect's
	dead   bool
	skew   int64
	// fromBytes means that it was opened with a session's bytes.
	fromBytes bool

	tasks    []*task // effects that need an answer, oldest first
	locks    map[string]*task
	tails    map[string]int64 // by key: when its last store operation is carried out
	commands map[int64]*command
	nextID   int64

	view
	flow   flow
	header string            // the result of the last prepare
	nonces map[string]string // by host: the last nonce that a server sent
	// answered holds the answers that it got, by the counters of their effects; former holds those
	// of the session that it replaced.
	answered, former map[string]answered
}

// answered is an answer that the party got.
type answered struct{ id, member string }

// A task is an effect that the host is carrying out.
type task struct {
	p       *party
	effect  *effect
	done    bool   // answered, or not needed any more
	holds   bool   // a lock that it holds
	pending func() // of a store operation: carries it out
	refresh *token // of an http effect: the token that it sends
	began   int64
}

// A command is a command without a result yet.
type command struct {
	id   int64
	name string
	then func(ok json.RawMessage)
}

func (p *party) name() string { return "p" + strconv.Itoa(p.id) }

// gone implements holder.
func (p *party) gone() bool { return p.dead }

// now is the time by the party's clock.
func (p *party) now() int64 { return max(0, p.w.now+p.w.offset+p.skew) }

func (w *World) open(slot int, session string) *party {
	p := &party{w: w, id: len(w.everyone) + 1, slot: slot, engine: &core.Engine{}, locks: map[string]*task{}, tails: map[string]int64{}, commands: map[int64]*command{},
		fromBytes: session != "", answered: map[string]answered{}}
	if before := w.slots[slot]; before != nil {
		p.former = before.answered
	}
	p.status, p.withdrawn = "not_authenticated", map[string]bool{}
	if w.plan.skewed {
		p.skew = w.span(-120_000, 120_000)
		if w.plan.dpop {
			p.skew /= 3 // servers tolerate a minute
		}
	}
	w.everyone = append(w.everyone, p)
	w.slots[slot] = p
	msg := p.head() + `"kind":"client","config":` + w.config()
	if session != "" {
		msg += `,"session":` + quote(session)
		p.held = readSaved(session)
		p.brought = namesIn(session)
		for _, name := range p.brought {
			w.keys.record(name).known(p.id)
		}
	}
	w.note(p, "opens, bytes %v", session != "")
	p.guard(func() {
		w.trace.raw(w.now, p.id, 'o', []byte(msg))
		if p.handle = p.engine.Open([]byte(msg + "}")); p.handle == 0 {
			w.fail("open-refused", "open was refused: %s", p.engine.Effect(0))
		}
	})
	p.drain()
	return p
}

func (w *World) config() string {
	c := map[string]any{
		"issuer": issuer, "client_id": clientID, "redirect_uri": redirectURI, "scope": "profile", "token_destinations": []string{resourceURL},
		"authorization_endpoint": issuer + "/authorize", "token_endpoint": issuer + "/token", "revocation_endpoint": issuer + "/revoke",
		"userinfo_endpoint": issuer + "/userinfo", "retry_window_ms": w.plan.retryWindow,
	}
	if w.plan.device {
		c["device_authorization_endpoint"] = issuer + "/device_authorization"
	}
	if w.plan.auto {
		c["auto_refresh"] = true
	}
	if w.plan.lead != 0 {
		c["refresh_lead_ms"] = w.plan.lead
	}
	if w.plan.secret {
		c["client_secret"] = w.server.secret
	}
	if w.plan.hooks {
		c["parameter_hooks"], c["request_hooks"] = []string{"authorization", "refresh", "device_authorization"}, []string{"token", "refresh", "polling"}
	}
	if w.plan.dpop {
		c["dpop"] = true
	}
	b, _ := json.Marshal(c) // it has only texts, numbers and lists of texts
	return string(b)
}

func (p *party) head() string {
	var entropy [32]byte
	p.w.bytes.Read(entropy[:])
	return `{"now":` + strconv.FormatInt(p.now(), 10) + `,"entropy":"` + base64.RawURLEncoding.EncodeToString(entropy[:]) + `",`
}

// input gives the engine one input and carries out the effects.
func (p *party) input(members string) {
	if p.dead || !p.w.ok() {
		return
	}
	msg := p.head() + members + "}"
	p.w.trace.raw(p.w.now, p.id, '>', []byte(msg))
	p.guard(func() {
		if code := p.engine.Input(p.handle, []byte(msg)); code != core.Taken {
			p.w.fail("input-refused", "%s: an input was refused with code %d", p.name(), code)
		}
	})
	p.drain()
}

// guard reports a panic as a broken rule.
func (p *party) guard(f func()) {
	defer func() {
		if r := recover(); r != nil {
			p.w.fail("panic", "%s: the engine panicked: %v", p.name(), r)
		}
	}()
	f()
}

// drain takes all effects before it carries out the first, as hosts do. The party may crash between
// any two.
func (p *party) drain() {
	var raws [][]byte
	p.guard(func() {
		for raw := p.engine.Effect(p.handle); raw != nil; raw = p.engine.Effect(p.handle) {
			raws = append(raws, raw)
		}
	})
	for _, raw := range raws {
		if !p.w.ok() || p.dead {
			return
		}
		if p.w.goesWrong(crashMid) {
			p.die()
			p.w.reopen(p.slot, "")
			return
		}
		p.w.trace.raw(p.w.now, p.id, '<', raw)
		p.w.carryOut(p, raw)
	}
	p.w.reached(p)
}

func (p *party) begin(e *effect) *task {
	t := &task{p: p, effect: e, began: p.w.now}
	p.tasks = append(p.tasks, t)
	// An answer for the session before this one has the same counter, but another epoch.
	_, counter, _ := strings.Cut(e.ID, ":")
	if old := p.former[counter]; old.id != "" && p.w.goesWrong(answerStray) {
		p.w.after(0, func() {
			p.w.note(p, "stray answer to the session before")
			p.input(`"answer":"` + old.id + `",` + old.member)
		})
	}
	return t
}

func (p *party) end(t *task) {
	t.done = true
	if i := slices.Index(p.tasks, t); i >= 0 {
		p.tasks = slices.Delete(p.tasks, i, i+1)
	}
}

// answer answers an effect once. A second answer counts as late.
func (p *party) answer(t *task, member string) {
	if p.dead || t.done {
		p.late(t, member)
		return
	}
	p.end(t)
	_, counter, _ := strings.Cut(t.effect.ID, ":")
	p.answered[counter] = answered{t.effect.ID, member}
	p.w.seen(p, t.effect, member)
	p.input(`"answer":"` + t.effect.ID + `",` + member)
}

// late delivers an answer for which nobody waits any more. Most hosts drop it, and the core must
// ignore it.
func (p *party) late(t *task, member string) {
	w := p.w
	switch {
	case !p.dead && w.goesWrong(answerLate):
		w.note(p, "late answer to %s", t.effect.Kind)
		p.input(`"answer":"` + t.effect.ID + `",` + member)
	case p.dead && w.goesWrong(answerStray):
		if next := w.slots[p.slot]; next != nil && !next.dead {
			w.note(next, "stray answer to %s of %s", t.effect.Kind, p.name())
			next.input(`"answer":"` + t.effect.ID + `",` + member)
		}
	}
}

// command gives a command. If it succeeds, then gets its result.
func (p *party) command(name, members string, then func(ok json.RawMessage)) *command {
	p.nextID++
	c := &command{id: p.nextID, name: name, then: then}
	p.commands[c.id] = c
	p.w.report.Commands[name]++
	p.w.note(p, "command %d %s", c.id, name)
	if members != "" {
		members = "," + members
	}
	p.input(fmt.Sprintf(`"command":%q,"id":%d%s`, name, c.id, members))
	return c
}

// runs reports whether a command of one of these names is under way, or was cancelled and may still
// have an effect.
func (p *party) runs(names ...string) bool {
	for _, c := range p.commands {
		if slices.Contains(names, c.name) {
			return true
		}
	}
	for _, name := range names {
		if p.withdrawn[name] {
			return true
		}
	}
	return false
}

// die is a crash: memory is lost, locks are released, and of the writes under way some are still
// carried out.
func (p *party) die() {
	w := p.w
	w.note(p, "dies")
	p.dead = true
	w.died(p)
	for _, t := range slices.Clone(p.tasks) {
		if t.pending == nil {
			continue
		}
		switch w.n(3) {
		case 0:
			t.pending()
		case 1:
			t.pending = nil
		}
	}
	for _, id := range sortedKeys(p.locks) {
		w.locks.leave(p.locks[id])
	}
}

// retire closes the session, as a host does with a worn instance: between commands, and it keeps
// the session's bytes if the store does not have them.
func (p *party) retire() {
	if len(p.tasks) > 0 || len(p.commands) > 0 {
		return
	}
	var session string
	p.command("export", "", func(ok json.RawMessage) {
		var result struct{ Session string }
		json.Unmarshal(ok, &result)
		session = result.Session
	})
	if !p.w.ok() || p.dead || len(p.tasks) > 0 {
		return
	}
	p.w.note(p, "retires")
	p.dead = true
	next := p.w.open(p.slot, session)
	if session == "" {
		return // there were no bytes to keep
	}
	next.receipts = p.receipts
	for _, r := range next.receipts {
		r.p = next
	}
}

func sortedKeys[V any](m map[string]V) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(a, b) })
	return keys
}
