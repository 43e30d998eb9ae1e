// Package shared has values that live as long as somebody uses them.
package shared

import "sync"

// A Registry hands out one shared value for a key, as long as somebody uses it.
type Registry[K comparable, V any] struct {
	mu      sync.Mutex
	entries map[K]*entry[V]
}

type entry[V any] struct {
	value   V
	holders int
}

// Acquire returns the value of key. If nobody uses one, make makes it.
func (r *Registry[K, V]) Acquire(key K, make func() V) V {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries == nil {
		r.entries = map[K]*entry[V]{}
	}
	e := r.entries[key]
	if e == nil {
		e = &entry[V]{value: make()}
		r.entries[key] = e
	}
	e.holders++
	return e.value
}

// Release ends the use of a value that Acquire returned.
func (r *Registry[K, V]) Release(key K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[key]; e != nil {
		if e.holders--; e.holders == 0 {
			delete(r.entries, key)
		}
	}
}
