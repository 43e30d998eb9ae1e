//go:build unix

package servers

import (
	"os"
	"testing"
)

// Need skips a test where a program is not installed; PEERS=1 in the environment, as make test has it, lets it fail.
func Need(t testing.TB) {
	t.Helper()
	switch missing := Missing(); {
	case missing == "":
	case os.Getenv("PEERS") != "":
		t.Fatalf("%s is not installed; make setup installs it", missing)
	default:
		t.Skipf("%s is not installed", missing)
	}
}
