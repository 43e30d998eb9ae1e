//go:build unix

package backend_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

// shortLease is for tests that wait until a lease expires.
const shortLease = 2 * time.Second

// runOnServers runs all tests again, with the sites' sessions, attempts, indexes and records in
// Redis and in PostgreSQL.
func runOnServers(m *testing.M) int {
	kinds := map[string]func() (*servers.Server, error){"redis": func() (*servers.Server, error) { return servers.Redis() }, "postgres": servers.Postgres}
	for kind, start := range kinds {
		s, err := start()
		if err != nil {
			fmt.Println(err)
			return 1
		}
		client := redis.NewClient(&redis.Options{Addr: s.Addr})
		pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+s.Addr+"/postgres?sslmode=disable")
		if err != nil {
			fmt.Println(err)
			return 1
		}
		siteStore = func(t testing.TB) oauth.Store {
			place := "p" + rand.Text()
			if kind == "redis" {
				store, err := redisstore.New(client, redisstore.Options{Prefix: place})
				if err != nil {
					t.Fatal(err)
				}
				return store
			}
			store, err := postgresstore.New(pool, postgresstore.Options{Schema: place})
			if err == nil {
				_, err = pool.Exec(context.Background(), `CREATE SCHEMA "`+place+`"`)
			}
			if err == nil {
				err = store.Create(context.Background())
			}
			if err != nil {
				t.Fatal(err)
			}
			return store
		}
		code := m.Run()
		client.Close()
		pool.Close()
		s.Close()
		if code != 0 {
			fmt.Println("the sessions were in", kind)
			return code
		}
	}
	return 0
}

// onEachStore runs a test on each store that processes can share, given by its path.
func onEachStore(t *testing.T, test func(t *testing.T, path string)) {
	if siteStore != nil {
		return // it has run already
	}
	t.Run("SQLite", func(t *testing.T) { test(t, filepath.Join(t.TempDir(), "sessions.db")) })
	t.Run("Redis", func(t *testing.T) {
		servers.Need(t)
		s, err := servers.Redis()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		test(t, "redis://"+s.Addr+"/0?prefix="+rand.Text())
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		servers.Need(t)
		s, err := servers.Postgres()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		test(t, "postgres://postgres@"+s.Addr+"/postgres?sslmode=disable")
	})
}

func openStore(path string, now func() time.Time) (oauth.Store, error) {
	switch {
	case strings.HasPrefix(path, "redis:"):
		address, prefix, _ := strings.Cut(path, "?prefix=")
		o, err := redis.ParseURL(address)
		if err != nil {
			return nil, err
		}
		return redisstore.New(redis.NewClient(o), redisstore.Options{Prefix: prefix, Lease: shortLease})
	case strings.HasPrefix(path, "postgres:"):
		pool, err := pgxpool.New(context.Background(), path)
		if err != nil {
			return nil, err
		}
		s, err := postgresstore.New(pool, postgresstore.Options{Lease: shortLease})
		if err != nil {
			return nil, err
		}
		return s, s.Create(context.Background())
	}
	s, err := sqlitestore.Open(path)
	if err == nil {
		s.Now = now
	}
	return s, err
}
