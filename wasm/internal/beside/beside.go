// Package beside is for tests that need programs of others, which run in Node.
package beside

import (
	"os"
	"os/exec"
	"testing"
)

// Node skips a test unless the environment has PEERS, as `make test` sets it, so that Go alone is
// enough for the other tests. With PEERS the test fails where Node or its packages are missing.
// root is the way to the folder of go.mod.
func Node(t testing.TB, root string) {
	t.Helper()
	if os.Getenv("PEERS") == "" {
		t.Skip("a test beside programs in Node, which PEERS=1 asks for")
	}
	if _, err := exec.LookPath("node"); err != nil {
		t.Fatal("Node 20 or later is missing: ", err)
	}
	if _, err := os.Stat(root + "/node_modules"); err != nil {
		t.Fatal("npm packages are missing; make setup installs them: ", err)
	}
}
