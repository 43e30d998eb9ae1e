package link

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// An Alarm goes off once, at a point in time, however early the host wakes us for it.
type Alarm struct {
	N int64 // the effect under way, 0: none
}

// Ring lets the alarm go off at due instead of whatever it was set to; failed is "" or says why
// there are no timers.
func (l *Link) Ring(a *Alarm, due int64, then func(failed string)) {
	l.Silence(a)
	armed := l.Now
	w := l.Effect("timer")
	w.MemberInt("ms", max(due-armed, 1))
	a.N = l.Ask(w, func(_ json.Value, failed string) {
		a.N = 0
		// A clock that stands before armed was set back: what is left by it is of no use, and the
		// time was waited for.
		if failed == "" && l.Now < due && l.Now >= armed {
			l.Ring(a, due, then)
			return
		}
		then(failed)
	})
}

// Silence withdraws an alarm that is set.
func (l *Link) Silence(a *Alarm) {
	if a.N != 0 {
		l.Cancel("timer-cancel", a.N)
		a.N = 0
	}
}

// Recent tells whether a time is past, and by less than so many ms.
func (l *Link) Recent(at, life int64) bool { return l.Now >= at && l.Now < at+life }
