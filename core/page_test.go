//go:build page

package core

import (
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
)

const page = true

// TestPageLacks: E131, what the page module lacks is refused by name, and the error says which file
// has it.
func TestPageLacks(t *testing.T) {
	s := quietScene(t)
	refused := func(r msg, field, came string) {
		t.Helper()
		if r.Str("error", "kind") != "client" || r.Str("error", "code") != "not_in_this_module" || r.Str("error", "field") != field || r.Str("error", "expected") != "oauth2-full.wasm" || r.Str("error", "came") != came {
			t.Errorf("%s %s: %s", field, came, r.Raw)
		}
	}
	for _, name := range strings.Fields(config.MoreMembers) {
		refused(s.open(with(`{`+quote(name)+`:"x"}`)), name, "")
	}
	for _, method := range strings.Fields(config.MoreMethods) {
		refused(s.open(with(`{"client_secret":"s3cret","token_endpoint_auth_method":`+quote(method)+`}`)), "token_endpoint_auth_method", method)
		refused(s.open(with(`{"client_secret":"s3cret","revocation_endpoint":"https://as.example/revoke","revocation_endpoint_auth_method":`+quote(method)+`}`)), "revocation_endpoint_auth_method", method)
	}
	refused(s.rawOpen(s.head()+`"kind":"contract"}`), "kind", "contract")
	s.open(with(`{}`))
	for _, name := range strings.Fields(moreCommands) {
		refused(s.do(name), "command", name)
	}
	for _, mode := range []string{"jwt", "query.jwt", "form_post.jwt"} {
		refused(s.do("authorize", `"response_mode":`+quote(mode)), "response_mode", mode)
	}
	refused(s.do("callback", `"pasted":"https://client.example/cb?code=1"`), "pasted", "")
	refused(s.do("callback", `"url":"https://client.example/cb?response=a.b.c"`), "response_mode", "jwt")
	if r := s.do("introspekt"); r.Str("error", "code") != "unknown_command" {
		t.Error(r.Raw)
	}
	// For a misspelt member the error names the right one, whichever module has it.
	if r := s.open(with(`{"clientKey":"x"}`)); r.Str("error", "code") != "unknown_member" || r.Str("error", "expected") != "client_key" {
		t.Error(r.Raw)
	}
}

// TestPagePasses: E132, the page module accepts configuration members that are for servers only,
// such as endpoints that only servers use.
func TestPagePasses(t *testing.T) {
	for _, members := range []string{
		`{"introspection_endpoint":"https://as.example/introspect"}`, `{"registration_endpoint":"https://as.example/register"}`, `{"long_lived_grant_type":"x"}`,
		`{"client_secret":"s3cret","token_endpoint_auth_method":"client_secret_post"}`,
	} {
		if r := quietScene(t).open(with(members)); r.Raw != "" {
			t.Error(members, r.Raw)
		}
	}
}
