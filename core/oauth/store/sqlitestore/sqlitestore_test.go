package sqlitestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

func open(t testing.TB, path string) *sqlitestore.DB {
	t.Helper()
	d, err := sqlitestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func fresh(t testing.TB) *sqlitestore.DB { return open(t, filepath.Join(t.TempDir(), "a ?b%20#.db")) }

// TestContract: the contract suite, with this store, its locks and its keys.
func TestContract(t *testing.T) {
	oauthtest.RunContract(t, "../../../contract/contract.json", func(testing.TB) oauth.Engine { return new(core.Engine) },
		func(t testing.TB) oauth.Options {
			d := fresh(t)
			return oauth.Options{Store: d, Locker: d, Keys: d}
		})
}

// TestStore (X9): what every store must do.
func TestStore(t *testing.T) {
	oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
		path := filepath.Join(t.TempDir(), "s.db")
		return open(t, path), open(t, path)
	})
}

// TestVersions: only a client that saw the current version can replace or delete a value; versions
// are never used again; an expired value behaves as if it did not exist.
func TestVersions(t *testing.T) {
	d, now := fresh(t), time.UnixMilli(1_700_000_000_000)
	d.Now = func() time.Time { return now }
	ctx := t.Context()
	x := "x"
	seen := map[string]bool{}
	put := func(version string, life time.Duration) (string, error) {
		if life == 0 {
			return d.Store(ctx, "k", version, &x)
		}
		return d.StoreUntil(ctx, "k", version, x, now.Add(life))
	}
	stands := "" // the current version
	for n, row := range []struct {
		what     string
		wait     time.Duration
		version  func() string
		life     time.Duration
		remove   bool
		conflict bool
	}{
		{"first", 0, func() string { return "" }, 0, false, false},
		{"first again", 0, func() string { return "" }, 0, false, true},
		{"replaced", 0, func() string { return stands }, time.Second, false, false},
		{"by who saw another", 0, func() string { return "other" }, 0, false, true},
		{"deleted by who saw another", 0, func() string { return "other" }, 0, true, true},
		{"deleted by who saw nothing", 0, func() string { return "" }, 0, true, true},
		{"replaced after its end", time.Second, func() string { return stands }, time.Second, false, true},
		{"deleted after its end", 0, func() string { return stands }, 0, true, true},
		{"nothing deleted after its end", 0, func() string { return "" }, 0, true, false},
		{"put in place of what is over", 0, func() string { return "" }, time.Hour, false, false},
		{"kept for ever", 0, func() string { return stands }, 0, false, false},
		{"a year later", 365 * 24 * time.Hour, func() string { return stands }, 0, false, false},
		{"deleted", 0, func() string { return stands }, 0, true, false},
		{"deleted twice", 0, func() string { return stands }, 0, true, true},
		{"put after that", 0, func() string { return "" }, 0, false, false},
	} {
		now = now.Add(row.wait)
		var next string
		var err error
		if row.remove {
			next, err = d.Store(ctx, "k", row.version(), nil)
		} else {
			next, err = put(row.version(), row.life)
		}
		if row.conflict != errors.Is(err, oauth.ErrConflict) || !row.conflict && err != nil {
			t.Fatalf("%d %s: %v", n, row.what, err)
		}
		if err == nil && !row.remove {
			if seen[next] || next == "" {
				t.Errorf("%s: version %q came before", row.what, next)
			}
			seen[next], stands = true, next
			if value, version, ok, err := d.Load(ctx, "k"); value != x || version != next || !ok || err != nil {
				t.Errorf("%s: loaded %q %q %t %v", row.what, value, version, ok, err)
			}
		}
	}
}

