package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"sync"
)

var edge = sync.OnceValues(func() (*program, error) {
	module, err := os.ReadFile("oauth2-edge.wasm")
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(module)
	EdgeSHA256 = hex.EncodeToString(digest[:])
	return compile(context.Background(), module, traits{pages: defaultMemory / page}, nil)
})

// EdgeSHA256 is the digest of the second module, in hexadecimal, once there was an engine of it.
var EdgeSHA256 string

// NewEdge is New with the usual limits, for the second module.
func NewEdge(ctx context.Context) (*Engine, error) {
	p, err := edge()
	if err != nil {
		return nil, err
	}
	return newEngine(ctx, p, 0)
}
