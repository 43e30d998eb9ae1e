package guard

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// mostReplays is how many proofs a Guard without a Store notes.
const mostReplays = 100_000

// replays is the store of a Guard that has none: keys that came, each until it is of no use. What
// does not fit is an error, since a proof that is forgotten is good again.
type replays struct {
	now func() time.Time

	mu    sync.Mutex
	until map[string]time.Time
	next  time.Time // before that nothing more is over than was swept
}

var errFull = errors.New("oauth2: guard: no room to note one more proof")

var _ oauth.ExpiringStore = (*replays)(nil)

// Load implements oauth.Store.
func (r *replays) Load(context.Context, string) (value, version string, ok bool, err error) {
	return "", "", false, nil
}

// Store implements oauth.Store. Nothing is stored here that has no end.
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

// sweep forgets what is over, and notes when it is worth the while again.
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
