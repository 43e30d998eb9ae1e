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
	stopped bool
	working int           // requests whose work goes on
	idle    chan struct{} // closed when there are none; nil where nobody waits
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

// heldLocker counts a lock as work until it is released: the engine is done before that.
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
	if !s.stopped {
		s.stopped = true
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
