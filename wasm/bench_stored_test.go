package wasm

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"testing"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// BenchmarkBeginFinishStored is BenchmarkBeginFinish with a store on a disk. A program with
// golang.org/x/oauth2 that persists as much (the attempt before the URL is returned, the attempt as
// redeemed before the code is sent, the tokens before they are used) does so by hand, for one user
// after the other.
func BenchmarkBeginFinishStored(b *testing.B) {
	b.Run("native", func(b *testing.B) {
		store, err := filestore.Open(filepath.Join(b.TempDir(), "store"))
		if err != nil {
			b.Fatal(err)
		}
		c, err := oauth.Open(b.Context(), new(core.Engine), testConfig, oauth.Options{Store: store, HTTP: &http.Client{Transport: tokens{}}})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		for b.Loop() {
			beginFinish(b, context.Background(), c)
		}
	})
	b.Run("x-oauth2", func(b *testing.B) {
		store, err := filestore.Open(filepath.Join(b.TempDir(), "store"))
		if err != nil {
			b.Fatal(err)
		}
		kept := &byHand{b: b, store: store, versions: map[string]string{}}
		config := oauth2.Config{
			ClientID: testConfig.ClientID, RedirectURL: testConfig.RedirectURI,
			Endpoint: oauth2.Endpoint{AuthURL: testConfig.AuthorizationEndpoint, TokenURL: testConfig.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams},
		}
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: tokens{}})
		for b.Loop() {
			attempt := map[string]string{"state": oauth2.GenerateVerifier(), "verifier": oauth2.GenerateVerifier()}
			kept.write("attempt", attempt)
			if config.AuthCodeURL(attempt["state"], oauth2.S256ChallengeOption(attempt["verifier"])) == "" {
				b.Fatal("no URL")
			}
			kept.write("attempt", map[string]string{"redeemed": attempt["state"]})
			token, err := config.Exchange(ctx, "x", oauth2.VerifierOption(attempt["verifier"]))
			if err != nil || token.AccessToken != "a" {
				b.Fatal(err)
			}
			kept.write("token", token)
		}
	})
}

// byHand stores JSON texts in a store.
type byHand struct {
	b        *testing.B
	store    oauth.Store
	versions map[string]string
}

func (h *byHand) write(key string, value any) {
	text, err := json.Marshal(value)
	if err != nil {
		h.b.Fatal(err)
	}
	s := string(text)
	if h.versions[key], err = h.store.Store(h.b.Context(), key, h.versions[key], &s); err != nil {
		h.b.Fatal(err)
	}
}
