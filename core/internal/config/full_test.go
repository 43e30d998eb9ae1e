//go:build !page

package config

import (
	"strings"
	"testing"
)

// TestMore: E131, oauth2.wasm says of exactly those members that another module has them, which the
// other sources add.
func TestMore(t *testing.T) {
	names := ""
	for _, g := range new(Config).moreGroups() {
		names += " " + g.names
		if n := len(strings.Fields(g.names)); g.texts != nil && n != len(g.texts) || g.values != nil && n != len(g.values) {
			t.Errorf("%s: %d names for %d fields", g.names, n, len(g.texts)+len(g.values))
		}
	}
	if names[1:] != MoreMembers {
		t.Errorf("members:\n got %s\nwant %s", names[1:], MoreMembers)
	}
	if !strings.Contains(ownMethods, AuthPrivateJWT) || strings.Contains(MoreMethods, AuthBasic) {
		t.Error(ownMethods, MoreMethods)
	}
}
