// Package filelock provides locks across processes. Each name has its own lock file, so nobody
// waits for the lock of another name.
//
// A file is locked with flock (LockFileEx on Windows). So the operating system releases the lock
// when its holder ends, for whatever reason, and nobody can take it from a live holder. The holder
// removes the file afterwards, so that files do not accumulate. A waiter that opened the file
// before that notices, once it has the lock, that the name now belongs to another file, and starts
// again.
package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gofrs/flock"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// pause is how long a process waits between two tries: the system calls that wait cannot be
// cancelled.
const pause = 20 * time.Millisecond

// Dir is a directory with lock files. It is safe for concurrent use, and one directory may have
// several Dirs.
type Dir struct {
	Path  string
	queue oauth.MemoryLocker
}

// Lock waits until the caller holds the lock file of that name, or until ctx is done. It returns
// the error of ctx, or one of the file system. Within a Dir waiters get the lock in the order in
// which they came, and only the first one asks the system.
func (d *Dir) Lock(ctx context.Context, file string) (unlock func(), err error) {
	leave, err := d.queue.Lock(ctx, file)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(d.Path, file)
	for {
		release, err := try(path)
		if err != nil {
			leave()
			return nil, err
		}
		if release != nil {
			return sync.OnceFunc(func() {
				release()
				leave()
			}), nil
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
}

// Sweep removes lock files that killed holders left behind: those whose names begin with prefix and
// that nobody holds. While it holds such a file, it calls found with the rest of the name. It
// returns an error of the file system.
func (d *Dir) Sweep(prefix string, found func(rest string)) error {
	entries, err := os.ReadDir(d.Path)
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), prefix)
		if !ok {
			continue
		}
		release, failed := try(filepath.Join(d.Path, e.Name()))
		if release != nil {
			found(rest)
			release()
		}
		err = errors.Join(err, failed)
	}
	return err
}

// try takes the lock if it is free. If it is not, both results are nil.
func try(path string) (release func(), err error) {
	f := flock.New(path, flock.SetPermissions(0o600))
	locked, err := f.TryLock()
	if !locked {
		if beingRemoved(err) {
			err = nil
		}
		return nil, err
	}
	own, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		if there, err = os.Stat(path); err == nil && os.SameFile(own, there) {
			return func() { end(f) }, nil
		}
	}
	f.Close()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, err
}

// end removes a lock file and releases the lock.
func end(f *flock.Flock) {
	if runtime.GOOS == "windows" {
		// Windows cannot remove an open file, so close it first. If another process has opened it
		// meanwhile, Remove fails, and that process keeps its lock file.
		f.Close()
		os.Remove(f.Path())
		return
	}
	os.Remove(f.Path()) // if that fails, the next holder removes it
	f.Close()
}

// sharingViolation is Windows' error for a file that another process is about to remove.
const sharingViolation = syscall.Errno(32)

func beingRemoved(err error) bool {
	return runtime.GOOS == "windows" && (errors.Is(err, sharingViolation) || errors.Is(err, fs.ErrPermission))
}
