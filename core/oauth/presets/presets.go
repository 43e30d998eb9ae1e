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

// tenantID is what an issuer_template has for a tenant. It is no variable: an ID token says what
// stands there.
const tenantID = "tenantid"

//go:embed presets.json
var text []byte

// A preset is a configuration, and what a person reads of it.
type preset map[string]json.RawMessage

var presets = func() map[string]preset {
	var all map[string]preset
	if err := json.Unmarshal(text, &all); err != nil {
		panic("oauth2: presets: " + err.Error())
	}
	return all
}()

// members gives the configuration alone.
func (p preset) members() []byte {
	p = maps.Clone(p)
	delete(p, "about")
	delete(p, "docs")
	raw, _ := json.Marshal(p) // of what is JSON
	return raw
}

// Names gives the names of the providers, in alphabetical order.
func Names() []string {
	return slices.Sorted(maps.Keys(presets))
}

// Config gives the configuration for the provider of that name. The caller adds ClientID, mostly
// ClientSecret and RedirectURI, and may change whatever is in it.
//
// variables stand for {name} in the addresses: domain (okta) and shop (shopify), which have to be
// given; tenant (microsoft, by default common), host (franceconnect, by default that of production)
// and version (facebook). The engine checks them when a client is opened: one that is missing, or
// could be more than part of a host or one segment of a path, is an error with Field variables.
//
// An unknown provider is an error, and so is a variable that its addresses do not have.
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
		// A misspelt one would leave the default in place, another tenant for one.
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
