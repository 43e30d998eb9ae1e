//go:build unix

package postgresstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
)

// TestMain stops the servers that the tests share.
func TestMain(m *testing.M) {
	m.Run()
	for _, s := range running {
		s.Close()
	}
}

var running []*servers.Server

func kept(s *servers.Server, err error) (*servers.Server, error) {
	if err == nil {
		running = append(running, s)
	}
	return s, err
}

var (
	server  = sync.OnceValues(func() (*servers.Server, error) { return kept(servers.Postgres()) })
	bouncer = sync.OnceValues(func() (*servers.Server, error) {
		s, err := server()
		if err != nil {
			return nil, err
		}
		return kept(servers.PgBouncer(s))
	})
)

// connect returns a pool, as each process has one.
func connect(t testing.TB, to func() (*servers.Server, error)) *pgxpool.Pool {
	t.Helper()
	servers.Need(t)
	s, err := to()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := pgxpool.New(t.Context(), "postgres://postgres@"+s.Addr+"/postgres?sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// open returns a store in its own schema, whose name needs quotes.
func open(t testing.TB, pool *pgxpool.Pool, schema string) *postgresstore.Store {
	t.Helper()
	s, err := postgresstore.New(pool, postgresstore.Options{Schema: schema})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(t.Context(), `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{schema}.Sanitize(), pgx.QueryExecModeExec); err != nil {
		t.Fatal(err)
	}
	if err := s.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func schema() string { return `a "b'; ` + rand.Text() }

// pair returns two handles of an empty store.
func pair(to func() (*servers.Server, error)) func(testing.TB) (a, b oauthtest.SharedStore) {
	return func(t testing.TB) (a, b oauthtest.SharedStore) {
		in := schema()
		return open(t, connect(t, to), in), open(t, connect(t, to), in)
	}
}

// TestStore (B2): what every store must do, on PostgreSQL.
func TestStore(t *testing.T) {
	servers.Need(t)
	hosttest.RunRows(t, "../../../contract/contract.json", pair(server))
}

// TestPgBouncer (B4): the same through PgBouncer, which gives a connection to another client after
// each transaction.
func TestPgBouncer(t *testing.T) { oauthtest.RunStore(t, pair(bouncer)) }

// TestCreate (B2): processes that start together all find the tables. The name of a schema is never
// read as SQL.
func TestCreate(t *testing.T) {
	pool, in := connect(t, server), schema()
	if _, err := pool.Exec(t.Context(), `CREATE SCHEMA `+pgx.Identifier{in}.Sanitize()); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			s, err := postgresstore.New(pool, postgresstore.Options{Schema: in})
			if err == nil {
				err = s.Create(t.Context())
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM information_schema.tables WHERE table_schema = $1`, in).Scan(&n); n != 2 || err != nil {
		t.Error(n, err)
	}
}

// TestRowsThatAreOverGo (B2): the tables do not grow with users who never come back, and a store
// operation deletes at most a thousand rows of each.
func TestRowsThatAreOverGo(t *testing.T) {
	pool, in := connect(t, server), schema()
	s := open(t, pool, in)
	entries, held := pgx.Identifier{in, "oauth2_entries"}.Sanitize(), pgx.Identifier{in, "oauth2_locks"}.Sanitize()
	for _, statement := range []string{
		`INSERT INTO ` + entries + ` SELECT 'k' || n, '', '', now() - interval '1 second' FROM generate_series(1, 2500) n`,
		`INSERT INTO ` + held + ` SELECT 'k' || n, '', now() - interval '1 second' FROM generate_series(1, 10) n`,
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []int{1501, 502, 3, 4} {
		if _, err := s.StoreUntil(t.Context(), fmt.Sprint("new", i), "", "x", time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM `+entries).Scan(&n); n != want || err != nil {
			t.Errorf("store %d: %d rows, not %d: %v", i, n, want, err)
		}
	}
	var n int
	if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM `+held).Scan(&n); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestRights (B2): a role needs only the rights that the documentation names.
func TestRights(t *testing.T) {
	admin := connect(t, server)
	oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
		in := schema()
		open(t, admin, in)
		quoted, role := pgx.Identifier{in}.Sanitize(), "app"+strings.ToLower(rand.Text())
		for _, statement := range []string{
			`CREATE ROLE ` + role + ` LOGIN`, `GRANT USAGE ON SCHEMA ` + quoted + ` TO ` + role, `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ` + quoted + ` TO ` + role,
		} {
			if _, err := admin.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		config := admin.Config()
		config.ConnConfig.User = role
		pool, err := pgxpool.NewWithConfig(t.Context(), config)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		s, err := postgresstore.New(pool, postgresstore.Options{Schema: in})
		if err != nil {
			t.Fatal(err)
		}
		return s, s
	})
}

// TestOptions: invalid options are refused, and a permanent error is reported at once.
func TestOptions(t *testing.T) {
	pool := connect(t, server)
	for want, o := range map[string]postgresstore.Options{"too short": {Lease: time.Millisecond}, "63 at most": {Schema: strings.Repeat("x", 64)}, "no NUL": {Schema: "a\x00b"}} {
		if _, err := postgresstore.New(pool, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Error(err)
		}
	}
	s, err := postgresstore.New(pool, postgresstore.Options{Schema: "no such schema"})
	if err != nil {
		t.Fatal(err)
	}
	x, nul := "x", "\x00"
	if _, err := s.Store(t.Context(), "k", "", &x); err == nil || errors.Is(err, oauth.ErrConflict) || !strings.Contains(err.Error(), "42P01") {
		t.Error(err)
	}
	if _, err := s.Lock(t.Context(), "k"); err == nil || !strings.Contains(err.Error(), "42P01") {
		t.Error(err)
	}
	if _, err := open(t, pool, schema()).Store(t.Context(), "k", "", &nul); err == nil || errors.Is(err, oauth.ErrConflict) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	gone, err := pgxpool.New(t.Context(), "postgres://postgres@127.0.0.1:1/postgres")
	if err != nil {
		t.Fatal(err)
	}
	defer gone.Close()
	s, err = postgresstore.New(gone, postgresstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Store(ctx, "k", "", &x); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
