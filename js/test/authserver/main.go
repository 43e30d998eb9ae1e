// Command authserver serves the project's authorization server for the tests in JavaScript: a public client "app" for the code and the
// device flow, and a user "alice" with the password "alice". It prints "ready: ISSUER" when it listens, and runs until it is told to end.
// Arguments are redirect URIs. A refresh token that comes twice ends its session,
// unless -grace allows it.
package main

import (
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("authserver: ")
	config := authserver.Config{
		Users:  map[string]authserver.User{"alice": {Password: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true}},
		Scopes: []authserver.Scope{{Name: "read", Description: "Read"}},
	}
	flag.DurationVar(&config.AccessTokenLifetime, "access-token", authserver.DefaultAccessTokenLifetime, "how long an access token is good for")
	flag.DurationVar(&config.RotationGrace, "grace", 0, "how long a used refresh token may come again")
	flag.DurationVar(&config.DeviceInterval, "interval", time.Second, "between two polls")
	flag.DurationVar(&config.DeviceCodeLifetime, "device-code", authserver.DefaultDeviceCodeLifetime, "how long a device code is good for")
	flag.Parse()

	store := authserver.NewMemoryStore()
	config.Store = store
	err := store.AddClient(authserver.Client{
		ClientID:     "app",
		RedirectURIs: flag.Args(),
		GrantTypes:   []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
		Scope:        "profile email read",
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	config.Issuer = "http://" + listener.Addr().String()
	server, err := authserver.New(config)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := os.Stdout.WriteString("ready: " + config.Issuer + "\n"); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, server))
}
