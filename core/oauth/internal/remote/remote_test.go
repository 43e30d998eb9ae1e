//go:build unix

package remote_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// TestNobodyElseLoadsTheClients (B5): a program that does not import a store contains no code of
// its database.
func TestNobodyElseLoadsTheClients(t *testing.T) {
	const here = "github.com/oauth2-wasm/oauth2-wasm/"
	deps := func(pkg string) string {
		out, err := exec.Command("go", "list", "-deps", here+pkg).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	clients := []string{"github.com/redis/go-redis", "github.com/jackc/"}
	for _, pkg := range []string{"core", "core/bff", "core/oauth", "core/oauth/backend", "core/oauth/store/filestore", "core/oauth/store/sqlitestore", "core/oauth/store/sealedstore", "wasm", "wasm/..."} {
		for _, client := range clients {
			if strings.Contains(deps(pkg), client) {
				t.Errorf("%s loads %s", pkg, client)
			}
		}
	}
	for pkg, not := range map[string]string{"core/oauth/store/redisstore": clients[1], "core/oauth/store/postgresstore": clients[0]} {
		if got := deps(pkg); strings.Contains(got, not) || !strings.Contains(got, clients[0]) && !strings.Contains(got, clients[1]) {
			t.Errorf("%s loads %s, or no client", pkg, not)
		}
	}
}

// chain stores, replaces and deletes, each time with the version that it knows. No operation may
// report a conflict.
func chain(ctx context.Context, s oauthtest.SharedStore, rounds int) error {
	for i := range rounds {
		unlock, err := s.Lock(ctx, "chain")
		if err != nil {
			return fmt.Errorf("round %d: lock: %w", i, err)
		}
		version := ""
		for j := range 3 {
			value := fmt.Sprint(i, j)
			if version, err = s.Store(ctx, "chain", version, &value); err != nil {
				return fmt.Errorf("round %d: store %d: %w", i, j, err)
			}
			if got, there, ok, err := s.Load(ctx, "chain"); got != value || there != version || !ok || err != nil {
				return fmt.Errorf("round %d: %q %q %t %w", i, got, there, ok, err)
			}
		}
		if _, err = s.Store(ctx, "chain", version, nil); err != nil {
			return fmt.Errorf("round %d: delete: %w", i, err)
		}
		unlock()
	}
	return nil
}

// TestLostAnswers (B6): if a write succeeded and its answer was lost, the caller learns that it
// succeeded. Nobody gets a conflict with their own write.
func TestLostAnswers(t *testing.T) {
	onEach(t, func(t *testing.T, kind string, s *servers.Server, place string) {
		proxy, err := servers.NewProxy(s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer proxy.Close()
		store := opened(t, kind, proxy.Addr, place, 0)
		proxy.LoseEvery(7)
		ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
		defer cancel()
		if err := chain(ctx, store, 6); err != nil {
			t.Error(err)
		}
		if proxy.Lost() < 5 {
			t.Errorf("%d answers were lost, so this shows nothing", proxy.Lost())
		}
	})
}

// TestRestart (B7): a server that is killed and restarted still has what it acknowledged, and no
// operation fails meanwhile.
func TestRestart(t *testing.T) {
	servers.Need(t)
	for kind, begin := range map[string]func() (*servers.Server, error){"redis": func() (*servers.Server, error) { return servers.Redis() }, "postgres": servers.Postgres} {
		t.Run(kind, func(t *testing.T) {
			s, err := begin()
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			store := opened(t, kind, s.Addr, "place", 0)
			ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
			defer cancel()
			x := "x"
			version, err := store.Store(ctx, "kept", "", &x)
			if err != nil {
				t.Fatal(err)
			}
			stop, done := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						done <- nil
						return
					default:
						if err := chain(ctx, store, 1); err != nil {
							done <- err
							return
						}
					}
				}
			}()
			for _, end := range []func(){s.Kill, s.Stop} {
				end()
				if err := s.Start(); err != nil {
					t.Fatal(err)
				}
			}
			close(stop)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got, there, ok, err := store.Load(ctx, "kept"); got != x || there != version || !ok || err != nil {
				t.Errorf("%q %q %t %v", got, there, ok, err)
			}
		})
	}
}

