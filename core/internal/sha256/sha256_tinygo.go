//go:build tinygo

package sha256

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/sha2"

// Sum is the digest of b.
func Sum(b []byte) []byte { return sha2.Sum256(b) }

// A Key computes HMAC-SHA-256 of messages with one key.
type Key = sha2.Key

// NewKey makes a key of these bytes.
func NewKey(key []byte) *Key { return sha2.NewKey(key) }
