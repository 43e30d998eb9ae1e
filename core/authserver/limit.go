package authserver

import (
	"cmp"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Limit is how much the server stores for one party. That much may come at once, and as much again
// over the lifetime of what is stored, so never more than twice as much is alive. What is above the
// limit is answered with 429 and Retry-After (RFC 6585 section 4). Nothing that is alive is deleted
// to make room.
type Limit struct {
	// Owner is the limit of one client, key or account, as the field of [Limits] says.
	Owner int
	// Source is the limit of one address from which requests come ([Request.Source]): an IPv4
	// address, or the /48 of an IPv6 address. It is well below Owner, so one address cannot use up
	// a client's whole limit.
	Source int
}

// Limits are the limits of a [Server]. Zero in a field means its default, which its comment gives
// as Owner and Source. Each process counts for itself, in memory, and starts again at zero.
type Limits struct {
	// PushedRequests are stored authorization requests (RFC 9126 section 2.3, RFC 9101) of each
	// client, in KiB of parameters, rounded up: 16384 and 1024. One is stored for a minute, and for
	// ten minutes while its pages are open.
	PushedRequests Limit
	// DeviceAuthorizations are those of each client (RFC 8628): 4096 and 256 within twice
	// Config.DeviceCodeLifetime.
	DeviceAuthorizations Limit
	// Registrations are clients that register themselves (RFC 7591 section 5), in KiB of metadata,
	// rounded up: 1000 an hour in total, 50 from one address. As clients do not expire, in thirty
	// days at most ten times Owner may register.
	Registrations Limit
	// Sessions are sign-ins of one account in browsers: 10000 and 10000 within eight hours.
	Sessions Limit
	// Tokens are codes and tokens of one account, or of a client that acts for itself: 100000
	// within the longest of their lifetimes, of 700 bytes each or so. A used refresh token is
	// stored as long as a fresh one (RFC 9700 section 4.14.2). Addresses are not counted.
	Tokens Limit
	// Identifiers are those of DPoP proofs (RFC 9449 section 11.1) of each key, and of assertions
	// (RFC 7523 section 3) of each client or issuer: 16384, within two minutes for proofs and until
	// the expiry of an assertion. One account, or client that acts for itself, may have twice as
	// many proofs in total. Addresses are not counted, because only requests that are otherwise
	// valid count.
	Identifiers Limit
	// ClientDocuments are documents of clients that the server reads ([Config.ClientDocuments]),
	// for each host: 256 and 64 within ten minutes. Cached documents do not count.
	ClientDocuments Limit
	// WrongSecrets are wrong passwords of one account and wrong secrets of one client: 50 from all
	// addresses and 10 from one, within fifteen minutes (RFC 6749 sections 2.3.1 and 4.3.2). One
	// address has ten times Source for all accounts and clients together. An address from which the
	// account or client sent the right secret within thirty days has a count of its own, so that
	// strangers cannot lock the owner out.
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

// Kinds of things that are counted. Each kind has its own count for every party.
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

// share is how much of a party's limit something uses, and for how long.
type share struct {
	kind, party string
	limit       int
	weight      int // zero: one
	lifetime    time.Duration
}

// cost is by how much the share delays the time when the party's count is zero again.
func (s share) cost() time.Duration {
	return s.lifetime * time.Duration(max(s.weight, 1)) / time.Duration(s.limit)
}

// key is the key of the count. Different lifetimes have different counts, because a small share of
// a long one would be a large share of a short one. A digest has the same length whatever name a
// stranger uses.
func (s share) key(party string) Digest {
	return DigestOf(s.kind + "\x00" + s.lifetime.String() + "\x00" + party)
}

const (
	// maxParties is how many parties have a count of their own at once, at 70 bytes or so each. All
	// others share one count of each kind. So a network of very many addresses slows strangers
	// down, but not parties that have a count already.
	maxParties = 1 << 17
	// sweepParties is the least number of admissions between two searches for parties whose count
	// is zero again.
	sweepParties = 1 << 10
	// sweepFullParties is the least time between two such searches when there is no room.
	sweepFullParties = 10 * time.Second
)

// counts records how much each party has stored. It holds one time for each party: when its count
// is zero again (the generic cell rate algorithm of ITU-T I.371), so its size does not grow with
// the count.
type counts struct {
	mu     sync.Mutex
	until  map[Digest]time.Time
	writes int
	swept  time.Time
}

// admit takes all of the shares or none: a share that one party may not have is not counted against
// another. With free, it only checks that they could be taken.
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

// refund returns the shares.
func (c *counts) refund(shares ...share) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range shares {
		if key := c.slot(s); !c.until[key].IsZero() {
			c.until[key] = c.until[key].Add(-s.cost())
		}
	}
}

// note remembers a party until the time, if there is room. has reports whether it is remembered.
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

// slot is the key under which the party's time is stored.
func (c *counts) slot(s share) Digest {
	key := s.key(s.party)
	if _, known := c.until[key]; !known && len(c.until) >= maxParties {
		return s.key("everybody else")
	}
	return key
}

// after is when the party's count would be zero again, with the share added.
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

// limiter enforces a server's limits.
type limiter struct {
	limits Limits
	counts counts // of what is stored
	known  counts // addresses that sent a right secret
}

func newLimiter(limits Limits) *limiter {
	return &limiter{limits, counts{until: map[Digest]time.Time{}}, counts{until: map[Digest]time.Time{}}}
}

// admit counts something that is stored for lifetime, against its owner and, if that is known, the
// address of the request.
func (l *limiter) admit(c *call, kind, owner string, limit Limit, weight int, lifetime time.Duration) error {
	shares := ownerShares(kind, "owner\x00"+owner, limit.Owner, weight, lifetime)
	if c.source != "" {
		shares = append(shares, share{kind, "source\x00" + c.source, limit.Source, weight, lifetime})
	}
	return l.counts.admit(c.Now, false, shares...)
}

// allDocuments: all clients that have only a metadata document may together have this many times as
// much as one owner.
const allDocuments = 4

// ownerShares counts something for its owner. A client_id that is a URL costs nothing to make, so
// clients of one host count as one, and there is a limit for all of them together, too.
func ownerShares(kind, owner string, limit, weight int, lifetime time.Duration) []share {
	host := documentHost(owner[strings.LastIndexByte(owner, 0)+1:])
	if host == "" {
		return []share{{kind, owner, limit, weight, lifetime}}
	}
	return []share{{kind, "host\x00" + host, limit, weight, lifetime}, {kind, "all hosts", allDocuments * limit, weight, lifetime}}
}

// tooMany is the error of a party that has reached its limit.
func tooMany(wait time.Duration) *protocolError {
	return &protocolError{status: http.StatusTooManyRequests, code: "temporarily_unavailable",
		description: "too many requests; the header Retry-After tells when to come again", retryAfter: wait}
}
