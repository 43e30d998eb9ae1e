package oauth

import "github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/shared"

// locks holds a session's locks.
type locks struct {
	s      *session
	locker Locker
	close  func()
}

// lockers has a Locker for each Store that is not a Locker itself. All clients of the Store share
// it.
var lockers shared.Registry[Store, Locker]

func newLocks(s *session, opts Options) *locks {
	if opts.Locker != nil {
		return &locks{s, opts.Locker, func() {}}
	}
	locker := lockers.Acquire(opts.Store, func() Locker { return &MemoryLocker{} })
	return &locks{s, locker, func() { lockers.Release(opts.Store) }}
}

// lock carries out a lock effect. The task lives until unlock.
func (l *locks) lock(e *effect) {
	s := l.s
	if m, ok := l.locker.(*MemoryLocker); ok {
		if unlock, ok := m.try(e.Name); ok {
			s.begin(e, func() {}).unlock = unlock
			s.reply(answer(e.ID, nil))
			return
		}
	}
	e = e.keep()
	ctx, cancel := limit(e.TimeoutMS)
	t := s.begin(e, cancel)
	s.aside(t, false, func() input {
		defer cancel()
		unlock, err := l.locker.Lock(ctx, e.Name)
		if err != nil {
			kind := "storage"
			if ctx.Err() != nil {
				kind = "timeout"
			}
			in := failed(e.ID, kind)
			in.cause = err
			return in
		}
		if !s.hold(t, unlock) {
			unlock()
		}
		return answer(e.ID, nil)
	})
}

// hold records an acquired lock, or reports false if nobody wants it any more.
func (s *session) hold(t *task, unlock func()) bool {
	s.lane.mu.Lock()
	defer s.lane.mu.Unlock()
	if s.tasks[t.id] != t {
		return false
	}
	t.unlock = unlock
	return true
}

// unlock carries out an unlock effect.
func (l *locks) unlock(e *effect) {
	t := l.s.tasks[e.Target]
	if t == nil {
		return
	}
	delete(l.s.tasks, e.Target)
	t.stop()
	if t.unlock == nil {
		return
	}
	if _, ok := l.locker.(*MemoryLocker); ok {
		t.unlock()
	} else {
		go t.unlock() // it may wait for a network or a disk
	}
}
