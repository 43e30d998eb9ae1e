package link

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// An Alarm goes off once, at a point in time, even if the host's timer fires early.
type Alarm struct {
	N int64 // the effect under way, 0: none
}

// Ring sets the alarm to due; failed is "" or says why there are no timers.
func (l *Link) Ring(a *Alarm, due int64, then func(failed string)) {
	l.Silence(a)
	armed := l.Now
	w := l.Effect("timer")
	w.MemberInt("ms", max(due-armed, 1))
	a.N = l.Ask(w, func(_ json.Value, failed string) {
		a.N = 0
		// If the clock shows a time before armed, it was set back. The time that seems left is then
		// wrong: the wait is over.
		if failed == "" && l.Now < due && l.Now >= armed {
			l.Ring(a, due, then)
			return
		}
		then(failed)
	})
}

// Silence cancels an alarm.
func (l *Link) Silence(a *Alarm) {
	if a.N != 0 {
		l.Cancel("timer-cancel", a.N)
		a.N = 0
	}
}

// Recent reports whether a time is past, by less than so many ms.
func (l *Link) Recent(at, life int64) bool { return l.Now >= at && l.Now < at+life }
