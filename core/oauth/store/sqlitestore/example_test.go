package sqlitestore_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

func Example() {
	dir, err := os.MkdirTemp("", "sqlitestore")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := sqlitestore.Open(filepath.Join(dir, "sessions.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	ctx := context.Background()
	version, err := store.StoreUntil(ctx, "key", "", "a value", time.Now().Add(time.Hour))
	if err != nil {
		fmt.Println(err)
		return
	}
	value, same, ok, err := store.Load(ctx, "key")
	fmt.Println(value, same == version, ok, err)

	_, err = store.StoreUntil(ctx, "key", "", "another", time.Now().Add(time.Hour)) // a caller that believes that nothing is stored
	fmt.Println(err)

	// Output:
	// a value true true <nil>
	// oauth2: conflict: another version is stored
}
