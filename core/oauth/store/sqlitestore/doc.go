// Package sqlitestore keeps sessions in an SQLite database, for servers that restart and for
// processes that share sessions. Its DB is an oauth.ExpiringStore, an oauth.Locker and an
// oauth.KeyStore. SQLite is modernc.org/sqlite, which needs no cgo.
//
//	store, err := sqlitestore.Open("/var/lib/app/sessions.db")
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})
//
// # What is kept, and how
//
// Store returns when the value is on the disk: a crash leaves the old value or the new one. It
// first commits, which survives the end of the process (WAL, synchronous=NORMAL). Then it waits for
// the disk, together with all other writes that were committed meanwhile. Compare-and-set is one
// statement, so it is atomic across processes. Versions are random: none is used twice. Expired
// values are not found any more, and later stores delete them.
//
// The database is not encrypted, private keys included; package backend seals its texts before it
// stores them. Only the user may have access to the database and to the files beside it (0600). It
// has to be on a local file system, because SQLite does not work on others.
//
// # Locks
//
// Each lock is a file in a directory beside the database, locked with flock (LockFileEx on
// Windows). The operating system frees the lock when its holder ends, for whatever reason; nothing
// else frees it. Locks with different names do not wait for each other. The file exists while the
// lock is held; Open removes files that a killed process left. Reads do not wait for another
// process's write; only writes wait for writes.
package sqlitestore
