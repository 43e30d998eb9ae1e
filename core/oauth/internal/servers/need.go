//go:build unix

package servers

import (
	"os"
	"testing"
)

// Need skips a test that needs the servers, unless PEERS is in the environment, as in make test.
// Then the servers must be installed.
func Need(t testing.TB) {
	t.Helper()
	if os.Getenv("PEERS") == "" {
		t.Skip("PEERS=1 runs it, on Redis and PostgreSQL")
	}
	if missing := Missing(); missing != "" {
		t.Fatalf("%s is not installed; make setup installs it", missing)
	}
}
