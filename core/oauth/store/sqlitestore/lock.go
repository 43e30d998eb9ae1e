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
// Within the process those who wait for a lock get it in the order in which they came; no lock
// waits for one of another name.
func (d *DB) Lock(ctx context.Context, name string) (unlock func(), err error) {
	sum := sha256.Sum256([]byte(name)) // a name can have any character, and be longer than a file's
	unlock, err = d.locks.Lock(ctx, lockPrefix+hex.EncodeToString(sum[:]))
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: lock: %w", err)
	}
	return unlock, nil
}
