// Package filestore keeps sessions in a directory, for programs that end and begin again and for
// processes that share a session: a oauth.Store with a file for each key, the oauth.Locker that
// goes with it, by file locks of the operating system, and a oauth.KeyStore.
//
//	dir, err := filestore.Open(filepath.Join(config, "my-program"))
//	client, err := wasm.Open(ctx, settings, wasm.Options{Client: oauth.Options{Store: dir}})
//
// # What is kept, and how
//
// Each value is a file. It is written to a new file, flushed to the disk and then renamed, so that
// a crash leaves the old value or the new one. The file contains the version and a digest: a file
// that was cut short or changed gives ErrCorrupt, and is neither used nor overwritten. Each value
// has a lock file, under which compare-and-set is atomic across processes.
//
// Each private key is a file, too, in PEM (PKCS #8). Concurrent creates in several processes return
// the same key.
//
// openFiles of oauth2-wasm/files, for Node, uses the same files and the same locks: processes in
// both languages may share a directory.
//
// Tokens and private keys are not encrypted: whoever can read the directory can use them. Only the
// user may have access to it (0700, files 0600). On Windows, the access control list of the parent
// directory has to ensure that.
//
// # Locks
//
// Each lock is a file, locked with flock (LockFileEx on Windows). The operating system frees the
// lock when its holder ends, for whatever reason; nothing else frees it. The file exists while the
// lock is held; Open removes files that a killed process left. The directory has to be on a file
// system whose locks work between all its users, such as a local one.
package filestore
