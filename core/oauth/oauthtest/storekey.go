package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
)

// StoreKey is the key under which a client stores what ("session", "pending", "device",
// "metadata"): the name of its configuration, a fingerprint of issuer and client id, and what.
// Without an issuer the token endpoint is used. An issuer has no slash for an empty path.
func StoreKey(name, issuer, clientID, what string) string {
	sum := sha256.Sum256([]byte(issuer + "\n" + clientID))
	return name + "." + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "." + what
}
