package simulate

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// epoch is when every world begins, Unix ms.
const epoch = 1_700_000_000_000

// A World is one run: parties, a server and a network between them, all of it drawn from one seed.
type World struct {
	seed  uint64
	life  int // steps before all is made good
	rng   *rand.Rand
	bytes *rand.ChaCha8 // entropy of the parties
	plan  plan

	now    int64 // true time, Unix ms
	offset int64 // how wrong the clock of the parties' machine is
	queue  queue
	steps  int
	healed bool // nothing goes wrong any more

	slots    []*party // nil or dead: closed at the moment
	everyone []*party
	server   *server
	store    *store
	locks    *locks
	keys     *keyStore
	ledger   *ledger
	setBack  int64    // how far the clock of the parties' machine was set back, in all
	jumps    int      // of that clock
	exported []string // session bytes somebody has
	downTill int64    // network
	trace    *trace
	report   *Report
	// lastError is what the last failed command said.
	lastError string
}

// New makes the world of a seed; life is how many steps it takes before it is made good and settles.
func New(seed uint64, life int) *World {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	w := &World{seed: seed, life: life, rng: rand.New(rand.NewPCG(seed, 0x6f61757468)), bytes: rand.NewChaCha8(key), now: epoch}
	w.report = newReport(seed)
	w.trace = newTrace(w)
	w.ledger = newLedger(w)
	w.plan = w.draw()
	w.store = newStore(w)
	w.keys = newKeyStore(w)
	w.locks = &locks{w: w, held: map[string]*hold{}}
	w.server = newServer(w)
	w.slots = make([]*party, w.plan.slots)
	for i := range w.slots {
		w.open(i, "")
	}
	w.after(1, w.act)
	w.after(w.wait(w.plan.ruin), w.ruin)
	return w
}

// Run takes the world to its end and says what came of it.
func (w *World) Run() *Report {
	for w.steps < w.life && w.ok() {
		w.step()
	}
	if w.ok() {
		w.settle()
	}
	w.report.finish(w)
	return w.report
}

func (w *World) step() {
	e := w.queue.next()
	w.now = max(w.now, e.at)
	w.steps++
	e.run()
}

func (w *World) ok() bool { return w.report.Violation == nil }

func (w *World) after(ms int64, run func()) { w.queue.add(w.now+ms, false, run) }

// limit is a time-out: it keeps nobody waiting unless what it limits is under way.
func (w *World) limit(ms int64, run func()) { w.queue.add(w.now+ms, true, run) }

func (w *World) n(n int) int             { return w.rng.IntN(n) }
func (w *World) chance(p float64) bool   { return w.rng.Float64() < p }
func (w *World) span(lo, hi int64) int64 { return lo + w.rng.Int64N(hi-lo+1) }

// long is between lo and hi, and as likely between 1 s and 10 s as between 10 s and 100 s.
func (w *World) long(lo, hi int64) int64 {
	return int64(float64(lo) * math.Pow(float64(hi)/float64(lo), w.rng.Float64()))
}

// wait is a time whose mean is given.
func (w *World) wait(mean int64) int64 { return int64(w.rng.ExpFloat64() * float64(mean)) }

// goesWrong draws whether a fault happens, and counts it.
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

// act gives commands, now and then several at the same moment.
func (w *World) act() {
	if w.healed {
		return
	}
	times := 1
	if w.chance(.2) {
		times += 1 + w.n(4)
	}
	for range times {
		if list := w.alive(); len(list) > 0 {
			w.command(list[w.n(len(list))])
		}
	}
	w.after(w.wait(w.plan.think), w.act)
}

// setRight sets the clock of the parties' machine right, some time after it jumped: with a wrong one no server takes a proof (RFC 9449 section 4.3).
func (w *World) setRight() {
	if !w.plan.dpop {
		return
	}
	w.after(w.long(1_000, 600_000), func() {
		if w.healed || w.offset == 0 {
			return
		}
		w.setBack += max(0, w.offset)
		w.offset = 0
		w.jumps++
		w.note(nil, "the clock is set right")
	})
}

// ruin lets happen what needs no cause.
func (w *World) ruin() {
	if w.healed {
		return
	}
	if w.plan.keysLost && w.chance(.2) && w.goesWrong(keyLost) {
		w.keys.lose()
	}
	if list := w.alive(); len(list) > 0 {
		p := list[w.n(len(list))]
		switch choice := []fault{crash, retire, stale, clockForward, clockBack, offline, storeDown, serverRestart}[w.n(8)]; {
		case !w.goesWrong(choice):
		case choice == crash:
			p.die()
			w.reopen(p.slot, "")
		case choice == retire:
			p.retire()
		case choice == stale && len(w.exported) > 0:
			p.die()
			w.reopen(p.slot, w.exported[w.n(len(w.exported))])
		case choice == clockForward:
			by := w.long(500, 2*86_400_000)
			w.offset += by
			w.jumps++
			w.note(nil, "clock forward by %d ms", by)
			w.setRight()
		case choice == clockBack:
			by := w.long(500, 2*86_400_000)
			w.offset = max(w.offset-by, -epoch/2)
			w.setBack += by
			w.jumps++
			w.note(nil, "clock back by %d ms", by)
			w.setRight()
		case choice == offline:
			w.downTill = w.now + w.long(1_000, 300_000)
			w.note(nil, "network down")
		case choice == storeDown:
			w.store.downTill = w.now + w.long(100, 120_000)
			w.note(nil, "store down")
		case choice == serverRestart:
			w.server.restart()
			w.note(nil, "server restarted")
		}
	}
	w.after(w.wait(w.plan.ruin), w.ruin)
}

// reopen opens what was closed, some time later.
func (w *World) reopen(slot int, session string) {
	w.after(w.long(1, 120_000), func() {
		if p := w.slots[slot]; p == nil || p.dead {
			w.open(slot, session)
		}
	})
}

// fail ends the run: a rule is broken. Where the rule's name is one of Known, it is counted instead.
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
	w.trace.add(p, fmt.Sprintf(format, args...))
}
