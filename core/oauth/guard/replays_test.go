package guard

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// TestReplays: a recorded proof is known until it expires. If there is no room, that is an error,
// and no other proof is forgotten to make room (R54).
func TestReplays(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	r := &replays{now: func() time.Time { return now }}
	note := func(key string, until time.Duration) error {
		_, err := r.StoreUntil(context.Background(), key, "", "1", now.Add(until))
		return err
	}
	if err := note("a", time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := note("a", time.Minute); !errors.Is(err, oauth.ErrConflict) {
		t.Fatal(err)
	}
	for n := range mostReplays - 1 {
		if err := note(fmt.Sprint(n), time.Minute+time.Duration(n)*time.Millisecond); err != nil {
			t.Fatal(n, err)
		}
	}
	for range 1000 {
		if err := note("one more", time.Minute); !errors.Is(err, errFull) {
			t.Fatal(err)
		}
	}
	if err := note("a", time.Minute); !errors.Is(err, oauth.ErrConflict) {
		t.Fatal("forgotten while it was full", err)
	}
	now = now.Add(time.Minute)
	if err := note("one more", time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := note("a", time.Minute); err != nil {
		t.Fatal(err)
	}
}
