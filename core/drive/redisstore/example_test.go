package redisstore_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/redisstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/sealedstore"
)

// It needs a server, so it is compiled only.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: os.Getenv("REDIS_ADDR"), ContextTimeoutEnabled: true})
	defer client.Close()
	kept, err := redisstore.New(client, redisstore.Options{})
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
	_, err = store.StoreUntil(context.Background(), "key", "", "a value", time.Now().Add(time.Hour))
	fmt.Println(err)
}
