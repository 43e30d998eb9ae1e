package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A Report is the result of one run, or of several.
type Report struct {
	Seed    uint64
	Runs    int
	Steps   int
	Virtual time.Duration
	// Digest covers every message, so equal runs have equal digests.
	Digest string
	// States counts, after each input, the statuses of all parties together. Reached counts the
	// states of single sessions.
	States, Reached map[string]int
	Effects         map[string]int
	Commands        map[string]int
	// Results counts the error codes with which commands ended.
	Results map[string]int
	Faults  map[string]int
	// Excused counts what an exception of the rules allowed, Known the violations that are known.
	Excused, Known map[string]int
	// Keys counts the keys that existed at the end: in use, or left over and why.
	Keys      map[string]int
	Violation *Violation
}

// A Violation is a rule that was broken.
type Violation struct {
	Rule, Text, Plan string
	Last             []string
}

func newReport(seed uint64) *Report {
	return &Report{Seed: seed, Runs: 1, States: map[string]int{}, Reached: map[string]int{}, Effects: map[string]int{}, Commands: map[string]int{},
		Results: map[string]int{}, Faults: map[string]int{}, Excused: map[string]int{}, Known: map[string]int{}, Keys: map[string]int{}}
}

// finish adds the totals; virtual is the virtual time in ms.
func (r *Report) finish(steps int, virtual int64, digest string) {
	r.Steps, r.Virtual, r.Digest = steps, time.Duration(virtual)*time.Millisecond, digest
}

// Add adds another run to r.
func (r *Report) Add(o *Report) {
	r.Runs += o.Runs
	r.Steps += o.Steps
	r.Virtual += o.Virtual
	for _, pair := range [][2]map[string]int{{r.States, o.States}, {r.Reached, o.Reached}, {r.Effects, o.Effects}, {r.Commands, o.Commands}, {r.Results, o.Results},
		{r.Faults, o.Faults}, {r.Excused, o.Excused}, {r.Known, o.Known}, {r.Keys, o.Keys}} {
		for name, n := range pair[1] {
			pair[0][name] += n
		}
	}
	if r.Violation == nil {
		r.Violation = o.Violation
	}
}

// String formats the report for people.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d runs, %d steps, %s of virtual time\n", r.Runs, r.Steps, r.Virtual.Round(time.Second))
	for _, part := range []struct {
		name string
		of   map[string]int
	}{{"effects", r.Effects}, {"commands", r.Commands}, {"errors", r.Results}, {"sessions in", r.Reached}, {"faults", r.Faults}, {"excused", r.Excused}, {"known findings", r.Known}, {"keys at the end", r.Keys}} {
		if len(part.of) == 0 {
			continue
		}
		var all []string
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			all = append(all, fmt.Sprintf("%s %d", name, part.of[name]))
		}
		fmt.Fprintf(&b, "%s (%d): %s\n", part.name, len(all), strings.Join(all, ", "))
	}
	fmt.Fprintf(&b, "combinations of statuses: %d", len(r.States))
	return b.String()
}

// Replay returns the command that runs a seed again.
func Replay(seed uint64, steps int) string {
	return fmt.Sprintf("make simulate SEED=%d STEPS=%d", seed, steps)
}

func (v *Violation) String() string { return v.Show(60) }

// Show returns the violation with its last lines.
func (v *Violation) Show(lines int) string {
	last := v.Last[max(0, len(v.Last)-lines):]
	return fmt.Sprintf("%s: %s\nthe world: %s\n%s", v.Rule, v.Text, v.Plan, strings.Join(last, "\n"))
}
