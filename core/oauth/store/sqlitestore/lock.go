package sqlitestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// lockPrefix begins the names of lock files.
const lockPrefix = "lock-"

// Lock implements oauth.Locker. It fails with the error of ctx, or with one of the file system.
// Within the process waiters get a lock in the order in which they came. Locks with different names
// do not wait for each other.
func (d *DB) Lock(ctx context.Context, name string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(name)) // a name can have any character, and be longer than a file name may be
	unlock, err = d.locks.Lock(ctx, lockPrefix+hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: lock: %w", err)
	}
	return unlock, nil
}
