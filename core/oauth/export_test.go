package oauth

// Size is how many entries are held, those that are over among them.
func (m *MemoryStore) Size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}
