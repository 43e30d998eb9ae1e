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

// keyringService is the name of this program in the operating system's keyring.
const keyringService = "oauth2-wasm oauth2-token"

// openStore returns the store of sessions: files, or with -keyring files that are sealed with a key
// in the operating system's keyring (Secret Service, macOS Keychain, Windows Credential Manager).
// The sessions themselves are too long for some keyrings, and no keyring has compare-and-set.
func (o options) openStore(ctx context.Context) (oauth.Store, error) {
	if !o.keyring {
		return filestore.Open(o.dir)
	}
	// They are in another directory than unsealed ones, which the key could not open.
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

// keyringKey finds the key of a directory, or makes one. Processes that do so at once get the same
// key.
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
		return nil, fmt.Errorf("the keyring's entry for %s is not a key of this program", account)
	}
	return ring, nil
}
