package authserver

import "time"

// grant is what tokens are issued for.
type grant struct {
	// scope is that of the access token; user is empty where the client acts for itself.
	scope, user string
	// name is what revokes them all.
	name     string
	authTime time.Time
	// acr is the class of the sign-in.
	acr string
	// sid is that of the session it was granted in.
	sid string
	// nonce of the authorization request; the ID token of a refresh has none (OpenID Connect Core
	// section 12.2).
	nonce string
	// resources the access token is for, and details that come with it.
	resources []string
	details   string
}

// tokenRequest is a request to the token endpoint of an authenticated client.
type tokenRequest struct {
	call   *call
	now    time.Time
	client Client
	params
	// proof is the request's DPoP proof, to whose key what is issued will be bound.
	proof proof
	// x5t is the certificate's, where tokens are to be bound to that.
	x5t string
}
