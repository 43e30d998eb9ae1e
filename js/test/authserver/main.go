// Command authserver serves the project's authorization server for the tests in JavaScript. It has
// a public client "app" for the code and the device flow, a client "service" with a secret, and a
// user "alice" with the password "alice". It prints "ready: ISSUER" when it listens, and runs until
// it is stopped. Its arguments are redirect URIs, which are also valid after a sign-out. A refresh
// token that is used twice ends its session, unless -grace allows it.
//
// At /api is a resource for its tokens, and at /api/strong one that requires a sign-in of the last
// class in -acr.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"flag"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("authserver: ")
	config := authserver.Config{
		Users: map[string]authserver.User{"alice": {Password: "alice", Name: "Alice", Email: "alice@example.com", EmailVerified: true}},
		Scopes: []authserver.Scope{
			{Name: "read", Description: "Read"},
			{Name: "offline_access", Description: "Go on after you sign out"},
		},
		TokenExchange: true,
		// The tests' clients are on loopback.
		BackchannelLogout:        authserver.PostLogoutTokens(http.DefaultTransport),
		InsecurePrivateAddresses: true,
	}
	flag.DurationVar(&config.AccessTokenLifetime, "access-token", authserver.DefaultAccessTokenLifetime, "how long an access token is good for")
	flag.DurationVar(&config.RotationGrace, "grace", 0, "how long a used refresh token may come again")
	flag.DurationVar(&config.DeviceInterval, "interval", time.Second, "between two polls")
	flag.DurationVar(&config.DeviceCodeLifetime, "device-code", authserver.DefaultDeviceCodeLifetime, "how long a device code is good for")
	flag.DurationVar(&config.DPoPNonceInterval, "dpop-nonce", 0, "how often there is a new nonce for DPoP proofs; 0: proofs need none")
	flag.BoolVar(&config.RequirePAR, "par", false, "refuse authorization requests that were not pushed")
	flag.BoolVar(&config.InsecureOpenRegistration, "open-registration", false, "let clients register themselves")
	each(&config.InsecureResponseTypes, "response-types", "a response type besides code, as \"code id_token\"; may come again")
	each(&config.Resources, "resource", "a resource, besides /api, that tokens may be asked for; may come again")
	documents := flag.String("documents", "", "an origin on loopback: metadata documents of clients at https://client.example are read there")
	provider := flag.Bool("identity-provider", false, "trust an identity provider, which is at /idp, for its client agent, which is agent here too")
	addr := flag.String("addr", "127.0.0.1:0", "where it listens")
	issuer := flag.String("issuer", "", "what the server is called, where a test leads that name to it; its own address otherwise")
	clients := []string{"app"}
	each(&clients, "client", "a client besides app that is like it; may come again")
	var scopes []string
	each(&scopes, "scope", "a scope besides the usual ones; may come again")
	each(&config.ACRValues, "acr", "an authentication context class, the weakest first; may come again")
	flag.Parse()

	listener, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	address := "http://" + listener.Addr().String()
	if config.Issuer = *issuer; config.Issuer == "" {
		config.Issuer = address
	}
	if *documents != "" {
		get := authserver.GetClientDocuments(authserver.PublicTransport(*documents))
		config.ClientDocuments = func(uri string) (authserver.Response, error) {
			return get(strings.Replace(uri, "https://client.example", *documents, 1))
		}
	}
	for _, scope := range scopes {
		config.Scopes = append(config.Scopes, authserver.Scope{Name: scope, Description: scope})
	}
	api := authserver.Access{Resource: config.Issuer + "/api"}
	resources := append(config.Resources, api.Resource)
	if config.Resources != nil {
		config.Resources = resources
	}
	store := authserver.NewMemoryStore()
	config.Store = store
	all := []authserver.Client{{
		ClientID: "service", ClientSecret: "a secret of the service, for tests",
		GrantTypes: []string{authserver.GrantClientCredentials, authserver.GrantTokenExchange}, Scope: "read profile",
		ResourceServer: true, Resources: resources, ExchangeTargets: []string{api.Resource},
	}}
	for _, id := range clients {
		all = append(all, authserver.Client{
			ClientID:               id,
			RedirectURIs:           flag.Args(),
			PostLogoutRedirectURIs: flag.Args(),
			GrantTypes:             []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
			ResponseTypes:          append([]string{authserver.ResponseTypeCode}, config.InsecureResponseTypes...),
			Scope:                  strings.Join(append([]string{"openid offline_access profile email read"}, scopes...), " "),
		})
	}
	mux := http.NewServeMux()
	if *provider {
		config.IdentityProviders = serveProvider(mux, config.Issuer, resources)
		all = append(all, authserver.Client{ClientID: "agent", ClientSecret: "agent's secret", GrantTypes: []string{authserver.GrantJWTBearer}, Scope: "read"})
	}
	for _, client := range all {
		if err := store.AddClient(client); err != nil {
			log.Fatal(err)
		}
	}
	server, err := authserver.New(config)
	if err != nil {
		log.Fatal(err)
	}
	mux.Handle("/", server)
	mux.Handle("/api", resource(server, api))
	if n := len(config.ACRValues); n > 0 {
		strong := api
		strong.ACRValues = config.ACRValues[n-1:]
		mux.Handle("/api/strong", resource(server, strong))
	}
	mux.HandleFunc("/.well-known/oauth-protected-resource/api", func(w http.ResponseWriter, _ *http.Request) {
		write(w, server.ResourceMetadata(api))
	})
	if _, err := os.Stdout.WriteString("ready: " + address + "\n"); err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, mux))
}

// serveProvider serves an identity provider at /idp, which vouches for its client at audience.
func serveProvider(mux *http.ServeMux, audience string, resources []string) map[string]authserver.IdentityProvider {
	issuer, store := audience+"/idp", authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID: "agent", ClientSecret: "agent's secret", RedirectURIs: flag.Args(), Scope: "openid",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantTokenExchange},
	})
	if err != nil {
		log.Fatal(err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	server, err := authserver.New(authserver.Config{
		Issuer: issuer, Store: store, SigningKey: key, Users: map[string]authserver.User{"alice": {Password: "alice"}},
		CrossAppAccess: []authserver.CrossAppAccess{{ClientID: "agent", Audience: audience, Resources: resources, Scope: "read write"}},
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, path := range []string{"/idp/", "/.well-known/oauth-authorization-server/idp"} {
		mux.Handle(path, server)
	}
	return map[string]authserver.IdentityProvider{issuer: {Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public()}}}}}
}

// each defines a flag that adds to a list.
func each(list *[]string, name, usage string) {
	flag.Func(name, usage, func(value string) error {
		*list = append(*list, value)
		return nil
	})
}

// resource answers requests with the required access. They have no body.
func resource(server *authserver.Server, want authserver.Access) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, answer, ok := server.CheckAccess(authserver.Request{Method: r.Method, URL: r.URL.String(), Header: r.Header, Now: time.Now()}, want)
		if ok {
			answer.Header.Set("Content-Type", "application/json")
			answer.Body = []byte(`{"user":"` + token.User + `","client_id":"` + token.ClientID + `"}`)
		}
		write(w, answer)
	})
}

func write(w http.ResponseWriter, answer authserver.Response) {
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body) // an error here means that the peer has gone
}
