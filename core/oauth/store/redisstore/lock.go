package redisstore

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Lock implements oauth.Locker. It fails with the error of ctx, or with a permanent error of Redis.
// The lock is renewed until unlock; if its holder dies, it expires after Options.Lease at most.
func (s *Store) Lock(ctx context.Context, name string) (unlock func(), err error) {
	unlock, err = s.locks.Lock(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("oauth2: redisstore: lock: %w", err)
	}
	return unlock, nil
}

// A lock is a key with its holder's name and an expiry.
var (
	// take is SET NX PX, except that it also succeeds for a holder that retries because an answer
	// was lost.
	take = redis.NewScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

	renew = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])`)

	free = redis.NewScript(`
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])`)
)

// locks is a remote.Table.
type locks Store

func (l *locks) run(ctx context.Context, script *redis.Script, name string, args ...any) (bool, error) {
	n, err := script.Run(ctx, l.client, []string{l.prefix + "lock:" + name}, args...).Int64()
	return n == 1, err
}

func (l *locks) Take(ctx context.Context, name, holder string, lease time.Duration) (bool, error) {
	return l.run(ctx, take, name, holder, lease.Milliseconds())
}

func (l *locks) Renew(ctx context.Context, name, holder string, lease time.Duration) (bool, error) {
	return l.run(ctx, renew, name, holder, lease.Milliseconds())
}

func (l *locks) Free(ctx context.Context, name, holder string) error {
	_, err := l.run(ctx, free, name, holder)
	return err
}

func (l *locks) Passing(err error) bool { return passing(err) }
