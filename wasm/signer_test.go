package wasm_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// signer is an issuer's key for ID tokens.
type signer struct {
	key *rsa.PrivateKey
	kid string
}

// sharedKey is made once: an RSA key takes a while.
var sharedKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

func newSigner(t testing.TB) *signer {
	t.Helper()
	key, err := sharedKey()
	if err != nil {
		t.Fatal(err)
	}
	return &signer{key, "key-1"}
}

// keySet is its JWK Set as JSON.
func (s *signer) keySet(t testing.TB) string {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: s.kid, Use: "sig", Algorithm: "RS256"}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// sign makes an ID token for the client app, issued now and valid for an hour, with these claims
// added or replaced.
func (s *signer) sign(t testing.TB, claims map[string]any) string {
	t.Helper()
	with, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: s.key, KeyID: s.kid}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jwt.Signed(with).Claims(fresh(claims)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func fresh(claims map[string]any) map[string]any {
	all := map[string]any{"aud": "app", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
	for name, value := range claims {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	return all
}
