package authserver

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limit bounds what the server keeps for one party. As much may come at once, and as much again
// over the lifetime of what is kept, so that never more than twice as much is alive. What is above
// is answered with 429 and Retry-After (RFC 6585 section 4), and nothing that is alive makes room
// for it.
type Limit struct {
	// Owner is for one client, key or account, whatever the field of [Limits] says.
	Owner int
	// Source is for one address that requests come from ([Request.Source]): an IPv4 address, or the
	// /48 of an IPv6 address. It is well below Owner, so that one address cannot use up what a
	// client has for everybody.
	Source int
}

// Limits are the bounds of a [Server]; zero in a field means its default, which is said there as
// Owner and Source. The counts are the server's own, in memory: each process has its own, and they
// start anew with it.
type Limits struct {
	// PushedRequests are authorization requests that are kept (RFC 9126 section 2.3, RFC 9101), in
	// KiB of parameters begun, for each client: 16384 and 1024. One is kept for a minute, and ten
	// while its pages stand open.
	PushedRequests Limit
	// DeviceAuthorizations are those of RFC 8628 for each client: 4096 and 256 within twice
	// Config.DeviceCodeLifetime.
	DeviceAuthorizations Limit
	// Registrations are clients that register themselves (RFC 7591 section 5), in KiB of metadata
	// begun: 1000 an hour from all, 50 from one address. As clients do not expire, it is ten times
	// Owner in thirty days.
	Registrations Limit
	// Sessions are sign-ins of one account with a browser: 10000 and 10000 within eight hours.
	Sessions Limit
	// Tokens are codes and tokens for one account, or for a client that acts for itself: 100000
	// within the longest of their lifetimes, of 700 bytes each or so. A refresh token that was used
	// is kept as long as a fresh one (RFC 9700 section 4.14.2). Addresses are not looked at.
	Tokens Limit
	// Identifiers are those of DPoP proofs (RFC 9449 section 11.1) for each key, and of assertions
	// (RFC 7523 section 3) for each client or issuer: 16384, within two minutes for proofs and
	// until its expiry for an assertion. One account, or client that acts for itself, has twice as
	// many proofs in all. Their addresses are not looked at: only requests that are otherwise good
	// count.
	Identifiers Limit
	// ClientDocuments are documents of clients that are read ([Config.ClientDocuments]), for each
	// host: 256 and 64 within ten minutes. Those that are still kept do not count.
	ClientDocuments Limit
	// WrongSecrets are wrong passwords of one account and wrong secrets of one client: 50 from all
	// addresses and 10 from one, within fifteen minutes (RFC 6749 sections 2.3.1 and 4.3.2). One
	// address has ten times Source for all accounts and clients together. An address from which the
	// account or client proved itself within thirty days counts by itself alone, so that strangers
	// cannot lock the owner out.
	WrongSecrets Limit
}

func (l *Limits) fillIn() {
	for _, row := range []struct {
		limit    *Limit
		standard Limit
	}{
		{&l.PushedRequests, Limit{16384, 1024}},
		{&l.DeviceAuthorizations, Limit{4096, 256}},
		{&l.Registrations, Limit{1000, 50}},
		{&l.Sessions, Limit{10000, 10000}},
		{&l.Tokens, Limit{100000, 100000}},
		{&l.Identifiers, Limit{1 << 14, 1 << 14}},
		{&l.ClientDocuments, Limit{256, 64}},
		{&l.WrongSecrets, Limit{50, 10}},
	} {
		row.limit.Owner = cmp.Or(row.limit.Owner, row.standard.Owner)
		row.limit.Source = cmp.Or(row.limit.Source, row.standard.Source)
	}
}

func (l Limits) negative() bool {
	for _, limit := range []Limit{l.PushedRequests, l.DeviceAuthorizations, l.Registrations, l.Sessions, l.Tokens, l.Identifiers, l.ClientDocuments, l.WrongSecrets} {
		if limit.Owner < 0 || limit.Source < 0 {
			return true
		}
	}
	return false
}

// Kinds of what is counted. Each has its own count with every party.
const (
	countPushed   = "pushed"
	countDevice   = "device"
	countRegister = "register"
	countSession  = "session"
	countToken    = "token"
	countProof    = "proof"
	countUser     = "proof of user"
	countJTI      = "assertion"
	countWrong    = "wrong"
	countAllWrong = "wrong in all"
	countUserCode = "user code"
	countDocument = "document"
)

// share is how much of a party's limit something takes, and for how long.
type share struct {
	kind, party string
	limit       int
	weight      int // zero: one
	lifetime    time.Duration
}

// cost is how long the share keeps its party from being back at nothing.
func (s share) cost() time.Duration {
	return s.lifetime * time.Duration(max(s.weight, 1)) / time.Duration(s.limit)
}

