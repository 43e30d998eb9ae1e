package authserver

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxMembers is how many grants one session may have that are not revoked or expired.
	maxMembers = 1 << 12
	// sweepEvery is the least number of writes between two searches for expired records. A
	// MemoryStore searches after a quarter as many writes as there are records: a write makes at
	// most two, so its average cost does not grow with their number.
	sweepEvery = 256
	// sweepFull is the least time between two searches when there is no room.
	sweepFull = 10 * time.Second
)

// maxOnce is how many identifiers a MemoryStore remembers at once, at a hundred bytes or so each:
// 16 times as many proofs as Limits allows one account.
const maxOnce = 1 << 19

// MemoryStore is a [Store] in memory. It deletes expired records as it runs.
type MemoryStore struct {
	mu        sync.Mutex
	clients   map[string]Client
	codes     map[Digest]*CodeRecord
	grantCode map[string]*CodeRecord // by grant
	devices   map[Digest]*DeviceRecord
	userCodes map[Digest]*DeviceRecord
	tokens    map[Digest]*TokenRecord // by access and by refresh digest
	grants    map[string][]*TokenRecord
	sessions  map[Digest]Session
	pushed    map[Digest]PushedRequest
	once      map[Digest]int64 // the time until which each is remembered, in nanoseconds since 1970
	writes    int
	swept     time.Time
}

// NewMemoryStore returns a store without clients; [MemoryStore.AddClient] registers them.
func NewMemoryStore() *MemoryStore {
	return &MemoryStore{
		clients:   map[string]Client{},
		codes:     map[Digest]*CodeRecord{},
		grantCode: map[string]*CodeRecord{},
		devices:   map[Digest]*DeviceRecord{},
		userCodes: map[Digest]*DeviceRecord{},
		tokens:    map[Digest]*TokenRecord{},
		grants:    map[string][]*TokenRecord{},
		sessions:  map[Digest]Session{},
		pushed:    map[Digest]PushedRequest{},
		once:      map[Digest]int64{},
	}
}

// AddClient implements [Store].
func (m *MemoryStore) AddClient(c Client) error {
	if err := c.Validate(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clients[c.ClientID] = c
	return nil
}

// Client implements [Store].
func (m *MemoryStore) Client(clientID string) (Client, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.clients[clientID]; ok {
		return c, nil
	}
	return Client{}, ErrNotFound
}

// SaveCode implements [Store].
func (m *MemoryStore) SaveCode(c CodeRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(c.IssuedAt)
	m.codes[c.Digest] = &c
	m.grantCode[c.Grant] = &c
	return nil
}

// Code implements [Store].
func (m *MemoryStore) Code(d Digest) (CodeRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if c, ok := m.codes[d]; ok {
		return *c, nil
	}
	return CodeRecord{}, ErrNotFound
}

// RedeemCode implements [Store].
func (m *MemoryStore) RedeemCode(code Digest, issued TokenRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c, ok := m.codes[code]
	if !ok {
		return ErrNotFound
	}
	if c.Used {
		m.revokeGrant(c.Grant)
		return ErrReplayed
	}
	c.Used = true
	m.keep(issued)
	return nil
}

// SaveToken implements [Store].
func (m *MemoryStore) SaveToken(t TokenRecord) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t.Subject != (Digest{}) {
		if subject, ok := m.tokens[t.Subject]; !ok || subject.Revoked {
			return ErrNotFound
		}
	}
	m.keep(t)
	return nil
}

// Token implements [Store].
func (m *MemoryStore) Token(d Digest) (TokenRecord, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t, ok := m.tokens[d]; ok {
		return *t, nil
	}
	return TokenRecord{}, ErrNotFound
}

// RotateRefreshToken implements [Store].
func (m *MemoryStore) RotateRefreshToken(used Digest, successor TokenRecord, grace time.Duration) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[used]
	if !ok || t.Refresh != used || t.Revoked {
		return ErrNotFound
	}
	now := successor.IssuedAt
	switch {
	case t.RotatedAt.IsZero():
		t.RotatedAt = now
	case grace <= 0 || now.Sub(t.RotatedAt) > grace:
		m.revokeGrant(t.Grant)
		return ErrReplayed
	}
	m.keep(successor)
	return nil
}

// RevokeAccessToken implements [Store].
func (m *MemoryStore) RevokeAccessToken(access Digest) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.tokens[access]
	if !ok || t.Access != access {
		return nil
	}
	delete(m.tokens, access)
	// Tokens that were exchanged for a token come after it in the list.
	gone := map[Digest]bool{access: true}
	for _, other := range m.grants[t.Grant] {
		if gone[other.Subject] {
			gone[other.Access] = true
			delete(m.tokens, other.Access)
		}
	}
	return nil
}

