package wasm

import (
	"context"
	"os"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/wasm/internal/counting"
)

// A meter is an engine of oauth2-full.wasm whose module counts its work, as package counting says.
type meter struct {
	*Engine
	t     *testing.T
	first *instance
}

var metered = sync.OnceValues(func() (*program, error) {
	plain, err := os.ReadFile("oauth2-full.wasm")
	if err != nil {
		return nil, err
	}
	changed, err := counting.Instrument(plain)
	if err != nil {
		return nil, err
	}
	return compile(context.Background(), changed, traits{pages: defaultMemory / page}, nil)
})

func newMeter(t *testing.T) meter {
	t.Helper()
	p, err := metered()
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEngine(t.Context(), p, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Shutdown)
	return meter{e, t, e.instances[0]}
}

// work is what the first instance has done so far.
func (m meter) work() int64 {
	return int64(m.first.module.ExportedGlobal("work").Get())
}

// memory is the first instance's memory in bytes.
func (m meter) memory() int64 { return int64(m.first.module.Memory().Size()) }
