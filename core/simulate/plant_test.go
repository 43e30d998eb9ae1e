//go:build plant

package simulate

import (
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

// plants are the faults that core/*.go can be made to have, each with how many worlds of 400 steps may pass until it is found.
var plants = []struct {
	name   string
	worlds int
}{
	{"use-before-persist", 100},
	{"failed-store-untold", 200},
	{"mark-not-stored", 100},
	{"conflict-ignored", 400},
	{"adopt-skipped", 100},
	{"lock-released-early", 100},
	{"no-lock", 100},
	{"young-mark-ignored", 200},
	{"resent-without-limit", 400},
	{"window-ignored", 200},
	{"transient-ends-the-session", 100},
	{"sign-out-undone", 400},
	{"old-bytes-win", 400},
	{"state-not-consumed", 100},
	{"attempt-not-stored", 100},
	{"result-twice", 100},
	{"epoch-ignored", 400},
	{"timer-not-silenced", 400},
	{"stopped-poll-used", 400},
	{"redact-skipped", 100},
	{"downgrade-taken", 100},
	{"key-dropped", 100},
	{"key-shared", 100},
	{"key-kept", 100},
	{"ath-left-out", 100},
	{"proof-left-out", 100},
	{"nonce-forgotten", 100},
	{"jti-reused", 100},
	{"private-member", 100},
}

// TestPlanted: each fault is found, and soon.
func TestPlanted(t *testing.T) {
	defer core.Plant("")
	for _, row := range plants {
		t.Run(row.name, func(t *testing.T) {
			core.Plant(row.name)
			steps := 0
			for seed := range uint64(row.worlds) {
				r := New(seed+1, 400).Run()
				steps += r.Steps
				if r.Violation != nil {
					t.Logf("found in world %d after %d steps in all, by %s: %s", seed+1, steps, r.Violation.Rule, r.Violation.Text)
					return
				}
			}
			t.Errorf("not found in %d worlds, %d steps", row.worlds, steps)
		})
	}
}
