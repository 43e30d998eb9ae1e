package oauth

import (
	"context"
	"maps"
	"strconv"
	"sync"
	"time"
)

// Store keeps strings under keys, each with a version: if two writers saw the same value, only one
// of them can replace it. A Store is safe for concurrent use. Values contain tokens: a Store that
// outlives the process has to keep them secret.
type Store interface {
	// Load gives the value under key and its version. If nothing is stored, ok is false and err is
	// nil.
	Load(ctx context.Context, key string) (value, version string, ok bool, err error)
	// Store replaces the value of key by *value, or deletes it if value is nil, but only if the
	// stored version is the given one; the empty version means that nothing is stored. Otherwise
	// the error is ErrConflict. It returns the new version, which is empty after a deletion. When
	// it returns no error, the value is persisted.
	Store(ctx context.Context, key, version string, value *string) (newVersion string, err error)
}

// ExpiringStore is a Store that deletes expired values by itself.
type ExpiringStore interface {
	Store
	// StoreUntil is Store for a value that expires at until: from then on Load does not find it,
	// and the Store may delete it.
	StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (newVersion string, err error)
}

// Notifier is a Store that reports changes. A client relies on it: it reads a key again when told
// so, and otherwise only for Status. With any other Store a client also reads before it gives out a
// token, at most once a second.
type Notifier interface {
	Store
	// Subscribe calls changed after a writer changed key, with the new version (empty after a
	// deletion), until end is called. It may also call changed without a change. changed must not
	// block or call the Store.
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
	limit   int                                   // how many entries there may be before expired ones are searched
	heard   map[string]map[*func(string)]struct{} // by key: the functions of Subscribe
}

type stored struct {
	value, version string
	until          time.Time // zero: no expiry
}

var (
	_ ExpiringStore = (*MemoryStore)(nil)
	_ Notifier      = (*MemoryStore)(nil)
)

// fewEntries is how many entries are kept before expired ones are searched.
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
	m.last++ // one counter for all keys: a version is never used again, not even after a deletion
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

// sweep deletes expired entries. It runs again when there are twice as many entries as it left, so
// that each Store pays for looking at one or two.
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
