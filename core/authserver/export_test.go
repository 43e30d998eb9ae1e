package authserver

import (
	"net"
	"net/http"
	"time"
)

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

// Documents is how many documents of clients the server keeps.
func (s *Server) Documents() int {
	s.documents.mu.Lock()
	defer s.documents.mu.Unlock()
	return len(s.documents.kept)
}

// MaxDocuments is the most of them, and DocumentLife how long one is kept.
const MaxDocuments = maxDocuments

// DocumentLife is how long a document with this header is kept.
func DocumentLife(h http.Header, now time.Time) time.Duration { return documentLife(h, now) }

// GuardedTransport is that of PublicTransport with another resolver.
func GuardedTransport(resolver *net.Resolver) http.RoundTripper {
	return transportOf(&net.Dialer{Timeout: answerTime, ControlContext: refusePrivate, Resolver: resolver})
}
