package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

const lockTimeout = 60_000

// A Lock gives one change exclusive use of the session: within this instance by a queue, and among
// instances by the host's lock. In a host without locks, only compare-and-set protects the session.
type Lock struct {
	session *Session
	held    bool
	effect  int64
	release func() // ends the turn
	then    func(l *Lock, f *link.Fault)
}

// alone waits for changes under way and takes the lock.
func (s *Session) alone(then func(l *Lock, f *link.Fault)) {
	l := &Lock{session: s, then: then}
	s.queue.Run(l.turn)
}

func (l *Lock) turn(release func()) {
	l.release = release
	w := l.session.link.Effect("lock")
	w.MemberStr("name", l.session.key)
	w.MemberInt("timeout_ms", lockTimeout)
	l.effect = l.session.link.Ask(w, l.answered)
}

func (l *Lock) answered(_ json.Value, failed string) {
	var f *link.Fault
	if l.held = failed == ""; !l.held && failed != "unsupported" {
		f = &link.Fault{Kind: link.KindClient, Code: "lock_" + failed, Retryable: true}
	}
	l.then(l, f)
}

func (l *Lock) unlock() {
	if l.held {
		l.session.link.Cancel("unlock", l.effect)
	}
}

// Free releases both.
func (l *Lock) Free() {
	l.unlock()
	l.release()
}
