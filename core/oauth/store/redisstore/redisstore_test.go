//go:build unix

package redisstore_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
)

// TestMain stops the servers that the tests share.
func TestMain(m *testing.M) {
	m.Run()
	for _, s := range running {
		s.Close()
	}
}

var running []*servers.Server

var server = sync.OnceValues(func() (*servers.Server, error) {
	s, err := servers.Redis()
	if err == nil {
		running = append(running, s)
	}
	return s, err
})

// client returns a client of the server, as each process has one.
func client(t testing.TB) redis.UniversalClient {
	t.Helper()
	servers.Need(t)
	s, err := server()
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(&redis.Options{Addr: s.Addr, ContextTimeoutEnabled: true})
	t.Cleanup(func() { c.Close() })
	return c
}

func open(t testing.TB, c redis.UniversalClient, prefix string) *redisstore.Store {
	t.Helper()
	s, err := redisstore.New(c, redisstore.Options{Prefix: prefix})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// pair returns two handles of an empty store.
func pair(t testing.TB) (a, b oauthtest.SharedStore) {
	prefix := rand.Text() + ":"
	return open(t, client(t), prefix), open(t, client(t), prefix)
}

// TestStore (B1): what every store must do, on Redis.
func TestStore(t *testing.T) {
	servers.Need(t)
	hosttest.RunRows(t, "../../../contract/contract.json", pair)
}

// TestCluster (B3): the same on a Redis Cluster of three masters, with keys on different ones.
func TestCluster(t *testing.T) {
	servers.Need(t)
	nodes, err := servers.RedisCluster()
	if err != nil {
		t.Fatal(err)
	}
	defer nodes[0].Close()
	var addrs []string
	for _, n := range nodes {
		addrs = append(addrs, n.Addr)
	}
	connect := func(t testing.TB) redis.UniversalClient {
		c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: addrs, ContextTimeoutEnabled: true})
		t.Cleanup(func() { c.Close() })
		return c
	}
	oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
		prefix := rand.Text() + ":"
		return open(t, connect(t), prefix), open(t, connect(t), prefix)
	})
	for _, n := range nodes {
		c := redis.NewClient(&redis.Options{Addr: n.Addr})
		if size, err := c.DBSize(t.Context()).Result(); size == 0 || err != nil {
			t.Errorf("%s has %d keys: %v", n.Addr, size, err)
		}
		c.Close()
	}
}

// TestRights (B1): a user needs only the rights that the documentation names.
func TestRights(t *testing.T) {
	admin := client(t)
	if err := admin.Do(t.Context(), "ACL", "SETUSER", "app", "on", ">secret", "~app:*", "+get", "+set", "+del", "+pexpire", "+eval", "+evalsha", "+@connection").Err(); err != nil {
		t.Fatal(err)
	}
	oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
		s, err := server()
		if err != nil {
			t.Fatal(err)
		}
		c := redis.NewClient(&redis.Options{Addr: s.Addr, Username: "app", Password: "secret"})
		t.Cleanup(func() { c.Close() })
		prefix := "app:" + rand.Text()
		return open(t, c, prefix), open(t, c, prefix)
	})
}

// TestOptions: invalid options are refused, and a permanent error is reported at once.
func TestOptions(t *testing.T) {
	c := client(t)
	if _, err := redisstore.New(c, redisstore.Options{Lease: time.Millisecond}); err == nil || !strings.Contains(err.Error(), "too short") {
		t.Error(err)
	}
	prefix := rand.Text() + ":"
	s := open(t, c, prefix)
	if err := c.HSet(t.Context(), prefix+"entry:hash", "a", "b").Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(t.Context(), prefix+"entry:foreign", "text", 0).Err(); err != nil {
		t.Fatal(err)
	}
	x := "x"
	for _, key := range []string{"hash", "foreign"} {
		if _, _, ok, err := s.Load(t.Context(), key); ok || err == nil {
			t.Errorf("%s: %t %v", key, ok, err)
		}
	}
	if _, err := s.Store(t.Context(), "hash", "", &x); err == nil || errors.Is(err, oauth.ErrConflict) || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Error(err)
	}
	gone := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	defer gone.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := open(t, gone, prefix).Store(ctx, "k", "", &x); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
