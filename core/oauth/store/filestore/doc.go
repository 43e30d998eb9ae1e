// Package filestore keeps sessions in a directory, for programs that end and begin again and for
// processes that share a session: a oauth.Store with a file for each key, the oauth.Locker that
// goes with it, by file locks of the operating system, and a oauth.KeyStore.
//
//	dir, err := filestore.Open(filepath.Join(config, "my-program"))
//	client, err := wasm.Open(ctx, settings, wasm.Options{Client: oauth.Options{Store: dir}})
//
// # What is kept, and how
//
// A value is written to a file of its own, flushed to the disk and then renamed, so that a crash
// leaves the old value or the new one. Its file names the version and carries a digest: one that
// was cut short or changed is ErrCorrupt, and is neither used nor overwritten. Comparing and
// replacing happen under a lock file of that value alone, so that they hold across processes.
//
// A private key is a file of its own too, in PEM (PKCS #8). Of two processes that create one at
// once, both get the one that stays.
//
// openFiles of oauth2-wasm/files, for Node, has the same files and the same locks: processes in
// both languages may share a directory.
//
// Values hold tokens in the clear, and so do the files of keys: whoever reads the directory can use
// what is bound to them. The directory has to be the user's alone (0700, files 0600); on Windows
// that is for the access control list of its parent to say.
//
// # Locks
//
// A lock is a lock file of its own, held with flock (LockFileEx on Windows). The operating system
// frees it when its holder ends, however that comes about, and nothing else takes it from one. A
// lock file is there while it is held; what a killed process left is removed by the next Open. The
// directory has to be on a file system whose locks hold between its users, which a local one is.
package filestore
