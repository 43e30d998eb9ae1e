// Package redisstore keeps sessions in Redis (6.2 or later) or Valkey, for processes on several
// machines that share sessions: a oauth.ExpiringStore, and the oauth.Locker that goes with it.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
//	store, err := redisstore.New(client, redisstore.Options{})
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})          // which seals what it stores
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// A oauth.Client stores texts with tokens: package sealedstore seals them, and keeps keys. The same
// texts and names are used by the package for JavaScript (oauth2-wasm/redis), so that processes in
// Go and in JavaScript can share sessions.
//
// # What is kept, and how
//
// A value is a string under PREFIX "entry:" KEY, its version and a space before it. Comparing and
// replacing are one script, on that key alone, so that it runs on a Redis Cluster as it is, without
// hash tags. Versions are random: none comes back. Values expire by the clock of Redis.
//
// An operation whose answer is lost, or that finds the server restarting, is tried again for 20
// seconds; what was written already counts as written then. The engine stores a refresh token that
// was rotated a second time where that was not enough.
//
// Redis has to keep what it acknowledges: appendonly yes and appendfsync always. With appendfsync
// everysec a machine that fails takes the last second along, and with it refresh tokens that were
// rotated in it. Replicas are written behind the answer: a failover, of a cluster or of sentinels,
// can lose writes that were acknowledged just before, and brings back the refresh token before the
// last one; a server without a grace for rotated tokens ends such a session. min-replicas-to-write
// and a short min-replicas-max-lag bound how much that can be. maxmemory-policy has to be
// noeviction, or sessions end when others begin. Reads go to the master: no ReadOnly, no
// RouteByLatency.
//
// # Locks
//
// A lock is a key with a random name of its holder and an end, taken where there is none (SET NX
// PX), renewed at a third of its lease as long as it is held, and deleted by its holder only. It
// stays with a holder that died for DefaultLease at most. Who held a lock, slept for longer than
// that and wakes up with the only copy of a rotated token stores it if what is stored is still its
// own mark, by its version; who refreshed in between has a newer token, which stays.
//
// A server that takes a rotated token once more for 30 s (a grace) sees the next holder in time
// only if a dead one's lease is shorter. Set then both below that: the Timeout of
// oauth.Options.HTTP to 15 s and Options.Lease to 20 s. A lease that is shorter than a request may
// take is safe with such servers only.
package redisstore
