package sealedstore

import (
	"context"
	"crypto"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/sealedkeys"
)

// Kept is a shared store that also has locks: those of packages redisstore, postgresstore,
// sqlitestore and filestore.
type Kept interface {
	oauth.Store
	oauth.Locker
}

// Store is an oauth.ExpiringStore and oauth.KeyStore with sealed texts, and the oauth.Locker of the
// underlying store. It is safe for concurrent use.
type Store struct {
	oauth.Locker
	kept oauth.Store
	ring *backend.Ring
	keys sealedkeys.Keys
}

var (
	_ oauth.ExpiringStore = (*Store)(nil)
	_ oauth.KeyStore      = (*Store)(nil)
	_ oauth.Locker        = (*Store)(nil)
)

// New makes a store that seals with the newest key of the ring, unseals with any of them, and keeps
// the sealed texts in kept.
func New(kept Kept, ring *backend.Ring) *Store {
	return &Store{kept, kept, ring, sealedkeys.Keys{Kept: kept, Ring: ring, Entry: keyEntry, WithAlg: true, Tampered: backend.ErrTampered}}
}

// A text is sealed for its key: somebody who can write to the store cannot swap texts.
func entryContext(key string) string { return "entry " + key }

// keyEntry is where a key is kept. No key of the engine's has a space.
func keyEntry(name string) string { return "key " + name }

// Load implements oauth.Store. If a text cannot be unsealed, Load gives an empty one with its
// version: the user signs in again, and that replaces it.
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

// Store implements oauth.Store. It fails as the underlying store does.
func (s *Store) Store(ctx context.Context, key, version string, value *string) (string, error) {
	if value != nil {
		sealed := s.ring.Seal(*value, entryContext(key))
		value = &sealed
	}
	return s.kept.Store(ctx, key, version, value)
}

// StoreUntil implements oauth.ExpiringStore. If the underlying store is none, the value does not
// expire.
func (s *Store) StoreUntil(ctx context.Context, key, version string, value string, until time.Time) (string, error) {
	if expiring, ok := s.kept.(oauth.ExpiringStore); ok {
		return expiring.StoreUntil(ctx, key, version, s.ring.Seal(value, entryContext(key)), until)
	}
	return s.Store(ctx, key, version, &value)
}

// LoadKey implements oauth.KeyStore. A key that cannot be unsealed counts as missing. It fails as
// the underlying store does.
func (s *Store) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	return s.keys.LoadKey(ctx, name)
}

// CreateKey implements oauth.KeyStore. It fails as the underlying store and oauth.GenerateKey do.
// The text of a key is its algorithm, which other hosts need, and the base64 of PKCS #8.
func (s *Store) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	return s.keys.CreateKey(ctx, name, alg)
}

// DeleteKey implements oauth.KeyStore. It fails as the underlying store does.
func (s *Store) DeleteKey(ctx context.Context, name string) error { return s.keys.DeleteKey(ctx, name) }
