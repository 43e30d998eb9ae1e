package backend

import (
	"context"
	"sync"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// A stop is what is known of the end of a Handler.
type stop struct {
	told chan struct{} // closed when it is told to stop

	mu      sync.Mutex
	working int           // requests and locks that have not ended
	idle    chan struct{} // closed when working is 0; nil if nobody waits for that
}

func (s *stop) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.working++
}

func (s *stop) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.working--; s.working == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

// heldLocker counts a lock as work until it is released, which the engine does not wait for. Locks
// in memory need none: nobody waits for them once the process has ended.
type heldLocker struct {
	oauth.Locker
	stop *stop
}

func (l heldLocker) Lock(ctx context.Context, name string) (func(), error) {
	l.stop.begin()
	unlock, err := l.Locker.Lock(ctx, name)
	if err != nil {
		l.stop.end()
		return nil, err
	}
	return func() {
		defer l.stop.end()
		unlock()
	}, nil
}

// shutdown tells everyone to stop, and waits until no work is under way or ctx ends.
func (s *stop) shutdown(ctx context.Context) error {
	s.mu.Lock()
	if !s.stopping() {
		close(s.told)
	}
	s.mu.Unlock()
	for {
		s.mu.Lock()
		if s.working == 0 {
			s.mu.Unlock()
			return nil
		}
		if s.idle == nil {
			s.idle = make(chan struct{})
		}
		idle := s.idle
		s.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *stop) stopping() bool {
	select {
	case <-s.told:
		return true
	default:
		return false
	}
}
