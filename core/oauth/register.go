package oauth

import (
	"context"
	"encoding/json"
	"time"
)

// Registration is a client as the server registered it (RFC 7591 section 3.2.1). It is the
// application's to keep: a Client for it is opened with it as Config.Registration.
type Registration struct {
	ClientID string
	// ClientSecret is empty for a client without one. ClientSecretExpiresAt is when it ends; zero:
	// never.
	ClientSecret          string
	ClientSecretExpiresAt time.Time
	// Raw is the whole answer, an object.
	Raw json.RawMessage
}

// String keeps a registration that is printed out of logs.
func (r Registration) String() string { return "client " + printable(r.ClientID) + " (secret)" }

// GoString does the same for %#v.
func (r Registration) GoString() string { return r.String() }

// Register makes the application known to the server as a client (RFC 7591 section 3), with
// Config.ClientMetadata. initialAccessToken is for servers that want one, and may be empty. Nothing
// changes in this Client, and nothing is kept.
//
// Where the server refuses, OAuthError says why, such as invalid_redirect_uri or
// invalid_client_metadata (section 3.2.2). Without Config.RegistrationEndpoint, by discovery
// neither, the error is of kind client with that field.
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

// MarshalJSON gives the whole answer, so that Config.Registration takes a Registration as it is.
func (r Registration) MarshalJSON() ([]byte, error) {
	if len(r.Raw) == 0 {
		return []byte("null"), nil
	}
	return r.Raw, nil
}

// ResourceMetadata is what a protected resource says of itself (RFC 9728 section 2).
type ResourceMetadata struct {
	// Resource is its identifier, for Config.Resource.
	Resource string `json:"resource"`
	// AuthorizationServers are the issuers of the servers that it takes tokens of, for
	// Config.Issuer.
	AuthorizationServers []string `json:"authorization_servers"`
	// ScopesSupported are the scopes that it knows.
	ScopesSupported []string `json:"scopes_supported"`
	// Raw is the whole answer, an object.
	Raw json.RawMessage `json:"-"`
}

// ResourceMetadata finds out which authorization servers a resource takes tokens of (RFC 9728
// section 3). url is that of the resource; metadata is Challenge.ResourceMetadata, or empty for the
// place that follows from url. The word of a resource is no reason to trust a server that is new to
// the user.
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
