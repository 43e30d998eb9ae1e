package oauth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// storage is how a session uses its Store.
type storage struct {
	s       *session
	store   Store
	watched map[string]func()      // by key that the store watches: ends the watch
	wrote   map[string][]string    // the last versions that this session wrote under such a key
	writing atomic.Pointer[string] // the key of the write that is under way: a change that the store reports meanwhile is this session's own, or conflicts with it
}

// close ends all watches.
func (st *storage) close() {
	for _, end := range st.watched {
		end()
	}
}

// carry carries out load and store effects; those of one key in the order in which they were
// requested. An operation that has begun is completed even if the session is closed: a rotated
// token exists nowhere else.
func (st *storage) carry(e *effect) {
	s := st.s
	if e.Watch {
		st.watch(e.Key)
	}
	if _, ok := st.store.(*MemoryStore); ok {
		// It never waits, so it needs no goroutine.
		if e.Kind == "store" {
			key := e.Key
			st.writing.Store(&key)
		}
		in, written := st.access(context.Background(), e)
		st.writing.Store(nil)
		st.stored(e, in, written)
		s.reply(in)
		return
	}
	e = e.keep()
	s.inOrder(e, e.Key, func(ctx context.Context) input {
		in, written := st.access(ctx, e)
		s.lane.mu.Lock()
		defer s.lane.mu.Unlock()
		st.stored(e, in, written)
		return in
	})
}

// watch tells the engine to look when another writer changes a key.
func (st *storage) watch(key string) {
	s := st.s
	notifier, ok := st.store.(Notifier)
	if _, watched := st.watched[key]; watched || !ok {
		return
	}
	st.watched[key] = notifier.Subscribe(key, func(version string) {
		if own := st.writing.Load(); own != nil && *own == key {
			return
		}
		s.held.drop()
		go func() { // the writer may hold the lane
			s.lane.mu.Lock()
			defer s.lane.mu.Unlock()
			if s.closed || s.handle == 0 || version != "" && slices.Contains(st.wrote[key], version) { // all deletions have the same version
				return
			}
			s.nextID++
			s.inbox = append(s.inbox, input{op: "look", command: s.nextID})
			s.run()
			s.settle()
		}()
	})
}

func (st *storage) stored(e *effect, in input, written bool) {
	if _, watched := st.watched[e.Key]; written && watched {
		own := st.wrote[e.Key]
		st.wrote[e.Key] = append(own[max(0, len(own)-9):len(own):len(own)], in.version)
	}
	if written && strings.HasSuffix(e.Key, ".session") {
		st.s.handedIn = "" // from now on the store has a newer session
	}
}

func (st *storage) access(ctx context.Context, e *effect) (in input, written bool) {
	var err error
	if e.Kind == "load" {
		var value, version string
		var ok bool
		if value, version, ok, err = st.store.Load(ctx, e.Key); err == nil {
			var found members
			if ok {
				found = found.text("value", value)
			} else {
				version = ""
			}
			return answer(e.ID, found.text("version", version)), false
		}
	} else {
		var version string
		if expiring, ok := st.store.(ExpiringStore); ok && e.ExpiresAt != 0 && e.Value != nil {
			version, err = expiring.StoreUntil(ctx, e.Key, e.Version, *e.Value, time.UnixMilli(e.ExpiresAt))
		} else {
			version, err = st.store.Store(ctx, e.Key, e.Version, e.Value)
		}
		if err == nil {
			in = answer(e.ID, members(nil).text("version", version))
			in.version = version
			return in, true
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
