package oauth

import (
	"crypto"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/jws"
)

// TestMemoryKeysAreMadeAside (S73): while a key is made, which takes long for RSA, other callers
// get their keys.
func TestMemoryKeysAreMadeAside(t *testing.T) {
	made, err := GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	var m MemoryKeyStore
	if _, err := m.CreateKey(t.Context(), "other", "ES256"); err != nil {
		t.Fatal(err)
	}
	began, release := make(chan struct{}), make(chan struct{})
	jws.Algorithms["slow"] = jws.Algorithm{Generate: func() (crypto.Signer, error) {
		close(began)
		<-release
		return made, nil
	}}
	defer delete(jws.Algorithms, "slow")
	slow, other := make(chan crypto.Signer, 1), make(chan crypto.Signer, 1)
	go func() {
		key, _ := m.CreateKey(t.Context(), "k", "slow")
		slow <- key
	}()
	<-began
	go func() {
		key, _ := m.LoadKey(t.Context(), "other")
		other <- key
	}()
	select {
	case key := <-other:
		if key == nil {
			t.Error("the other key is gone")
		}
	case <-time.After(time.Minute): // only a hang reaches it
		t.Error("the other key was waited for")
	}
	close(release)
	if key := <-slow; key != made {
		t.Error(key)
	}
}
