package oauth_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
)

// kept is a store in memory with locks that does not report changes.
type kept struct {
	plainStore
	oauth.MemoryLocker
}

// usersOf opens the session of a user whom the server has authenticated.
// web/docs/guides/many-users.md has the same code.
func usersOf(engine oauth.Engine, store *sealedstore.Store, http *http.Client) func(ctx context.Context, user string) (*oauth.Client, error) {
	return func(ctx context.Context, user string) (*oauth.Client, error) {
		sum := sha256.Sum256([]byte(user))
		own := config
		own.Name = "user." + base64.RawURLEncoding.EncodeToString(sum[:])
		return oauth.Open(ctx, engine, own, oauth.Options{Store: store, Locker: store, Keys: store, HTTP: http})
	}
}

// B62: a session for each of many users. Its key is derived from the authenticated user, it is
// sealed in the store, and it is opened for a request and closed afterwards. Each user gets their
// own token, and nothing stays in memory. MANY_USERS=100000 opens and closes that many, and prints
// figures.
func TestManyUsers(t *testing.T) {
	opens := 2_000
	if n, err := strconv.Atoi(os.Getenv("MANY_USERS")); err == nil {
		opens = n
	}
	const users = 100
	under := &kept{}
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	clientOf := usersOf(new(core.Engine), sealedstore.New(under, ring), &http.Client{Transport: refreshes{}})
	visit := func(user string, first bool) {
		c, err := clientOf(t.Context(), user)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if first {
			if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "token of " + user, TokenType: "Bearer", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour)}); err == nil {
				t.Fatal("a token with a space is taken")
			}
			if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "token-of-" + user, TokenType: "Bearer", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
		}
		if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "token-of-"+user {
			t.Fatalf("%s: another one's token, or none: %v", user, err)
		}
	}
	name := func(i int) string { return fmt.Sprintf("user/%d", i%users) }
	for i := range users {
		visit(name(i), true)
	}
	heap := func() (bytes uint64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for i := range users {
		visit(name(i), false)
	}
	before, routines, began := heap(), runtime.NumGoroutine(), time.Now()
	for i := range opens {
		visit(name(i), false)
	}
	took, after := time.Since(began), heap()
	t.Logf("%d opens, tokens and closes: %.3f ms each, heap %d KiB before, %d KiB after, goroutines %d and %d",
		opens, took.Seconds()*1000/float64(opens), before>>10, after>>10, routines, runtime.NumGoroutine())
	if after > before+1<<20 || runtime.NumGoroutine() > routines+3 {
		t.Errorf("something is left of %d sessions", opens)
	}
}
