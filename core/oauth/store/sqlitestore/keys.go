package sqlitestore

import (
	"context"
	"crypto"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// LoadKey implements oauth.KeyStore. It fails with the error of ctx, or with one of SQLite.
func (d *DB) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	var raw []byte
	err := d.reads.QueryRowContext(ctx, `SELECT pkcs8 FROM keys WHERE name = ?`, name).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	defer clear(raw)
	key, err := x509.ParsePKCS8PrivateKey(raw) // RFC 5958
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("oauth2: sqlitestore: the key was changed") // err could show some of it
	}
	return signer, nil
}

// CreateKey implements oauth.KeyStore. It fails as LoadKey and oauth.GenerateKey do.
func (d *DB) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	if key, err := d.LoadKey(ctx, name); key != nil || err != nil {
		return key, err
	}
	made, err := oauth.GenerateKey(alg)
	if err != nil {
		return nil, err
	}
	raw, err := x509.MarshalPKCS8PrivateKey(made)
	if err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	defer clear(raw)
	if _, err := d.writes.ExecContext(ctx, `INSERT INTO keys (name, pkcs8) VALUES (?, ?) ON CONFLICT (name) DO NOTHING`, name, raw); err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	if err := d.flush.wait(); err != nil {
		return nil, fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	return d.LoadKey(ctx, name) // concurrent creates return the same key
}

// DeleteKey implements oauth.KeyStore. It fails with the error of ctx, or with one of SQLite.
func (d *DB) DeleteKey(ctx context.Context, name string) error {
	if _, err := d.writes.ExecContext(ctx, `DELETE FROM keys WHERE name = ?`, name); err != nil {
		return fmt.Errorf("oauth2: sqlitestore: %w", err)
	}
	return nil
}
