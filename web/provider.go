package main

import (
	"net/http"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const clientID = "demo"

// newProvider makes the handler of the other origin: the authorization server, and the API that it protects.
func newProvider(issuer, page string, life lifetimes) (http.Handler, error) {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID:     clientID,
		Name:         "the demo page",
		RedirectURIs: []string{page + "/", page + popupPath},
		GrantTypes:   []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
		Scope:        "profile email " + notesScope,
	})
	if err != nil {
		return nil, err
	}
	server, err := authserver.New(authserver.Config{
		Issuer: issuer,
		Store:  store,
		Users: map[string]authserver.User{
			"demo": {Password: "demo", Name: "Demo account", Email: "demo@example.com", EmailVerified: true},
		},
		Scopes:               []authserver.Scope{{Name: notesScope, Description: "Read your notes"}},
		AccessTokenLifetime:  life.token,
		RefreshTokenLifetime: life.session,
		DeviceCodeLifetime:   life.deviceCode,
		DeviceInterval:       2 * time.Second, // a person sees the page ask
		// An answer that was lost on the way may be asked for again; later, the second use of a refresh token revokes all.
		RotationGrace:  10 * time.Second,
		AllowedOrigins: []string{page},
		DemoHint:       &authserver.DemoHint{Text: "This is a demo. Its one account is filled in.", Username: "demo", Password: "demo"},
	})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle(notesPath, &notesAPI{server: server, issuer: issuer, page: page, now: time.Now})
	return mux, nil
}
