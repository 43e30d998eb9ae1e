package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// An identityProvider is the server at which a client's user signed in, and which the client's own
// server trusts.
type identityProvider struct {
	config *config.Config
	wire   *wire.Wire
	issuer *issuer.Issuer
}

func newIdentityProvider(l *link.Link, cfg *config.Config) *identityProvider {
	wr := wire.New(l, cfg)
	return &identityProvider{cfg, wr, issuer.New(l, cfg, store.New(l, cfg, "", nil), wr)}
}
