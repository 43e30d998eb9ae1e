package config

import (
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// TestSuggestsEveryMember: E50, a member is suggested for the spelling of other clients, and for
// one wrong letter.
func TestSuggestsEveryMember(t *testing.T) {
	names := names(new(Config).groups())
	for _, name := range strings.Fields(names) {
		parts := strings.Split(name, "_")
		for i, p := range parts[1:] {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
		if camel := strings.Join(parts, ""); camel != name && link.BareName(link.Suggest(names, camel)) != link.BareName(name) {
			t.Errorf("%s: %s", camel, link.Suggest(names, camel))
		}
		if typo := name[:2] + "x" + name[2:]; link.BareName(link.Suggest(names, typo)) != link.BareName(name) {
			t.Errorf("%s: %s", typo, link.Suggest(names, typo))
		}
	}
}
