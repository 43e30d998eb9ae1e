// Package beside is for tests that need programs of others, which run with Node.
package beside

import (
	"os"
	"os/exec"
	"testing"
)

// Node skips a test unless PEERS is in the environment, as in `make test`, so that Go alone is
// enough for the other tests. With PEERS the test fails if Node or its packages are missing. root
// is the path of the folder with go.mod.
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
