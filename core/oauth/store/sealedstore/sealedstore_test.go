package sealedstore_test

import (
	"crypto/ecdsa"
	"encoding/base64"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sealedstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/sqlitestore"
)

const (
	first  = "a:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	second = "b:BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func ring(t testing.TB, keys string) *backend.Ring {
	t.Helper()
	r, err := backend.ReadRing(keys)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// kept returns two handles of an empty database.
func kept(t testing.TB) (a, b *sqlitestore.DB) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s.db")
	var both [2]*sqlitestore.DB
	for i := range both {
		d, err := sqlitestore.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		both[i] = d
	}
	return both[0], both[1]
}

// TestStore (B10): what every store must do, on a store with expiry and on one without.
func TestStore(t *testing.T) {
	r := ring(t, first)
	t.Run("SQLite", func(t *testing.T) {
		oauthtest.RunStore(t, func(t testing.TB) (a, b oauthtest.SharedStore) {
			one, two := kept(t)
			return sealedstore.New(one, r), sealedstore.New(two, r)
		})
	})
	t.Run("files", func(t *testing.T) {
		dir, err := filestore.Open(filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		s := sealedstore.New(dir, r)
		const value = "x"
		version, err := s.StoreUntil(t.Context(), "k", "", value, time.Now().Add(time.Hour))
		if got, same, ok, loadErr := s.Load(t.Context(), "k"); got != value || same != version || !ok || err != nil || loadErr != nil {
			t.Error(got, same, ok, err, loadErr)
		}
	})
}

// TestContract (B10): the contract suite, with a sealed store.
func TestContract(t *testing.T) {
	oauthtest.RunContract(t, "../../../contract/contract.json", func(testing.TB) oauth.Engine { return new(core.Engine) },
		func(t testing.TB) oauth.Options {
			one, _ := kept(t)
			s := sealedstore.New(one, ring(t, first))
			return oauth.Options{Store: s, Locker: s, Keys: s}
		})
}

// TestNothingInTheClear (B10): what is stored contains nothing of the plain text, and is valid only
// under its own key.
func TestNothingInTheClear(t *testing.T) {
	ctx := t.Context()
	d, _ := kept(t)
	s := sealedstore.New(d, ring(t, first))
	secret := "REFRESH-TOKEN"
	if _, err := s.Store(ctx, "one", "", &secret); err != nil {
		t.Fatal(err)
	}
	key, err := s.CreateKey(ctx, "one", "ES256")
	if err != nil {
		t.Fatal(err)
	}
	written, _, ok, err := d.Load(ctx, "one")
	if !ok || err != nil || strings.Contains(written, "REFRESH") || !strings.HasPrefix(written, "a.") {
		t.Errorf("%q %t %v", written, ok, err)
	}
	writtenKey, keyVersion, ok, err := d.Load(ctx, "key one")
	if !ok || err != nil || !strings.HasPrefix(writtenKey, "a.") {
		t.Errorf("%q %t %v", writtenKey, ok, err)
	}
	// Under another key it is invalid. Neither is the text of a private key a value, or a value a
	// private key.
	if _, err := d.Store(ctx, "two", "", &written); err != nil {
		t.Fatal(err)
	}
	if value, version, ok, err := s.Load(ctx, "two"); value != "" || version == "" || !ok || err != nil {
		t.Errorf("%q %q %t %v", value, version, ok, err)
	}
	if value, _, _, err := s.Load(ctx, "key one"); value != "" || err != nil {
		t.Errorf("%q %v", value, err)
	}
	if _, err := d.Store(ctx, "key one", keyVersion, &written); err != nil {
		t.Fatal(err)
	}
	if other, err := s.LoadKey(ctx, "one"); other != nil || err != nil {
		t.Error(other, err)
	}
	// A key that cannot be unsealed is replaced by a new one.
	made, err := s.CreateKey(ctx, "one", "ES256")
	if err != nil || made == key {
		t.Error(err)
	}
	if _, err := s.CreateKey(ctx, "other", "none"); !errors.Is(err, errors.ErrUnsupported) {
		t.Error(err)
	}
}

// TestForeign (B10): a text and a key that the package for JavaScript sealed.
func TestForeign(t *testing.T) {
	ctx := t.Context()
	d, _ := kept(t)
	for entry, sealed := range map[string]string{
		"e": "a.AAZaAnIt_oXQ4DQRuLBOBK8lWEhHD-Gh2YccDQqscO40kg",
		"key k": "a.5yFa3sL8jmQ6ayjNnsMPOfot5s8k9TB4rQfFPkG05WdOyPpGeUB3zTv2dRNx14XAPhT7QuARGuOYPh434ePEzHOH6Op7206EUIf7i7b6wIuB" +
			"IFFKa78csSy669bm_m7JcY6PVLvNqNftGnL41cOBRKVKJTquICM0kzOixmnNZQ71Pbn05TYJ_WDlWxXJTqe2Cbu-k9W3C2RVQiIaJbe598jop77km1S6BGKiOlvS_YQ-ptx0OlRaghlzUq1iOenGfqYMcxfd-vTlirG9O9OSZUZBsXBl7GMRmVk",
	} {
		if _, err := d.Store(ctx, entry, "", &sealed); err != nil {
			t.Fatal(err)
		}
	}
	s := sealedstore.New(d, ring(t, first))
	if value, _, _, err := s.Load(ctx, "e"); value != "héllo" || err != nil {
		t.Error(value, err)
	}
	key, err := s.LoadKey(ctx, "k")
	if err != nil || key == nil {
		t.Fatal(key, err)
	}
	public, err := key.Public().(*ecdsa.PublicKey).Bytes()
	if x := base64.RawURLEncoding.EncodeToString(public[1:33]); x != "A37KGeRhUyESdspP0CTQhA8-pGJZuf9qr-N9XAphzwE" || err != nil {
		t.Error(x, err)
	}
}

// TestRing (B10): a key of the ring is replaced without signing anybody out. After it is removed,
// what it sealed counts as missing and is replaced.
func TestRing(t *testing.T) {
	ctx := t.Context()
	d, _ := kept(t)
	old, both, after := sealedstore.New(d, ring(t, first)), sealedstore.New(d, ring(t, second+" "+first)), sealedstore.New(d, ring(t, second))
	x := "x"
	version, err := old.Store(ctx, "k", "", &x)
	if err != nil {
		t.Fatal(err)
	}
	if value, _, ok, err := both.Load(ctx, "k"); value != x || !ok || err != nil {
		t.Error(value, ok, err)
	}
	if value, same, ok, err := after.Load(ctx, "k"); value != "" || same != version || !ok || err != nil {
		t.Error(value, same, ok, err)
	}
	if _, err := after.Store(ctx, "k", version, &x); err != nil {
		t.Error(err)
	}
	if value, _, ok, err := both.Load(ctx, "k"); value != x || !ok || err != nil {
		t.Error(value, ok, err)
	}
}
