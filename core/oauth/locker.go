package oauth

import (
	"context"
	"sync"
)

// Locker gives named locks to clients that share a Store, so that they refresh one after the other.
// It is safe for concurrent use.
type Locker interface {
	// Lock waits until the caller holds the lock called name, or until ctx is done. A lock is never
	// taken from a living holder; if its holder has died, the next one may get it. unlock is called
	// once.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// MemoryLocker is a Locker within a process. Waiters get a lock in the order in which they came.
// The zero value is ready.
type MemoryLocker struct {
	mu    sync.Mutex
	queue map[string][]chan struct{} // the first one holds the lock, the others wait to be closed
}

// Lock implements Locker. It fails with the error of ctx only.
func (m *MemoryLocker) Lock(ctx context.Context, name string) (unlock func(), err error) {
	m.mu.Lock()
	turn, unlock := m.join(name)
	m.mu.Unlock()
	select {
	case <-turn:
		return unlock, nil
	case <-ctx.Done():
		unlock()
		return nil, ctx.Err()
	}
}

// try is Lock for a lock that nobody holds.
func (m *MemoryLocker) try(name string) (unlock func(), ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue[name]) > 0 {
		return nil, false
	}
	_, unlock = m.join(name)
	return unlock, true
}

func (m *MemoryLocker) join(name string) (turn chan struct{}, unlock func()) {
	turn = make(chan struct{})
	if m.queue == nil {
		m.queue = map[string][]chan struct{}{}
	}
	m.queue[name] = append(m.queue[name], turn)
	if len(m.queue[name]) == 1 {
		close(turn)
	}
	return turn, sync.OnceFunc(func() { m.leave(name, turn) })
}

func (m *MemoryLocker) leave(name string, turn chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.queue[name]
	for i, c := range q {
		if c != turn {
			continue
		}
		q = append(q[:i:i], q[i+1:]...)
		if len(q) == 0 {
			delete(m.queue, name)
			return
		}
		m.queue[name] = q
		if i == 0 {
			close(q[0])
		}
		return
	}
}
