package wasm

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// BenchmarkProof is the cost of a request with a token that is bound to a key (RFC 9449), with the
// key in memory and in a file, beside a proof that go-jose makes and signs for the bare transport.
// The signature alone is the minimum.
func BenchmarkProof(b *testing.B) {
	const url = "https://api.example/v1/things"
	files, err := filestore.Open(filepath.Join(b.TempDir(), "keys"))
	if err != nil {
		b.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		engine oauth.Engine
		keys   oauth.KeyStore
	}{{"native", new(core.Engine), nil}, {"native-file", new(core.Engine), files}, {"wazero", benchEngine(b), nil}} {
		config := testConfig
		config.TokenDestinations = []string{"https://api.example/"}
		config.DPoP, config.ClientSecret = true, "secret"
		c, err := oauth.Open(b.Context(), row.engine, config, oauth.Options{Keys: row.keys, HTTP: &http.Client{Transport: boundTokens{}}})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ClientCredentials(b.Context(), oauth.ClientCredentialsParams{}); err != nil {
			b.Fatal(err)
		}
		b.Run(row.name, func(b *testing.B) { get(b, c.Transport(empty{}), url) })
	}
	key, err := oauth.GenerateKey("ES256")
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key},
		(&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("go-jose", func(b *testing.B) { get(b, proving{signer}, url) })
	b.Run("signature", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			digest := sha256.Sum256(make([]byte, 400))
			if _, err := key.Sign(rand.Reader, digest[:], crypto.SHA256); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// proving is a transport that adds a proof, and otherwise is empty.
type proving struct{ signer jose.Signer }

func (p proving) RoundTrip(req *http.Request) (*http.Response, error) {
	hash := sha256.Sum256([]byte("a"))
	proof, err := josejwt.Signed(p.signer).Claims(map[string]any{
		"jti": rand.Text(), "iat": time.Now().Unix(), "htm": req.Method, "htu": req.URL.String(), "ath": base64.RawURLEncoding.EncodeToString(hash[:]),
	}).Serialize()
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "DPoP a")
	req.Header.Set("DPoP", proof)
	return empty{}.RoundTrip(req)
}

// boundTokens answers every request with a token that is bound to a key.
type boundTokens struct{}

func (boundTokens) RoundTrip(req *http.Request) (*http.Response, error) {
	return jsonAnswer(`{"access_token":"a","token_type":"DPoP","expires_in":3600}`), nil
}
