package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

func TestParseArgs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := write("good.json", `{"client_id":"app","token_endpoint":"https://as.example/token","scope":"read","user_agent":"x/1"}`)
	unknown := write("unknown.json", `{"client":"app"}`)
	okta := write("okta.json", `{"provider":"okta","client_id":"a","scope":"openid","variables":{"domain":"dev-1.okta.com"}}`)
	two := write("two.json", `{"client_id":"app","token_endpoint":"https://as.example/token"} {}`)
	bound := write("bound.json", `{"client_id":"app","token_endpoint":"https://as.example/token","dpop":true}`)
	usual := t.TempDir()
	if err := os.Rename(write("config.json", `{"client_id":"usual","token_endpoint":"https://as.example/token","issuer":"https://as.example"}`), filepath.Join(usual, "config.json")); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		args   []string
		secret string
		want   func(options) bool
		err    string
	}{
		{"a file", []string{"-config", good, "login"}, "", func(o options) bool {
			return o.command == "login" && o.config.ClientID == "app" && o.config.Scope == "read" && o.config.UserAgent == "x/1"
		}, ""},
		{"the default is a token", []string{"-config", good}, "", func(o options) bool { return o.command == "token" }, ""},
		{"flags behind the command", []string{"login", "-config", good, "-paste"}, "", func(o options) bool { return o.command == "login" && o.paste }, ""},
		{"a flag goes before the file", []string{"-config", good, "-scope", "write"}, "", func(o options) bool { return o.config.Scope == "write" }, ""},
		{"an empty flag too", []string{"-config", good, "-scope="}, "", func(o options) bool { return o.config.Scope == "" }, ""},
		{"flags alone", []string{"-client-id", "a", "-token-endpoint", "https://as.example/token"}, "", func(o options) bool { return o.config.ClientID == "a" }, ""},
		{"an issuer alone", []string{"-client-id", "a", "-issuer", "https://as.example"}, "", func(o options) bool { return o.config.Discovery }, ""},
		{"an issuer and its endpoints", []string{"-dir", usual}, "", func(o options) bool { return !o.config.Discovery }, ""},
		{"the provider openid, and an issuer", []string{"-provider", "openid", "-client-id", "a", "-issuer", "https://op.example"}, "", func(o options) bool { return o.config.Discovery && o.config.Scope != "" }, ""},
		{"the file in the directory", []string{"-dir", usual}, "", func(o options) bool { return o.config.ClientID == "usual" }, ""},
		{"a named file in place of that", []string{"-dir", usual, "-config", good}, "", func(o options) bool { return o.config.ClientID == "app" && o.config.Issuer == "" }, ""},
		{"the secret of the environment", []string{"-config", good}, "s3cret", func(o options) bool { return o.config.ClientSecret == "s3cret" }, ""},
		{"a session for each client and issuer", []string{"-dir", usual}, "", func(o options) bool { return o.config.Name == "usual@https://as.example" }, ""},
		{"without issuer, for each token endpoint", []string{"-config", good}, "", func(o options) bool { return o.config.Name == "app@https://as.example/token" }, ""},

		{"a provider", []string{"-provider", "github", "-client-id", "a"}, "", func(o options) bool {
			return o.config.DeviceAuthorizationEndpoint == "https://github.com/login/device/code" && o.config.TokenEndpointAuthMethod == "none"
		}, ""},
		{"a provider, and a secret", []string{"-provider", "github", "-client-id", "a"}, "s3cret", func(o options) bool { return o.config.TokenEndpointAuthMethod != "none" }, ""},
		{"a provider in the file, with variables", []string{"-config", okta}, "", func(o options) bool {
			return o.config.Variables["domain"] == "dev-1.okta.com" && strings.HasPrefix(o.config.TokenEndpoint, "https://{domain}/") && o.config.Scope == "openid" &&
				strings.HasPrefix(o.config.Name, "a@https://dev-1.okta.com")
		}, ""},
		{"a provider that there is not", []string{"-provider", "nobody", "-client-id", "a"}, "", nil, `no provider "nobody"; there are discord`},

		{"no client id", []string{"-token-endpoint", "https://as.example/token"}, "", nil, "no -client-id"},
		{"no token endpoint", []string{"-client-id", "a"}, "", nil, "no -issuer and no -token-endpoint"},
		{"no such file", []string{"-config", filepath.Join(dir, "none.json")}, "", nil, "none.json"},
		{"a member that there is not", []string{"-config", unknown}, "", nil, `unknown field "client"`},
		{"a token for nobody else", []string{"-config", bound}, "", nil, "bound to a key"},
		{"two objects", []string{"-config", two}, "", nil, "after top-level value"},
		{"a flag that there is not", []string{"-secret", "x"}, "", nil, "not defined: -secret"},
		{"a command that there is not", []string{"-config", good, "signin"}, "", nil, `"signin" is not a command`},
		{"two commands", []string{"-config", good, "login", "token"}, "", nil, `"token" is not a command`},
		{"two ways", []string{"-config", good, "-paste", "-loopback", "login"}, "", nil, "exclude each other"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.args[0] != "-dir" {
				row.args = append([]string{"-dir", dir + "/none"}, row.args...)
			}
			o, err := parseArgs("oauth2-token", row.args, func(name string) string {
				if name == secretVariable {
					return row.secret
				}
				return ""
			})
			switch {
			case row.err == "" && (err != nil || !row.want(o)):
				t.Errorf("%v, %+v", err, o)
			case row.err != "" && (exitStatus(err) != exitUsage || !strings.Contains(explain(err), row.err)):
				t.Errorf("%v is not %q", err, row.err)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"login", "--help"}} {
		var out bytes.Buffer
		if code := run(t.Context(), append([]string{"oauth2-token"}, args...), nil, &out, os.Stderr); code != exitOK || out.String() != usage() {
			t.Error(code, out.String())
		}
	}
	for _, s := range settings {
		if !strings.Contains(usage(), "\n  -"+s.name+" ") {
			t.Errorf("usage does not tell of -%s", s.name)
		}
	}
	for _, line := range strings.Split(usage(), "\n") {
		if len(line) > 80 {
			t.Errorf("a long line: %s", line)
		}
	}
}

