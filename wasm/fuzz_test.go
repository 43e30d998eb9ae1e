package wasm_test

import (
	"math/rand/v2"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive/drivetest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// TestModuleOrder runs conversations made at random on the shipped module, all on one instance: no trap, no broken rule. It says how many inputs reach an effect.
func TestModuleOrder(t *testing.T) {
	engine, err := wasm.New(t.Context(), wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Shutdown()
	r := rand.New(rand.NewPCG(5, 6))
	var all drivetest.Reached
	for range 300 {
		data := make([]byte, 20+r.IntN(400))
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		got, err := drivetest.Converse(engine, data)
		if err != nil {
			t.Fatalf("%v\n%q", err, data)
		}
		all.Inputs, all.Taken, all.Effective = all.Inputs+got.Inputs, all.Taken+got.Taken, all.Effective+got.Effective
	}
	t.Logf("%d inputs, %d taken, %d %% with effects", all.Inputs, all.Taken, 100*all.Effective/all.Inputs)
	if all.Effective*2 < all.Inputs {
		t.Error("most inputs reach nothing: the grammar is off")
	}
}

// FuzzModule is the same with inputs that the fuzzer makes from the grammar's choices, an instance each. A trap is a failure.
func FuzzModule(f *testing.F) {
	f.Add([]byte("\x80\x00\x00\x00\x00\x00\x80\x03\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		engine, err := wasm.New(t.Context(), wasm.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer engine.Shutdown()
		if _, err := drivetest.Converse(engine, data[:min(len(data), 1000)]); err != nil {
			t.Fatal(err)
		}
	})
}
