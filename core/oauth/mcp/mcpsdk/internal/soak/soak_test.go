//go:build linux

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestTenAgents (M98, M99): ten processes of four kinds on one credential, which are killed and
// stopped, whose disk is full and whose answers are lost, are not signed out with a grace at the
// server, and without one only where an answer was under way, lost or could not be written.
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
