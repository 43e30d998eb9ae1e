package oauth

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/jws"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/shared"
)

// keyring holds the keys that a session signs with.
type keyring struct {
	s         *session
	keys      KeyStore
	clientKey crypto.Signer
	close     func()
	last      atomic.Pointer[namedKey]
}

// namedKey is a key that a session made, with its name, which no other key ever gets.
type namedKey struct {
	name string
	crypto.Signer
}

// keyStores has a key store for each Store that is not a KeyStore itself. All clients of the Store
// share it.
var keyStores shared.Registry[Store, KeyStore]

func newKeyring(s *session, opts Options) *keyring {
	if opts.Keys != nil {
		return &keyring{s: s, keys: opts.Keys, clientKey: opts.ClientKey, close: func() {}}
	}
	keys := keyStores.Acquire(opts.Store, func() KeyStore { return &MemoryKeyStore{} })
	return &keyring{s: s, keys: keys, clientKey: opts.ClientKey, close: func() { keyStores.Release(opts.Store) }}
}

// signer returns the key called name, nil if there is none.
func (k *keyring) signer(ctx context.Context, name string) (crypto.Signer, error) {
	if name == clientKey && k.clientKey != nil {
		return k.clientKey, nil
	}
	return k.keys.LoadKey(ctx, name)
}

// key carries out a key effect: it returns the public key of a name, creates the key if the effect
// asks for that, or deletes it.
func (k *keyring) key(e *effect) {
	s, e := k.s, e.keep()
	a, known := jws.Algorithms[e.Alg]
	if !known && !e.Delete {
		s.reply(failed(e.ID, "unsupported"))
		return
	}
	s.inOrder(e, "key "+e.Name, func(ctx context.Context) input {
		if e.Delete {
			k.last.Store(nil)
			if err := k.keys.DeleteKey(ctx, e.Name); err != nil {
				return keyFailure(ctx, e, err)
			}
			return answer(e.ID, nil)
		}
		var found members
		key, err := k.signer(ctx, e.Name)
		if key == nil && err == nil && e.Create {
			key, err = k.keys.CreateKey(ctx, e.Name, Algorithm(e.Alg))
		}
		if err == nil && key != nil {
			public := key.Public()
			if !a.Fits(public) {
				return failed(e.ID, "denied")
			}
			found, err = found.object("jwk", jose.JSONWebKey{Key: public})
		}
		if err != nil {
			return keyFailure(ctx, e, err)
		}
		return answer(e.ID, found)
	})
}

// sign carries out a sign effect.
func (k *keyring) sign(e *effect) {
	s, e := k.s, e.keep()
	a, ok := jws.Algorithms[e.Alg]
	if !ok {
		s.reply(failed(e.ID, "unsupported"))
		return
	}
	ctx, cancel := context.WithTimeout(s.ctx, storeTimeout)
	s.aside(s.begin(e, cancel), false, func() input {
		defer cancel()
		if last := k.last.Load(); last != nil && last.name == e.Key && a.Fits(last.Public()) {
			if signature, err := a.Sign(last, []byte(e.Input)); err == nil {
				return signed(e.ID, signature)
			}
			// What it signs with may be gone, such as a connection: the store gives it anew.
		}
		key, err := k.signer(ctx, e.Key)
		if err == nil && (key == nil || !a.Fits(key.Public())) {
			return failed(e.ID, "denied")
		}
		var signature []byte
		if err == nil {
			signature, err = a.Sign(key, []byte(e.Input))
		}
		if err != nil {
			return keyFailure(ctx, e, err)
		}
		if e.Key != clientKey {
			k.last.Store(&namedKey{e.Key, key})
		}
		return signed(e.ID, signature)
	})
}

func signed(id string, signature []byte) input {
	return answer(id, members(nil).text("signature", base64.RawURLEncoding.EncodeToString(signature)))
}

// keyFailure converts an error of a KeyStore or a Signer to a kind of failure.
func keyFailure(ctx context.Context, e *effect, err error) (in input) {
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		in = failed(e.ID, "unsupported")
	case ctx.Err() != nil:
		in = failed(e.ID, "timeout")
	default:
		in = failed(e.ID, "storage")
	}
	in.cause = err
	return in
}
