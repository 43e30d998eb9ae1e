package simulate

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// carriers carry out the effects, one function for each kind.
var carriers map[string]func(p *party, e *effect, raw []byte)

func init() {
	carriers = map[string]func(p *party, e *effect, raw []byte){
		"http":  func(p *party, e *effect, _ []byte) { p.send(e) },
		"load":  func(p *party, e *effect, _ []byte) { p.w.carryStore(p, e) },
		"store": func(p *party, e *effect, _ []byte) { p.w.carryStore(p, e) },
		"lock": func(p *party, e *effect, _ []byte) {
			p.w.locks.carry(p, e)
			p.locks[e.ID] = p.tasks[len(p.tasks)-1]
		},
		"unlock":       func(p *party, e *effect, _ []byte) { p.unlock(e.Target) },
		"timer":        func(p *party, e *effect, _ []byte) { p.timer(e) },
		"timer-cancel": func(p *party, e *effect, _ []byte) { p.withdraw(e.Target) },
		"http-cancel":  func(p *party, e *effect, _ []byte) { p.withdraw(e.Target) },
		"hook":         func(p *party, e *effect, _ []byte) { p.hook(e) },
		"key":          func(p *party, e *effect, _ []byte) { p.w.carryKey(p, e) },
		"sign":         func(p *party, e *effect, _ []byte) { p.w.sign(p, e) },
		"event":        (*party).event,
		"result":       (*party).result,
	}
}

// read parses an effect, and checks the form that every effect must have.
func (p *party) read(raw []byte) *effect {
	e := &effect{}
	if err := json.Unmarshal(raw, e); err != nil {
		p.w.fail("effect-form", "%s: no effect: %v in %s", p.name(), err, raw)
		return nil
	}
	at, counter, _ := strings.Cut(e.ID, ":")
	n, err := strconv.ParseInt(counter, 10, 64)
	if p.epoch == "" {
		p.epoch = at
	}
	if err != nil || len(at) != 16 || at != p.epoch || n <= p.count || !strings.HasPrefix(string(raw), `{"id":"`+e.ID+`","kind":"`+e.Kind+`"`) {
		p.w.fail("effect-form", "%s: id or order of members: %s", p.name(), raw)
		return nil
	}
	p.count = n
	if lacks := e.lacks(); lacks != "" {
		p.w.fail("effect-form", "%s: %s lacks %s: %s", p.name(), e.Kind, lacks, raw)
		return nil
	}
	return e
}

// carryOut carries out an effect of a party's engine.
func carryOut(p *party, raw []byte) {
	e := p.read(raw)
	if e == nil {
		return
	}
	p.w.report.Effects[e.Kind]++
	carry := carriers[e.Kind]
	if carry == nil {
		if t := p.begin(e); true {
			p.w.after(0, func() { p.answer(t, `"failed":{"kind":"unsupported"}`) })
		}
		return
	}
	carry(p, e, raw)
}

func (p *party) find(id string) *task {
	for _, t := range p.tasks {
		if t.effect.ID == id {
			return t
		}
	}
	return nil
}

// withdraw ends an effect whose answer is not needed any more.
func (p *party) withdraw(target string) {
	if t := p.find(target); t != nil {
		p.end(t)
	}
}

func (p *party) unlock(target string) {
	t := p.locks[target]
	if t == nil {
		return
	}
	p.w.note(p, "unlock")
	delete(p.locks, target)
	p.end(t)
	p.w.locks.leave(t)
}

// timer fires; now and then it is early or late.
func (p *party) timer(e *effect) {
	t, ms := p.begin(e), e.MS
	switch {
	case p.w.goesWrong(timerEarly):
		ms = int64(float64(ms) * p.w.rng.Float64())
	case p.w.goesWrong(timerLate):
		ms += p.w.long(100, 3_600_000)
	}
	p.w.queue.add(p.w.now+ms, true, func() {
		if !t.done && !p.dead {
			p.answer(t, `"ok":{}`)
		}
	})
}

// hook is a host's hook function that changes nothing.
func (p *party) hook(e *effect) {
	t := p.begin(e)
	member := `"ok":{"parameters":` + string(e.Parameters) + `}`
	if e.Hook == "request" {
		member = `"ok":{"request":` + string(e.Request) + `}`
	}
	if p.w.goesWrong(hookFails) {
		member = `"failed":{"kind":"internal"}`
	}
	p.w.after(p.w.span(0, 10), func() { p.answer(t, member) })
}

// result ends a command.
func (p *party) result(e *effect, raw []byte) {
	c := p.commands[e.Command]
	if c == nil {
		p.w.fail("one-result", "%s: a second result of command %d, or of none: %s", p.name(), e.Command, raw)
		return
	}
	delete(p.commands, c.id)
	if !slices.Contains([]string{"token", "prepare", "answered", "export"}, c.name) || e.Error != nil {
		p.keepsSecret("the result of "+c.name, raw)
	}
	switch {
	case e.Error != nil:
		p.w.report.Results[e.Error.Code]++
		p.w.lastError = e.Error.Kind + " " + e.Error.Code
		p.w.note(p, "command %d %s fails: %s %s", c.id, c.name, e.Error.Kind, e.Error.Code)
		if e.Error.Kind == "cancelled" || e.Error.Kind == "storage" {
			p.withdrawn[c.name] = true
		}
	default:
		p.w.note(p, "command %d %s is done", c.id, c.name)
		if c.name == "revoke" && p.refuse != "" {
			p.withdrawn[c.name] = true
		}
		if c.then != nil {
			c.then(e.OK)
		}
	}
}
