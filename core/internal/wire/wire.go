// Package wire sends requests to servers: hooks, client authentication, proofs of possession, and
// reading answers.
package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// A Wire sends the requests of one client.
type Wire struct {
	link            *link.Link
	config          *config.Config
	keyName, keyJWK string // the key for which the host was last asked
	Nonces          []serverNonce
	LastAssertion   string // valid for a minute, so it must not get into an error
}

// New makes a Wire.
func New(l *link.Link, cfg *config.Config) *Wire { return &Wire{link: l, config: cfg} }

// A serverNonce is what a server requires in the next proof (RFC 9449 sections 8 and 9).
type serverNonce struct{ origin, nonce string }
