package wasm_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// TestModuleOrder runs conversations made at random on the shipped module, all on one instance: no
// trap, no broken rule. It says how many inputs reach an effect.
func TestModuleOrder(t *testing.T) {
	engine, err := wasm.New(t.Context(), wasm.EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Shutdown()
	all, err := oauthtest.ConverseAtRandom(func() oauth.Engine { return engine }, 2, 300)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(all)
}

// FuzzModule is the same with inputs that the fuzzer makes from the grammar's choices, an instance
// each. A trap is a failure.
func FuzzModule(f *testing.F) {
	f.Add([]byte("\x80\x00\x00\x00\x00\x00\x80\x03\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		engine, err := wasm.New(t.Context(), wasm.EngineOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Shutdown()
		if _, err := oauthtest.Converse(engine, data[:min(len(data), 1000)]); err != nil {
			t.Fatal(err)
		}
	})
}
