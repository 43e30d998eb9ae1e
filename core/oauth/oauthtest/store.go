package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// SharedStore is a store that several processes share, with its locks.
type SharedStore interface {
	oauth.Store
	oauth.Locker
}

// RunStore tests what every store must do, in addition to the contract suite. open returns two
// handles of one empty store, as two processes have them. If they are oauth.ExpiringStores, expiry
// is tested, too, by the store's clock, which must run.
func RunStore(t *testing.T, open func(testing.TB) (a, b SharedStore)) {
	t.Run("versions", func(t *testing.T) { a, b := open(t); versions(t, a, b) })
	t.Run("texts", func(t *testing.T) { a, b := open(t); texts(t, a, b) })
	a, b := open(t)
	if one, ok := a.(oauth.ExpiringStore); ok {
		t.Run("expiry", func(t *testing.T) { expiry(t, one, b) })
	}
	t.Run("one of many wins", func(t *testing.T) { a, b := open(t); oneOfMany(t, a, b) })
	t.Run("locks", func(t *testing.T) { a, b := open(t); locks(t, a, b) })
	t.Run("a lock counts", func(t *testing.T) { a, b := open(t); counting(t, a, b) })
}

// versions: only a client that saw the current version can replace or delete a value, through
// either handle. Versions are never used again.
func versions(t *testing.T, a, b oauth.Store) {
	ctx := t.Context()
	x := "x"
	seen := map[string]bool{"": true}
	stands := "" // the current version
	for n, row := range []struct {
		what     string
		version  func() string
		remove   bool
		conflict bool
	}{
		{"nothing deleted", func() string { return "" }, true, false},
		{"first", func() string { return "" }, false, false},
		{"first again", func() string { return "" }, false, true},
		{"replaced", func() string { return stands }, false, false},
		{"by who saw another", func() string { return "other" }, false, true},
		{"deleted by who saw another", func() string { return "other" }, true, true},
		{"deleted by who saw nothing", func() string { return "" }, true, true},
		{"deleted", func() string { return stands }, true, false},
		{"deleted twice", func() string { return stands }, true, true},
		{"replaced after that", func() string { return stands }, false, true},
		{"put after that", func() string { return "" }, false, false},
		{"and deleted again", func() string { return stands }, true, false},
		{"and put again", func() string { return "" }, false, false},
	} {
		one, other := a, b
		if n%2 == 1 {
			one, other = b, a
		}
		value := &x
		if row.remove {
			value = nil
		}
		next, err := one.Store(ctx, "k", row.version(), value)
		if row.conflict != errors.Is(err, oauth.ErrConflict) || !row.conflict && err != nil {
			t.Fatalf("%s: %v", row.what, err)
		}
		if err != nil {
			continue
		}
		got, version, ok, err := other.Load(ctx, "k")
		if row.remove {
			if next != "" || ok || err != nil {
				t.Errorf("%s: version %q, there: %t, %v", row.what, next, ok, err)
			}
			continue
		}
		if seen[next] {
			t.Errorf("%s: version %q came before", row.what, next)
		}
		seen[next], stands = true, next
		if got != x || version != next || !ok || err != nil {
			t.Errorf("%s: loaded %q %q %t %v", row.what, got, version, ok, err)
		}
	}
}

// texts: any text can be stored under any key, and keys are not mixed up.
func texts(t *testing.T, a, b oauth.Store) {
	ctx := t.Context()
	rows := map[string]string{
		"empty": "", "a.b c": " spaces at the ends ", "A.B C": "a line\nand\r\nanother\ttab", "é{x}": "ünïcode 𝄞", "{x}é": `{"json":"\u0000"}`, "%s;'\"--": "'; DROP TABLE x; --",
		"long": strings.Repeat("0123456789", 30_000), strings.Repeat("k", 500): "a long key", "k*?[a]": "a pattern", "k\\": "\\",
	}
	for key, value := range rows {
		if _, err := a.Store(ctx, key, "", &value); err != nil {
			t.Errorf("%.30q: %v", key, err)
		}
	}
	for key, value := range rows {
		got, _, ok, err := b.Load(ctx, key)
		if got != value || !ok || err != nil {
			t.Errorf("%.30q: %.30q %t %v", key, got, ok, err)
		}
	}
	if _, _, ok, err := b.Load(ctx, "none"); ok || err != nil {
		t.Error(ok, err)
	}
}

