package authserver

import (
	"net"
	"net/http"
	"time"
)

// Kept returns how many records of each kind the store has.
func (m *MemoryStore) Kept() map[string]int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]int{"clients": len(m.clients), "codes": len(m.codes), "devices": len(m.devices), "tokens": len(m.tokens),
		"sessions": len(m.sessions), "pushed": len(m.pushed), "once": len(m.once)}
}

// Parties returns how many parties have a count.
func (s *Server) Parties() int { return len(s.limiter.counts.until) }

// IsPublicAddress, CountedAddress, RemoteAddress and MaxParties are for test tables.
var (
	IsPublicAddress = isPublicAddress
	CountedAddress  = countedAddress
	RemoteAddress   = remoteAddress
	MayBePublic     = mayBePublic
)

// MaxParties is the largest number of parties.
const MaxParties = maxParties

// Admit counts a device authorization of the client from the address.
func (s *Server) Admit(now time.Time, clientID, address string) error {
	c := &call{Request: Request{Now: now}, source: countedAddress(address)}
	return s.limiter.admit(c, countDevice, clientID, s.cfg.Limits.DeviceAuthorizations, 1, s.cfg.DeviceCodeLifetime)
}

// Documents returns how many documents of clients the server caches.
func (s *Server) Documents() int {
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	return len(s.documents.kept)
}

// MaxDocuments is the largest number of cached documents.
const MaxDocuments = maxDocuments

// DocumentLife returns how long a document with this header is cached.
func DocumentLife(h http.Header, now time.Time) time.Duration { return documentLife(h, now) }

// GuardedTransport is PublicTransport with another resolver.
func GuardedTransport(resolver *net.Resolver) http.RoundTripper {
	return transportOf(&net.Dialer{Timeout: answerTime, ControlContext: refusePrivate, Resolver: resolver})
}
