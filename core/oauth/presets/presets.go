package presets

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// tenantID is the placeholder of an issuer_template. It is no variable: an ID token's claim fills
// it in.
const tenantID = "tenantid"

//go:embed presets.json
var text []byte

// A preset is a configuration with a description for people.
type preset map[string]json.RawMessage

var presets = func() map[string]preset {
	var all map[string]preset
	if err := json.Unmarshal(text, &all); err != nil {
		panic("oauth2: presets: " + err.Error())
	}
	return all
}()

// members returns the configuration without the description.
func (p preset) members() []byte {
	p = maps.Clone(p)
	delete(p, "about")
	delete(p, "docs")
	raw, _ := json.Marshal(p) // its members are valid JSON
	return raw
}

// Names gives the names of the providers, in alphabetical order.
func Names() []string {
	return slices.Sorted(maps.Keys(presets))
}

// Config gives the configuration for the provider of that name. The caller adds ClientID, usually
// ClientSecret and RedirectURI, and may change every member.
//
// variables replace {name} in URLs: domain (okta) and shop (shopify) are required; tenant
// (microsoft, default common), host (franceconnect, default the production host) and version
// (facebook) are optional. The engine checks them when a client is opened: a missing one, or one
// that could be more than a part of a host or one segment of a path, is an error with Field
// variables.
//
// An unknown provider is an error, and so is a variable that its URLs do not contain.
func Config(name string, variables map[string]string) (oauth.Config, error) {
	p, ok := presets[name]
	if !ok {
		return oauth.Config{}, fmt.Errorf("oauth2: presets: no provider %q; there are %s", name, strings.Join(Names(), ", "))
	}
	raw := p.members()
	var config oauth.Config
	if err := json.Unmarshal(raw, &config); err != nil {
		return oauth.Config{}, fmt.Errorf("oauth2: presets: %s: %w", name, err)
	}
	for _, v := range slices.Sorted(maps.Keys(variables)) {
		// A misspelt variable would leave the default in force, such as another tenant.
		if v == tenantID || !bytes.Contains(raw, []byte("{"+v+"}")) {
			return oauth.Config{}, fmt.Errorf("oauth2: presets: %s has no variable %q", name, v)
		}
		if config.Variables == nil {
			config.Variables = map[string]string{}
		}
		config.Variables[v] = variables[v]
	}
	return config, nil
}
