package wasm

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"sync"
)

//go:embed oauth2-full.wasm
var module []byte

// Module returns a copy of the embedded module: the same bytes that every host of this project
// runs.
func Module() []byte { return slices.Clone(module) }

var sum = sync.OnceValue(func() string {
	d := sha256.Sum256(module)
	return hex.EncodeToString(d[:])
})

// SHA256 is the digest of the embedded module, in hexadecimal.
func SHA256() string { return sum() }
