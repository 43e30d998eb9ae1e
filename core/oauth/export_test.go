package oauth

// Size returns the number of entries, including expired ones.
func (m *MemoryStore) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}
