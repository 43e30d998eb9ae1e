package wasm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
)

// edgeModule is the edge module. Only functions refer to it, so the linker omits it from a program
// that calls none of them.
//
//go:embed oauth2-edge.wasm
var edgeModule []byte

// EdgeModule returns a copy of the embedded edge module, which also has the kinds bff and resource:
// the backend for a frontend and the guard, as packages core/oauth/backend and core/oauth/guard and
// the Worker run them.
func EdgeModule() []byte { return slices.Clone(edgeModule) }

// EdgeSHA256 is the digest of EdgeModule, in hexadecimal.
func EdgeSHA256() string {
	d := sha256.Sum256(edgeModule)
	return hex.EncodeToString(d[:])
}

// NewEdge is New for the edge module.
func NewEdge(ctx context.Context, opts EngineOptions) (*Engine, error) {
	return start(ctx, edgeModule, opts)
}
