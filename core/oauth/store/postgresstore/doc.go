// Package postgresstore keeps sessions in PostgreSQL (12 or later), for processes on several
// machines that share sessions: a oauth.ExpiringStore, and the oauth.Locker that goes with it.
//
//	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
//	store, err := postgresstore.New(pool, postgresstore.Options{})
//	err = store.Create(ctx)                                                                 // or the migration below
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})          // which seals what it stores
//	client, err := oauth.Open(ctx, engine, config, oauth.Options{Store: sealedstore.New(store, ring)})
//
// A oauth.Client stores texts with tokens: package sealedstore seals them, and keeps keys. The same
// texts and tables are used by the package for JavaScript (oauth2-wasm/postgres), so that processes
// in Go and in JavaScript can share sessions.
//
// # What is kept, and how
//
// There are two tables:
//
//	CREATE TABLE oauth2_entries (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at timestamptz);
//	CREATE INDEX oauth2_entries_expire ON oauth2_entries (expires_at) WHERE expires_at IS NOT NULL;
//	CREATE TABLE oauth2_locks (name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL);
//
// The role of the application needs SELECT, INSERT, UPDATE and DELETE on them. Comparing and
// replacing are one statement. Versions are random: none comes back. Rows expire by the clock of
// the database: they are not found any more, and are deleted a thousand at a time on the occasion
// of later stores, every ten seconds at most.
//
// An operation whose answer is lost, or that finds the server restarting, is tried again for 20
// seconds; what was written already counts as written then. The engine stores a refresh token that
// was rotated a second time where that was not enough.
//
// Each operation is one statement without a name and without a transaction around it, and nothing
// is kept in a connection: PgBouncer may hand connections on after each transaction (pool_mode =
// transaction). synchronous_commit has to be on, which is its default; with replicas that are
// written behind, a failover can lose what was acknowledged just before, and brings back the
// refresh token before the last one. synchronous_standby_names has the answer wait for them.
//
// # Locks
//
// A lock is a row with a random name of its holder and an end, and no advisory lock, which would be
// the connection's. It is renewed at a third of its lease as long as it is held, and deleted by its
// holder only. It stays with a holder that died for DefaultLease at most. Who held a lock, slept
// for longer than that and wakes up with the only copy of a rotated token stores it if what is
// stored is still its own mark, by its version; who refreshed in between has a newer token, which
// stays.
//
// A server that takes a rotated token once more for 30 s (a grace) sees the next holder in time
// only if a dead one's lease is shorter. Set then both below that: the Timeout of
// oauth.Options.HTTP to 15 s and Options.Lease to 20 s. A lease that is shorter than a request may
// take is safe with such servers only.
package postgresstore
