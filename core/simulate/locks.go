package simulate

import "slices"

// locks work like those of browsers: first come, first served, and a dead party's locks are
// released at once.
type locks struct {
	w    *World
	held map[string]*hold
}

// A hold is the queue for a lock. The first one holds it.
type hold struct{ line []*task }

func (l *locks) carry(p *party, e *effect) {
	w := l.w
	t := p.begin(e)
	switch {
	case !w.plan.locks:
		w.after(w.span(0, 1), func() { p.answer(t, `"failed":{"kind":"unsupported"}`) })
		return
	case w.goesWrong(lockFails):
		w.after(w.span(0, 5), func() { p.answer(t, `"failed":{"kind":"aborted"}`) })
		return
	}
	h := l.held[e.Name]
	if h == nil {
		h = &hold{}
		l.held[e.Name] = h
	}
	h.line = append(h.line, t)
	l.hand(h)
	w.limit(e.TimeoutMS, func() {
		if !t.done && !t.holds {
			l.leave(t)
			p.answer(t, `"failed":{"kind":"timeout"}`)
		}
	})
}

// hand gives the lock to the first in the queue.
func (l *locks) hand(h *hold) {
	if len(h.line) == 0 || h.line[0].holds {
		return
	}
	t := h.line[0]
	t.holds = true
	l.w.after(l.w.span(0, 2), func() { t.p.answer(t, `"ok":{}`) })
}

// leave removes a task from its queue: it was unlocked, cancelled, or its party died.
func (l *locks) leave(t *task) {
	h := l.held[t.effect.Name]
	if h == nil {
		return
	}
	if i := slices.Index(h.line, t); i >= 0 {
		h.line = slices.Delete(h.line, i, i+1)
		t.holds = false
		l.hand(h)
	}
}
