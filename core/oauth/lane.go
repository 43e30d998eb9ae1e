package oauth

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/shared"
)

// lane is the queue of one engine. Whoever holds mu may call the engine and touch the sessions that
// stand on it; nothing that waits or runs a caller's code does so with mu held.
type lane struct {
	mu       sync.Mutex
	engine   Engine
	sessions map[resident]struct{}
}

// resident is what stands on a lane.
type resident interface {
	lost() bool
	restart()
}

var lanes shared.Registry[Engine, *lane]

func (l *lane) lost(handle int32) error {
	if m, ok := l.engine.(mortal); ok {
		return m.Lost(handle)
	}
	return nil
}

func (l *lane) worn(handle int32) bool {
	r, ok := l.engine.(retiring)
	return ok && r.Worn(handle)
}

// settle restarts every session that lost its instance. A trap takes all handles of its instance
// along, and the others on it would otherwise learn of it only with their next input.
func (l *lane) settle() {
	// A restart can trap too, and take along those that were restarted before it. It ends because a
	// session that has achieved nothing since its last restart waits for its next command.
	for again := true; again; {
		again = false
		for s := range l.sessions {
			if s.lost() {
				s.restart()
				again = true
			}
		}
	}
}

// identifiable: what stands for one thing among others is a key of a map.
func identifiable(v any) error {
	if v != nil && !reflect.TypeOf(v).Comparable() {
		return fmt.Errorf("oauth2: open: a %T cannot tell one of its kind from another; use a pointer", v)
	}
	return nil
}
