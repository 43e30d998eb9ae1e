package authserver

import "time"

// Kept is how many records of each kind the store has.
func (m *MemoryStore) Kept() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]int{"clients": len(m.clients), "codes": len(m.codes), "devices": len(m.devices), "tokens": len(m.tokens),
		"sessions": len(m.sessions), "pushed": len(m.pushed), "once": len(m.once)}
}

// Parties is how many parties the server has a count of.
func (s *Server) Parties() int { return len(s.limiter.counts.until) }

// IsPublicAddress, CountedAddress, RemoteAddress and MaxParties are for tables.
var (
	IsPublicAddress = isPublicAddress
	CountedAddress  = countedAddress
	RemoteAddress   = remoteAddress
	MayBePublic     = mayBePublic
)

// MaxParties is the most of them.
const MaxParties = maxParties

// Admit counts a device authorization of the client from the address.
func (s *Server) Admit(now time.Time, clientID, address string) error {
	c := &call{Request: Request{Now: now}, source: countedAddress(address)}
	return s.limiter.admit(c, countDevice, clientID, s.cfg.Limits.DeviceAuthorizations, 1, s.cfg.DeviceCodeLifetime)
}
