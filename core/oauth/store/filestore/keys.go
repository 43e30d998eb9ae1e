package filestore

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

const pemType = "PRIVATE KEY" // PKCS #8 (RFC 5958) in PEM (RFC 7468 section 10)

// LoadKey implements oauth.KeyStore. It fails with ErrCorrupt, with the error of ctx, or with one
// of the file system.
func (d *Dir) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	unlock, err := d.guard(ctx, keyFile(name))
	if err != nil {
		return nil, err
	}
	defer unlock()
	return d.readKey(name)
}

// CreateKey implements oauth.KeyStore. It fails as LoadKey and oauth.GenerateKey do.
func (d *Dir) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	if key, err := d.LoadKey(ctx, name); key != nil || err != nil {
		return key, err
	}
	made, err := oauth.GenerateKey(alg) // outside the lock, because an RSA key takes a while
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, fmt.Errorf("oauth2: filestore: %w", err)
	}
	defer clear(raw)
	// A host with WebCrypto must know the algorithm of a key before it reads it. PEM may have text
	// before it (RFC 7468 section 2).
	text := append([]byte("Algorithm: "+string(alg)+"\n"), pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: raw})...)
	defer clear(text)

	unlock, err := d.guard(ctx, keyFile(name))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if key, err := d.readKey(name); key != nil || err != nil {
		return key, err // another process was first
	}
	if err := d.replace(keyFile(name), text); err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteKey implements oauth.KeyStore. It fails with the error of ctx, or with one of the file
// system.
func (d *Dir) DeleteKey(ctx context.Context, name string) error {
	unlock, err := d.guard(ctx, keyFile(name))
	if err != nil {
		return err
	}
	defer unlock()
	if err := os.Remove(filepath.Join(d.path, keyFile(name))); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("oauth2: filestore: %w", err)
	}
	return d.flush()
}

func (d *Dir) readKey(name string) (crypto.Signer, error) {
	raw, err := os.ReadFile(filepath.Join(d.path, keyFile(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("oauth2: filestore: %w", err)
	}
	defer clear(raw)
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != pemType || len(rest) > 0 {
		return nil, fmt.Errorf("%w: %s", ErrCorrupt, filepath.Join(d.path, keyFile(name)))
	}
	defer clear(block.Bytes)
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, fmt.Errorf("%w: %s", ErrCorrupt, filepath.Join(d.path, keyFile(name)))
	}
	return signer, nil
}

func keyFile(name string) string { return "key-" + escape(name) + ".pem" }
