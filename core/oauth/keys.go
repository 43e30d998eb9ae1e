package oauth

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"sync"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/jws"
)

// KeyStore keeps private keys under names. The engine gets only public keys and signatures, so the
// private keys may be in a device (HSM) or a service that never gives them out. A KeyStore is safe
// for concurrent use.
type KeyStore interface {
	// LoadKey gives the key called name. Both results are nil where there is none. A client keeps
	// the key that it signed with last, and calls LoadKey again only if that can no longer sign.
	LoadKey(ctx context.Context, name string) (crypto.Signer, error)
	// CreateKey makes a key called name for alg and keeps it; GenerateKey makes one in memory. If a
	// key of that name exists, it returns that key, whatever its algorithm; concurrent creates,
	// also in other processes, return the same key. It fails with errors.ErrUnsupported if it
	// cannot make keys for alg.
	CreateKey(ctx context.Context, name string, alg Algorithm) (crypto.Signer, error)
	// DeleteKey deletes the key called name. If there is none, it does nothing.
	DeleteKey(ctx context.Context, name string) error
}

// GenerateKey makes a key for alg: RS and PS (2,048 bits) and ES with 256, 384 and 512, EdDSA and
// Ed25519. It fails with errors.ErrUnsupported for every other alg.
func GenerateKey(alg Algorithm) (crypto.Signer, error) {
	a, ok := jws.Algorithms[string(alg)]
	if !ok {
		return nil, fmt.Errorf("oauth2: keys for %q: %w", printable(string(alg)), errors.ErrUnsupported)
	}
	return a.Generate()
}

// MemoryKeyStore is a KeyStore in memory. The zero value is empty and ready.
type MemoryKeyStore struct {
	mu   sync.Mutex
	keys map[string]crypto.Signer
}

// LoadKey implements KeyStore. It never fails.
func (m *MemoryKeyStore) LoadKey(_ context.Context, name string) (crypto.Signer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.keys[name], nil
}

// CreateKey implements KeyStore. It fails as GenerateKey does.
func (m *MemoryKeyStore) CreateKey(ctx context.Context, name string, alg Algorithm) (crypto.Signer, error) {
	if key, _ := m.LoadKey(ctx, name); key != nil {
		return key, nil
	}
	made, err := GenerateKey(alg) // outside the lock, because an RSA key takes a while and others need their keys
	if err != nil {
		return nil, err
	}
	return m.add(name, made), nil
}

// add stores a key unless one of that name exists, and returns the stored one.
func (m *MemoryKeyStore) add(name string, made crypto.Signer) crypto.Signer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if key := m.keys[name]; key != nil {
		return key
	}
	if m.keys == nil {
		m.keys = map[string]crypto.Signer{}
	}
	m.keys[name] = made
	return made
}

// DeleteKey implements KeyStore. It never fails.
func (m *MemoryKeyStore) DeleteKey(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.keys, name)
	return nil
}
