package postgresstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/remote"
)

// Options configure a Store.
type Options struct {
	// Schema is the existing schema of the tables; empty means the first of the search_path.
	Schema string
	// Lease is how long a lock lives unless its holder renews it, which it does at a third of that
	// time. 0 means DefaultLease; one second is the minimum.
	Lease time.Duration
}

// DefaultLease is longer than a request to the authorization server may take (30 s), so that no
// lock expires during a request. It is shorter than the 60 s that the engine waits for a lock, so
// that a waiter gets the lock of a holder that died.
const DefaultLease = remote.DefaultLease

const (
	// purgePause and purgeMost bound how often expired rows are deleted, and how many.
	purgePause = 10 * time.Second
	purgeMost  = 1000
)

// Store is an oauth.ExpiringStore and an oauth.Locker. It is safe for concurrent use.
type Store struct {
	pool   *pgxpool.Pool
	schema string
	locks  *remote.Locks
	purged atomic.Int64 // when rows were last deleted, in Unix nanoseconds

	load, insert, update, remove string // statements
	take, renew, free            string
	purge                        []string
}

var (
	_ oauth.ExpiringStore = (*Store)(nil)
	_ oauth.Locker        = (*Store)(nil)
)

// New makes a store that uses the caller's pool; the caller closes the pool. New sends nothing. The
// tables have to exist, or Create makes them.
func New(pool *pgxpool.Pool, opts Options) (*Store, error) {
	// PostgreSQL silently truncates longer names.
	if len(opts.Schema) > 63 || strings.ContainsRune(opts.Schema, 0) {
		return nil, fmt.Errorf("oauth2: postgresstore: Schema has %d bytes: a name has 63 at most, and no NUL", len(opts.Schema))
	}
	s := &Store{pool: pool, schema: opts.Schema}
	var err error
	if s.locks, err = remote.NewLocks((*locks)(s), opts.Lease); err != nil {
		return nil, fmt.Errorf("oauth2: postgresstore: %w", err)
	}
	entries, held := s.table("oauth2_entries"), s.table("oauth2_locks")
	const there = `(expires_at IS NULL OR expires_at > now())`
	s.load = `SELECT value, version FROM ` + entries + ` WHERE key = $1::text AND ` + there
	// If an answer is lost, the same statement is sent again: it finds its own version, and writes
	// the same once more.
	s.insert = `INSERT INTO ` + entries + ` AS e (key, value, version, expires_at) VALUES ($1::text, $2::text, $3::text, to_timestamp($4::float8 / 1000))
ON CONFLICT (key) DO UPDATE SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at
WHERE e.expires_at <= now() OR e.version = excluded.version`
	s.update = `UPDATE ` + entries + ` SET value = $2::text, version = $3::text, expires_at = to_timestamp($4::float8 / 1000)
WHERE key = $1::text AND version IN ($5::text, $3::text) AND ` + there
	s.remove = `DELETE FROM ` + entries + ` WHERE key = $1::text AND version = $2::text AND ` + there
	// The clock is read after the wait for the row: clock_timestamp, and not now.
	const end = `clock_timestamp() + $3::float8 * interval '1 millisecond'`
	s.take = `INSERT INTO ` + held + ` AS l (name, holder, expires_at) VALUES ($1::text, $2::text, ` + end + `)
ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = ` + end + `
WHERE l.expires_at <= clock_timestamp() OR l.holder = excluded.holder`
	s.renew = `UPDATE ` + held + ` SET expires_at = ` + end + ` WHERE name = $1::text AND holder = $2::text`
	s.free = `DELETE FROM ` + held + ` WHERE name = $1::text AND holder = $2::text`
	for _, of := range []struct{ table, key string }{{entries, "key"}, {held, "name"}} {
		s.purge = append(s.purge, fmt.Sprintf(`DELETE FROM %[1]s WHERE %[2]s IN (SELECT %[2]s FROM %[1]s WHERE expires_at <= now() LIMIT %[3]d FOR UPDATE SKIP LOCKED)`, of.table, of.key, purgeMost))
	}
	return s, nil
}

func (s *Store) table(name string) string {
	if s.schema == "" {
		return pgx.Identifier{name}.Sanitize()
	}
	return pgx.Identifier{s.schema, name}.Sanitize()
}

// Migration gives the statements that create missing tables, for migration tools.
func (s *Store) Migration() []string {
	entries, held := s.table("oauth2_entries"), s.table("oauth2_locks")
	return []string{
		`CREATE TABLE IF NOT EXISTS ` + entries + ` (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at timestamptz)`,
		`CREATE INDEX IF NOT EXISTS oauth2_entries_expire ON ` + entries + ` (expires_at) WHERE expires_at IS NOT NULL`,
		`CREATE TABLE IF NOT EXISTS ` + held + ` (name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL)`,
	}
}

