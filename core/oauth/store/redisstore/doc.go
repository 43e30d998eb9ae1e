// Package redisstore keeps sessions in Redis (6.2 or later) or Valkey, for processes on several
// machines that share sessions. Its Store is an oauth.ExpiringStore and an oauth.Locker.
//
//	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
//	store, err := redisstore.New(client, redisstore.Options{})
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})          // which seals what it stores
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// An oauth.Client stores texts with tokens: package sealedstore encrypts them, and keeps keys. The
// package for JavaScript (oauth2-wasm/redis) uses the same texts and names, so processes in Go and
// in JavaScript can share sessions.
//
// # What is kept, and how
//
// A value is a string under PREFIX "entry:" KEY: the version, a space and the value.
// Compare-and-set is one script on that one key, so that it runs on a Redis Cluster without hash
// tags. Versions are random: none is used twice. Values expire by the clock of Redis.
//
// If an answer is lost or the server is restarting, the operation is retried for 20 seconds; a
// retry recognizes what the first try wrote. If that fails, the engine once more stores a refresh
// token that was rotated. What was not sent by then is never sent; what was sent, and not answered,
// may have been carried out.
//
// Redis has to persist what it acknowledges: appendonly yes and appendfsync always. With
// appendfsync everysec, a crash of the machine loses the last second, and with it refresh tokens
// that were rotated in it. Redis answers before its replicas have a write. So a failover, by a
// cluster or by sentinels, can lose writes that were just acknowledged, and then the previous
// refresh token is back; an authorization server without a grace period for rotated tokens ends
// such a session. min-replicas-to-write and a short min-replicas-max-lag bound the loss.
// maxmemory-policy has to be noeviction, or new sessions evict old ones. Read from the master only:
// no ReadOnly, no RouteByLatency.
//
// # Locks
//
// A lock is a key with a random name of its holder and an expiry, set if there is none (SET NX PX).
// While the lock is held, it is renewed at a third of its lease. Only its holder deletes it; if the
// holder dies, it expires after DefaultLease at most. A holder may sleep longer than that and wake
// up with the only copy of a rotated token. It then stores the token only if its own mark is still
// stored, by compare-and-set; if somebody has refreshed meanwhile, the newer token stays.
//
// If the authorization server accepts a rotated token again for a grace period of 30 s, set the
// Timeout of oauth.Options.HTTP to 15 s and Options.Lease to 20 s, so that the next holder sends
// the token within that period. Use a lease that is shorter than a request may take only with such
// servers.
package redisstore
