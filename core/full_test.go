//go:build !page

package core

import (
	"strings"
	"testing"
)

const page = false

// TestMore: E131, what oauth2.wasm says that another module has is what the other sources add: no name is in one place only.
func TestMore(t *testing.T) {
	names := ""
	for _, g := range new(config).moreGroups() {
		names += " " + g.names
		if n := len(strings.Fields(g.names)); g.texts != nil && n != len(g.texts) || g.values != nil && n != len(g.values) {
			t.Errorf("%s: %d names for %d fields", g.names, n, len(g.texts)+len(g.values))
		}
	}
	if names[1:] != moreMembers {
		t.Errorf("members:\n got %s\nwant %s", names[1:], moreMembers)
	}
	if n := len(strings.Fields(moreCommands)); n != len(moreVerbs) {
		t.Errorf("%d commands have %d verbs", n, len(moreVerbs))
	}
	if n := len(strings.Fields(offline + " " + online)); n != len(verbs) {
		t.Errorf("%d commands have %d verbs", n, len(verbs))
	}
	if !strings.Contains(ownMethods, authPrivateJWT) || strings.Contains(moreMethods, authBasic) {
		t.Error(ownMethods, moreMethods)
	}
}