// Create creates missing tables: it runs Migration. Its role has to be allowed to create tables in
// the schema.
func (s *Store) Create(ctx context.Context) error {
	for _, statement := range s.Migration() {
		err := remote.Do(ctx, func(err error) bool {
			// One of two concurrent creates finds what the other has just made (unique_violation,
			// duplicate_table, duplicate_object).
			return passing(err) || hasCode(err, "23505", "42P07", "42710")
		}, func(ctx context.Context) error {
			_, err := s.exec(ctx, statement)
			return err
		})
		if err != nil {
			return fmt.Errorf("oauth2: postgresstore: create: %w", err)
		}
	}
	return nil
}

// exec runs an unnamed statement in one round trip, whatever mode the pool has: PgBouncer may send
// the next one to another server connection.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (rows int64, err error) {
	tag, err := s.pool.Exec(ctx, statement, append([]any{pgx.QueryExecModeExec}, args...)...)
	return tag.RowsAffected(), err
}

// Load implements oauth.Store. It fails with the error of ctx, or with a permanent error of
// PostgreSQL or the network.
func (s *Store) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	err = remote.Do(ctx, passing, func(ctx context.Context) error {
		err := s.pool.QueryRow(ctx, s.load, pgx.QueryExecModeExec, key).Scan(&value, &version)
		if ok = err == nil; errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || !ok {
		value, version = "", ""
	}
	if err != nil {
		err = fmt.Errorf("oauth2: postgresstore: load: %w", err)
	}
	return value, version, ok, err
}

// Store implements oauth.Store. It fails with oauth.ErrConflict, with the error of ctx, or with a
// permanent error of PostgreSQL or the network. After the latter two, either the old value is
// stored or the new one.
func (s *Store) Store(ctx context.Context, key, version string, value *string) (string, error) {
	switch {
	case value != nil:
		return s.put(ctx, key, version, *value, nil)
	case version == "":
		_, _, there, err := s.Load(ctx, key)
		if there {
			err = oauth.ErrConflict
		}
		return "", err
	}
	again := false
	return "", s.one(ctx, func(ctx context.Context) (int64, error) {
		n, err := s.exec(ctx, s.remove, key, version)
		if err == nil && n == 0 && again {
			// If an answer was lost, the first try may have deleted the row already.
			var there bool
			if err = s.pool.QueryRow(ctx, `SELECT EXISTS (`+s.load+`)`, pgx.QueryExecModeExec, key).Scan(&there); err == nil && !there {
				n = 1
			}
		}
		again = true
		return n, err
	})
}

// StoreUntil implements oauth.ExpiringStore, by the clock of PostgreSQL. It fails as Store does.
func (s *Store) StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (string, error) {
	ms := float64(until.UnixMilli())
	return s.put(ctx, key, version, value, &ms)
}

func (s *Store) put(ctx context.Context, key, version, value string, until *float64) (string, error) {
	next := rand.Text() // random, so that none is used again, not even after a deletion
	err := s.one(ctx, func(ctx context.Context) (int64, error) {
		if version == "" {
			return s.exec(ctx, s.insert, key, value, next, until)
		}
		return s.exec(ctx, s.update, key, value, next, until, version)
	})
	if err != nil {
		return "", err
	}
	s.clean(ctx)
	return next, nil
}

// one runs a statement that changes the one row with the expected version.
func (s *Store) one(ctx context.Context, change func(context.Context) (int64, error)) error {
	err := remote.Do(ctx, passing, func(ctx context.Context) error {
		n, err := change(ctx)
		if err == nil && n == 0 {
			err = oauth.ErrConflict
		}
		return err
	})
	if err != nil && !errors.Is(err, oauth.ErrConflict) {
		return fmt.Errorf("oauth2: postgresstore: store: %w", err)
	}
	return err
}

// clean deletes some expired rows from time to time. If that fails, a later call does it.
func (s *Store) clean(ctx context.Context) {
	last, now := s.purged.Load(), time.Now().UnixNano()
	if now-last < int64(purgePause) || !s.purged.CompareAndSwap(last, now) {
		return
	}
	for _, statement := range s.purge {
		if n, err := s.exec(ctx, statement); err == nil && n == purgeMost {
			s.purged.Store(last) // there are more, which the next store deletes
		}
	}
}

// passing reports whether an error may go away by itself: every error of the network; and of
// PostgreSQL, that it is starting or stopping, has no free connection, or aborted one of two
// transactions.
func passing(err error) bool {
	if errors.Is(err, oauth.ErrConflict) || errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		var scan pgx.ScanArgError
		return !errors.As(err, &scan) && !strings.Contains(err.Error(), "closed pool")
	}
	return strings.HasPrefix(said.Code, "08") || hasCode(err, "57P01", "57P02", "57P03", "53300", "40001", "40P01", "25006")
}

func hasCode(err error, codes ...string) bool {
	var said *pgconn.PgError
	if !errors.As(err, &said) {
		return false
	}
	for _, code := range codes {
		if said.Code == code {
			return true
		}
	}
	return false
}
