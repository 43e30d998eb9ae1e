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

// Options are what a Store can be told.
type Options struct {
	// Prefix begins the names of all that is kept; empty means DefaultPrefix. Stores of the same
	// prefix share it.
	Prefix string
	// Lease is how long a lock stays with a holder who does not renew it, which is renewed at a
	// third of that; 0 means DefaultLease. One second is the least.
	Lease time.Duration
}

const (
	// DefaultPrefix begins names, where Options have no other.
	DefaultPrefix = "oauth2-wasm:"
	// DefaultLease is longer than a request to the authorization server may take, which is 30 s, so
	// that a lock is not lost under a request; and shorter than the 60 s that the engine waits for
	// a lock, so that who waits for a holder that died gets it.
	DefaultLease = remote.DefaultLease
)

// Store is a oauth.ExpiringStore and a oauth.Locker. It is safe for concurrent use.
type Store struct {
	client redis.UniversalClient
	prefix string
	locks  *remote.Locks
}

var (
	_ oauth.ExpiringStore = (*Store)(nil)
	_ oauth.Locker        = (*Store)(nil)
)

// New gives a store on the caller's client, which may be one of a server, of a Redis Cluster or of
// sentinels, and stays the caller's to close. It sends nothing.
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
	// put replaces the entry. An answer that was lost has the same script run again, and that finds
	// its own version.
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

	// remove deletes the entry. When it is asked again, nothing there is what it was to come to.
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

// Load implements oauth.Store. It fails with the error of ctx, or with one of Redis or the network
// that lasts.
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

// Store implements oauth.Store. It fails with oauth.ErrConflict, with the error of ctx, or with one
// of Redis or the network that lasts; after one of these two, what was there is still there or the
// value is.
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
	next := rand.Text() // random, so that none comes back, not after a deletion either
	err := s.run(ctx, func(ctx context.Context) (int64, error) {
		return put.Run(ctx, s.client, []string{s.entry(key)}, version, next, value, until).Int64()
	})
	if err != nil {
		return "", err
	}
	return next, nil
}

// run runs a script that says 1 where the version was the expected one.
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

// passing: whatever the network says may pass. Of what Redis says, that it is not there yet.
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