// expiry: an expired value behaves as if it did not exist.
func expiry(t *testing.T, one oauth.ExpiringStore, b oauth.Store) {
	ctx := t.Context()
	// Clocks may differ, but by less than a day.
	if _, err := one.StoreUntil(ctx, "past", "", "x", time.Now().Add(-24*time.Hour)); err != nil {
		t.Error(err)
	}
	if _, _, ok, err := b.Load(ctx, "past"); ok || err != nil {
		t.Error("what was over when it came is there", err)
	}
	if _, err := one.StoreUntil(ctx, "day", "", "x", time.Now().Add(24*time.Hour)); err != nil {
		t.Error(err)
	}
	if _, _, ok, err := b.Load(ctx, "day"); !ok || err != nil {
		t.Error("what has a day is gone", err)
	}
	for _, row := range []struct {
		what  string
		after func(version string) error
		want  error
	}{
		{"replaced", func(v string) error {
			_, err := one.StoreUntil(ctx, "replaced", v, "y", time.Now().Add(time.Hour))
			return err
		}, oauth.ErrConflict},
		{"deleted", func(v string) error { _, err := b.Store(ctx, "deleted", v, nil); return err }, oauth.ErrConflict},
		{"nothing deleted", func(string) error { _, err := b.Store(ctx, "nothing deleted", "", nil); return err }, nil},
		{"put in place", func(string) error { y := "y"; _, err := b.Store(ctx, "put in place", "", &y); return err }, nil},
	} {
		version, err := one.StoreUntil(ctx, row.what, "", "x", time.Now().Add(300*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(Patience); ; time.Sleep(10 * time.Millisecond) {
			_, _, ok, err := b.Load(ctx, row.what)
			if err != nil || time.Now().After(deadline) {
				t.Fatal("it does not expire", err)
			}
			if !ok {
				break
			}
		}
		if err := row.after(version); !errors.Is(err, row.want) {
			t.Errorf("%s after its end: %v", row.what, err)
		}
	}
	if got, _, ok, err := one.Load(ctx, "put in place"); got != "y" || !ok || err != nil {
		t.Error(got, ok, err)
	}
	// A value with an expiry can lose it, and get another.
	version, err := one.StoreUntil(ctx, "kept", "", "x", time.Now().Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	x := "x"
	if version, err = one.Store(ctx, "kept", version, &x); err != nil {
		t.Fatal(err)
	}
	if _, err = one.StoreUntil(ctx, "kept", version, "x", time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := b.Load(ctx, "kept"); ok || err != nil {
		t.Error(ok, err)
	}
}

// oneOfMany: of all who saw the same version, in both handles, one replaces the value.
func oneOfMany(t *testing.T, a, b oauth.Store) {
	version := ""
	for round := range 5 {
		var all sync.WaitGroup
		var mu sync.Mutex
		var won []string
		for i := range 8 {
			all.Go(func() {
				value := fmt.Sprint(i)
				next, err := []oauth.Store{a, b}[i%2].Store(t.Context(), "k", version, &value)
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
			t.Fatalf("round %d: %d won", round, len(won))
		}
		version = won[0]
	}
}

// locks: a lock has one holder at a time; a waiter that gives up leaves nothing behind; locks of
// other names do not wait.
// name.
func locks(t *testing.T, a, b oauth.Locker) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	unlock, err := a.Lock(ctx, "n")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []oauth.Locker{a, b} {
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		if _, err := l.Lock(short, "n"); !errors.Is(err, context.DeadlineExceeded) {
			t.Error("two hold it:", err)
		}
		cancel()
		other, err := l.Lock(ctx, "another")
		if err != nil {
			t.Fatal(err)
		}
		other()
	}
	unlock()
	for _, l := range []oauth.Locker{b, a, b} {
		unlock, err := l.Lock(ctx, "n")
		if err != nil {
			t.Fatal(err)
		}
		unlock()
	}
}

// counting: a holder of the lock reads and writes without interference.
func counting(t *testing.T, a, b SharedStore) {
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	var all sync.WaitGroup
	const users = 12
	for i := range users {
		all.Go(func() {
			s := []SharedStore{a, b}[i%2]
			unlock, err := s.Lock(ctx, "counter")
			if err != nil {
				t.Error(err)
				return
			}
			defer unlock()
			value, version, _, err := s.Load(ctx, "counter")
			if err == nil {
				value += "I"
				_, err = s.Store(ctx, "counter", version, &value)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if value, _, _, err := a.Load(ctx, "counter"); len(value) != users || err != nil {
		t.Error(value, err)
	}
}
