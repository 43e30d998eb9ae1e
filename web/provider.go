package main

import (
	"net/http"
	"net/url"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	clientID = "demo"
	// terminalID is the client of oauth2-token. Its tokens are for other programs, so they are not
	// bound to a key.
	terminalID    = "terminal"
	terminalScope = "openid profile email " + notesScope
)

// newProvider makes the handler of the other origin: the authorization server, and the API that it
// protects.
func newProvider(issuer, page string, life lifetimes) (http.Handler, error) {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID:     clientID,
		Name:         "the demo page",
		URI:          page + "/",
		RedirectURIs: []string{page + "/", page + popupPath, page + serverPath},
		GrantTypes:   []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
		Scope:        "openid profile email " + notesScope,

		PostLogoutRedirectURIs: []string{page + "/"},
		// Its requests are pushed, and its tokens are valid only with a key that the page has.
		RequirePushedAuthorizationRequests: true,
		DPoPBoundAccessTokens:              true,
	})
	if err == nil {
		err = store.AddClient(authserver.Client{
			ClientID:     terminalID,
			Name:         "oauth2-token in your terminal",
			RedirectURIs: []string{"http://127.0.0.1/"}, // on any port (RFC 8252 section 7.3)
			GrantTypes:   []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
			Scope:        terminalScope,
		})
	}
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
		DeviceInterval:       2 * time.Second, // short, so that users see the page poll
		// After a lost answer the client may repeat a refresh. Later, a second use of the refresh
		// token revokes the grant.
		RotationGrace:  10 * time.Second,
		AllowedOrigins: []string{page},
		DemoHint:       &authserver.DemoHint{Text: "This is a demo. Its one account is filled in.", Username: "demo", Password: "demo"},
	})
	if err != nil {
		return nil, err
	}
	access := authserver.Access{Resource: issuer + apiPath, Scope: notesScope}
	fresh := access
	fresh.MaxAge = life.fresh
	mux := http.NewServeMux()
	mux.Handle("/", &counter{server: server, page: page})
	mux.Handle(notesPath, &protectedAPI{server: server, page: page, access: access, notes: notes, now: time.Now})
	mux.Handle(secretPath, &protectedAPI{server: server, page: page, access: fresh, notes: secrets, now: time.Now})
	metadata, err := url.Parse(authserver.ResourceMetadataURL(access.Resource))
	if err != nil {
		return nil, err
	}
	mux.HandleFunc(metadata.Path, func(w http.ResponseWriter, _ *http.Request) { respond(w, server.ResourceMetadata(access)) })
	return mux, nil
}
