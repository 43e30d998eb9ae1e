package filelock_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/filelock"
)

// patience ends a wait. Only a hang reaches it.
const patience = time.Minute

// TestOneHolder (S70): many take, remove and create one lock file all the time, and only one at a
// time holds it.
func TestOneHolder(t *testing.T) {
	path := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			d := filelock.Dir{Path: path} // like a process of its own
			for range 200 {
				unlock, err := d.Lock(ctx, "lock")
				if err != nil {
					t.Error(err)
					return
				}
				if n := inside.Add(1); n > most.Load() {
					most.Store(n)
				}
				if entries, err := os.ReadDir(path); err != nil || len(entries) != 1 {
					t.Error("the file of a lock that is held is not there", entries, err)
				}
				inside.Add(-1)
				unlock()
			}
		})
	}
	all.Wait()
	if most.Load() != 1 {
		t.Errorf("%d held it at once", most.Load())
	}
	if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
		t.Error("files stay behind", entries, err)
	}
}

// TestWhoGivesUpLeavesNothing (S70): no file, and no place in the queue.
func TestWhoGivesUpLeavesNothing(t *testing.T) {
	path := t.TempDir()
	a, b := filelock.Dir{Path: path}, filelock.Dir{Path: path}
	unlock, err := a.Lock(t.Context(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []*filelock.Dir{&a, &b} {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := d.Lock(ctx, "lock")
			ended <- err
		}()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	unlock()
	unlock() // a second call does nothing
	if entries, err := os.ReadDir(path); err != nil || len(entries) > 0 {
		t.Error(entries, err)
	}
	again, err := b.Lock(t.Context(), "lock")
	if err != nil {
		t.Fatal(err)
	}
	again()
}

// TestSweep (S72): files that nobody holds are removed; held files and other names stay.
func TestSweep(t *testing.T) {
	d := filelock.Dir{Path: t.TempDir()}
	for _, name := range []string{"lock-left", "value"} {
		if err := os.WriteFile(filepath.Join(d.Path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unlock, err := d.Lock(t.Context(), "lock-held")
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	var found []string
	if err := d.Sweep("lock-", func(rest string) { found = append(found, rest) }); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(d.Path)
	if len(found) != 1 || found[0] != "left" || len(entries) != 2 || entries[0].Name() != "lock-held" || entries[1].Name() != "value" || err != nil {
		t.Error(found, entries, err)
	}
}
