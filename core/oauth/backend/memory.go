package backend

import (
	"container/list"
	"sync"
	"time"
)

// Memory keeps texts that may be lost at any time: tokens that were exchanged for other services,
// not encrypted. So it must be the memory of this process, not a disk or another machine. It must
// be safe for concurrent use, and no method may block.
type Memory interface {
	// Recall returns a text, and whether there is one.
	Recall(key string) (text string, ok bool)
	// Remember keeps a text of at most 16 KiB, at most until the given time.
	Remember(key, text string, until time.Time)
}

// mostRemembered is how many texts a memory holds.
const mostRemembered = 1000

// memory is the default Memory.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	order list.List // of *remembered, the oldest first
	byKey map[string]*list.Element
}

type remembered struct {
	key, text string
	until     time.Time
}

func (m *memory) Recall(key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.byKey[key]
	if e == nil {
		return "", false
	}
	r := e.Value.(*remembered)
	if !m.now().Before(r.until) {
		m.forget(e)
		return "", false
	}
	return r.text, true
}

func (m *memory) Remember(key, text string, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.byKey == nil {
		m.byKey = map[string]*list.Element{}
	}
	if e := m.byKey[key]; e != nil {
		m.forget(e)
	}
	m.byKey[key] = m.order.PushBack(&remembered{key, text, until})
	now := m.now()
	for e := m.order.Front(); e != nil && (m.order.Len() > mostRemembered || !now.Before(e.Value.(*remembered).until)); e = m.order.Front() {
		m.forget(e)
	}
}

func (m *memory) forget(e *list.Element) {
	delete(m.byKey, e.Value.(*remembered).key)
	m.order.Remove(e)
}
