package plants

import (
	"os/exec"
	"strings"
	"testing"
)

// TestOverlay: the core has the lines that each fault changes, and builds with all faults.
func TestOverlay(t *testing.T) {
	file, err := Overlay("../..", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-overlay", file, "../..").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// TestParse: a fault that would change nothing is refused.
func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		"":                           "want worlds and a number",
		"worlds many\n\na.go\n-a\n":  "want worlds and a number",
		"worlds 1\n\na.go\n":         "nothing is changed",
		"worlds 1\n\na.go\n+a\n":     "nothing is changed",
		"worlds 1\n\na.go\n a\n b\n": "nothing is changed",
	} {
		if _, err := parse("x", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}
