package mcp

import (
	"encoding/json"
	"fmt"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Config says who the client is, and what it may do without asking. The engine checks it; Open's
// error names what it refuses. Its JSON is that of kind "mcp" in core/contract/README.md.
type Config struct {
	// RedirectURI is the one for sign-ins: https, or http on loopback. SignIn.Begin may name
	// another.
	RedirectURI string
	// Clients are clients that were registered by hand, one for each Issuer: with Issuer, ClientID,
	// ClientSecret and the authentication method. They are used first.
	Clients []oauth.Config
	// ClientID is the URL of a client ID metadata document: https, with a path. It is used if the
	// server says that it supports such documents. With oauth.Options.ClientKey the client
	// authenticates there with private_key_jwt, with ClientKeyID as kid.
	ClientID, ClientKeyID string
	// ClientMetadata is an object of RFC 7591 section 2. If it is set, even to {}, the client
	// registers itself at a server that knows it in no other way. Missing members among
	// redirect_uris, application_type, grant_types, response_types and token_endpoint_auth_method
	// are filled in.
	ClientMetadata json.RawMessage
	// PrivateOrigins are origins to which requests may go although they are http or have a private
	// address, such as "http://localhost:4000". The resource's own origin is always allowed.
	PrivateOrigins []string
	// NoOfflineAccess omits the scope offline_access even if a server lists it.
	NoOfflineAccess bool
	// Client has further members of the clients' configuration: AutoRefresh, DPoP,
	// IdentityProvider. Members that follow from the resource and its server are refused.
	Client oauth.Config
	// Name begins all keys in the Store; empty means oauth2. UserAgent is sent with requests.
	Name, UserAgent string
}

// keyName is the name of oauth.Options.ClientKey in a configuration.
const keyName = "client_key"

// wire is the configuration as the engine reads it.
func (c Config) wire(key bool) (map[string]any, error) {
	w := map[string]any{"offline_access": !c.NoOfflineAccess}
	for name, text := range map[string]string{"redirect_uri": c.RedirectURI, "client_id": c.ClientID, "client_key_id": c.ClientKeyID, "name": c.Name, "user_agent": c.UserAgent} {
		if text != "" {
			w[name] = text
		}
	}
	if key && c.ClientID != "" {
		w[keyName] = keyName
	}
	if c.ClientMetadata != nil {
		w["client_metadata"] = c.ClientMetadata
	}
	if c.PrivateOrigins != nil {
		w["private_origins"] = c.PrivateOrigins
	}
	clients := []map[string]any{}
	for _, own := range c.Clients {
		m, err := membersOf(own, key)
		if err != nil {
			return nil, err
		}
		clients = append(clients, m)
	}
	w["clients"] = clients
	more, err := membersOf(c.Client, false)
	if err != nil {
		return nil, err
	}
	if idp, _ := more["identity_provider"].(map[string]any); idp != nil && key {
		idp[keyName] = keyName
	}
	w["client"] = more
	return w, nil
}

// membersOf returns the members of a client's configuration.
func membersOf(c oauth.Config, key bool) (m map[string]any, err error) {
	raw, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(raw, &m)
	}
	if err != nil {
		return nil, fmt.Errorf("oauth2: mcp: configuration: %w", err)
	}
	if key {
		m[keyName] = keyName
	}
	return m, nil
}

// clientConfig reads a configuration that the engine made. The client's key is in the options.
func clientConfig(raw json.RawMessage) (c oauth.Config, err error) {
	var m map[string]any
	if err = json.Unmarshal(raw, &m); err == nil {
		delete(m, keyName)
		if idp, _ := m["identity_provider"].(map[string]any); idp != nil {
			delete(idp, keyName)
		}
		raw, err = json.Marshal(m)
	}
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil {
		err = fmt.Errorf("oauth2: mcp: configuration of the client: %w", err)
	}
	return c, err
}
