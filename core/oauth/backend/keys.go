package backend

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// sealedKeys keeps the keys that sessions make for themselves (RFC 9449) where the sessions are, sealed like them, and as long.
type sealedKeys struct {
	store oauth.Store
	ring  *Ring
	life  time.Duration
	now   func() time.Time
}

// keyContext is what a key is sealed for; that of a session is another.
func keyContext(name string) string { return "key " + name }

// LoadKey implements oauth.KeyStore. A key that cannot be unsealed any more is none: its user signs in again.
func (s *sealedKeys) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	sealed, _, ok, err := s.store.Load(ctx, name)
	if err != nil || !ok {
		return nil, err
	}
	text, err := s.ring.Unseal(sealed, keyContext(name))
	if err != nil {
		return nil, nil
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, nil
	}
	defer clear(raw)
	key, err := x509.ParsePKCS8PrivateKey(raw)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, nil
	}
	return signer, nil
}

// CreateKey implements oauth.KeyStore.
func (s *sealedKeys) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	if key, err := s.LoadKey(ctx, name); key != nil || err != nil {
		return key, err
	}
	made, err := oauth.GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, fmt.Errorf("oauth2: bff: %w", err)
	}
	defer clear(raw)
	sealed := s.ring.Seal(base64.StdEncoding.EncodeToString(raw), keyContext(name))
	if expiring, ok := s.store.(oauth.ExpiringStore); ok {
		_, err = expiring.StoreUntil(ctx, name, "", sealed, s.now().Add(s.life))
	} else {
		_, err = s.store.Store(ctx, name, "", &sealed)
	}
	switch {
	case err == nil:
		return made, nil
	case !errors.Is(err, oauth.ErrConflict):
		return nil, err
	}
	// Another one was first. What nobody can unseal stays in the way until it expires.
	key, err := s.LoadKey(ctx, name)
	if key == nil && err == nil {
		err = fmt.Errorf("oauth2: bff: the key: %w", ErrTampered)
	}
	return key, err
}

// DeleteKey implements oauth.KeyStore.
func (s *sealedKeys) DeleteKey(ctx context.Context, name string) error {
	_, version, ok, err := s.store.Load(ctx, name)
	if err != nil || !ok {
		return err
	}
	_, err = s.store.Store(ctx, name, version, nil)
	if errors.Is(err, oauth.ErrConflict) {
		return nil // somebody else deleted it
	}
	return err
}
