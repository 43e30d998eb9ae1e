package authserver

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// authorizationRequest is an authorization request that may be answered at its redirect URI.
type authorizationRequest struct {
	client Client
	// redirectURI is where the answer goes; requestedURI is what the request said, maybe nothing.
	redirectURI, requestedURI string

	now time.Time
	// responseType has its words sorted; mode is how the answer travels, and signed tells that it
	// does so as a JWT.
	responseType string
	mode         string
	signed       bool

	state               string
	scope               []string
	codeChallenge       string
	codeChallengeMethod string
	nonce               string
	prompt              []string
	loginHint           string
	hintedSubject       string        // of the ID token that names the user; empty: anybody
	maxAge              time.Duration // negative: any
	acr                 string        // empty: any
	resources           []string
	details             string

	// jkt is the thumbprint of the key that the token request has to prove (RFC 9449 section 10).
	jkt string

	// query is the request in canonical form.
	query url.Values
	// address is the query of the pages' address and all the state a sign-in has: forms post back
	// to it, and every post checks it from the start. It is the request itself, or names the stored
	// one.
	address url.Values
}

// gives tells whether the response type has the word.
func (req *authorizationRequest) gives(word string) bool {
	return slices.Contains(strings.Fields(req.responseType), word)
}
