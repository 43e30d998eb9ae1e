package authserver

import "github.com/go-jose/go-jose/v4"

// maxIDJAGResources is how many resources an ID-JAG may name.
const maxIDJAGResources = 20

// CrossAppAccess is one thing that the server vouches for as an identity provider: that a client,
// for users who signed in to it here, gets tokens of another authorization server, which knows the
// client too (draft-ietf-oauth-identity-assertion-authz-grant section 4).
type CrossAppAccess struct {
	// ClientID is the client's here. It has to be registered for [GrantTokenExchange].
	ClientID string
	// Audience is the issuer of the other authorization server, and AudienceClientID the client's
	// identifier there; empty means ClientID.
	Audience, AudienceClientID string
	// Resources may be asked for, all of which it gets where it names none. So may Scope, separated
	// by spaces. The user's verified email address goes along where the client is registered here
	// for the scope email.
	Resources []string
	Scope     string
}

// IdentityProvider is a server whose ID-JAGs are taken.
type IdentityProvider struct {
	// Keys are its public keys, or JWKSURI is where they are: read by Config.ClientDocuments, and
	// again when it signs with a new one.
	Keys    jose.JSONWebKeySet
	JWKSURI string
	// Users are the usernames of the users that it knows, by their sub there. Nil means that the
	// sub is the Subject of a user; then no other provider may give the same one to somebody else.
	Users map[string]string
}
