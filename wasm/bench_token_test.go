package wasm

import (
	"context"
	"net/http"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// BenchmarkGoodToken is the cost of a token that is still valid, alone and in a request of its
// transport, beside golang.org/x/oauth2, whose token nobody else can change. The rows bare are a
// request with a header of the caller's: the minimum for the others. If the store does not report
// changes, the engine reads it once a second.
func BenchmarkGoodToken(b *testing.B) {
	const url = "https://api.example/v1/things"
	for _, row := range []struct {
		name   string
		engine oauth.Engine
		store  oauth.Store
	}{{"native", new(core.Engine), nil}, {"wazero", benchEngine(b), nil}, {"wazero-untold", benchEngine(b), &untold{}}} {
		config := testConfig
		config.TokenDestinations = []string{"https://api.example/"}
		c, err := oauth.Open(b.Context(), row.engine, config, oauth.Options{Store: row.store})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if _, err := c.SetToken(b.Context(), oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			b.Fatal(err)
		}
		b.Run("token/"+row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if t, err := c.Token(b.Context()); err != nil || t.AccessToken != "a" {
					b.Fatal(err)
				}
			}
		})
		b.Run("transport/"+row.name, func(b *testing.B) { get(b, c.Transport(empty{}), url) })
	}
	source := oauth2.ReuseTokenSource(&oauth2.Token{AccessToken: "a", Expiry: time.Now().Add(time.Hour)}, nil)
	b.Run("token/x-oauth2", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if t, err := source.Token(); err != nil || t.AccessToken != "a" {
				b.Fatal(err)
			}
		}
	})
	b.Run("transport/x-oauth2", func(b *testing.B) { get(b, &oauth2.Transport{Source: source, Base: empty{}}, url) })
	b.Run("transport/bare", func(b *testing.B) { get(b, empty{}, url) })
}

func get(b *testing.B, transport http.RoundTripper, url string) {
	req, err := http.NewRequestWithContext(b.Context(), "GET", url, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		res, err := transport.RoundTrip(req)
		if err != nil || res.StatusCode != 200 {
			b.Fatal(err)
		}
	}
}

// empty is a network that answers 200 without a body.
type empty struct{}

func (empty) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: http.NoBody, Request: req}, nil
}

// untold is a store in memory that does not report changes.
type untold struct{ kept oauth.MemoryStore }

func (u *untold) Load(ctx context.Context, key string) (value, version string, ok bool, err error) {
	return u.kept.Load(ctx, key)
}

func (u *untold) Store(ctx context.Context, key, version string, value *string) (string, error) {
	return u.kept.Store(ctx, key, version, value)
}
