//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTenAgents (M98, M99): ten processes of four kinds use one credential. They are killed and
// stopped, their disk is full, and answers to them are lost. With a grace period at the server they
// are never signed out; without one, only if an answer was under way, lost or could not be stored.
func TestTenAgents(t *testing.T) {
	program := filepath.Join(t.TempDir(), "soak")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program, "-seconds", "13", "-of", ours)
	cmd.Env = append(os.Environ(), roleVariable+"=")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Error(err)
	}
}
