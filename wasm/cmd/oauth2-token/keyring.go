package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/zalando/go-keyring"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
)

// keyringService is what the operating system's keyring knows this program by.
const keyringService = "oauth2-wasm oauth2-token"

// openStore gives what sessions are kept in: files, or with -keyring files that are sealed with a
// key in the operating system's keyring (Secret Service, macOS Keychain, Windows Credential
// Manager). Sessions themselves are too long for some of these, and none of them compares before it
// replaces.
func (o options) openStore(ctx context.Context) (oauth.Store, error) {
	if !o.keyring {
		return filestore.Open(o.dir)
	}
	// Beside those in the clear, which a key would not open.
	dir, err := filestore.Open(filepath.Join(o.dir, "sealed"))
	if err != nil {
		return nil, err
	}
	ring, err := keyringKey(ctx, dir, o.dir)
	if err != nil {
		return nil, err
	}
	return sealedstore.New(dir, ring), nil
}

// keyringKey finds the key of a directory, or makes one: of processes that do so at once, one.
func keyringKey(ctx context.Context, locks oauth.Locker, dir string) (*backend.Ring, error) {
	account, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	key, err := keyring.Get(keyringService, account)
	if errors.Is(err, keyring.ErrNotFound) {
		unlock, lockErr := locks.Lock(ctx, "keyring")
		if lockErr != nil {
			return nil, lockErr
		}
		defer unlock()
		if key, err = keyring.Get(keyringService, account); errors.Is(err, keyring.ErrNotFound) {
			key = backend.NewKey()
			err = keyring.Set(keyringService, account, key)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the keyring of the operating system cannot be used, and nothing is kept without it (-keyring): %w", err)
	}
	ring, err := backend.ReadRing(key)
	if err != nil {
		return nil, fmt.Errorf("what the keyring holds for %s is no key of this program", account)
	}
	return ring, nil
}
