package sealedstore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

func Example() {
	dir, err := os.MkdirTemp("", "sealedstore")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	kept, err := sqlitestore.Open(filepath.Join(dir, "sessions.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer kept.Close()
	ring, err := backend.ReadRing(backend.NewKey()) // in a server: os.Getenv("SEAL_KEYS")
	if err != nil {
		fmt.Println(err)
		return
	}
	store := sealedstore.New(kept, ring)
	ctx := context.Background()
	secret := "a token"
	if _, err := store.Store(ctx, "key", "", &secret); err != nil {
		fmt.Println(err)
		return
	}
	value, _, _, err := store.Load(ctx, "key")
	written, _, _, _ := kept.Load(ctx, "key")
	fmt.Println(value, err, written == value)

	// Output:
	// a token <nil> false
}
