package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
)

// configFile is the content of a configuration file: the members of the configuration, the provider
// whose preset they extend, and the hosts for which credential helpers return the token.
type configFile struct {
	Provider string
	Hosts    []string
	Config   oauth.Config

	text []byte
}

// readConfig reads the file. If none is named, it reads the default one, if that exists.
func readConfig(file, usual string) (said configFile, err error) {
	name, text := file, []byte("{}")
	if name == "" {
		name = usual
	}
	switch read, err := os.ReadFile(name); {
	case err == nil:
		text = read
	case file != "" || !errors.Is(err, fs.ErrNotExist):
		return said, err
	}
	if err := decode(text, &said); err != nil {
		return said, fmt.Errorf("%s: %w", name, err)
	}
	said.text = text
	return said, nil
}

// configure makes the configuration: the provider's preset, overridden by the file, overridden by
// the flags, and the secret from the environment.
func configure(said configFile, provider string, overrides map[string]string, getenv func(string) string) (oauth.Config, error) {
	if provider == "" {
		provider = said.Provider
	}
	c := said.Config
	if provider != "" {
		preset, err := presets.Config(provider, said.Config.Variables)
		if err != nil {
			return oauth.Config{}, err
		}
		whole := configFile{Config: preset}
		if err := decode(said.text, &whole); err != nil {
			return oauth.Config{}, err
		}
		c = whole.Config
	}
	for _, s := range settings {
		if value, ok := overrides[s.name]; ok {
			*s.member(&c) = value
		}
	}
	if secret := getenv(secretVariable); secret != "" {
		c.ClientSecret = secret
	}
	if provider != "" && c.ClientSecret == "" {
		c.TokenEndpointAuthMethod = oauth.AuthNone // presets are for clients with a secret
	}
	switch {
	case c.ClientID == "":
		return c, errors.New("no -client-id, and none in a -config file; -h lists the settings")
	case c.DPoP:
		return c, errors.New("dpop: other programs cannot use a token that is bound to a key of this program")
	case c.TokenEndpoint == "" && c.Issuer == "":
		return c, errors.New("no -provider, no -issuer and no -token-endpoint, and none in a -config file")
	}
	if c.TokenEndpoint == "" {
		c.Discovery = true
	}
	if c.Name == "" {
		// Each client has its own session, because a session of another client would be refused.
		server := c.Issuer
		if server == "" {
			server = c.TokenEndpoint
		}
		for name, value := range c.Variables {
			server = strings.ReplaceAll(server, "{"+name+"}", value)
		}
		c.Name = c.ClientID + "@" + server
	}
	return c, nil
}

func decode(text []byte, into *configFile) error {
	var members map[string]json.RawMessage
	err := json.Unmarshal(text, &members)
	for name, own := range map[string]any{"provider": &into.Provider, "hosts": &into.Hosts} {
		if raw := members[name]; err == nil && raw != nil {
			delete(members, name)
			err = json.Unmarshal(raw, own)
		}
	}
	if err == nil {
		text, err = json.Marshal(members)
	}
	if err == nil {
		err = json.Unmarshal(text, &into.Config)
	}
	if err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}
