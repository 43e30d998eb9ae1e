package authserver_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// M127: from a resource's 401 to the server that issues tokens for it (RFC 9728). The server serves
// the metadata of its own API and of the resources at its origin. Every challenge names their
// address and the scope that is needed.
func TestM127OwnResources(t *testing.T) {
	const base = "https://login.example/tenant"
	own := []string{"https://login.example/mcp", "https://login.example/a/b", "https://login.example"}
	b := newBench(t, func(c *authserver.Config) {
		c.Issuer, c.Resources = base, append(own, notes, "https://login.example/q?x=1", "https://login.example:8443/p", "urn:x")
	})
	for path, want := range map[string]string{
		"/.well-known/oauth-protected-resource/tenant": base,
		"/.well-known/oauth-protected-resource/mcp":    own[0],
		"/.well-known/oauth-protected-resource/a/b":    own[1],
		"/.well-known/oauth-protected-resource":        own[2],
		"/.well-known/oauth-protected-resource/notes":  "",
		"/.well-known/oauth-protected-resource/q":      "",
		"/.well-known/oauth-protected-resource/p":      "",
		"/.well-known/oauth-protected-resource/mcp/":   "",
	} {
		resp := b.send("GET", path, http.Header{"Origin": {"https://app.example"}}, "")
		var got struct {
			Resource string   `json:"resource"`
			Servers  []string `json:"authorization_servers"`
			Scopes   []string `json:"scopes_supported"`
		}
		if want == "" {
			if resp.Status != 404 {
				t.Errorf("%s: %d %s", path, resp.Status, resp.Body)
			}
			continue
		}
		if err := json.Unmarshal(resp.Body, &got); err != nil || resp.Status != 200 || got.Resource != want || !reflect.DeepEqual(got.Servers, []string{base}) ||
			resp.Header.Get("Access-Control-Allow-Origin") != "*" || (want == base) != (len(got.Scopes) == 1 && got.Scopes[0] == "openid") {
			t.Errorf("%s: %d %s", path, resp.Status, resp.Body)
		}
	}
	userinfo := b.send("GET", "/tenant/userinfo", nil, "")
	if c := userinfo.Header.Values("WWW-Authenticate"); userinfo.Status != 401 || len(c) != 2 || !strings.Contains(c[0], `resource_metadata="https://login.example/.well-known/oauth-protected-resource/tenant"`) {
		t.Errorf("%d %v", userinfo.Status, c)
	}
	want := authserver.Access{Resource: own[0], Scope: "notes.read profile"}
	narrow := b.post("/tenant/token", exchange("spa", b.codeAt("/tenant", with(request("spa"), "scope", "profile", "resource", own[0])))).must(t)
	other := b.post("/tenant/token", exchange("spa", b.codeAt("/tenant", with(request("spa"), "resource", own[1])))).must(t)
	for _, row := range []struct {
		name, token, error string
		status             int
	}{
		{"no token", "", "", 401},
		{"a token that is none", "x", "invalid_token", 401},
		{"a token for another resource", other.Access, "invalid_token", 401},
		{"a token without the scope", narrow.Access, "insufficient_scope", 403},
	} {
		t.Run(row.name, func(t *testing.T) {
			h := http.Header{}
			if row.token != "" {
				h.Set("Authorization", "Bearer "+row.token)
			}
			_, resp, ok := b.server.CheckAccess(authserver.Request{Method: "POST", URL: "/mcp", Header: h, Now: b.now}, want)
			challenge := resp.Header.Get("WWW-Authenticate")
			if ok || resp.Status != row.status || strings.Count(challenge, `scope="notes.read profile"`) != 1 || strings.Contains(challenge, "error=") != (row.error != "") ||
				!strings.Contains(challenge, row.error) || !strings.Contains(challenge, `resource_metadata="https://login.example/.well-known/oauth-protected-resource/mcp"`) {
				t.Errorf("%d %s", resp.Status, challenge)
			}
		})
	}
}