// RevokeGrant implements [Store].
func (m *MemoryStore) RevokeGrant(grant string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.revokeGrant(grant)
	return nil
}

// SaveSession implements [Store].
func (m *MemoryStore) SaveSession(d Digest, s Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sweep(s.AuthTime)
	m.sessions[d] = s
	return nil
}

// Session implements [Store].
func (m *MemoryStore) Session(d Digest) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.sessions[d]; ok {
		return s, nil
	}
	return Session{}, ErrNotFound
}

// JoinSession implements [Store].
func (m *MemoryStore) JoinSession(d Digest, member SessionMember) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, ok := m.sessions[d]
	if !ok {
		return ErrNotFound
	}
	if len(s.Members) == cap(s.Members) {
		// A new one would be made in any case.
		s.Members = m.livingMembers(s.Members)
	}
	if len(s.Members) >= maxMembers {
		return ErrUnavailable
	}
	// Others may hold the slice, but none of them reads beyond its end.
	s.Members = append(s.Members, member)
	m.sessions[d] = s
	return nil
}

// livingMembers are members with a grant that still exists, or whose consent is not repeated by a
// later member.
func (m *MemoryStore) livingMembers(members []SessionMember) []SessionMember {
	type consent struct{ client, scope, resources, details string }
	said := map[consent]bool{}
	var living []SessionMember
	for _, member := range slices.Backward(members) {
		c := consent{member.ClientID, member.Scope, strings.Join(member.Resources, " "), member.AuthorizationDetails}
		if said[c] && m.grants[member.Grant] == nil && m.grantCode[member.Grant] == nil {
			continue
		}
		said[c] = true
		living = append(living, member)
	}
	slices.Reverse(living)
	return living
}

// DeleteSession implements [Store].
func (m *MemoryStore) DeleteSession(d Digest) (Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sessions[d]
	delete(m.sessions, d)
	return s, nil
}

func (m *MemoryStore) revokeGrant(grant string) {
	for _, t := range m.grants[grant] {
		t.Revoked = true
	}
	if c := m.grantCode[grant]; c != nil && !c.Used {
		delete(m.codes, c.Digest)
		delete(m.grantCode, grant)
	}
}

func (m *MemoryStore) keep(t TokenRecord) {
	m.sweep(t.IssuedAt)
	m.tokens[t.Access] = &t
	if t.Refresh != (Digest{}) {
		m.tokens[t.Refresh] = &t
	}
	m.grants[t.Grant] = append(m.grants[t.Grant], &t)
}

// sweep deletes expired records, once every so many writes. A rotated refresh token stays until its
// own lifetime is over, and a used code stays while anything of its grant is alive, so that a
// replay is detected. An expired device code stays for another lifetime, so that a device that was
// asleep learns why it is refused.
func (m *MemoryStore) sweep(now time.Time) {
	m.writes++
	records := len(m.tokens) + len(m.codes) + len(m.devices) + len(m.sessions) + len(m.pushed) + len(m.once)
	full := len(m.once) >= maxOnce && now.Sub(m.swept) >= sweepFull
	if m.writes < max(sweepEvery, records/4) && !full {
		return
	}
	m.writes, m.swept = 0, now
	for grant, records := range m.grants {
		alive := slices.DeleteFunc(records, func(t *TokenRecord) bool {
			if !t.IsExpired(now) || (t.Refresh != (Digest{}) && !t.RefreshTokenExpired(now)) {
				return false
			}
			delete(m.tokens, t.Access)
			delete(m.tokens, t.Refresh)
			return true
		})
		if m.grants[grant] = alive; len(alive) == 0 {
			delete(m.grants, grant)
		}
	}
	maps.DeleteFunc(m.codes, func(_ Digest, c *CodeRecord) bool {
		over := c.IsExpired(now) && m.grants[c.Grant] == nil
		if over {
			delete(m.grantCode, c.Grant)
		}
		return over
	})
	over := func(_ Digest, d *DeviceRecord) bool {
		return d.IsExpired(now.Add(-d.ExpiresIn)) && m.grants[d.Grant] == nil
	}
	maps.DeleteFunc(m.devices, over)
	maps.DeleteFunc(m.userCodes, over)
	maps.DeleteFunc(m.pushed, func(_ Digest, r PushedRequest) bool { return r.IsExpired(now) })
	maps.DeleteFunc(m.once, func(_ Digest, until int64) bool { return now.UnixNano() >= until })
	maps.DeleteFunc(m.sessions, func(_ Digest, s Session) bool { return !now.Before(s.ExpiresAt) })
}
