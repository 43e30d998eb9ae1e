package authserver

import "time"

// grant is what tokens are issued for.
type grant struct {
	// scope is the access token's. user is empty if the client acts for itself.
	scope, user string
	// name is the name by which all its tokens are revoked.
	name     string
	authTime time.Time
	// acr is the authentication context class of the sign-in.
	acr string
	// sid is the SID of the session in which it was granted.
	sid string
	// nonce is the authorization request's. The ID token of a refresh has none (OpenID Connect Core
	// section 12.2).
	nonce string
	// resources are those that the access token is for; details are its authorization details.
	resources []string
	details   string
}

// tokenRequest is a request of an authenticated client to the token endpoint.
type tokenRequest struct {
	call   *call
	now    time.Time
	client Client
	params
	// proof is the request's DPoP proof. The issued tokens are bound to its key.
	proof proof
	// x5t is the certificate's thumbprint, if the tokens are bound to a certificate.
	x5t string
}