// TestDeadHolder (B8): the lock of a killed process is free when its lease expires. That of a live
// process is never free.
func TestDeadHolder(t *testing.T) {
	onEach(t, func(t *testing.T, kind string, s *servers.Server, place string) {
		store := opened(t, kind, s.Addr, place, lease)
		c := hosttest.Start(t, "hold", kind, s.Addr, place)
		if l := c.Line(); l != "held" {
			t.Fatal(l)
		}
		// The holder renews it: for three leases nobody else gets it.
		ctx, cancel := context.WithTimeout(t.Context(), 3*lease)
		if _, err := store.Lock(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal("two hold it:", err)
		}
		cancel()
		c.Kill()
		ctx, cancel = context.WithTimeout(t.Context(), oauthtest.Patience)
		defer cancel()
		unlock, err := store.Lock(ctx, "n")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	})
}

// TestSleeper (B9): a process sleeps under the lock for longer than its lease, while the only copy
// of a rotated token is on its way to it. When it wakes, it must write if the store still holds its
// own mark, or another process's mark on the same token. Anything newer stays.
func TestSleeper(t *testing.T) {
	for name, row := range map[string]struct {
		grace time.Duration
		// meanwhile is what another process does. It returns the text that must stay, or "" if the
		// sleeper must write.
		meanwhile func(t *testing.T, s *hosttest.Site, store oauthtest.SharedStore) string
	}{
		"nobody wrote": {0, func(*testing.T, *hosttest.Site, oauthtest.SharedStore) string { return "" }},
		"another one's mark": {0, func(t *testing.T, s *hosttest.Site, store oauthtest.SharedStore) string {
			c, err := hosttest.Open(store, s.URL, unsent{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.FreshToken(t.Context()); err == nil {
				t.Error("it came to the server")
			}
			return ""
		}},
		"another one's token": {time.Minute, func(t *testing.T, s *hosttest.Site, store oauthtest.SharedStore) string {
			c, err := hosttest.Open(store, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := c.FreshToken(t.Context()); err != nil {
				t.Error(err)
			}
			text, _, _, err := store.Load(t.Context(), sessionKey(s))
			if err != nil {
				t.Error(err)
			}
			return text
		}},
	} {
		t.Run(name, func(t *testing.T) {
			onEach(t, func(t *testing.T, kind string, server *servers.Server, place string) {
				store := opened(t, kind, server.Addr, place, lease)
				s := hosttest.NewSite(t, row.grace)
				s.SignIn(t, store)
				carriedOut, awake := make(chan struct{}), make(chan struct{})
				s.Answered(func(n int, _ *http.Request) {
					if n == 1 {
						close(carriedOut)
						<-awake
					}
				})
				sleeper := hosttest.Start(t, "refresh", kind, server.Addr, place, s.URL)
				if l := sleeper.Line(); l != "began" {
					t.Fatal(l)
				}
				<-carriedOut
				sleeper.Process.Signal(syscall.SIGSTOP)
				mark, _, _, err := store.Load(t.Context(), sessionKey(s))
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
				defer cancel()
				unlock, err := store.Lock(ctx, sessionKey(s)) // when the lease has expired
				if err != nil {
					t.Fatal(err)
				}
				unlock()
				stays := row.meanwhile(t, s, store)
				close(awake)
				sleeper.Process.Signal(syscall.SIGCONT)
				if rest := sleeper.End(); len(rest) > 0 {
					t.Fatal("the other process says ", rest)
				}
				text, _, _, err := store.Load(t.Context(), sessionKey(s))
				if err != nil || stays != "" && text != stays || text == mark {
					t.Errorf("the sleeper wrote: %t, %v", text != mark && text != stays, err)
				}
				// The session continues with a token that was not sent before.
				c, err := hosttest.Open(store, s.URL, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if _, err := c.FreshToken(ctx); err != nil {
					t.Error(err)
				}
				sent := s.Sent()
				if last := len(sent) - 1; sent[last] == sent[0] {
					t.Errorf("%d refreshes, the last with the token of the first", len(sent))
				}
			})
		})
	}
}

// unsent is a network that sends nothing.
type unsent struct{}

func (unsent) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
}
