package bff

import (
	"sync"
	"time"
)

// Memory keeps texts that may be lost at any time: tokens that were exchanged for other services, which are never written to a Store. It is
// safe for concurrent use.
type Memory interface {
	// Recall gives a text, and whether there is one.
	Recall(key string) (text string, ok bool)
	// Remember keeps a text, of 16 KiB at most, until then or less long.
	Remember(key, text string, until time.Time)
}

// mostRemembered is how many texts a memory has.
const mostRemembered = 1000

// memory is that of this process.
type memory struct {
	now func() time.Time

	mu    sync.Mutex
	texts map[string]remembered
	order []string // of the keys, the oldest first
}

type remembered struct {
	text  string
	until time.Time
}

func (m *memory) Recall(key string) (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.texts[key]
	if !ok || !m.now().Before(r.until) {
		return "", false
	}
	return r.text, true
}

func (m *memory) Remember(key, text string, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.texts == nil {
		m.texts = map[string]remembered{}
	}
	if _, there := m.texts[key]; !there {
		m.order = append(m.order, key)
	}
	m.texts[key] = remembered{text, until}
	if len(m.texts) > mostRemembered {
		delete(m.texts, m.order[0])
		m.order = m.order[1:]
	}
}
