package authserver

import "time"

// SavePushed implements [RequestStore].
func (m *MemoryStore) SavePushed(r PushedRequest, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(now)
	m.pushed[r.Digest] = r
	return nil
}

// Pushed implements [RequestStore].
func (m *MemoryStore) Pushed(requestURI Digest) (PushedRequest, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.pushed[requestURI]; ok {
		return r, nil
	}
	return PushedRequest{}, ErrNotFound
}

// TakePushed implements [RequestStore].
func (m *MemoryStore) TakePushed(requestURI Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.pushed[requestURI]; !ok {
		return ErrNotFound
	}
	delete(m.pushed, requestURI)
	return nil
}

// UseOnce implements [RequestStore].
func (m *MemoryStore) UseOnce(id Digest, now, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.once[id]; ok && now.UnixNano() < old {
		return ErrReplayed
	}
	m.sweep(now)
	if len(m.once) >= maxOnce {
		return ErrUnavailable
	}
	m.once[id] = until.UnixNano()
	return nil
}
