package bff_test

import (
	"log"
	"net/http"
	"os"

	engine "github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/sqlitestore"
)

// A whole server: pages from a directory, sign-in, and an API behind it. Sessions outlive it.
func Example() {
	ring, err := bff.ReadRing(os.Getenv("SEAL_KEYS")) // bff.NewKey makes one
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlitestore.Open("sessions.db")
	if err != nil {
		log.Fatal(err)
	}
	handler, err := bff.New(engine.Engine(), bff.Config{
		Client: drive.Config{
			Issuer:       "https://login.example",
			Discovery:    true,
			ClientID:     "app",
			ClientSecret: os.Getenv("CLIENT_SECRET"),
			Scope:        "openid notes.read",
		},
		Base:  "https://app.example/auth",
		Proxy: []bff.Route{{Path: "/api", Target: "https://api.example/v1"}},
	}, bff.Options{Ring: ring, Store: store, OnError: func(err error) { log.Print(err) }})
	if err != nil {
		log.Fatal(err)
	}
	http.Handle("/auth/", handler)
	http.Handle("/api/", handler)
	http.Handle("/", http.FileServer(http.Dir("page")))
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil)) // behind a server that speaks TLS and passes the Host header on
}
