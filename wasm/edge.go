package wasm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
)

// edgeModule is the second module. Only functions refer to it, so the linker leaves it out of a
// program that calls none of them.
//
//go:embed oauth2-edge.wasm
var edgeModule []byte

// EdgeModule gives a copy of the second embedded module, which also knows sessions of kind bff: the
// backend for a frontend, as package core/oauth/backend and the Worker run it.
func EdgeModule() []byte { return slices.Clone(edgeModule) }

// EdgeSHA256 is the digest of EdgeModule, in hexadecimal.
func EdgeSHA256() string {
	d := sha256.Sum256(edgeModule)
	return hex.EncodeToString(d[:])
}

// NewEdge is New for the second module.
func NewEdge(ctx context.Context, opts EngineOptions) (*Engine, error) {
	return start(ctx, edgeModule, opts)
}
