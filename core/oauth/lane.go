package oauth

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/shared"
)

// lane is the queue of one engine. The holder of mu may call the engine and touch its sessions.
// Nobody waits, or runs a caller's code, while holding mu.
type lane struct {
	mu       sync.Mutex
	engine   Engine
	sessions map[resident]struct{}
}

// resident is a session in a lane.
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

// settle restarts every session that lost its instance. A trap ends all handles of the instance;
// without settle the other sessions would learn of it only at their next input.
func (l *lane) settle() {
	// A restart can trap too, and end sessions that were restarted before it. The loop ends because
	// a session without progress since its last restart waits for its next command.
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

// identifiable reports an error if v cannot be a key of a map, which is how one store is told from
// another.
func identifiable(v any) error {
	if v != nil && !reflect.TypeOf(v).Comparable() {
		return fmt.Errorf("oauth2: open: a %T cannot tell one of its kind from another; use a pointer", v)
	}
	return nil
}
