package oauth_test

import (
	"encoding/json"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Q4: the Go API has all that the contract has: each member of the configuration, and each
// parameter of authorize.
func TestContractInGo(t *testing.T) {
	text, err := os.ReadFile("../contract/README.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z_]+)`")
	aside := regexp.MustCompile(`\([^)]*\)`)
	names := func(cell string) (all []string) {
		for _, found := range name.FindAllStringSubmatch(aside.ReplaceAllString(cell, ""), -1) {
			all = append(all, found[1])
		}
		return all
	}
	members := func(v any) map[string]bool {
		all := map[string]bool{}
		for _, f := range reflect.VisibleFields(reflect.TypeOf(v)) {
			tag, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			all[tag] = true
		}
		return all
	}
	_, rest, _ := strings.Cut(string(text), "Configuration of `kind: \"client\"`")
	config, commands, ok := strings.Cut(rest, "Commands of `kind: \"client\"`")
	if !ok {
		t.Fatal("the tables are not where they were")
	}
	found, has := 0, map[string]bool{}
	for _, member := range []string{"client_key", "parameter_hooks", "request_hooks", "response_hooks"} { // of Options
		has[member] = true
	}
	for _, row := range regexp.MustCompile(`(?m)^\| (.+?) \|`).FindAllStringSubmatch(config, -1) {
		for _, member := range names(row[1]) {
			found++ // UnmarshalJSON refuses unknown members
			if err := json.Unmarshal([]byte(`{"`+member+`":null}`), new(oauth.Config)); err != nil && !has[member] {
				t.Errorf("Config has no %s: %v", member, err)
			}
		}
	}
	authorize := regexp.MustCompile("(?m)^\\| `authorize` \\| (.+?) \\|").FindStringSubmatch(commands)
	if authorize == nil || found < 50 {
		t.Fatalf("%d members, %v", found, authorize)
	}
	has = members(oauth.AuthorizeParams{})
	for _, parameter := range names(authorize[1]) {
		if !has[parameter] {
			t.Errorf("AuthorizeParams has no %s", parameter)
		}
	}
}
