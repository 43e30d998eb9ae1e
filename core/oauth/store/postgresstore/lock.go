package postgresstore

import (
	"context"
	"fmt"
	"time"
)

// Lock implements oauth.Locker. It fails with the error of ctx, or with a permanent error of
// PostgreSQL. The lock is renewed until unlock; if its holder dies, it expires after Options.Lease
// at most.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	unlock, err = s.locks.Lock(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("oauth2: postgresstore: lock: %w", err)
	}
	return unlock, nil
}

// locks is a remote.Table.
type locks Store

func (l *locks) Take(ctx context.Context, name, holder string, lease time.Duration) (bool, error) {
	n, err := (*Store)(l).exec(ctx, l.take, name, holder, float64(lease.Milliseconds()))
	return n == 1, err
}

func (l *locks) Renew(ctx context.Context, name, holder string, lease time.Duration) (bool, error) {
	n, err := (*Store)(l).exec(ctx, l.renew, name, holder, float64(lease.Milliseconds()))
	return n == 1, err
}

func (l *locks) Free(ctx context.Context, name, holder string) error {
	_, err := (*Store)(l).exec(ctx, l.free, name, holder)
	return err
}

func (l *locks) Passing(err error) bool { return passing(err) }
