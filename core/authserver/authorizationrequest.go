package authserver

import (
	"net/url"
	"slices"
	"strings"
	"time"
)

// authorizationRequest is an authorization request whose redirect URI is trusted.
type authorizationRequest struct {
	client Client
	// redirectURI is where the answer goes. requestedURI is what the request named, maybe nothing.
	redirectURI, requestedURI string

	now time.Time
	// responseType has its words sorted. mode says how the answer travels, and signed whether it is
	// a JWT.
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
	hintedSubject       string        // of the ID token that names the user; empty: any user
	maxAge              time.Duration // negative: any
	acr                 string        // empty: any
	resources           []string
	details             string

	// jkt is the thumbprint of the key whose possession the token request must prove (RFC 9449
	// section 10).
	jkt string

	// query is the request in canonical form.
	query url.Values
	// address is the query of the pages' address. It is all the state of a sign-in: forms are
	// posted to that address, and every post checks the request from the start. It is the request
	// itself, or names the stored one.
	address url.Values
}

// gives reports whether the response type has the word.
func (req *authorizationRequest) gives(word string) bool {
	return slices.Contains(strings.Fields(req.responseType), word)
}
