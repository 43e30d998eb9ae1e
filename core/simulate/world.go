package simulate

import (
	"fmt"
	"math/rand/v2"
)

// epoch is the time at which every world begins, Unix ms.
const epoch = 1_700_000_000_000

// A World is one run: parties, a server and a network between them, all drawn from one seed.
type World struct {
	seed  uint64
	life  int // steps until all faults end
	rng   dice
	bytes *rand.ChaCha8 // the parties' entropy
	plan  plan

	now    int64 // true time, Unix ms
	offset int64 // the error of the clock of the parties' machine
	queue  queue
	steps  int
	healed bool // no more faults happen

	slots    []*party // nil or dead: closed now
	everyone []*party
	server   *server
	store    *store
	locks    *locks
	keys     *keyStore
	ledger   *ledger
	setBack  int64    // how far the clock of the parties' machine was set back in total
	jumps    int      // of that clock
	exported []string // sessions' bytes that somebody kept
	downTill int64    // until when the network is down
	trace    *trace
	report   *Report
	// lastError is the code of the last failed command.
	lastError string

	// The effects of a party are carried out, and checked, by code that knows more than the party.
	carryOut func(p *party, raw []byte)
	seen     func(p *party, e *effect, member string)
	reached  func(p *party)
	died     func(p *party)
}

func (w *World) step() {
	e := w.queue.next()
	w.now = max(w.now, e.at)
	w.steps++
	e.run()
}

func (w *World) ok() bool { return w.report.Violation == nil }

func (w *World) after(ms int64, run func()) { w.queue.add(w.now+ms, false, run) }

// limit is a time-out. It keeps nothing from settling, unless what it limits is under way.
func (w *World) limit(ms int64, run func()) { w.queue.add(w.now+ms, true, run) }

func (w *World) n(n int) int             { return w.rng.n(n) }
func (w *World) chance(p float64) bool   { return w.rng.chance(p) }
func (w *World) span(lo, hi int64) int64 { return w.rng.span(lo, hi) }
func (w *World) long(lo, hi int64) int64 { return w.rng.long(lo, hi) }
func (w *World) wait(mean int64) int64   { return w.rng.wait(mean) }

// goesWrong decides whether a fault happens, and counts it.
func (w *World) goesWrong(f fault) bool {
	if w.healed || !w.chance(w.plan.faults[f]) {
		return false
	}
	w.report.Faults[string(f)]++
	return true
}

func (w *World) alive() (list []*party) {
	for _, p := range w.slots {
		if p != nil && !p.dead {
			list = append(list, p)
		}
	}
	return list
}

// reopen opens a closed party again, some time later.
func (w *World) reopen(slot int, session string) {
	w.after(w.long(1, 120_000), func() {
		if p := w.slots[slot]; p == nil || p.dead {
			w.open(slot, session)
		}
	})
}

// fail ends the run, because a rule is broken. If the rule is one of Known, it is only counted.
func (w *World) fail(rule, format string, args ...any) {
	if _, known := Known[rule]; known {
		w.report.Known[rule]++
		return
	}
	if w.report.Violation == nil {
		w.report.Violation = &Violation{Rule: rule, Text: w.ledger.redact(fmt.Sprintf(format, args...)), Plan: w.plan.String(), Last: w.trace.last()}
	}
}

func (w *World) note(p *party, format string, args ...any) {
	who := "world"
	if p != nil {
		who = p.name()
	}
	w.trace.add(w.steps, w.now-epoch, who, fmt.Sprintf(format, args...))
}

func (w *World) excuse(why string) { w.report.Excused[why]++ }
