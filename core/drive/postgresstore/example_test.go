package postgresstore_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/sealedstore"
)

// It needs a server, so it is compiled only.
func Example() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	kept, err := postgresstore.New(pool, postgresstore.Options{})
	if err == nil {
		err = kept.Create(ctx)
	}
	if err != nil {
		fmt.Println(err)
		return
	}
	ring, err := bff.ReadRing(os.Getenv("SEAL_KEYS"))
	if err != nil {
		fmt.Println(err)
		return
	}
	store := sealedstore.New(kept, ring)
	_, err = store.StoreUntil(ctx, "key", "", "a value", time.Now().Add(time.Hour))
	fmt.Println(err)
}
