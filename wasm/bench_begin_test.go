package wasm

import (
	"testing"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// BenchmarkBegin makes an authorization URL with state, verifier and challenge. Ours is stored
// before it is returned, with up to sixteen attempts of the last ten minutes. golang.org/x/oauth2
// stores nothing and leaves the state to its caller.
func BenchmarkBegin(b *testing.B) {
	for _, row := range []struct {
		name   string
		engine oauth.Engine
	}{{"native", new(core.Engine)}, {"wazero", benchEngine(b)}} {
		b.Run(row.name, func(b *testing.B) {
			c := benchClient(b, row.engine)
			defer c.Close()
			b.ReportAllocs()
			for b.Loop() {
				if a, err := c.Authorize(b.Context(), oauth.AuthorizeParams{}); err != nil || a.URL == "" {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("x-oauth2", func(b *testing.B) {
		config := oauth2.Config{
			ClientID: testConfig.ClientID, RedirectURL: testConfig.RedirectURI,
			Endpoint: oauth2.Endpoint{AuthURL: testConfig.AuthorizationEndpoint, TokenURL: testConfig.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams},
		}
		b.ReportAllocs()
		for b.Loop() {
			if url := config.AuthCodeURL(oauth2.GenerateVerifier(), oauth2.S256ChallengeOption(oauth2.GenerateVerifier())); url == "" {
				b.Fatal("no URL")
			}
		}
	})
}
