//go:build page

package core_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// TestPageTranscripts: E130, the sources of oauth2.wasm have the same output as the full module's
// in every transcript, except those whose first line has "profile":"full". -update writes that
// member.
func TestPageTranscripts(t *testing.T) {
	update := flag.Lookup("update").Value.String() == "true"
	files, err := filepath.Glob("contract/client/*.txt")
	if err != nil || len(files) < 40 {
		t.Fatal(err, len(files))
	}
	counts := map[string]int{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(raw)
		differs := oauthtest.Replay(text, &core.Engine{})
		profile, other := "page", "full"
		if differs != nil {
			profile, other = other, profile
		}
		counts[profile]++
		has := func(profile string) string { return `"profile":"` + profile + `"` }
		head, rest, _ := strings.Cut(text, "\n")
		switch {
		case strings.Contains(head, has(profile)):
		case !update:
			t.Errorf("%s: the profile is %s: go test ./core -run Scenario -update (%v)", file, profile, differs)
		default:
			if err := os.WriteFile(file, []byte(strings.Replace(head, has(other), has(profile), 1)+"\n"+rest), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Log(counts)
}
