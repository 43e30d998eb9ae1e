package redisstore_test

import (
	"fmt"
	"net/http/httptest"
	"os"

	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
)

// A backend whose sessions are in Redis. It sends nothing to Redis before somebody signs in, so
// this example runs without one.
func Example() {
	client := redis.NewClient(&redis.Options{Addr: "redis.internal:6379", ContextTimeoutEnabled: true})
	defer client.Close()
	store, err := redisstore.New(client, redisstore.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	keys := os.Getenv("SEAL_KEYS") // the same in every process
	if keys == "" {
		keys = backend.NewKey()
	}
	ring, err := backend.ReadRing(keys)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := backend.New(bff.Engine(), backend.Config{
		Client: oauth.Config{Issuer: "https://login.example", Discovery: true, ClientID: "app", ClientSecret: "from your vault", Scope: "openid"},
		Base:   "https://app.example/auth",
	}, backend.Options{Ring: ring, Store: store, OnError: func(err error) { fmt.Println(err) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	req := httptest.NewRequest("GET", "https://app.example/auth/session", nil)
	req.Header.Set("X-Csrf", "1")
	res := httptest.NewRecorder()
	handler.ServeHTTP(res, req)
	fmt.Println(res.Code, res.Body)

	// Output:
	// 401 {"error":"not_signed_in"}
}
