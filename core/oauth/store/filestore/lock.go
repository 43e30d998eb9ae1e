package filestore

import (
	"context"
	"fmt"
)

// Lock files are named after what they lock: a lock of the engine, or a file that is being read or
// replaced.
const (
	lockPrefix  = "lock-"
	guardPrefix = "guard-"
)

// Lock implements oauth.Locker. It fails with the error of ctx, or with one of the file system.
// Within the process waiters get a lock in the order in which they came.
func (d *Dir) Lock(ctx context.Context, name string) (unlock func(), err error) {
	return d.lock(ctx, lockPrefix+escape(name))
}

// guard is the lock for reading or replacing one file. Other files do not wait for it.
func (d *Dir) guard(ctx context.Context, file string) (unlock func(), err error) {
	return d.lock(ctx, guardPrefix+file)
}

func (d *Dir) lock(ctx context.Context, file string) (unlock func(), err error) {
	unlock, err = d.locks.Lock(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("oauth2: filestore: lock: %w", err)
	}
	return unlock, nil
}
