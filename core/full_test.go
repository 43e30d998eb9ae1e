//go:build !page

package core

import (
	"strings"
	"testing"
)

const page = false

// TestVerbs: E131, every command has its function, in the same order.
func TestVerbs(t *testing.T) {
	if n := len(strings.Fields(moreCommands)); n != len(moreVerbs) {
		t.Errorf("%d commands have %d verbs", n, len(moreVerbs))
	}
	if n := len(strings.Fields(offline + " " + online)); n != len(verbs) {
		t.Errorf("%d commands have %d verbs", n, len(verbs))
	}
}
