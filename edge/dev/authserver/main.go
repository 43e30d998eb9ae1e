// Command authserver serves the project's authorization server and an API that it protects, for
// `make edge` and the tests of edge: the confidential client "edge" and the user "alice" with the
// password "alice". It prints "ready: ISSUER" when it listens, and runs until it is stopped. The
// API is ISSUER/api/notes, which accepts bearer tokens and tokens that are bound to a key.
//
// The environment says how the client authenticates: EDGE_CLIENT_SECRET, or EDGE_CLIENT_JWK, the
// public key of private_key_jwt. A private key in EDGE_SIGNING_JWK signs ID tokens and logout
// tokens, so that a test can make tokens that this server would not issue. Without it the server
// makes a key.
package main

import (
	"cmp"
	"crypto/ecdsa"
	"encoding/json"
	"flag"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("authserver: ")
	base := flag.String("base", "", "where the endpoints of the backend for the frontend are: /callback and /backchannel_logout below it")
	home := flag.String("home", "", "where the browser may go after signing out")
	logout := flag.String("backchannel-logout", "", "where logout tokens are posted; left out: /backchannel_logout below -base")
	app := flag.String("app", "", "a redirect URI of an application of the same client")
	addr := flag.String("addr", "127.0.0.1:0", "where to listen")
	hint := flag.Bool("hint", false, "fill in the sign-in page")
	config := authserver.Config{
		Users:         map[string]authserver.User{"alice": {Password: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true}},
		Scopes:        []authserver.Scope{{Name: "notes.read", Description: "Read your notes"}},
		TokenExchange: true,
	}
	flag.DurationVar(&config.AccessTokenLifetime, "access-token", authserver.DefaultAccessTokenLifetime, "how long an access token is good for")
	flag.DurationVar(&config.RotationGrace, "grace", 0, "how long a used refresh token may come again")
	flag.DurationVar(&config.DPoPNonceInterval, "dpop-nonce", 0, "how often DPoP proofs need another nonce; 0: they need none")
	flag.Parse()
	if *hint {
		config.DemoHint = &authserver.DemoHint{Text: "This is a demo. Its one account is filled in.", Username: "alice", Password: "alice"}
	}
	store := authserver.NewMemoryStore()
	config.Store = store
	client := authserver.Client{
		ClientID:               "edge",
		ClientSecret:           os.Getenv("EDGE_CLIENT_SECRET"),
		Name:                   "the page at the edge",
		RedirectURIs:           []string{*base + "/callback"},
		PostLogoutRedirectURIs: []string{*home},
		BackchannelLogoutURI:   cmp.Or(*logout, *base+"/backchannel_logout"),
		GrantTypes:             []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantClientCredentials, authserver.GrantTokenExchange},
		Scope:                  "openid profile email notes.read",
	}
	// The backend is on loopback.
	config.BackchannelLogout = authserver.PostLogoutTokens(authserver.PublicTransport(origin(client.BackchannelLogoutURI)))
	if *app != "" {
		client.RedirectURIs = append(client.RedirectURIs, *app)
	}
	if key, ok := readKey("EDGE_CLIENT_JWK"); ok {
		client.TokenEndpointAuthMethod = authserver.AuthMethodPrivateKeyJWT
		client.JWKS.Keys = []jose.JSONWebKey{key}
	}
	if key, ok := readKey("EDGE_SIGNING_JWK"); ok {
		config.SigningKey, _ = key.Key.(*ecdsa.PrivateKey)
	}
	if err := store.AddClient(client); err != nil {
		log.Fatal(err)
	}
	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	config.Issuer = "http://" + listener.Addr().String()
	api := authserver.Access{Resource: config.Issuer + "/api/notes", Scope: "notes.read"}
	config.Resources = []string{api.Resource, "https://orders.example"}
	server, err := authserver.New(config)
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle("/api/notes", notes(server, api))
	if _, err := os.Stdout.WriteString("ready: " + config.Issuer + "\n"); err != nil {
		log.Fatal(err)
	}
	log.Fatal((&http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}).Serve(listener))
}

// origin returns the origin of a URL.
func origin(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// readKey reads the JWK in a variable. It returns false if there is none.
func readKey(name string) (key jose.JSONWebKey, ok bool) {
	text := os.Getenv(name)
	if text == "" {
		return key, false
	}
	if err := key.UnmarshalJSON([]byte(text)); err != nil {
		log.Fatal(name, ": is not a JWK")
	}
	return key, true
}

// notes is a protected resource (RFC 6750, RFC 9449).
func notes(server *authserver.Server, access authserver.Access) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		request := authserver.Request{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header, Now: time.Now()}
		token, answer, ok := server.CheckAccess(request, access)
		maps.Copy(w.Header(), answer.Header)
		if !ok {
			w.WriteHeader(answer.Status)
			w.Write(answer.Body) // an error here, and below, means that the peer has gone
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]any{
			"user": token.User, "scope": token.Scope, "jkt": token.JKT,
			"issued_at": token.IssuedAt.UnixMilli(), "expires_at": token.IssuedAt.Add(token.ExpiresIn).UnixMilli(),
			"notes": []string{"The token that fetched this note never was in your browser.", "It was renewed behind the scenes, if that was needed.", "The page got a cookie, which says nothing to anybody but the Worker."},
		})
	}
}
