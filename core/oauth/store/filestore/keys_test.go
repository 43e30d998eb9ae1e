package filestore_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

func publicKey(t testing.TB, key crypto.Signer, err error) string {
	t.Helper()
	if err != nil || key == nil {
		t.Fatalf("no key: %v", err)
	}
	return printed(key)
}

func printed(key crypto.Signer) string {
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return fmt.Sprint(base64.StdEncoding.EncodeToString(der), err)
}

// A key stays in a file that only its owner can read, whatever its algorithm and its name, until it
// is deleted.
func TestKeysLast(t *testing.T) {
	d, path := fresh(t)
	for _, alg := range []oauth.Algorithm{"ES256", "ES384", "ES512", "RS256", "PS512", "EdDSA"} {
		name := "oauth2.key/" + string(alg) + " ä"
		if key, err := d.LoadKey(t.Context(), name); key != nil || err != nil {
			t.Fatal(key, err)
		}
		made, err := d.CreateKey(t.Context(), name, alg)
		want := publicKey(t, made, err)
		again, err := openDir(t, path).LoadKey(t.Context(), name)
		if got := publicKey(t, again, err); got != want {
			t.Errorf("%s: loaded %s, not %s", alg, got, want)
		}
		if private, ok := again.(interface{ Equal(crypto.PrivateKey) bool }); !ok || !private.Equal(made) {
			t.Errorf("%s: the private key is another", alg)
		}
		again, err = openDir(t, path).CreateKey(t.Context(), name, alg)
		if got := publicKey(t, again, err); got != want {
			t.Errorf("%s: made a second time: %s, not %s", alg, got, want)
		}
	}
	files, err := filepath.Glob(filepath.Join(path, "key-*.pem"))
	if err != nil || len(files) != 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		info, err := os.Stat(file)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", file, err, info.Mode())
		}
	}
	for range 2 {
		if err := d.DeleteKey(t.Context(), "oauth2.key/ES256 ä"); err != nil {
			t.Error(err)
		}
	}
	if key, err := d.LoadKey(t.Context(), "oauth2.key/ES256 ä"); key != nil || err != nil {
		t.Error(key, err)
	}
	if _, err := d.CreateKey(t.Context(), "n", "HS256"); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// A key and a value with the same name are independent.
func TestKeysAreNoValues(t *testing.T) {
	d, _ := fresh(t)
	if _, err := d.CreateKey(t.Context(), "n", "ES256"); err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := d.Load(t.Context(), "n"); ok || err != nil {
		t.Error(ok, err)
	}
	if _, _, ok, err := d.Load(t.Context(), "n.pem"); ok || err != nil {
		t.Error(ok, err)
	}
}

// A file that is not a key is neither used nor overwritten.
func TestCorruptKeys(t *testing.T) {
	d, path := fresh(t)
	if _, err := d.CreateKey(t.Context(), "good", "ES256"); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(filepath.Join(path, "key-good.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "cut": string(good[:len(good)/2]), "more": string(good) + "x", "other": strings.ReplaceAll(string(good), "PRIVATE", "PUBLIC"),
		"inner": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
	} {
		file := filepath.Join(path, "key-"+name+".pem")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := d.LoadKey(t.Context(), name); key != nil || !errors.Is(err, filestore.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
		if key, err := d.CreateKey(t.Context(), name, "ES256"); key != nil || !errors.Is(err, filestore.ErrCorrupt) {
			t.Errorf("%s: %v, %v", name, key, err)
		}
		if now, err := os.ReadFile(file); err != nil || string(now) != text {
			t.Errorf("%s was changed", name)
		}
	}
}

// create makes keys and prints them.
func create(args []string) error {
	d, err := filestore.Open(args[0])
	if err != nil {
		return err
	}
	for n := range 10 {
		key, err := d.CreateKey(context.Background(), fmt.Sprint("key ", n), "ES256")
		if err != nil {
			return err
		}
		fmt.Println(printed(key))
	}
	return nil
}

// If processes create the same keys at once, all get the same keys.
func TestProcessesCreateKeys(t *testing.T) {
	d, path := fresh(t)
	var all []*hosttest.Child
	for range 4 {
		all = append(all, hosttest.Start(t, "create", path))
	}
	for p, c := range all {
		lines := c.End()
		if len(lines) != 10 {
			t.Fatalf("process %d printed %d lines", p, len(lines))
		}
		for n, got := range lines {
			key, err := d.LoadKey(t.Context(), fmt.Sprint("key ", n))
			if want := publicKey(t, key, err); got != want {
				t.Errorf("process %d, key %d: %s, not %s", p, n, got, want)
			}
		}
	}
}
