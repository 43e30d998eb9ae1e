package filestore

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

// guard is the lock file under which values are read, compared and replaced.
const guard = "guard"

// pause is how long a process waits before it asks for a lock again: the systems' calls that wait cannot be given up.
const pause = 20 * time.Millisecond

// Lock implements drive.Locker. It fails with the error of ctx, or with one of the file system. Within the process those who wait
// for a lock get it in the order in which they came.
func (d *Dir) Lock(ctx context.Context, name string) (unlock func(), err error) {
	return d.lock(ctx, "lock-"+escape(name))
}

func (d *Dir) lock(ctx context.Context, file string) (unlock func(), err error) {
	// One of a process asks the system, however many wait.
	leave, err := d.queue.Lock(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("filestore: lock: %w", err)
	}
	f := flock.New(filepath.Join(d.path, file), flock.SetPermissions(0o600))
	if _, err := f.TryLockContext(ctx, pause); err != nil {
		leave()
		return nil, fmt.Errorf("filestore: lock: %w", err)
	}
	return sync.OnceFunc(func() {
		f.Close()
		leave()
	}), nil
}
