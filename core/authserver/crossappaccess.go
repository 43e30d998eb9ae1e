package authserver

import "github.com/go-jose/go-jose/v4"

// maxIDJAGResources is how many resources an ID-JAG may name.
const maxIDJAGResources = 20

// CrossAppAccess is one permission that the server gives as an identity provider: a client gets
// tokens of another authorization server for users who signed in to the client here. The other
// server knows the client too (draft-ietf-oauth-identity-assertion-authz-grant section 4).
type CrossAppAccess struct {
	// ClientID is the client's identifier here. The client must be registered for
	// [GrantTokenExchange].
	ClientID string
	// Audience is the issuer of the other authorization server. AudienceClientID is the client's
	// identifier there; empty means ClientID.
	Audience, AudienceClientID string
	// Resources and Scope, which is separated by spaces, are what the client may ask for. If it
	// names none, it gets all. The user's verified email address is included if the client is
	// registered here for the scope email.
	Resources []string
	Scope     string
}

// IdentityProvider is a server whose ID-JAGs are accepted.
type IdentityProvider struct {
	// Keys are its public keys, or JWKSURI is their address. Config.ClientDocuments reads them, and
	// reads them again when the provider signs with a new key.
	Keys    jose.JSONWebKeySet
	JWKSURI string
	// Users maps the provider's sub to a username here. If it is nil, the sub is the Subject of a
	// user; then no two providers may use the same sub for different users.
	Users map[string]string
}
