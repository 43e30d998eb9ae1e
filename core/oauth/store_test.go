package oauth_test

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// TestMemoryStoreForgets: an expired value is not found, does not cause a conflict, and takes no
// memory. Its version is never used again.
func TestMemoryStoreForgets(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	m := &oauth.MemoryStore{Now: func() time.Time { return now }}
	ctx := t.Context()
	put := func(key, version string, life time.Duration) string {
		t.Helper()
		v, err := m.StoreUntil(ctx, key, version, "x", now.Add(life))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	first := put("a", "", time.Second)
	if _, version, ok, _ := m.Load(ctx, "a"); !ok || version != first {
		t.Fatal("it is gone before its time")
	}
	now = now.Add(time.Second)
	if value, version, ok, _ := m.Load(ctx, "a"); ok || value != "" || version != "" {
		t.Error("it is still there", value, version)
	}
	if _, err := m.StoreUntil(ctx, "a", first, "y", now.Add(time.Hour)); !errors.Is(err, oauth.ErrConflict) {
		t.Error("replaced what is over:", err)
	}
	if second := put("a", "", time.Second); second == first {
		t.Error("a version came back")
	}
	for i := range 10_000 {
		put("key "+strconv.Itoa(i), "", time.Second)
		now = now.Add(100 * time.Millisecond)
	}
	if n := m.Size(); n > 1100 {
		t.Errorf("%d entries are kept, of which ten are of use", n)
	}
	keep := "x"
	if _, err := m.Store(ctx, "for ever", "", &keep); err != nil {
		t.Fatal(err)
	}
	now = now.Add(1_000_000 * time.Hour)
	if _, _, ok, _ := m.Load(ctx, "for ever"); !ok {
		t.Error("what has no end is gone")
	}
}
