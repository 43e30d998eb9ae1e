package drive

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Store keeps strings under keys, each with a version, so that of two writers who saw the same value only one replaces it.
// A Store is safe for concurrent use. Values hold tokens: a Store that outlives the process has to keep them secret.
type Store interface {
	// Load gives the value under key and its version. ok is false, and err nil, where nothing is stored.
	Load(ctx context.Context, key string) (value, version string, ok bool, err error)
	// Store replaces what stands under key by *value, or deletes it where value is nil, if its version is the given one; the
	// empty version stands for nothing stored. Otherwise the error is ErrConflict. It returns the new version, which is empty
	// after a deletion. When it returns nil the value is kept.
	Store(ctx context.Context, key, version string, value *string) (newVersion string, err error)
}

// storeTimeout ends a store operation that never returns: a session that waits for it forever would be of no use.
const storeTimeout = 30 * time.Second

// MemoryStore is a Store in memory, and a KeyStore. The zero value is empty and ready.
type MemoryStore struct {
	MemoryKeyStore

	mu      sync.Mutex
	entries map[string]stored
	last    uint64
}

type stored struct{ value, version string }

// Load implements Store. It never fails.
func (m *MemoryStore) Load(_ context.Context, key string) (value, version string, ok bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.entries[key]
	return e.value, e.version, ok, nil
}

// Store implements Store. It fails with ErrConflict only.
func (m *MemoryStore) Store(_ context.Context, key, version string, value *string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.entries[key].version != version {
		return "", ErrConflict
	}
	if value == nil {
		delete(m.entries, key)
		return "", nil
	}
	if m.entries == nil {
		m.entries = map[string]stored{}
	}
	m.last++ // one counter for all keys: a version never comes back, not after a deletion either
	v := strconv.FormatUint(m.last, 10)
	m.entries[key] = stored{*value, v}
	return v, nil
}

// store carries out load and store effects, those of one key in the order in which they were asked for. What has begun is not
// given up with the session: a token that was rotated exists nowhere else.
func (s *session) store(e *effect) {
	if _, ok := s.opts.Store.(*MemoryStore); ok {
		// It never waits, so it needs no goroutine.
		in, written := s.access(context.Background(), e)
		s.stored(e, written)
		s.inbox = append(s.inbox, in)
		return
	}
	s.inOrder(e, e.Key, func(ctx context.Context) input {
		in, written := s.access(ctx, e)
		s.lane.mu.Lock()
		defer s.lane.mu.Unlock()
		s.stored(e, written)
		return in
	})
}

// inOrder carries out e after everything that was asked for of the same thing before. What has begun is not given up with the session.
func (s *session) inOrder(e *effect, thing string, carryOut func(context.Context) input) {
	before, done := s.tails[thing], make(chan struct{})
	s.tails[thing] = done
	t := s.begin(e, func() {})
	go func() {
		if before != nil {
			<-before
		}
		ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
		in := carryOut(ctx)
		cancel()
		close(done)
		s.lane.mu.Lock()
		if s.tails[thing] == done {
			delete(s.tails, thing)
		}
		s.lane.mu.Unlock()
		s.finish(t, in)
	}()
}

func (s *session) stored(e *effect, written bool) {
	if written && strings.HasSuffix(e.Key, ".session") {
		s.handedIn = "" // what the store holds is newer from now on
	}
}

func (s *session) access(ctx context.Context, e *effect) (in input, written bool) {
	var err error
	if e.Kind == "load" {
		var found struct {
			Value   *string `json:"value,omitempty"`
			Version string  `json:"version"`
		}
		value, version, ok, failure := s.opts.Store.Load(ctx, e.Key)
		if ok {
			found.Value, found.Version = &value, version
		}
		if err = failure; err == nil {
			return answer(e.ID, "ok", found), false
		}
	} else {
		var kept struct {
			Version string `json:"version"`
		}
		if kept.Version, err = s.opts.Store.Store(ctx, e.Key, e.Version, e.Value); err == nil {
			return answer(e.ID, "ok", kept), true
		}
	}
	switch {
	case errors.Is(err, ErrConflict):
		return failed(e.ID, "conflict"), false
	case ctx.Err() != nil:
		in = failed(e.ID, "timeout")
	default:
		in = failed(e.ID, "storage")
	}
	in.cause = err
	return in, false
}
