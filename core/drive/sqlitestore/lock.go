package sqlitestore

import (
	"context"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/gofrs/flock"
)

const (
	// files is how many lock files there are for all names: one each would stay behind for every session there ever was.
	files = 64
	// pause is how long a process waits before it asks for a lock again: the systems' calls that wait cannot be given up.
	pause = 20 * time.Millisecond
)

// Lock implements drive.Locker. It fails with the error of ctx, or with one of the file system. Within the process those who wait for a lock get
// it in the order in which they came.
func (d *DB) Lock(ctx context.Context, name string) (unlock func(), err error) {
	hash := fnv.New32a()
	hash.Write([]byte(name))
	file := strconv.Itoa(int(hash.Sum32() % files))
	// One of a process asks the system, however many wait.
	leave, err := d.queue.Lock(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("sqlitestore: lock: %w", err)
	}
	f := flock.New(filepath.Join(d.locks, file), flock.SetPermissions(0o600))
	if _, err := f.TryLockContext(ctx, pause); err != nil {
		leave()
		return nil, fmt.Errorf("sqlitestore: lock: %w", err)
	}
	return sync.OnceFunc(func() {
		f.Close()
		leave()
	}), nil
}
