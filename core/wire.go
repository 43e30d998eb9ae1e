package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/link"

// A wire is the way to the servers: requests with their hooks, the client's authentication, proofs of possession, and what signs them.
type wire struct {
	link            *link.Link
	config          *config
	keyName, keyJWK string // the key that the host was last asked for
	nonces          []serverNonce
	lastAssertion   string // good for a minute, so nothing for an error
}

// A serverNonce is what a server wants to see in the next proof (RFC 9449 sections 8 and 9).
type serverNonce struct{ origin, nonce string }
