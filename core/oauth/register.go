package oauth

import (
	"context"
	"encoding/json"
	"time"
)

// Registration is a client as the server registered it (RFC 7591 section 3.2.1). The application
// stores it, and opens a Client with it as Config.Registration.
type Registration struct {
	ClientID string
	// ClientSecret is empty for a client without one. ClientSecretExpiresAt is when it expires;
	// zero means never.
	ClientSecret          string
	ClientSecretExpiresAt time.Time
	// Raw is the whole answer, an object.
	Raw json.RawMessage
}

// String keeps the secret out of logs when a registration is printed.
func (r Registration) String() string { return "client " + printable(r.ClientID) + " (secret)" }

// GoString does the same for %#v.
func (r Registration) GoString() string { return r.String() }

// Register registers the application as a client at the server (RFC 7591 section 3), with
// Config.ClientMetadata. initialAccessToken is for servers that require one, and may be empty. This
// Client does not change, and nothing is stored.
//
// If the server refuses, OAuthError says why, such as invalid_redirect_uri or
// invalid_client_metadata (section 3.2.2). If neither Config.RegistrationEndpoint nor the metadata
// names an endpoint, the error is of kind client with that field.
func (c *Client) Register(ctx context.Context, initialAccessToken string) (Registration, error) {
	var r struct {
		Client json.RawMessage `json:"client"`
	}
	err := c.s.do(ctx, "register", members(nil).optional("initial_access_token", initialAccessToken), &r)
	if err != nil {
		return Registration{}, err
	}
	var w struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
		Expiry int64  `json:"client_secret_expires_at"`
	}
	if err := json.Unmarshal(r.Client, &w); err != nil {
		return Registration{}, &Error{Kind: KindServer, Code: "bad_registration", Op: "register"}
	}
	return Registration{w.ID, w.Secret, atMilli(w.Expiry * 1000), r.Client}, nil
}

// MarshalJSON gives the whole answer, so that a Registration can be assigned to
// Config.Registration.
func (r Registration) MarshalJSON() ([]byte, error) {
	if len(r.Raw) == 0 {
		return []byte("null"), nil
	}
	return r.Raw, nil
}

// ResourceMetadata is a protected resource's description of itself (RFC 9728 section 2).
type ResourceMetadata struct {
	// Resource is its identifier, for Config.Resource.
	Resource string `json:"resource"`
	// AuthorizationServers are the issuers whose tokens it accepts, for Config.Issuer.
	AuthorizationServers []string `json:"authorization_servers"`
	// ScopesSupported are the scopes that it knows.
	ScopesSupported []string `json:"scopes_supported"`
	// Raw is the whole answer, an object.
	Raw json.RawMessage `json:"-"`
}

// ResourceMetadata finds out whose tokens a resource accepts (RFC 9728 section 3). url is that of
// the resource; metadata is Challenge.ResourceMetadata, or empty for the default location. Do not
// trust an authorization server only because a resource names it.
//
// An answer for another resource is an error of kind server with the code wrong_resource (section
// 3.3).
func (c *Client) ResourceMetadata(ctx context.Context, url, metadata string) (ResourceMetadata, error) {
	var r struct {
		Metadata json.RawMessage `json:"metadata"`
	}
	err := c.s.do(ctx, "resource_metadata", members(nil).text("url", url).optional("resource_metadata", metadata), &r)
	if err != nil {
		return ResourceMetadata{}, err
	}
	var m ResourceMetadata
	if err := json.Unmarshal(r.Metadata, &m); err != nil {
		return ResourceMetadata{}, &Error{Kind: KindServer, Code: "bad_metadata", Op: "resource_metadata"}
	}
	m.Raw = r.Metadata
	return m, nil
}
