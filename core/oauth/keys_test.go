package oauth_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// device is a key that reveals only its public part, like one in an HSM.
type device struct {
	public crypto.PublicKey
	sign   func(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

func (d device) Public() crypto.PublicKey { return d.public }
func (d device) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return d.sign(rand, digest, opts)
}

// ask performs an effect and reads the ok of its answer. failed is the kind of failure, if there is
// no ok.
func ask(t *testing.T, opts oauth.Options, effect map[string]any) (ok map[string]json.RawMessage, failed string) {
	t.Helper()
	raw, err := json.Marshal(effect)
	if err != nil {
		t.Fatal(err)
	}
	var answer struct {
		OK     map[string]json.RawMessage
		Failed struct{ Kind string }
	}
	if err := json.Unmarshal([]byte(perform(t, opts, string(raw))), &answer); err != nil {
		t.Fatal(err)
	}
	return answer.OK, answer.Failed.Kind
}

// The public key alone decides what an application's key can sign. Its signatures can be verified,
// wherever the key is.
func TestSignersOfTheApplication(t *testing.T) {
	for _, row := range []struct {
		alg  string
		also []string // further algorithms that fit
	}{
		{"RS256", []string{"RS512", "PS384"}}, {"PS256", []string{"RS384", "PS512"}}, {"ES256", nil}, {"ES384", nil}, {"ES512", nil},
		{"EdDSA", []string{"Ed25519"}}, {"Ed25519", []string{"EdDSA"}},
	} {
		t.Run(row.alg, func(t *testing.T) {
			key, err := oauth.GenerateKey(oauth.Algorithm(row.alg))
			if err != nil {
				t.Fatal(err)
			}
			opts := oauth.Options{ClientKey: device{key.Public(), key.Sign}}
			for _, alg := range append(row.also, row.alg) {
				found, failed := ask(t, opts, map[string]any{"kind": "key", "name": "client_key", "alg": alg})
				if failed != "" || found["jwk"] == nil {
					t.Fatal(failed, found)
				}
				signed, failed := ask(t, opts, map[string]any{"kind": "sign", "key": "client_key", "alg": alg, "input": "text"})
				if failed != "" {
					t.Fatal(alg, failed)
				}
				for input, want := range map[string]string{"text": "true", "texts": "false"} {
					verified, failed := ask(t, opts, map[string]any{"kind": "verify", "alg": alg, "jwk": found["jwk"], "input": input, "signature": signed["signature"]})
					if failed != "" || string(verified["valid"]) != want {
						t.Errorf("%s, %s: %s %s", alg, input, failed, verified["valid"])
					}
				}
			}
			for _, alg := range []string{"RS256", "ES256", "ES384", "EdDSA"} {
				if alg == row.alg || strings.Contains(strings.Join(row.also, " "), alg) || alg[0] == 'R' && row.alg[0] == 'P' {
					continue
				}
				if _, failed := ask(t, opts, map[string]any{"kind": "sign", "key": "client_key", "alg": alg, "input": "text"}); failed != "denied" {
					t.Errorf("%s: %q", alg, failed)
				}
				if _, failed := ask(t, opts, map[string]any{"kind": "key", "name": "client_key", "alg": alg, "create": true}); failed != "denied" {
					t.Errorf("%s: %q", alg, failed)
				}
			}
		})
	}
}

// The application's key is used directly; all other names belong to the key store.
func TestTheClientsKeyIsApart(t *testing.T) {
	given, err := oauth.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	var kept oauth.MemoryKeyStore
	opts := oauth.Options{Keys: &kept, ClientKey: given}
	jwk := map[string]string{}
	for _, name := range []string{"client_key", "oauth2.key"} {
		found, failed := ask(t, opts, map[string]any{"kind": "key", "name": name, "alg": "ES256", "create": true})
		if failed != "" {
			t.Fatal(failed)
		}
		jwk[name] = string(found["jwk"])
	}
	if key, err := kept.LoadKey(t.Context(), "client_key"); key != nil || err != nil {
		t.Error("the client's key was made anew", err)
	}
	if key, err := kept.LoadKey(t.Context(), "oauth2.key"); key == nil || err != nil {
		t.Error("a key of the session was not kept", err)
	}
	if jwk["client_key"] == jwk["oauth2.key"] {
		t.Error("one key for both")
	}
	if _, failed := ask(t, opts, map[string]any{"kind": "key", "name": "client_key", "alg": "ES256", "delete": true}); failed != "" {
		t.Error(failed)
	}
	if _, failed := ask(t, opts, map[string]any{"kind": "sign", "key": "client_key", "alg": "ES256", "input": "text"}); failed != "" {
		t.Errorf("the client's key was deleted: %s", failed)
	}
}

// Signers and stores that misbehave cause failures that the engine knows.
func TestKeysThatFail(t *testing.T) {
	good, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	giving := func(signature string) device {
		return device{good.Public(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return []byte(signature), nil }}
	}
	zeros := strings.Repeat("\x00", 32)
	for _, row := range []struct {
		name, alg, want string
		key             crypto.Signer
	}{
		{"one that fails", "ES256", "storage", device{good.Public(), func(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errors.New("test: unplugged") }}},
		{"no signature", "ES256", "storage", giving("")},
		{"R and S as they are", "ES256", "storage", giving(zeros + zeros)},
		{"bytes behind", "ES256", "storage", giving("\x30\x06\x02\x01\x01\x02\x01\x01x")},
		{"R is 0", "ES256", "storage", giving("\x30\x06\x02\x01\x00\x02\x01\x01")},
		{"S is negative", "ES256", "storage", giving("\x30\x06\x02\x01\x01\x02\x01\xff")},
		{"R is too long", "ES256", "storage", giving("\x30\x26\x02\x21\x01" + zeros + "\x02\x01\x01")},
		{"small R and S", "ES256", "", giving("\x30\x06\x02\x01\x01\x02\x01\x01")},
		{"no public key", "ES256", "denied", device{}},
		{"a curve that is none", "ES256", "denied", device{public: &ecdsa.PublicKey{}}},
		{"RSA of nothing", "RS256", "denied", device{public: &rsa.PublicKey{}}},
		{"RSA of 1,024 bits", "RS256", "denied", small},
	} {
		t.Run(row.name, func(t *testing.T) {
			opts := oauth.Options{ClientKey: row.key}
			ok, failed := ask(t, opts, map[string]any{"kind": "sign", "key": "client_key", "alg": row.alg, "input": "text"})
			if failed != row.want {
				t.Errorf("%q", failed)
			}
			if failed == "" && len(ok["signature"]) != 86+2 {
				t.Errorf("%s", ok["signature"])
			}
		})
	}
	for kind, broken := range map[string]brokenKeys{"storage": {errors.New("test: no disk")}, "unsupported": {errors.ErrUnsupported}} {
		for _, effect := range []map[string]any{
			{"kind": "key", "name": "k", "alg": "ES256"}, {"kind": "key", "name": "k", "alg": "ES256", "create": true},
			{"kind": "key", "name": "k", "alg": "ES256", "delete": true}, {"kind": "sign", "key": "k", "alg": "ES256", "input": "text"},
		} {
			if _, failed := ask(t, oauth.Options{Keys: broken}, effect); failed != kind {
				t.Errorf("%v: %q, not %q", effect, failed, kind)
			}
		}
	}
}

type brokenKeys struct{ err error }

func (b brokenKeys) LoadKey(context.Context, string) (crypto.Signer, error) { return nil, b.err }
func (b brokenKeys) CreateKey(context.Context, string, oauth.Algorithm) (crypto.Signer, error) {
	return nil, b.err
}
func (b brokenKeys) DeleteKey(context.Context, string) error { return b.err }

// Concurrent creates return the same key.
func TestMemoryKeysAreMadeOnce(t *testing.T) {
	var m oauth.MemoryKeyStore
	got := make(chan crypto.Signer, 20)
	for range cap(got) {
		go func() {
			key, err := m.CreateKey(t.Context(), "k", "ES256")
			if err != nil {
				t.Error(err)
			}
			got <- key
		}()
	}
	first := <-got
	for range cap(got) - 1 {
		if key := <-got; key != first {
			t.Error("two keys of one name")
		}
	}
}

// Keys live as long as the store's values: with a MemoryStore from one client to the next, and with
// a store that is no KeyStore as long as clients share it.
func TestKeysGoWithTheStore(t *testing.T) {
	jwk := func(opts oauth.Options, create bool) string {
		found, failed := ask(t, opts, map[string]any{"kind": "key", "name": "k", "alg": "ES256", "create": create})
		if failed != "" {
			t.Fatal(failed)
		}
		return string(found["jwk"])
	}
	memory := oauth.Options{Store: &oauth.MemoryStore{}}
	if first := jwk(memory, true); first == "" || jwk(memory, false) != first {
		t.Error("the key is another in the same store")
	}
	if jwk(oauth.Options{Store: &oauth.MemoryStore{}}, false) != "" {
		t.Error("another store has the key")
	}
	plain := oauth.Options{Store: &onlyStore{}}
	open, err := oauthtest.OpenSession(native(t), plain)
	if err != nil {
		t.Fatal(err)
	}
	if first := jwk(plain, true); first == "" || jwk(plain, false) != first {
		t.Error("clients of one store have other keys")
	}
	open.Close()
	if jwk(plain, false) != "" {
		t.Error("the key outlived its clients")
	}
}

// onlyStore is a Store that is not a KeyStore.
type onlyStore struct{ kept oauth.MemoryStore }

func (o *onlyStore) Load(ctx context.Context, key string) (string, string, bool, error) {
	return o.kept.Load(ctx, key)
}
func (o *onlyStore) Store(ctx context.Context, key, version string, value *string) (string, error) {
	return o.kept.Store(ctx, key, version, value)
}
