// Package sqlitestore keeps sessions in an SQLite database, for servers that end and begin again
// and for processes that share sessions: a oauth.ExpiringStore, the oauth.Locker that goes with it,
// and a oauth.KeyStore. SQLite is modernc.org/sqlite, which is Go: no cgo.
//
//	store, err := sqlitestore.Open("/var/lib/app/sessions.db")
//	handler, err := backend.New(engine, config, backend.Options{Ring: ring, Store: store})
//
// # What is kept, and how
//
// Store returns when the value is on the disk: a crash leaves the old value or the new one. It is
// committed first, which outlives the process (WAL, synchronous=NORMAL), and then the disk is
// waited for, once for all that was committed meanwhile. Comparing and replacing is one statement,
// so it holds across processes, and versions are random, so that none comes back. What has expired
// is not found any more and is deleted on the occasion of later stores.
//
// The database holds what it is given, private keys included: package bff seals its texts before.
// It has to be the user's alone (0600), as the files are that stand beside it, and on a local file
// system, since SQLite does not work on others.
//
// # Locks
//
// A lock is a file of its own in a directory beside the database, held with flock (LockFileEx on
// Windows): the operating system frees it when its holder ends, however that comes about, and
// nothing else takes it from one. No lock waits for one of another name. The file is there while
// the lock is held; what a killed process left is removed by the next Open. Values are read while
// another process writes, so that only writes wait for writes.
package sqlitestore
