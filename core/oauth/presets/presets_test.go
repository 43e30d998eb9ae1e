package presets

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// H7: a preset has only members of the contract's configuration, and a description for people. None
// of them is lost.
func TestMembers(t *testing.T) {
	for name, raw := range presets {
		var p struct {
			About, Docs string
			oauth.Config
		}
		if err := json.Unmarshal(raw.members(), &p.Config); err != nil { // UnmarshalJSON is strict
			t.Errorf("%s: %v", name, err)
		}
		if err := errors.Join(json.Unmarshal(raw["about"], &p.About), json.Unmarshal(raw["docs"], &p.Docs)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasSuffix(p.About, ".") || !strings.HasPrefix(p.Docs, "https://") {
			t.Errorf("%s: about and docs are missing", name)
		}
		if p.ClientID != "" || p.ClientSecret != "" || p.Name != "" || p.TokenDestinations != nil {
			t.Errorf("%s: says what the program is to say", name)
		}
	}
}

// H7: every variable with a default occurs in a URL, and only okta and shopify require more.
func TestVariables(t *testing.T) {
	asked := map[string][]string{"okta": {"domain"}, "shopify": {"shop"}}
	for _, name := range Names() {
		config, err := Config(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, v := range regexp.MustCompile(`\{(\w+)\}`).FindAllStringSubmatch(string(presets[name].members()), -1) {
			used[v[1]] = true
		}
		delete(used, tenantID)
		for v := range config.Variables {
			if !used[v] {
				t.Errorf("%s: nothing uses %s", name, v)
			}
			delete(used, v)
		}
		for _, v := range asked[name] {
			if !used[v] {
				t.Errorf("%s: %s is not asked for", name, v)
			}
			delete(used, v)
		}
		for v := range used {
			t.Errorf("%s: %s has no default", name, v)
		}
	}
}

// H7: a caller's variable replaces the default, and the next caller gets the default again.
func TestConfig(t *testing.T) {
	for _, tenant := range []string{"8eaef023", "common"} {
		given := map[string]string{"tenant": tenant}
		if tenant == "common" {
			given = nil
		}
		config, err := Config("microsoft", given)
		if err != nil || !reflect.DeepEqual(config.Variables, map[string]string{"tenant": tenant}) {
			t.Errorf("%v, %v", config.Variables, err)
		}
		config.Variables["tenant"] = "changed"
	}
	for _, c := range []struct {
		name, variable, want string
	}{
		{"gitbub", "", `presets: no provider "gitbub"; there are discord, facebook, `},
		{"microsoft", "tennant", `presets: microsoft has no variable "tennant"`},
		{"microsoft", "tenantid", `presets: microsoft has no variable "tenantid"`},
		{"github", "", ""},
	} {
		var variables map[string]string
		if c.variable != "" {
			variables = map[string]string{c.variable: "x"}
		}
		_, err := Config(c.name, variables)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "oauth2: "+c.want)) {
			t.Errorf("%s %s: %v", c.name, c.variable, err)
		}
	}
}

// E34: a provider's error for a dead refresh token is an exact pair, or a code with no other
// meaning, and the preset says where that is documented.
func TestRefreshTokenErrors(t *testing.T) {
	want := map[string][][]string{
		"github":  {{"bad_refresh_token"}},
		"shopify": {{"invalid_request", "This request requires an active refresh_token"}},
	}
	for _, name := range Names() {
		config, err := Config(name, map[string]string{"domain": "x", "shop": "x"})
		if err != nil && !strings.Contains(err.Error(), "variable") {
			t.Fatal(err)
		}
		if err != nil {
			config, err = Config(name, nil)
		}
		if err != nil || !reflect.DeepEqual(config.RefreshTokenErrors, want[name]) {
			t.Errorf("%s: %v, %v", name, config.RefreshTokenErrors, err)
		}
		if config.RefreshTokenErrors != nil && !strings.Contains(string(presets[name]["about"]), "dead") {
			t.Errorf("%s does not say where its errors are from", name)
		}
	}
}
