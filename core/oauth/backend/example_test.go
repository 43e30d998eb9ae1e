package backend_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

// A whole server: pages from a directory, sign-in, and an API behind it. Sessions survive a
// restart.
func Example() {
	folder, err := os.MkdirTemp("", "sessions")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(folder)
	store, err := sqlitestore.Open(filepath.Join(folder, "sessions.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	keys := os.Getenv("SEAL_KEYS")
	if keys == "" {
		keys = backend.NewKey() // make it once and keep it: without it everybody is signed out
	}
	ring, err := backend.ReadRing(keys)
	if err != nil {
		fmt.Println(err)
		return
	}
	handler, err := backend.New(bff.Engine(), backend.Config{
		Client: oauth.Config{
			Issuer:       "https://login.example",
			Discovery:    true,
			ClientID:     "app",
			ClientSecret: "from your vault",
			Scope:        "openid notes.read",
		},
		Base:  "https://app.example/auth",
		Proxy: []backend.Route{{Path: "/api", Target: "https://api.example/v1"}},
	}, backend.Options{Ring: ring, Store: store, OnError: func(err error) { fmt.Println(err) }})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/auth/", handler)
	mux.Handle("/api/", handler)
	mux.Handle("/", http.FileServer(http.Dir("page")))
	server := httptest.NewServer(mux) // in production, behind a server that uses TLS and passes the Host header on
	defer server.Close()

	// A page asks who is signed in.
	req, err := http.NewRequest("GET", server.URL+"/auth/session", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Host = "app.example"
	req.Header.Set("X-Csrf", "1")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	fmt.Println(res.StatusCode, string(body), err)

	// Output:
	// 401 {"error":"not_signed_in"} <nil>
}
