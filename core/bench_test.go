package core_test

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/simulate"
)

// BenchmarkSimulate is a step of package simulate: an event of one world, with all checks of its
// rules. Worlds differ, so each run has the same seeds.
func BenchmarkSimulate(b *testing.B) {
	steps := 0
	for seed := uint64(1); b.Loop(); seed++ {
		r := simulate.New(seed, 600).Run()
		if r.Violation != nil {
			b.Fatalf("seed %d: %s", seed, r.Violation.Rule)
		}
		steps += r.Steps
	}
	b.ReportMetric(float64(steps)/b.Elapsed().Seconds(), "steps/s")
}
