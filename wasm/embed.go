package wasm

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"slices"
	"sync"
)

//go:embed oauth2-full.wasm
var fullModule []byte

//go:embed oauth2.wasm
var pageModule []byte

// A Profile is how much of the client a module has. Sessions that one stored, the other goes on with.
type Profile int

const (
	// Full is oauth2-full.wasm, which has all of it.
	Full Profile = iota
	// Page is oauth2.wasm, which has what pages and devices use, and is compiled in less time. What it lacks it refuses: with the code
	// not_in_this_module, and Field says what that is.
	Page
)

func (p Profile) module() []byte {
	if p == Page {
		return pageModule
	}
	return fullModule
}

// Module gives a copy of the embedded module of a profile: the bytes that every host of this project runs.
func (p Profile) Module() []byte { return slices.Clone(p.module()) }

// SHA256 is the digest of the embedded module of a profile, in hexadecimal.
func (p Profile) SHA256() string {
	if p == Page {
		return pageSum()
	}
	return fullSum()
}

var (
	fullSum = sync.OnceValue(func() string { return digest(fullModule) })
	pageSum = sync.OnceValue(func() string { return digest(pageModule) })
)

func digest(module []byte) string {
	d := sha256.Sum256(module)
	return hex.EncodeToString(d[:])
}

// Module is that of [Full].
func Module() []byte { return Full.Module() }

// SHA256 is that of [Full].
func SHA256() string { return Full.SHA256() }
