//go:build unix

package remote_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
)

// TestMain also runs the other processes.
func TestMain(m *testing.M) {
	hosttest.Play(roles)
	m.Run()
	for _, s := range running {
		s.Close()
	}
}

var running []*servers.Server

// engines are the servers of the stores.
var engines = map[string]func() (*servers.Server, error){"redis": shared(func() (*servers.Server, error) { return servers.Redis() }), "postgres": shared(servers.Postgres)}

func shared(start func() (*servers.Server, error)) func() (*servers.Server, error) {
	return sync.OnceValues(func() (*servers.Server, error) {
		s, err := start()
		if err == nil {
			running = append(running, s)
		}
		return s, err
	})
}

// onEach runs a test on each engine, with one of its servers and an empty place there.
func onEach(t *testing.T, test func(t *testing.T, kind string, s *servers.Server, place string)) {
	servers.Need(t)
	for kind, start := range engines {
		t.Run(kind, func(t *testing.T) {
			s, err := start()
			if err != nil {
				t.Fatal(err)
			}
			test(t, kind, s, "p"+strings.ToLower(rand.Text()))
		})
	}
}

// open returns a store, as a process gets it that knows the address.
func open(kind, addr, place string, lease time.Duration) (oauthtest.SharedStore, error) {
	if kind == "redis" {
		return redisstore.New(redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true}), redisstore.Options{Prefix: place, Lease: lease})
	}
	pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+addr+"/postgres?sslmode=disable&pool_max_conns=8")
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(context.Background(), `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{place}.Sanitize()); err != nil {
		return nil, err
	}
	s, err := postgresstore.New(pool, postgresstore.Options{Schema: place, Lease: lease})
	if err != nil {
		return nil, err
	}
	return s, s.Create(context.Background())
}

func opened(t testing.TB, kind, addr, place string, lease time.Duration) oauthtest.SharedStore {
	t.Helper()
	s, err := open(kind, addr, place, lease)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var roles = map[string]func(args []string) error{"hold": hold, "refresh": refresh}

// hold takes the lock "n" and keeps it until the process is killed.
func hold(args []string) error {
	s, err := open(args[0], args[1], args[2], lease)
	if err == nil {
		_, err = s.Lock(context.Background(), "n")
	}
	if err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

// refresh refreshes the session in the store.
func refresh(args []string) error {
	s, err := open(args[0], args[1], args[2], lease)
	if err != nil {
		return err
	}
	c, err := hosttest.Open(s, args[3], nil)
	if err != nil {
		return err
	}
	fmt.Println("began")
	if _, err := c.FreshToken(context.Background()); err != nil {
		return err
	}
	return c.Close()
}

// lease is for tests that wait until a lease expires.
const lease = time.Second

// sessionKey is the key of a session in the store, and the name of its lock.
func sessionKey(s *hosttest.Site) string {
	return oauthtest.StoreKey("oauth2", s.URL, "notes", "session")
}
