package oauth

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// held caches answers that a session may give without asking the engine: core/contract/README.md,
// "What a host may hold". A read takes no lock.
type held struct {
	mu      sync.Mutex // of writers
	drops   uint64
	answers atomic.Pointer[heldAnswers] // never changed, but replaced
}

type heldAnswers struct {
	token    *heldAnswer[Token] // the session's own token
	tokens   map[TokenParams]*heldAnswer[Token]
	prepared map[request]*heldAnswer[http.Header]
}

// request is a request to prepare.
type request struct{ method, url string }

// maxHeld is how many prepared headers, and how many tokens, are cached. An application repeats a
// few questions, or never repeats one; more entries would not help in either case.
const maxHeld = 64

// heldWith returns a map with one more answer, and without the others if there are too many.
func heldWith[K comparable, T any](before map[K]*heldAnswer[T], key K, answer *heldAnswer[T]) map[K]*heldAnswer[T] {
	if len(before) >= maxHeld {
		before = nil
	}
	next := make(map[K]*heldAnswer[T], len(before)+1)
	maps.Copy(next, before)
	next[key] = answer
	return next
}

// heldAnswer is valid while the clock is between the time of the answer and the end that the engine
// set.
type heldAnswer[T any] struct {
	value  T
	until  int64        // Unix ms
	latest atomic.Int64 // the latest time at which it was used: a clock that shows an earlier time was set back
}

func (a *heldAnswer[T]) good(now int64) bool {
	if a == nil || now >= a.until {
		return false
	}
	latest := a.latest.Load()
	if now > latest {
		a.latest.CompareAndSwap(latest, now)
	}
	return now >= latest
}

func newHeldAnswer[T any](value T, m moment, until int64) *heldAnswer[T] {
	a := &heldAnswer[T]{value: value, until: until}
	a.latest.Store(m.at)
	return a
}

// moment is when the engine answered: by the clock, and between which calls of drop.
type moment struct {
	at    int64 // Unix ms
	drops uint64
}

// moment must be called with the lane's lock. So must drop, by all that changes a session.
func (h *held) moment(at int64) moment {
	h.mu.Lock()
	defer h.mu.Unlock()
	return moment{at, h.drops}
}

// drop empties the cache: something happened that may change the answers.
func (h *held) drop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drops++
	h.answers.Store(nil)
}

// keep caches an answer of moment m, unless something has changed since.
func (h *held) keep(m moment, add func(*heldAnswers)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.drops != m.drops {
		return
	}
	var next heldAnswers
	if before := h.answers.Load(); before != nil {
		next = *before
	}
	add(&next)
	h.answers.Store(&next)
}

func (h *held) token(p TokenParams, now int64) (Token, bool) {
	if all := h.answers.Load(); all != nil {
		a := all.token
		if p != (TokenParams{}) {
			a = all.tokens[p]
		}
		if a.good(now) {
			return a.value, true
		}
	}
	return Token{}, false
}

// prepared returns headers that must not be changed.
func (h *held) prepared(r request, now int64) (http.Header, bool) {
	if all := h.answers.Load(); all != nil {
		if a := all.prepared[r]; a.good(now) {
			return a.value, true
		}
	}
	return nil, false
}

// keeper is a result that may be cached.
type keeper interface{ keep(h *held, m moment) }

func (t *heldToken) keep(h *held, m moment) {
	if t.goodUntil <= m.at {
		return
	}
	h.keep(m, func(all *heldAnswers) {
		answer := newHeldAnswer(t.Token, m, t.goodUntil)
		if t.params == (TokenParams{}) {
			all.token = answer
		} else {
			all.tokens = heldWith(all.tokens, t.params, answer)
		}
	})
}