func TestFailures(t *testing.T) {
	for _, row := range []struct {
		name   string
		err    error
		status int
		text   string
	}{
		{"a flag", usageErrorf("no -x"), exitUsage, "no -x"},
		{"a missing member", &oauth.Error{Kind: "client", Code: "missing", Field: "device_authorization_endpoint"}, exitUsage, "the configuration lacks -device-authorization-endpoint"},
		{"a member without flag", &oauth.Error{Kind: "client", Code: "bad_value", Field: "nonce"}, exitUsage, "the configuration cannot be used: nonce (bad value)"},
		{"an insecure URL", &oauth.Error{Kind: "client", Code: "not_https", Field: "token_endpoint"}, exitUsage, "-token-endpoint (not https)"},
		{"not signed in", &oauth.Error{Kind: "client", Code: "not_signed_in", Op: "token"}, exitNotSignedIn, "the same command with `login` at its end"},
		{"a session that the server ended", &oauth.Error{Kind: "server", Code: "oauth_error", Op: "token", OAuthError: "invalid_grant"}, exitNotSignedIn, "not signed in any more (oauth2: token: oauth error (invalid_grant))"},
		{"a code that the server refused", &oauth.Error{Kind: "server", Code: "oauth_error", Op: "callback", OAuthError: "invalid_grant"}, exitFailed, "invalid_grant"},
		{"the user refused", &oauth.Error{Kind: "server", Code: "oauth_error", OAuthError: "access_denied", Description: "no\x1b[31m"}, exitRefused, "refused: oauth2: oauth error (access_denied: no[31m)"},
		{"too late", oauth.ErrExpired, exitRefused, "ran out"},
		{"no network", &oauth.Error{Kind: "network", Code: "timeout"}, exitFailed, "cannot be reached (timeout)"},
		{"anything else", errors.New("else"), exitFailed, "else"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if exitStatus(row.err) != row.status || !strings.Contains(explain(row.err), row.text) || strings.ContainsRune(explain(row.err), '\x1b') {
				t.Errorf("%d, %q", exitStatus(row.err), explain(row.err))
			}
		})
	}
}
