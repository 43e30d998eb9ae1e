package wasm

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
)

// pageModule is the module that pages load. Only functions refer to it, so the linker leaves it out
// of a program that calls none of them.
//
//go:embed oauth2.wasm
var pageModule []byte

// PageModule gives a copy of the embedded module that pages load: what pages and devices use,
// without what only servers, terminals and plugin hosts do. What it lacks it refuses with the code
// not_in_this_module, and Field says what that is. Sessions that one module stored, the other goes
// on with.
func PageModule() []byte { return slices.Clone(pageModule) }

// PageSHA256 is the digest of PageModule, in hexadecimal.
func PageSHA256() string {
	d := sha256.Sum256(pageModule)
	return hex.EncodeToString(d[:])
}

// NewPage is New for PageModule, which is compiled in less time.
func NewPage(ctx context.Context, opts EngineOptions) (*Engine, error) {
	return start(ctx, pageModule, opts)
}
