package oauthtest

import (
	"crypto/sha256"
	"encoding/base64"
)

// StoreKey is the key under which a client keeps what ("session", "pending", "device", "metadata"):
// the name of its configuration, a fingerprint of issuer and client id, and what it is. Without an
// issuer the token endpoint stands for it; an issuer is given without the slash of an empty path.
func StoreKey(name, issuer, clientID, what string) string {
	sum := sha256.Sum256([]byte(issuer + "\n" + clientID))
	return name + "." + base64.RawURLEncoding.EncodeToString(sum[:])[:22] + "." + what
}
