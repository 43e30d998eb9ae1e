package guard

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// mostReplays is how many proofs a Guard without a Store remembers.
const mostReplays = 100_000

// replays is the default store of a Guard: each proof until it expires. If it is full, storing
// fails, because a forgotten proof could be replayed.
type replays struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
	next  time.Time // until then no other entry expires
}

var errFull = errors.New("oauth2: guard: no room to note one more proof")

var _ oauth.ExpiringStore = (*replays)(nil)

// Load implements oauth.Store.
func (r *replays) Load(context.Context, string) (value, version string, ok bool, err error) {
	return "", "", false, nil
}

// Store implements oauth.Store. It is not used: everything that is stored here expires.
func (r *replays) Store(context.Context, string, string, *string) (string, error) { return "", nil }

// StoreUntil implements oauth.ExpiringStore.
func (r *replays) StoreUntil(_ context.Context, key, _, _ string, until time.Time) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if end, ok := r.until[key]; ok && now.Before(end) {
		return "", oauth.ErrConflict
	}
	if len(r.until) >= mostReplays && !now.Before(r.next) {
		r.sweep(now)
	}
	if len(r.until) >= mostReplays {
		return "", errFull
	}
	if r.until == nil {
		r.until = map[string]time.Time{}
	}
	r.until[key] = until
	return "1", nil
}

// sweep deletes expired entries, and notes when sweeping is worthwhile again.
func (r *replays) sweep(now time.Time) {
	r.next = time.Time{}
	for key, end := range r.until {
		switch {
		case !now.Before(end):
			delete(r.until, key)
		case r.next.IsZero() || end.Before(r.next):
			r.next = end
		}
	}
	if len(r.until) < mostReplays {
		r.next = time.Time{}
	}
}
