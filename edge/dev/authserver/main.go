// Command authserver serves the project's authorization server and an API that it protects, for `make edge` and the tests of edge: the
// confidential client "edge", whose secret is in EDGE_CLIENT_SECRET, and the user "alice" with the password "alice". It prints
// "ready: ISSUER" when it listens, and runs until it is told to end. The API is ISSUER/api/notes.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("authserver: ")
	base := flag.String("base", "", "where the endpoints of the backend for the frontend are: /callback and /backchannel_logout below it")
	home := flag.String("home", "", "where the browser may go after signing out")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	hint := flag.Bool("hint", false, "fill in the sign-in page")
	config := authserver.Config{
		Users:             map[string]authserver.User{"alice": {Password: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true}},
		Scopes:            []authserver.Scope{{Name: "notes.read", Description: "Read your notes"}},
		TokenExchange:     true,
		BackchannelLogout: authserver.PostLogoutTokens(nil),
	}
	flag.DurationVar(&config.AccessTokenLifetime, "access-token", authserver.DefaultAccessTokenLifetime, "how long an access token is good for")
	flag.DurationVar(&config.RotationGrace, "grace", 0, "how long a used refresh token may come again")
	flag.Parse()
	if *hint {
		config.DemoHint = &authserver.DemoHint{Text: "This is a demo. Its one account is filled in.", Username: "alice", Password: "alice"}
	}
	store := authserver.NewMemoryStore()
	config.Store = store
	err := store.AddClient(authserver.Client{
		ClientID:               "edge",
		ClientSecret:           os.Getenv("EDGE_CLIENT_SECRET"),
		Name:                   "the page at the edge",
		RedirectURIs:           []string{*base + "/callback"},
		PostLogoutRedirectURIs: []string{*home},
		BackchannelLogoutURI:   *base + "/backchannel_logout",
		GrantTypes:             []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantClientCredentials, authserver.GrantTokenExchange},
		Scope:                  "openid profile email notes.read",
	})
	if err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	config.Issuer = "http://" + listener.Addr().String()
	server, err := authserver.New(config)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle("/api/notes", notes(server))
	if _, err := os.Stdout.WriteString("ready: " + config.Issuer + "\n"); err != nil {
		log.Fatal(err)
	}
	log.Fatal((&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(listener))
}

// notes is a protected resource: it answers to an access token with the scope notes.read (RFC 6750).
func notes(server *authserver.Server) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := func(status int, body map[string]any) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			json.NewEncoder(w).Encode(body) // an error here is the peer's going away
		}
		scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		now := time.Now()
		token, ok := server.Authenticate(now, value)
		switch {
		case !strings.EqualFold(scheme, "Bearer") || !ok:
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			answer(http.StatusUnauthorized, map[string]any{"error": "invalid_token"})
		case !token.HasScope("notes.read"):
			w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="notes.read"`)
			answer(http.StatusForbidden, map[string]any{"error": "insufficient_scope"})
		default:
			answer(http.StatusOK, map[string]any{
				"user": token.User, "issued_at": token.IssuedAt.UnixMilli(), "expires_at": token.IssuedAt.Add(token.ExpiresIn).UnixMilli(),
				"notes": []string{"The token that fetched this note never was in your browser.", "It was renewed behind the scenes, if that was needed.", "The page got a cookie, which says nothing to anybody but the Worker."},
			})
		}
	}
}
