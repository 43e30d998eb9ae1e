package backend_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// zeroKey is 32 zero bytes.
const zeroKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// TestSealedText: the form that every host reads, and no other.
func TestSealedText(t *testing.T) {
	ring, err := backend.ReadRing("k2:" + zeroKey + "=\n" + "k1:" + strings.Replace(zeroKey, "A", "B", 1))
	if err != nil {
		t.Fatal(err)
	}
	// WebCrypto sealed this text, as the Worker in TypeScript does.
	const foreign = "k2.AAECAwQFBgcICQoL4AiaPmyShfevKMiwHDdNd8zyN6Hy6e0"
	if text, err := ring.Unseal(foreign, "context"); err != nil || text != "héllo\n" {
		t.Errorf("%q %v", text, err)
	}
	sealed := ring.Seal("text", "context")
	if text, err := ring.Unseal(sealed, "context"); err != nil || text != "text" || !strings.HasPrefix(sealed, "k2.") {
		t.Error(sealed, text, err)
	}
	if empty := ring.Seal("", ""); empty == ring.Seal("", "") {
		t.Error("a nonce came twice")
	} else if text, err := ring.Unseal(empty, ""); err != nil || text != "" {
		t.Error(text, err)
	}
	other, err := backend.ReadRing("k1:" + strings.Replace(zeroKey, "A", "B", 1))
	if err != nil {
		t.Fatal(err)
	}
	last := sealed[len(sealed)-1]
	for name, row := range map[string]struct{ sealed, context string }{
		"another context":      {sealed, "other"},
		"no key of the ring":   {"k3" + sealed[2:], "context"},
		"a key under a name":   {"k1" + sealed[2:], "context"},
		"of another ring":      {other.Seal("text", "context")[:10], "context"},
		"truncated":            {sealed[:len(sealed)-2], "context"},
		"a bit changed":        {sealed[:9] + string(sealed[9]^1) + sealed[10:], "context"},
		"more behind it":       {sealed + "AAAA", "context"},
		"another spelling":     {sealed[:len(sealed)-1] + string(last+1), "context"},
		"a line end":           {sealed[:20] + "\n" + sealed[20:], "context"},
		"padding":              {sealed + "=", "context"},
		"no body":              {"k2.", "context"},
		"shorter than a nonce": {"k2.AAAA", "context"},
		"nothing":              {"", "context"},
	} {
		t.Run(name, func(t *testing.T) {
			if text, err := ring.Unseal(row.sealed, row.context); !errors.Is(err, backend.ErrTampered) || text != "" {
				t.Errorf("%q %v", text, err)
			}
		})
	}
}

// TestReadRing: an invalid ring is refused, and the error does not contain its keys.
func TestReadRing(t *testing.T) {
	for name, text := range map[string]string{
		"empty": " \n", "no id": zeroKey, "an empty id": ":" + zeroKey, "a bad id": "a.b:" + zeroKey, "a long id": strings.Repeat("a", 33) + ":" + zeroKey,
		"a short key": "a:" + zeroKey[4:], "a long key": "a:" + zeroKey + "AAAA", "no base64url": "a:" + zeroKey[:42] + "+", "twice": "a:" + zeroKey + ",a:" + zeroKey,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := backend.ReadRing(text); err == nil || strings.Contains(err.Error(), zeroKey[:20]) {
				t.Errorf("got %v", err)
			}
		})
	}
	if a, b := backend.NewKey(), backend.NewKey(); a == b {
		t.Error("a key came twice")
	}
}
