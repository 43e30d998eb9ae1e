package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/remote"
)

// Options configure a Store.
type Options struct {
	// Prefix begins all keys in Redis; empty means DefaultPrefix. Stores with the same prefix share
	// their values.
	Prefix string
	// Lease is how long a lock lives unless its holder renews it, which it does at a third of that
	// time. 0 means DefaultLease; one second is the minimum.
	Lease time.Duration
}

const (
	// DefaultPrefix is the prefix if Options name none.
	DefaultPrefix = "oauth2-wasm:"
	// DefaultLease is longer than a request to the authorization server may take (30 s), so that no
	// lock expires during a request. It is shorter than the 60 s that the engine waits for a lock,
	// so that a waiter gets the lock of a holder that died.
	DefaultLease = remote.DefaultLease
)

// Store is an oauth.ExpiringStore and an oauth.Locker. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	prefix string
	locks  *remote.Locks
}

var (
	_ oauth.ExpiringStore = (*Store)(nil)
	_ oauth.Locker        = (*Store)(nil)
)

// New makes a store that uses the caller's client, for a server, a Redis Cluster or sentinels; the
// caller closes the client. New sends nothing.
func New(client redis.UniversalClient, opts Options) (*Store, error) {
	s := &Store{client: client, prefix: opts.Prefix}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	var err error
	if s.locks, err = remote.NewLocks((*locks)(s), opts.Lease); err != nil {
		return nil, fmt.Errorf("oauth2: redisstore: %w", err)
	}
	return s, nil
}

// An entry is its version, a space and its value. Each script has one key, so that it runs on every
// node of a cluster that has that key.
var (
	// put replaces the entry. If an answer was lost, the same script runs again and finds its own
	// version.
	put = redis.NewScript(`
local there = redis.call('GET', KEYS[1])
local version = there and string.match(there, '^(%S+) ') or ''
if version ~= ARGV[1] and version ~= ARGV[2] then return 0 end
if ARGV[4] == '' then
  redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3])
else
  redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[3], 'PXAT', ARGV[4])
end
return 1`)

	// remove deletes the entry. When it runs again, a missing entry means success.
	remove = redis.NewScript(`
local there = redis.call('GET', KEYS[1])
local version = there and string.match(there, '^(%S+) ') or ''
if version == ARGV[1] then
  redis.call('DEL', KEYS[1])
elseif version ~= '' or ARGV[2] == '' then
  return 0
end
return 1`)
)

// Load implements oauth.Store. It fails with the error of ctx, or with a permanent error of Redis
// or the network.
func (s *Store) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	var text string
	err = remote.Do(ctx, passing, func(ctx context.Context) error {
		var err error
		text, err = s.client.Get(ctx, s.entry(key)).Result()
		return err
	})
	switch {
	case errors.Is(err, redis.Nil):
		return "", "", false, nil
	case err != nil:
		return "", "", false, fmt.Errorf("oauth2: redisstore: load: %w", err)
	}
	if version, value, ok = strings.Cut(text, " "); !ok {
		return "", "", false, errors.New("oauth2: redisstore: load: what is stored there is no entry")
	}
	return value, version, true, nil
}

// Store implements oauth.Store. It fails with oauth.ErrConflict, with the error of ctx, or with a
// permanent error of Redis or the network. After the latter two, either the old value is stored or
// the new one.
func (s *Store) Store(ctx context.Context, key, version string, value *string) (string, error) {
	if value != nil {
		return s.put(ctx, key, version, *value, "")
	}
	again := ""
	return "", s.run(ctx, func(ctx context.Context) (int64, error) {
		n, err := remove.Run(ctx, s.client, []string{s.entry(key)}, version, again).Int64()
		if version != "" {
			again = "1"
		}
		return n, err
	})
}

// StoreUntil implements oauth.ExpiringStore, by the clock of Redis. It fails as Store does.
func (s *Store) StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (string, error) {
	return s.put(ctx, key, version, value, strconv.FormatInt(max(until.UnixMilli(), 1), 10))
}

func (s *Store) put(ctx context.Context, key, version, value, until string) (string, error) {
	next := rand.Text() // random, so that none is used again, not even after a deletion
	err := s.run(ctx, func(ctx context.Context) (int64, error) {
		return put.Run(ctx, s.client, []string{s.entry(key)}, version, next, value, until).Int64()
	})
	if err != nil {
		return "", err
	}
	return next, nil
}

// run runs a script that returns 1 if the version was the expected one.
func (s *Store) run(ctx context.Context, script func(context.Context) (int64, error)) error {
	err := remote.Do(ctx, passing, func(ctx context.Context) error {
		n, err := script(ctx)
		if err == nil && n == 0 {
			err = oauth.ErrConflict
		}
		return err
	})
	if err != nil && !errors.Is(err, oauth.ErrConflict) {
		return fmt.Errorf("oauth2: redisstore: store: %w", err)
	}
	return err
}

func (s *Store) entry(key string) string { return s.prefix + "entry:" + key }

// passing reports whether an error may go away by itself: every error of the network; and of Redis,
// that it is not ready yet.
func passing(err error) bool {
	if errors.Is(err, oauth.ErrConflict) || errors.Is(err, redis.ErrClosed) {
		return false
	}
	var said redis.Error
	if !errors.As(err, &said) {
		return true
	}
	for _, code := range []string{"LOADING", "READONLY", "CLUSTERDOWN", "MASTERDOWN", "TRYAGAIN", "MOVED", "ASK", "NOREPLICAS", "BUSY", "ERR max number of clients"} {
		if strings.HasPrefix(said.Error(), code) {
			return true
		}
	}
	return false
}
