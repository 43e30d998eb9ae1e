// Package filelock gives locks across processes, each by a lock file of its own: no name shares one
// with another, so nobody waits for a stranger.
//
// A file is held with flock (LockFileEx on Windows), so the operating system frees it when its
// holder ends, however that comes about, and nothing takes it from one who lives. It is removed by
// its holder, so that files do not pile up with every name there ever was. Who opened it before
// that finds, once it has the lock, that the file is not the one of that name any more, and begins
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

// pause is how long a process waits before it asks for a lock again: the systems' calls that wait
// cannot be given up.
const pause = 20 * time.Millisecond

// Dir is a directory with lock files. It is safe for concurrent use, and several may stand for one
// directory.
type Dir struct {
	Path  string
	queue oauth.MemoryLocker
}

// Lock waits until the caller holds the lock file of that name, or until ctx is done. It fails with
// the error of ctx, or with one of the file system. Within a Dir those who wait get it in the order
// in which they came, and only the first of them asks the system.
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

// Sweep removes what holders left behind that were killed: the lock files whose names begin with
// prefix and that nobody holds. While it holds one it calls found with the rest of the name. It
// fails with an error of the file system.
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

// try takes the lock if it can be had at once; both results are nil where it cannot.
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

// end removes a lock file and gives up the lock.
func end(f *flock.Flock) {
	if runtime.GOOS == "windows" {
		// What is open there cannot be removed, so that it is not taken from one who has it.
		f.Close()
		os.Remove(f.Path())
		return
	}
	os.Remove(f.Path()) // where it stays, the next holder removes it
	f.Close()
}

// sharingViolation is what Windows says of a file that somebody is about to remove.
const sharingViolation = syscall.Errno(32)

func beingRemoved(err error) bool {
	return runtime.GOOS == "windows" && (errors.Is(err, sharingViolation) || errors.Is(err, fs.ErrPermission))
}
