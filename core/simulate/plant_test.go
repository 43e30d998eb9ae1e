//go:build plant

package simulate

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/simulate/plants"
)

// TestPlanted: each fault is found soon. The faults are in the core by an overlay: make planted.
func TestPlanted(t *testing.T) {
	if !plants.Overlaid {
		t.Fatal("the core has no faults in it: make planted")
	}
	all, err := plants.All()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { plants.On = "" }()
	for _, plant := range all {
		t.Run(plant.Name, func(t *testing.T) {
			plants.On = plant.Name
			steps := 0
			for seed := range uint64(plant.Worlds) {
				r := New(seed+1, 400).Run()
				steps += r.Steps
				if r.Violation != nil {
					t.Logf("found in world %d after %d steps in all, by %s: %s", seed+1, steps, r.Violation.Rule, r.Violation.Text)
					return
				}
			}
			t.Errorf("not found in %d worlds, %d steps", plant.Worlds, steps)
		})
	}
}
