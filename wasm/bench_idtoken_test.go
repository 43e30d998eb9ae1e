package wasm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// BenchmarkIDToken verifies an ID token with a known key: by the command set_token, which also
// checks the claims, stores the session with it and returns the claims; and by coreos/go-oidc,
// which checks the claims except iat, and stores nothing. signature is the cryptography alone, with
// the digest.
func BenchmarkIDToken(b *testing.B) {
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA} {
		b.Run(string(alg), func(b *testing.B) {
			s := newIdentity(b, alg)
			for _, row := range []struct {
				name   string
				engine oauth.Engine
			}{{"native", new(core.Engine)}, {"wazero", benchEngine(b)}} {
				b.Run(row.name, func(b *testing.B) {
					s.client(b, row.engine)
				})
			}
			b.Run("go-oidc", func(b *testing.B) {
				ctx := oidc.ClientContext(b.Context(), &http.Client{Transport: s})
				v := oidc.NewVerifier(s.issuer, oidc.NewRemoteKeySet(ctx, s.issuer+"/jwks"), &oidc.Config{ClientID: "app", SupportedSigningAlgs: []string{string(alg)}})
				if _, err := v.Verify(ctx, s.forged); err == nil {
					b.Fatal("a forged token was taken")
				}
				b.ReportAllocs()
				for n := 0; b.Loop(); n++ {
					if token, err := v.Verify(ctx, s.tokens[n%2]); err != nil || token.Subject != "alice" {
						b.Fatal(err)
					}
				}
			})
			b.Run("signature", func(b *testing.B) {
				for n := 0; b.Loop(); n++ {
					parsed, err := jose.ParseSignedCompact(s.tokens[n%2], []jose.SignatureAlgorithm{alg})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := parsed.Verify(s.public); err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
}

// identity is two ID tokens of one key, so that no token is the same as the previous one; one with
// another token's signature; and the server with the key.
type identity struct {
	issuer, forged string
	tokens         [2]string
	public         crypto.PublicKey
	keys           string
}

func newIdentity(b *testing.B, alg jose.SignatureAlgorithm) *identity {
	b.Helper()
	s := &identity{issuer: "https://as.example"}
	var private crypto.Signer
	var err error
	switch alg {
	case jose.RS256:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		b.Fatal(err)
	}
	s.public = private.Public()
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.public, KeyID: "k", Algorithm: string(alg), Use: "sig"}}})
	if err != nil {
		b.Fatal(err)
	}
	s.keys = string(set)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: private, KeyID: "k"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	for n, name := range []string{"Alice", "Alice A."} {
		now := time.Now().Unix()
		claims, err := json.Marshal(map[string]any{"iss": s.issuer, "sub": "alice", "aud": "app", "iat": now, "exp": now + 3600, "auth_time": now, "name": name})
		if err != nil {
			b.Fatal(err)
		}
		jws, err := signer.Sign(claims)
		if err != nil {
			b.Fatal(err)
		}
		if s.tokens[n], err = jws.CompactSerialize(); err != nil {
			b.Fatal(err)
		}
	}
	cut := func(token string) (string, string) {
		i := strings.LastIndexByte(token, '.')
		return token[:i], token[i:]
	}
	input, _ := cut(s.tokens[0])
	_, other := cut(s.tokens[1])
	s.forged = input + other
	return s
}

func (s *identity) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(s.keys))}, nil
}

func (s *identity) client(b *testing.B, engine oauth.Engine) {
	config := testConfig
	config.Issuer, config.JWKSURI = s.issuer, s.issuer+"/jwks"
	c, err := oauth.Open(b.Context(), engine, config, oauth.Options{HTTP: &http.Client{Transport: s}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	token := func(id string) oauth.Token {
		return oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour), IDToken: id}
	}
	if _, err := c.SetToken(b.Context(), token(s.forged)); err == nil {
		b.Fatal("a forged token was taken")
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if st, err := c.SetToken(b.Context(), token(s.tokens[n%2])); err != nil || len(st.Claims) == 0 {
			b.Fatal(err)
		}
	}
}
