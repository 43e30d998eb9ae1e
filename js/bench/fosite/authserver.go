package main

import (
	"crypto/rand"
	"net/http"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func newAuthserver() (http.Handler, func(int) ([]string, error), error) {
	store := authserver.NewMemoryStore()
	for _, c := range []authserver.Client{
		{ClientID: public, RedirectURIs: []string{"https://app.example/cb"}, GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken}, Scope: scope},
		{ClientID: service, ClientSecret: secret, GrantTypes: []string{authserver.GrantClientCredentials}, Scope: scope},
	} {
		if err := store.AddClient(c); err != nil {
			return nil, nil, err
		}
	}
	server, err := authserver.New(authserver.Config{
		Issuer: "http://127.0.0.1", Store: store, AccessTokenLifetime: time.Hour,
		Users:  map[string]authserver.User{"alice": {Password: "alice"}},
		Scopes: []authserver.Scope{{Name: scope, Description: "Read your notes"}},
		// One account has the whole load.
		Limits: authserver.Limits{Tokens: authserver.Limit{Owner: 1 << 30}},
	})
	seed := func(n int) ([]string, error) {
		list := make([]string, n)
		for i := range list {
			list[i] = rand.Text()
			err := store.SaveToken(authserver.TokenRecord{
				Token: authserver.Token{
					Scope: scope, IssuedAt: time.Now(), ExpiresIn: time.Hour, RefreshTokenExpiresIn: 24 * time.Hour, ClientID: public, TokenType: "Bearer", User: "alice",
				},
				Access: authserver.DigestOf(rand.Text()), Refresh: authserver.DigestOf(list[i]), Grant: rand.Text(), GrantScope: scope,
			})
			if err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return server, seed, err
}
