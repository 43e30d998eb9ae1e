package wasm

import (
	"context"
	"os"
	"sync"
)

var edge = sync.OnceValues(func() (*program, error) {
	module, err := os.ReadFile("oauth2-edge.wasm")
	if err != nil {
		return nil, err
	}
	return compile(context.Background(), module, traits{pages: defaultMemory / page}, nil)
})

// NewEdge is New with the usual limits, for the second module.
func NewEdge(ctx context.Context) (*Engine, error) {
	p, err := edge()
	if err != nil {
		return nil, err
	}
	return newEngine(ctx, p, 0)
}
