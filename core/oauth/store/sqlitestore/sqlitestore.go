package sqlitestore

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/filelock"
)

// DB is a database with its locks. It implements oauth.ExpiringStore, oauth.KeyStore and
// oauth.Locker; a client or handler that gets it as its Store also uses its locks. It is safe for
// concurrent use, and several DBs may use one database.
type DB struct {
	reads  *sql.DB // several at once; none waits for a write
	writes *sql.DB // SQLite has one writer at a time; more connections would only wait for each other, in no order
	locks  filelock.Dir
	flush  flusher
	// Now is the clock by which values expire; nil means time.Now. It is set before the first use.
	Now func() time.Time
}

var (
	_ oauth.ExpiringStore = (*DB)(nil)
	_ oauth.KeyStore      = (*DB)(nil)
	_ oauth.Locker        = (*DB)(nil)
)

const schema = `
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value TEXT NOT NULL, version TEXT NOT NULL, expires_at INTEGER) STRICT;
CREATE INDEX IF NOT EXISTS entries_expire ON entries (expires_at) WHERE expires_at IS NOT NULL;
CREATE TABLE IF NOT EXISTS keys (name TEXT PRIMARY KEY, pkcs8 BLOB NOT NULL) STRICT;`

// readers is how many connections read at once.
const readers = 4

// busy is how long a process waits for another's write.
const busy = 10 * time.Second

// Open opens the database at path and creates it if it is missing. It refuses a database that
// others may read or write.
func Open(path string) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	d := &DB{locks: filelock.Dir{Path: path + "-locks"}, flush: flusher{sync: func() error { return syncFile(path + "-wal") }}}
	// SQLite gives the files beside it the same mode.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	info, err := f.Stat()
	if err = errors.Join(err, f.Close(), os.MkdirAll(d.locks.Path, 0o700)); err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	// Windows has no such bits: Go derives them there from the read-only attribute.
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return nil, fmt.Errorf("oauth2: sqlitestore: %s has mode %#o: it has to be 0600, for it holds sessions", path, mode)
	}
	if err := d.locks.Sweep(lockPrefix, func(string) {}); err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	// While a write waits for another process, reads go on and see the old values (WAL).
	d.writes, err = connect(path, 1, "journal_mode(WAL)", "synchronous(NORMAL)", "secure_delete(ON)")
	if err == nil {
		_, err = d.writes.Exec(schema)
	}
	if err == nil {
		d.reads, err = connect(path, readers, "query_only(ON)")
	}
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", errors.Join(err, d.Close()))
	}
	return d, nil
}

// connect opens a pool of at most that many connections, each with these settings.
func connect(path string, most int, pragmas ...string) (*sql.DB, error) {
	settings := url.Values{"_pragma": append(pragmas, fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()))}
	// The path is given as a URI, so that none of its characters is read as the beginning of the
	// settings.
	db, err := sql.Open("sqlite", (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: settings.Encode()}).String())
	if err == nil {
		db.SetMaxOpenConns(most)
		db.SetMaxIdleConns(most)
	}
	return db, err
}

// Close closes the database. Locks that are held remain held.
func (d *DB) Close() (err error) {
	for _, db := range []*sql.DB{d.reads, d.writes} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}

func (d *DB) now() int64 {
	if d.Now != nil {
		return d.Now().UnixMilli()
	}
	return time.Now().UnixMilli()
}

// Load implements oauth.Store. It fails with the error of ctx, or with one of SQLite.
func (d *DB) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	err = d.reads.QueryRowContext(ctx, `SELECT value, version FROM entries WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)`, key, d.now()).Scan(&value, &version)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", false, nil
	}
	if err != nil {
		return "", "", false, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	return value, version, true, nil
}

// Store implements oauth.Store. It fails with oauth.ErrConflict, with the error of ctx, or with one
// of SQLite. The old value is then still stored, unless ctx ended during the write.
func (d *DB) Store(ctx context.Context, key, version string, value *string) (string, error) {
	if value != nil {
		return d.put(ctx, key, version, *value, nil)
	}
	if version == "" {
		_, _, there, err := d.Load(ctx, key)
		if there {
			err = oauth.ErrConflict
		}
		return "", err
	}
	return "", d.one(ctx, `DELETE FROM entries WHERE key = ? AND version = ? AND (expires_at IS NULL OR expires_at > ?)`, key, version, d.now())
}

// StoreUntil implements oauth.ExpiringStore. It fails as Store does.
func (d *DB) StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (string, error) {
	next, err := d.put(ctx, key, version, value, until.UnixMilli())
	if err == nil {
		// If nothing has expired, this writes nothing. If it fails, a later store does it.
		d.writes.ExecContext(ctx, `DELETE FROM entries WHERE key IN (SELECT key FROM entries WHERE expires_at <= ? LIMIT 100)`, d.now())
	}
	return next, err
}

func (d *DB) put(ctx context.Context, key, version, value string, until any) (string, error) {
	next := rand.Text()
	if version == "" {
		return next, d.one(ctx, `INSERT INTO entries (key, value, version, expires_at) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
			SET value = excluded.value, version = excluded.version, expires_at = excluded.expires_at WHERE entries.expires_at <= ?`, key, value, next, until, d.now())
	}
	return next, d.one(ctx, `UPDATE entries SET value = ?, version = ?, expires_at = ? WHERE key = ? AND version = ? AND (expires_at IS NULL OR expires_at > ?)`,
		value, next, until, key, version, d.now())
}

// one runs a statement that changes the one row with the expected version.
func (d *DB) one(ctx context.Context, statement string, args ...any) error {
	result, err := d.writes.ExecContext(ctx, statement, args...)
	var n int64
	if err == nil {
		n, err = result.RowsAffected()
	}
	switch {
	case err != nil:
		return fmt.Errorf("oauth2: sqlitestore: %w", err)
	case n == 0:
		return oauth.ErrConflict
	}
	if err := d.flush.wait(); err != nil {
		return fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	return nil
}
