package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/ory/fosite"
	"github.com/ory/fosite/compose"
	"github.com/ory/fosite/storage"
)

// plain compares secrets as core/authserver does. Fosite's own hasher is bcrypt, which would take
// nearly all the time.
type plain struct{}

func (plain) Hash(_ context.Context, data []byte) ([]byte, error) { return data, nil }

func (plain) Compare(_ context.Context, hash, data []byte) error {
	a, b := sha256.Sum256(hash), sha256.Sum256(data)
	if subtle.ConstantTimeCompare(a[:], b[:]) != 1 {
		return errors.New("wrong secret")
	}
	return nil
}

// guarded is fosite's store with an additional lock: without it, fosite revokes a refresh token in
// a map that another request may be reading, and the process crashes.
type guarded struct {
	*storage.MemoryStore
	mu sync.Mutex
}

func (g *guarded) CreateRefreshTokenSession(ctx context.Context, signature, access string, r fosite.Requester) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.MemoryStore.CreateRefreshTokenSession(ctx, signature, access, r)
}

func (g *guarded) GetRefreshTokenSession(ctx context.Context, signature string, s fosite.Session) (fosite.Requester, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.MemoryStore.GetRefreshTokenSession(ctx, signature, s)
}

func (g *guarded) RotateRefreshToken(ctx context.Context, request, signature string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.MemoryStore.RotateRefreshToken(ctx, request, signature)
}

func newFosite() (http.Handler, func(int) ([]string, error), error) {
	key := make([]byte, 32)
	rand.Read(key)
	config := &fosite.Config{GlobalSecret: key, ClientSecretsHasher: plain{}, RefreshTokenScopes: []string{}, AccessTokenLifespan: time.Hour, RefreshTokenLifespan: 24 * time.Hour}
	store, strategy := &guarded{MemoryStore: storage.NewMemoryStore()}, compose.NewOAuth2HMACStrategy(config)
	client := &fosite.DefaultClient{ID: public, Public: true, RedirectURIs: []string{"https://app.example/cb"}, GrantTypes: []string{"authorization_code", "refresh_token"}, Scopes: []string{scope}}
	store.Clients[public] = client
	store.Clients[service] = &fosite.DefaultClient{ID: service, Secret: []byte(secret), GrantTypes: []string{"client_credentials"}, Scopes: []string{scope}}
	provider := compose.Compose(config, store, strategy, compose.OAuth2ClientCredentialsGrantFactory, compose.OAuth2RefreshTokenGrantFactory)

	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		request, err := provider.NewAccessRequest(ctx, r, &fosite.DefaultSession{})
		if err != nil {
			provider.WriteAccessError(ctx, w, request, err)
			return
		}
		if request.GetGrantTypes().ExactOne("client_credentials") {
			for _, s := range request.GetRequestedScopes() {
				request.GrantScope(s)
			}
		}
		response, err := provider.NewAccessResponse(ctx, request)
		if err != nil {
			provider.WriteAccessError(ctx, w, request, err)
			return
		}
		provider.WriteAccessResponse(ctx, w, request, response)
	})
	seed := func(n int) ([]string, error) {
		list := make([]string, n)
		for i := range list {
			request := fosite.NewRequest()
			request.Client, request.RequestedScope, request.GrantedScope = client, fosite.Arguments{scope}, fosite.Arguments{scope}
			request.Session = &fosite.DefaultSession{Subject: "alice", ExpiresAt: map[fosite.TokenType]time.Time{fosite.RefreshToken: time.Now().Add(24 * time.Hour)}}
			token, signature, err := strategy.GenerateRefreshToken(context.Background(), request)
			if err != nil {
				return nil, err
			}
			if err := store.CreateRefreshTokenSession(context.Background(), signature, "", request); err != nil {
				return nil, err
			}
			list[i] = token
		}
		return list, nil
	}
	return handler, seed, nil
}
