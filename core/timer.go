package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// An alarm goes off once, at a point in time, however early the host wakes us for it.
type alarm struct {
	n int64 // the effect under way, 0: none
}

// ring lets the alarm go off at due instead of whatever it was set to; failed is "" or says why there are no timers.
func (l *link) ring(a *alarm, due int64, then func(failed string)) {
	l.silence(a)
	armed := l.now
	w := l.effect("timer")
	w.MemberInt("ms", max(due-armed, 1))
	a.n = l.ask(w, func(_ json.Value, failed string) {
		a.n = 0
		// A clock that stands before armed was set back: what is left by it is of no use, and the time was waited for.
		if failed == "" && l.now < due && l.now >= armed {
			l.ring(a, due, then)
			return
		}
		then(failed)
	})
}

func (l *link) silence(a *alarm) {
	if a.n != 0 {
		l.cancel("timer-cancel", a.n)
		a.n = 0
	}
}
