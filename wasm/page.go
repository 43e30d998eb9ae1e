package wasm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
)

// pageModule is the module for pages. Only functions refer to it, so the linker omits it from a
// program that calls none of them.
//
//go:embed oauth2.wasm
var pageModule []byte

// PageModule returns a copy of the embedded module for pages: it has what pages and devices use,
// without functions for servers, terminals and plugin hosts only. It refuses those with the code
// not_in_this_module, and Field names the function. Both modules can continue each other's stored
// sessions.
func PageModule() []byte { return slices.Clone(pageModule) }

// PageSHA256 is the digest of PageModule, in hexadecimal.
func PageSHA256() string {
	d := sha256.Sum256(pageModule)
	return hex.EncodeToString(d[:])
}

// NewPage is New for PageModule, which compiles faster.
func NewPage(ctx context.Context, opts EngineOptions) (*Engine, error) {
	return start(ctx, pageModule, opts)
}