// TestRowsThatAreOverGo: the database does not grow with users who never come back.
func TestRowsThatAreOverGo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	d, now := open(t, path), time.UnixMilli(1_700_000_000_000)
	d.Now = func() time.Time { return now }
	for i := range 50 {
		if _, err := d.StoreUntil(t.Context(), fmt.Sprint("k", i), "", "x", now.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	now = now.Add(time.Second)
	if _, err := d.StoreUntil(t.Context(), "new", "", "x", now.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if n := d.Size(t); n != 1 {
		t.Errorf("%d rows", n)
	}
}

// TestOneOfManyWins: of all who saw the same version, in several connections, one replaces the
// value.
func TestOneOfManyWins(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	dbs := []*sqlitestore.DB{open(t, path), open(t, path)}
	version := ""
	for range 10 {
		var all sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for i := range 8 {
			all.Go(func() {
				next, err := dbs[i%2].StoreUntil(t.Context(), "k", version, fmt.Sprint(i), time.Now().Add(time.Hour))
				if err != nil && !errors.Is(err, oauth.ErrConflict) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					defer mu.Unlock()
					won = append(won, next)
				}
			})
		}
		all.Wait()
		if len(won) != 1 {
			t.Fatalf("%d won", len(won))
		}
		version = won[0]
	}
}

// patience ends a wait. Only a hang reaches it.
const patience = time.Minute

// TestSlowSessionsHoldUpNobody (S70): however many locks are held, a lock with another name is free
// at once. Its file is removed with it.
func TestSlowSessionsHoldUpNobody(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var held []func()
	for i := range 500 { // one for each session, while a server refreshes slowly
		unlock, err := []*sqlitestore.DB{a, b}[i%2].Lock(ctx, fmt.Sprintf("oauth2.%d.session", i))
		if err != nil {
			t.Fatalf("the lock of session %d: %v", i, err)
		}
		held = append(held, unlock)
	}
	for _, unlock := range held {
		unlock()
	}
	if left, err := os.ReadDir(path + "-locks"); err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

// TestReadsDoNotWaitForWrites (S71): while a write waits for another process's write, everybody can
// read, keys too.
func TestReadsDoNotWaitForWrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	d := open(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := d.StoreUntil(ctx, "k", "", "x", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateKey(ctx, "k", "ES256"); err != nil {
		t.Fatal(err)
	}
	release := open(t, path).HoldWrites(t)
	stored := make(chan error, 1)
	go func() {
		_, err := d.StoreUntil(ctx, "other", "", "x", time.Now().Add(time.Hour))
		stored <- err
	}()
	for !d.Writing() {
		runtime.Gosched()
	}
	if value, _, ok, err := d.Load(ctx, "k"); value != "x" || !ok || err != nil {
		t.Errorf("%q %t %v", value, ok, err)
	}
	if key, err := d.LoadKey(ctx, "k"); key == nil || err != nil {
		t.Error(key, err)
	}
	select {
	case err := <-stored:
		t.Error("the write did not wait, so this shows nothing:", err)
	default:
		release()
		if err := <-stored; err != nil {
			t.Error(err)
		}
	}
}

// TestLocks: one holder at a time over two connections; a waiter that gives up leaves nothing
// behind.
func TestLocks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	unlock, err := a.Lock(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*sqlitestore.DB{a, b} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if _, err := d.Lock(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("two hold it:", err)
		}
		cancel()
	}
	unlock()
	for _, d := range []*sqlitestore.DB{b, a} {
		unlock, err := d.Lock(t.Context(), "n")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

// TestKeys: concurrent creates return the same key, and it outlives the process.
func TestKeys(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s.db")
	a, b := open(t, path), open(t, path)
	first, err := a.CreateKey(t.Context(), "k", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	second, err := b.CreateKey(t.Context(), "k", "RS256")
	if err != nil || fmt.Sprint(first.Public()) != fmt.Sprint(second.Public()) {
		t.Error("another key", err)
	}
	if err := a.DeleteKey(t.Context(), "k"); err != nil {
		t.Error(err)
	}
	if key, err := b.LoadKey(t.Context(), "k"); key != nil || err != nil {
		t.Error("it is still there", err)
	}
	if _, err := a.CreateKey(t.Context(), "k", "none"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// TestFilesAreTheUsersAlone: only the user can access the database and SQLite's files beside it.
func TestFilesAreTheUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	path := filepath.Join(t.TempDir(), "s.db")
	d := open(t, path)
	if _, err := d.StoreUntil(t.Context(), "k", "", "x", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Error(f, info.Mode(), err)
		}
	}
	open2 := filepath.Join(t.TempDir(), "open.db")
	if err := os.WriteFile(open2, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open2, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := sqlitestore.Open(open2); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Error(err)
	}
}

// E33: two clients with one database, each with its own connection as in two processes, notice each
// other's changes.
func TestChanges(t *testing.T) {
	oauthtest.RunChanges(t, func(testing.TB) oauth.Engine { return new(core.Engine) }, func(t testing.TB) (a, b oauth.Store) {
		path := filepath.Join(t.TempDir(), "shared.db")
		return open(t, path), open(t, path)
	})
}
