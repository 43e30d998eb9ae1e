package postgresstore_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
)

// A backend whose sessions are in PostgreSQL. It sends nothing to the database before somebody
// signs in, so this example runs without one.
func Example() {
	pool, err := pgxpool.New(context.Background(), "postgres://app@postgres.internal/app")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	store, err := postgresstore.New(pool, postgresstore.Options{})
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

// The statements for a migration tool. Create runs them, if the program itself may create tables.
func ExampleStore_Migration() {
	store, err := postgresstore.New(nil, postgresstore.Options{Schema: "app"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(strings.Join(store.Migration(), ";\n"))

	// Output:
	// CREATE TABLE IF NOT EXISTS "app"."oauth2_entries" (key text COLLATE "C" PRIMARY KEY, value text NOT NULL, version text NOT NULL, expires_at timestamptz);
	// CREATE INDEX IF NOT EXISTS oauth2_entries_expire ON "app"."oauth2_entries" (expires_at) WHERE expires_at IS NOT NULL;
	// CREATE TABLE IF NOT EXISTS "app"."oauth2_locks" (name text COLLATE "C" PRIMARY KEY, holder text NOT NULL, expires_at timestamptz NOT NULL)
}
