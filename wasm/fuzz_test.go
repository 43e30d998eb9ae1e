package wasm_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// TestModuleOrder runs random conversations with the shipped module, all in one instance: no trap,
// no broken rule. It reports how many inputs cause effects.
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

// FuzzModule is the same with inputs from the fuzzer, each in its own instance. A trap is a
// failure.
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