// key of the count. What lasts longer has another, as a little of it would be a lot of what does
// not. A digest has the same length whatever a stranger calls himself.
func (s share) key(party string) Digest {
	return DigestOf(s.kind + "\x00" + s.lifetime.String() + "\x00" + party)
}

const (
	// maxParties is how many parties have a count of their own at one time, at 70 bytes or so each.
	// Those beyond share one for each kind: a network of that many addresses slows strangers down,
	// and whoever has a count already not at all.
	maxParties = 1 << 17
	// sweepParties is after how many admissions, at least, the parties are looked through for those
	// that are back at nothing.
	sweepParties = 1 << 10
	// sweepFullParties is how long after the last time it looks again where there is no room.
	sweepFullParties = 10 * time.Second
)

// counts tells how much each party has of what is kept. It holds one time for each: when it is back
// at nothing (the generic cell rate algorithm of ITU-T I.371), however much it was.
type counts struct {
	mu     sync.Mutex
	until  map[Digest]time.Time
	writes int
	swept  time.Time
}

// admit takes the shares, all of them or none: what one party may not have is not counted against
// another. With free they have to be there and are not taken.
func (c *counts) admit(now time.Time, free bool, shares ...share) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range shares {
		if wait := c.after(now, c.slot(s), s).Sub(now) - s.lifetime; wait > 0 {
			return tooMany(wait)
		}
	}
	if free {
		return nil
	}
	for _, s := range shares {
		key := c.slot(s)
		c.until[key] = c.after(now, key, s)
	}
	c.sweep(now)
	return nil
}

// refund gives the shares back.
func (c *counts) refund(shares ...share) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range shares {
		if key := c.slot(s); !c.until[key].IsZero() {
			c.until[key] = c.until[key].Add(-s.cost())
		}
	}
}

// note keeps a party in mind until the time, if there is room; has tells whether it is.
func (c *counts) note(now time.Time, party string, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if key := DigestOf(party); !c.until[key].IsZero() || len(c.until) < maxParties {
		c.until[key] = until
	}
	c.sweep(now)
}

func (c *counts) has(now time.Time, party string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return now.Before(c.until[DigestOf(party)])
}

// slot is where the party's time is.
func (c *counts) slot(s share) Digest {
	key := s.key(s.party)
	if _, known := c.until[key]; !known && len(c.until) >= maxParties {
		return s.key("everybody else")
	}
	return key
}

// after is when the party is back at nothing with the share.
func (c *counts) after(now time.Time, key Digest, s share) time.Time {
	from := c.until[key]
	if from.Before(now) {
		from = now
	}
	return from.Add(s.cost())
}

func (c *counts) sweep(now time.Time) {
	c.writes++
	full := len(c.until) >= maxParties && now.Sub(c.swept) >= sweepFullParties
	if c.writes < max(sweepParties, len(c.until)) && !full {
		return
	}
	c.writes, c.swept = 0, now
	maps.DeleteFunc(c.until, func(_ Digest, until time.Time) bool { return !now.Before(until) })
}

// limiter holds a server's parties to its limits.
type limiter struct {
	limits Limits
	counts counts // of what is kept
	known  counts // addresses from which a secret was right
}

func newLimiter(limits Limits) *limiter {
	return &limiter{limits, counts{until: map[Digest]time.Time{}}, counts{until: map[Digest]time.Time{}}}
}

// admit counts something that is kept for lifetime against its owner and, where that is known, the
// address that it came from.
func (l *limiter) admit(c *call, kind, owner string, limit Limit, weight int, lifetime time.Duration) error {
	shares := ownerShares(kind, "owner\x00"+owner, limit.Owner, weight, lifetime)
	if c.source != "" {
		shares = append(shares, share{kind, "source\x00" + c.source, limit.Source, weight, lifetime})
	}
	return l.counts.admit(c.Now, false, shares...)
}

// allDocuments is how many times as much as one owner the clients have together that only their
// documents speak for.
const allDocuments = 4

// ownerShares counts something for its owner. Clients whose client_id is an address cost nothing to
// make: those of one host count as one, and all of them together too.
func ownerShares(kind, owner string, limit, weight int, lifetime time.Duration) []share {
	host := documentHost(owner[strings.LastIndexByte(owner, 0)+1:])
	if host == "" {
		return []share{{kind, owner, limit, weight, lifetime}}
	}
	return []share{{kind, "host\x00" + host, limit, weight, lifetime}, {kind, "all hosts", allDocuments * limit, weight, lifetime}}
}

// tooMany is the error of a party that has as much as it may have.
func tooMany(wait time.Duration) *protocolError {
	return &protocolError{status: http.StatusTooManyRequests, code: "temporarily_unavailable",
		description: "too many requests; the header Retry-After tells when to come again", retryAfter: wait}
}
