package simulate

import (
	"encoding/binary"
	"math/rand/v2"
)

// New makes the world of a seed. After life steps it is healed, and settles.
func New(seed uint64, life int) *World {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	w := &World{seed: seed, life: life, rng: dice{rand.New(rand.NewPCG(seed, 0x6f61757468))}, bytes: rand.NewChaCha8(key), now: epoch}
	w.report = newReport(seed)
	w.ledger = newLedger()
	w.trace = newTrace(w.ledger)
	w.plan = draw(w.rng, seed)
	w.plan.quiet(w.rng)
	w.carryOut, w.seen, w.reached, w.died = carryOut, (*party).seen, (*party).reached, w.crashed
	w.store = newStore()
	w.keys = newKeyStore(seed, w.ledger)
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

// Run runs the world to its end and returns the report.
func (w *World) Run() *Report {
	for w.steps < w.life && w.ok() {
		w.step()
	}
	if w.ok() {
		w.settle()
	}
	w.report.finish(w.steps, w.now-epoch, w.trace.sum())
	return w.report
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

// setRight corrects the clock of the parties' machine some time after it jumped: with a wrong clock
// no server accepts a proof (RFC 9449 section 4.3).
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

// ruin makes faults happen that need no cause.
func (w *World) ruin() {
	if w.healed {
		return
	}
	if w.plan.keysLost && w.chance(.2) && w.goesWrong(keyLost) {
		w.loseKey()
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
