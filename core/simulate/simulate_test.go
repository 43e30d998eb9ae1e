package simulate

import (
	"flag"
	"testing"
	"time"
)

var (
	seedFlag  = flag.Uint64("seed", 1, "the first seed")
	runsFlag  = flag.Int("runs", 0, "how many seeds from there; 0: as many as make test has time for")
	linesFlag = flag.Int("lines", 60, "how many of the last lines a violation shows")
	allFlag   = flag.Bool("all", false, "go on after a violation, and count them by rule")
	stepsFlag = flag.Int("steps", 600, "steps of each run before all is made good")
)

// TestSimulate runs one seed after the other.
func TestSimulate(t *testing.T) {
	runs := *runsFlag
	if runs == 0 {
		runs = 150
	}
	all := newReport(*seedFlag)
	all.Runs = 0
	broken := map[string]int{}
	began := time.Now()
	for seed := *seedFlag; seed < *seedFlag+uint64(runs); seed++ {
		r := New(seed, *stepsFlag).Run()
		all.Add(r)
		if r.Violation != nil && *allFlag {
			if broken[r.Violation.Rule]++; broken[r.Violation.Rule] == 1 {
				t.Errorf("seed %d, step %d: %s: %s", seed, r.Steps, r.Violation.Rule, r.Violation.Text)
			}
		} else if r.Violation != nil {
			t.Fatalf("seed %d, step %d: %s\n%s", seed, r.Steps, r.Violation.Show(*linesFlag), Replay(seed, *stepsFlag))
		}
	}
	if len(broken) > 0 {
		t.Error(broken)
	}
	t.Logf("seeds from %d: %s\n%.0f steps a second", *seedFlag, all, float64(all.Steps)/time.Since(began).Seconds())
}

// TestSimulateIsDeterministic: the same seed gives the same digest.
func TestSimulateIsDeterministic(t *testing.T) {
	for seed := range uint64(20) {
		a, b := New(seed, 400).Run(), New(seed, 400).Run()
		if a.Digest != b.Digest || a.Steps != b.Steps {
			t.Errorf("seed %d: %s after %d steps, and %s after %d", seed, a.Digest, a.Steps, b.Digest, b.Steps)
		}
	}
}
