package wasm

import (
	"context"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// BenchmarkBeginFinish is one sign-in, from the authorization URL to the stored token, with a
// server that answers from memory. It compares the module on wazero and the same engine in native
// Go, each with a new client and with one that has signed in often and remembers the last attempts;
// and golang.org/x/oauth2, which stores nothing and leaves the state to its caller. Callers cannot
// be cancelled, except in the rows impatient, where another goroutine has to wait for the request.
func BenchmarkBeginFinish(b *testing.B) {
	for name, e := range map[string]oauth.Engine{"wazero": benchEngine(b), "native": new(core.Engine)} {
		b.Run(name+"/new-client", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c := benchClient(b, e)
				beginFinish(b, context.Background(), c)
				c.Close()
			}
		})
		for row, ctx := range map[string]context.Context{"same-client": context.Background(), "impatient": b.Context()} {
			b.Run(name+"/"+row, func(b *testing.B) {
				c := benchClient(b, e)
				defer c.Close()
				b.ReportAllocs()
				for b.Loop() {
					beginFinish(b, ctx, c)
				}
			})
		}
	}
	b.Run("x-oauth2", func(b *testing.B) {
		config := oauth2.Config{
			ClientID: testConfig.ClientID, RedirectURL: testConfig.RedirectURI,
			Endpoint: oauth2.Endpoint{
				AuthURL: testConfig.AuthorizationEndpoint, TokenURL: testConfig.TokenEndpoint, AuthStyle: oauth2.AuthStyleInParams,
			},
		}
		ctx := context.WithValue(context.Background(), oauth2.HTTPClient, &http.Client{Transport: tokens{}})
		b.ReportAllocs()
		for b.Loop() {
			verifier := oauth2.GenerateVerifier()
			begun, err := url.Parse(config.AuthCodeURL(oauth2.GenerateVerifier(), oauth2.S256ChallengeOption(verifier)))
			if err != nil || begun.Query().Get("state") == "" {
				b.Fatal(err)
			}
			if token, err := config.Exchange(ctx, "x", oauth2.VerifierOption(verifier)); err != nil || token.AccessToken != "a" {
				b.Fatal(err)
			}
		}
	})
}

func benchClient(b *testing.B, e oauth.Engine) *oauth.Client {
	c, err := oauth.Open(b.Context(), e, testConfig, oauth.Options{HTTP: &http.Client{Transport: tokens{}}})
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func beginFinish(b *testing.B, ctx context.Context, c *oauth.Client) {
	a, err := c.Authorize(ctx, oauth.AuthorizeParams{})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := c.Callback(ctx, testConfig.RedirectURI+"?code=x&state="+a.State); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStatus is a call of the module that does next to nothing there.
func BenchmarkStatus(b *testing.B) {
	for name, e := range map[string]oauth.Engine{"native": new(core.Engine), "wazero": benchEngine(b)} {
		b.Run(name, func(b *testing.B) {
			c := benchClient(b, e)
			defer c.Close()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Status(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchEngine(b *testing.B) *Engine {
	e, err := New(b.Context(), EngineOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Shutdown)
	return e
}

// BenchmarkCompile is the cost of the first engine of a process, without a cache and with one on
// disk.
func BenchmarkCompile(b *testing.B) {
	for name, dir := range map[string]string{"fresh": "", "cached": b.TempDir()} {
		for profile, bytes := range map[string][]byte{"full": module, "page": pageModule} {
			b.Run(name+"/"+profile, func(b *testing.B) {
				for b.Loop() {
					p, err := compile(b.Context(), bytes, traits{pages: 256, cacheDir: dir}, nil)
					if err != nil {
						b.Fatal(err)
					}
					p.runtime.Close(b.Context())
				}
			})
		}
	}
}

// BenchmarkInstantiate is the cost of another instance.
func BenchmarkInstantiate(b *testing.B) {
	p, err := embedded(b.Context(), traits{pages: defaultMemory / page})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	var size uint32
	for b.Loop() {
		i, err := p.instantiate(b.Context(), 0)
		if err != nil {
			b.Fatal(err)
		}
		size = i.module.Memory().Size()
		i.lose(errShutdown)
	}
	b.ReportMetric(float64(size), "memory-B")
}
