package sealedstore

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// Kept is a store that is shared, with the locks that go with it: those of packages redisstore, postgresstore, sqlitestore and filestore.
type Kept interface {
	oauth.Store
	oauth.Locker
}

// Store is a oauth.ExpiringStore and oauth.KeyStore whose texts are sealed, and the oauth.Locker of what it stands on. It is safe for
// concurrent use.
type Store struct {
	oauth.Locker
	kept oauth.Store
	ring *backend.Ring
}

var (
	_ oauth.ExpiringStore = (*Store)(nil)
	_ oauth.KeyStore      = (*Store)(nil)
	_ oauth.Locker        = (*Store)(nil)
)

// New gives a store that seals what it keeps in kept with the newest key of the ring, and unseals with any.
func New(kept Kept, ring *backend.Ring) *Store { return &Store{kept, kept, ring} }

// A text is sealed for where it stands: whoever can write to the store cannot put one in the place of another.
func entryContext(key string) string { return "entry " + key }
func keyContext(name string) string  { return "key " + name }

// keyEntry is where a key is kept. No key of the engine's has a space.
func keyEntry(name string) string { return "key " + name }

// Load implements oauth.Store. What cannot be unsealed is an empty text with its version: its user signs in again, and that replaces it.
func (s *Store) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	sealed, version, ok, err := s.kept.Load(ctx, key)
	if err != nil || !ok {
		return "", "", false, err
	}
	if value, err = s.ring.Unseal(sealed, entryContext(key)); err != nil {
		value = ""
	}
	return value, version, true, nil
}

// Store implements oauth.Store. It fails as what it stands on does.
func (s *Store) Store(ctx context.Context, key, version string, value *string) (string, error) {
	if value != nil {
		sealed := s.ring.Seal(*value, entryContext(key))
		value = &sealed
	}
	return s.kept.Store(ctx, key, version, value)
}

// StoreUntil implements oauth.ExpiringStore. Where what it stands on is none, the value stays.
func (s *Store) StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (string, error) {
	if expiring, ok := s.kept.(oauth.ExpiringStore); ok {
		return expiring.StoreUntil(ctx, key, version, s.ring.Seal(value, entryContext(key)), until)
	}
	return s.Store(ctx, key, version, &value)
}

// LoadKey implements oauth.KeyStore. A key that cannot be unsealed is none. It fails as what it stands on does.
func (s *Store) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	key, _, err := s.loadKey(ctx, name)
	return key, err
}

func (s *Store) loadKey(ctx context.Context, name string) (key crypto.Signer, version string, err error) {
	sealed, version, ok, err := s.kept.Load(ctx, keyEntry(name))
	if err != nil || !ok {
		return nil, "", err
	}
	text, err := s.ring.Unseal(sealed, keyContext(name))
	if err != nil {
		return nil, version, nil
	}
	_, encoded, _ := strings.Cut(text, " ")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return nil, version, nil
	}
	defer clear(raw)
	parsed, err := x509.ParsePKCS8PrivateKey(raw) // RFC 5958
	if err != nil {
		return nil, version, nil
	}
	key, _ = parsed.(crypto.Signer)
	return key, version, nil
}

// CreateKey implements oauth.KeyStore. It fails as what it stands on and oauth.GenerateKey do. The text of a key is its algorithm, which
// other hosts need, and the base64 of PKCS #8.
func (s *Store) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	key, version, err := s.loadKey(ctx, name)
	if key != nil || err != nil {
		return key, err
	}
	made, err := oauth.GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, fmt.Errorf("oauth2: sealedstore: %w", err)
	}
	defer clear(raw)
	sealed := s.ring.Seal(string(alg)+" "+base64.StdEncoding.EncodeToString(raw), keyContext(name))
	switch _, err = s.kept.Store(ctx, keyEntry(name), version, &sealed); {
	case err == nil:
		return made, nil
	case !errors.Is(err, oauth.ErrConflict):
		return nil, err
	}
	key, err = s.LoadKey(ctx, name) // another one was first: that stays
	if key == nil && err == nil {
		err = fmt.Errorf("%w: the key %q", backend.ErrTampered, name)
	}
	return key, err
}

// DeleteKey implements oauth.KeyStore. It fails as what it stands on does.
func (s *Store) DeleteKey(ctx context.Context, name string) error {
	_, version, ok, err := s.kept.Load(ctx, keyEntry(name))
	if err != nil || !ok {
		return err
	}
	if _, err = s.kept.Store(ctx, keyEntry(name), version, nil); errors.Is(err, oauth.ErrConflict) {
		return nil // somebody else deleted it
	}
	return err
}
