// Package sealedkeys stores the keys that sessions make (RFC 9449) as sealed texts in a store.
package sealedkeys

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
)

// Ring seals texts, each for its place: a *backend.Ring.
type Ring interface {
	Seal(text, context string) string
	Unseal(sealed, context string) (string, error)
}

// Keys is an oauth.KeyStore. A key's text is the base64 of PKCS #8 (RFC 5958).
type Keys struct {
	Kept oauth.Store
	Ring Ring
	// Entry returns the key of the store for a name.
	Entry func(name string) string
	// WithAlg puts the algorithm and a space before the text, which other hosts need.
	WithAlg bool
	// Until returns until when a key that is made now is needed; nil means for ever.
	Until func() time.Time
	// Tampered is the error for a key that another process has just made and that cannot be
	// unsealed.
	Tampered error
}

// LoadKey implements oauth.KeyStore. A key that cannot be unsealed counts as missing: its user
// signs in again.
func (k *Keys) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	key, _, err := k.load(ctx, name)
	return key, err
}

func (k *Keys) load(ctx context.Context, name string) (key crypto.Signer, version string, err error) {
	sealed, version, ok, err := k.Kept.Load(ctx, k.Entry(name))
	if err != nil || !ok {
		return nil, "", err
	}
	text, err := k.Ring.Unseal(sealed, sealedFor(name))
	if err != nil {
		return nil, version, nil
	}
	return read(text), version, nil
}

// sealedFor prevents that another key, or another kind of text, is accepted as this key.
func sealedFor(name string) string { return "key " + name }

// read returns the key in a text, nil if there is none.
func read(text string) crypto.Signer {
	raw, err := base64.StdEncoding.DecodeString(text[strings.LastIndexByte(text, ' ')+1:])
	if err != nil {
		return nil
	}
	defer clear(raw)
	parsed, err := x509.ParsePKCS8PrivateKey(raw)
	if err != nil {
		return nil
	}
	key, _ := parsed.(crypto.Signer)
	return key
}

// CreateKey implements oauth.KeyStore. It returns errors of the store and of oauth.GenerateKey. A
// key that cannot be unsealed is replaced.
func (k *Keys) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	key, version, err := k.load(ctx, name)
	if key != nil || err != nil {
		return key, err
	}
	made, err := oauth.GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, fmt.Errorf("oauth2: a key to be sealed: %w", err)
	}
	defer clear(raw)
	text := base64.StdEncoding.EncodeToString(raw)
	if k.WithAlg {
		text = string(alg) + " " + text
	}
	switch err = k.keep(ctx, name, version, k.Ring.Seal(text, sealedFor(name))); {
	case err == nil:
		return made, nil
	case !errors.Is(err, oauth.ErrConflict):
		return nil, err
	}
	key, err = k.LoadKey(ctx, name) // another process was first: its key stays
	if key == nil && err == nil {
		err = fmt.Errorf("%w: the key %q", k.Tampered, name)
	}
	return key, err
}

func (k *Keys) keep(ctx context.Context, name, version, sealed string) error {
	expiring, ok := k.Kept.(oauth.ExpiringStore)
	if !ok || k.Until == nil {
		_, err := k.Kept.Store(ctx, k.Entry(name), version, &sealed)
		return err
	}
	_, err := expiring.StoreUntil(ctx, k.Entry(name), version, sealed, k.Until())
	return err
}

// DeleteKey implements oauth.KeyStore. It returns errors of the store.
func (k *Keys) DeleteKey(ctx context.Context, name string) error {
	_, version, ok, err := k.Kept.Load(ctx, k.Entry(name))
	if err != nil || !ok {
		return err
	}
	if _, err = k.Kept.Store(ctx, k.Entry(name), version, nil); errors.Is(err, oauth.ErrConflict) {
		return nil // somebody else deleted it
	}
	return err
}
