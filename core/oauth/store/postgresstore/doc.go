// Package postgresstore keeps sessions in PostgreSQL (12 or later), for processes on several
// machines that share sessions. Its Store is an oauth.ExpiringStore and an oauth.Locker.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	store, err := postgresstore.New(pool, postgresstore.Options{})
//	err = store.Create(ctx)                                                                 // or the migration below
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})          // which seals what it stores
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// An oauth.Client stores texts with tokens: package sealedstore encrypts them, and keeps keys. The
// package for JavaScript (oauth2-wasm/postgres) uses the same texts and tables, so processes in Go
// and in JavaScript can share sessions.
//
// # What is kept, and how
//
// There are two tables:
//
//	CREATE TABLE oauth2_entries (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at timestamptz);
//	CREATE INDEX oauth2_entries_expire ON oauth2_entries (expires_at) WHERE expires_at IS NOT NULL;
//	CREATE TABLE oauth2_locks (name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL);
//
// The role of the application needs SELECT, INSERT, UPDATE and DELETE on them. Compare-and-set is
// one statement. Versions are random: none is used twice. Rows expire by the clock of the database:
// then they are not found any more. Later stores delete them, a thousand at a time, at most every
// ten seconds.
//
// If an answer is lost or the server is restarting, the operation is retried for 20 seconds; a
// retry recognizes what the first try wrote. If that fails, the engine once more stores a refresh
// token that was rotated.
//
// Each operation is one unnamed statement without an explicit transaction, and a connection keeps
// no state, so PgBouncer may use pool_mode = transaction. synchronous_commit has to be on, the
// default. With asynchronous replicas, a failover can lose writes that were just acknowledged, and
// then the previous refresh token is back. synchronous_standby_names avoids that: PostgreSQL then
// waits for the replicas before it answers.
//
// # Locks
//
// A lock is a row with a random name of its holder and an expiry. It is not an advisory lock,
// because that would belong to a connection. While the lock is held, it is renewed at a third of
// its lease. Only its holder deletes it; if the holder dies, it expires after DefaultLease at most.
// A holder may sleep longer than that and wake up with the only copy of a rotated token. It then
// stores the token only if its own mark is still stored, by compare-and-set; if somebody has
// refreshed meanwhile, the newer token stays.
//
// If the authorization server accepts a rotated token again for a grace period of 30 s, set the
// Timeout of oauth.Options.HTTP to 15 s and Options.Lease to 20 s, so that the next holder sends
// the token within that period. Use a lease that is shorter than a request may take only with such
// servers.
package postgresstore
