package oauth

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"
)

// Store keeps strings under keys, each with a version, so that of two writers who saw the same
// value only one replaces it. A Store is safe for concurrent use. Values hold tokens: a Store that
// outlives the process has to keep them secret.
type Store interface {
	// Load gives the value under key and its version. ok is false, and err nil, where nothing is
	// stored.
	Load(ctx context.Context, key string) (value, version string, ok bool, err error)
	// Store replaces what stands under key by *value, or deletes it where value is nil, if its
	// version is the given one; the empty version stands for nothing stored. Otherwise the error is
	// ErrConflict. It returns the new version, which is empty after a deletion. When it returns nil
	// the value is kept.
	Store(ctx context.Context, key, version string, value *string) (newVersion string, err error)
}

// ExpiringStore is a Store that forgets by itself what is of no use any more.
type ExpiringStore interface {
	Store
	// StoreUntil is Store for a value that is of no use from until on: Load does not find it then,
	// and it may be gone.
	StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (newVersion string, err error)
}

// Notifier is a Store that tells of changes. A client whose Store is one counts on it: it reads a
// key again when it is told, and else only for Status. With any other Store it also reads before it
// gives out a token, once a second at most.
type Notifier interface {
	Store
	// Subscribe lets changed be called after a writer changed key, with the new version, which is
	// empty after a deletion, until end is called. It may be called for nothing, and must not block
	// or call the Store.
	Subscribe(key string, changed func(version string)) (end func())
}

// MemoryStore is an ExpiringStore in memory, a Notifier within the process, and a KeyStore. The
// zero value is empty and ready.
type MemoryStore struct {
	MemoryKeyStore
	// Now is the clock by which values expire; nil means time.Now.
	Now func() time.Time

	mu      sync.Mutex
	entries map[string]stored
	last    uint64
	limit   int                                   // how many entries there may be before those that are over are looked for
	heard   map[string]map[*func(string)]struct{} // who wants to hear of a key
}

type stored struct {
	value, version string
	until          time.Time // zero: for ever
}

var (
	_ ExpiringStore = (*MemoryStore)(nil)
	_ Notifier      = (*MemoryStore)(nil)
)

// fewEntries is how many are kept without looking for those that are over.
const fewEntries = 1000

// Load implements Store. It never fails.
func (m *MemoryStore) Load(_ context.Context, key string) (value, version string, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.find(key)
	return e.value, e.version, ok, nil
}

// Store implements Store. It fails with ErrConflict only.
func (m *MemoryStore) Store(_ context.Context, key, version string, value *string) (string, error) {
	if value != nil {
		return m.put(key, version, stored{value: *value})
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, _ := m.find(key); e.version != version {
		return "", ErrConflict
	}
	delete(m.entries, key)
	m.tell(key, "")
	return "", nil
}

// Subscribe implements Notifier.
func (m *MemoryStore) Subscribe(key string, changed func(version string)) (end func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heard == nil {
		m.heard = map[string]map[*func(string)]struct{}{}
	}
	if m.heard[key] == nil {
		m.heard[key] = map[*func(string)]struct{}{}
	}
	m.heard[key][&changed] = struct{}{}
	return func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		if delete(m.heard[key], &changed); len(m.heard[key]) == 0 {
			delete(m.heard, key)
		}
	}
}

func (m *MemoryStore) tell(key, version string) {
	for changed := range m.heard[key] {
		(*changed)(version)
	}
}

// StoreUntil implements ExpiringStore. It fails with ErrConflict only.
func (m *MemoryStore) StoreUntil(_ context.Context, key, version string, value string, until time.Time) (string, error) {
	return m.put(key, version, stored{value: value, until: until})
}

func (m *MemoryStore) put(key, version string, e stored) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if there, _ := m.find(key); there.version != version {
		return "", ErrConflict
	}
	if m.entries == nil {
		m.entries = map[string]stored{}
	}
	m.last++ // one counter for all keys: a version never comes back, not after a deletion either
	e.version = strconv.FormatUint(m.last, 10)
	m.entries[key] = e
	if len(m.entries) > max(m.limit, fewEntries) {
		m.sweep()
	}
	m.tell(key, e.version)
	return e.version, nil
}

func (m *MemoryStore) find(key string) (stored, bool) {
	e, ok := m.entries[key]
	if !ok || e.over(m.now()) {
		return stored{}, false
	}
	return e, true
}

// sweep forgets what is over. The next time is when there is twice as much as what is left, so that
// each store pays for one or two.
func (m *MemoryStore) sweep() {
	now := m.now()
	maps.DeleteFunc(m.entries, func(_ string, e stored) bool { return e.over(now) })
	m.limit = 2 * len(m.entries)
}

func (e stored) over(now time.Time) bool { return !e.until.IsZero() && !now.Before(e.until) }

func (m *MemoryStore) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now()
}
