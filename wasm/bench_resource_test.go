package wasm

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/guard"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// BenchmarkResource checks a JWT access token with a known key: by a Guard, from the request to the
// verdict with the token's claims; and by coreos/go-oidc, which does not know access tokens, and
// checks signature, iss, aud, exp and nbf of any JWT. first: the Guard has not seen the token
// before, or not lately; again: it has, so it does not verify the signature. For go-oidc these are
// the same. signature is the cryptography alone. parallel uses all cores. dpop is a bound token
// that comes again, each time with a new proof, made beforehand: one signature, and a record in the
// store. cpu-ns/op is user and system time of the process, for machines that are busy.
func BenchmarkResource(b *testing.B) {
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256} {
		b.Run(string(alg), func(b *testing.B) {
			s := newAPI(b, alg)
			for _, row := range []struct {
				name string
				open func() oauth.Engine
			}{{"native", func() oauth.Engine { return resource.Engine() }}, {"wazero", func() oauth.Engine { return benchEdge(b) }}} {
				for _, sight := range []struct {
					name   string
					tokens int
				}{{"first", len(s.tokens)}, {"again", 2}} {
					b.Run(row.name+" "+sight.name, func(b *testing.B) {
						g := s.guard(b, row.open())
						b.ReportAllocs()
						defer cpu(b)()
						for n := 0; b.Loop(); n++ {
							s.check(b, g, s.tokens[n%sight.tokens])
						}
					})
				}
				b.Run(row.name+" again parallel", func(b *testing.B) {
					g := s.guard(b, row.open())
					b.RunParallel(func(pb *testing.PB) {
						for n := 0; pb.Next(); n++ {
							s.check(b, g, s.tokens[n%2])
						}
					})
				})
			}
			ctx := oidc.ClientContext(b.Context(), &http.Client{Transport: s})
			v := oidc.NewVerifier(s.issuer, oidc.NewRemoteKeySet(ctx, s.issuer+"/jwks"), &oidc.Config{ClientID: s.resource, SupportedSigningAlgs: []string{string(alg)}})
			verify := func(token string) {
				if got, err := v.Verify(ctx, token); err != nil || got.Subject != "alice" {
					b.Error(err)
				}
			}
			b.Run("go-oidc", func(b *testing.B) {
				verify(s.tokens[0])
				b.ReportAllocs()
				defer cpu(b)()
				for n := 0; b.Loop(); n++ {
					verify(s.tokens[n%len(s.tokens)])
				}
			})
			b.Run("go-oidc parallel", func(b *testing.B) {
				b.RunParallel(func(pb *testing.PB) {
					for n := 0; pb.Next(); n++ {
						verify(s.tokens[n%2])
					}
				})
			})
			b.Run("signature", func(b *testing.B) {
				defer cpu(b)()
				for n := 0; b.Loop(); n++ {
					parsed, err := jose.ParseSignedCompact(s.tokens[n%len(s.tokens)], []jose.SignatureAlgorithm{alg})
					if err == nil {
						_, err = parsed.Verify(s.key.Public())
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		})
	}
	s := newAPI(b, jose.ES256)
	for _, row := range []struct {
		name string
		open func() oauth.Engine
	}{{"native", func() oauth.Engine { return resource.Engine() }}, {"wazero", func() oauth.Engine { return benchEdge(b) }}} {
		b.Run("dpop/"+row.name, func(b *testing.B) {
			g := s.guard(b, row.open())
			token, proofs := s.bound(b, b.N)
			b.ResetTimer()
			defer cpu(b)()
			for _, proof := range proofs {
				r := httptest.NewRequest("GET", "/notes", nil)
				r.Header["Authorization"], r.Header["Dpop"] = []string{"DPoP " + token}, []string{proof}
				if v, err := g.Check(r, guard.Need{}); err != nil || v.Token == nil {
					b.Fatal(err, v)
				}
			}
		})
	}
}

func benchEdge(b *testing.B) oauth.Engine {
	b.Helper()
	e, err := NewEdge(b.Context(), EngineOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Shutdown)
	return e
}

// cpu reports the processor time of the process between two calls, for each operation.
func cpu(b *testing.B) func() {
	began := spent()
	return func() { b.ReportMetric(float64(spent()-began)/float64(b.N), "cpu-ns/op") }
}

func spent() int64 {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

// protectedAPI is access tokens of one key, and the server with the key. There are more tokens than
// a Guard remembers (core/resource, maxCached), so that a Guard that gets them in turn has never
// seen the next one lately.
type protectedAPI struct {
	issuer, resource string
	key              crypto.Signer
	alg              jose.SignatureAlgorithm
	keys             string
	tokens           [1_100]string
}

func newAPI(b *testing.B, alg jose.SignatureAlgorithm) *protectedAPI {
	b.Helper()
	s := &protectedAPI{issuer: "https://as.example", resource: "https://api.example/notes", alg: alg}
	var err error
	if alg == jose.RS256 {
		s.key, err = rsa.GenerateKey(rand.Reader, 2048)
	} else {
		s.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		b.Fatal(err)
	}
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: s.key.Public(), KeyID: "k", Algorithm: string(alg), Use: "sig"}}})
	if err != nil {
		b.Fatal(err)
	}
	s.keys = string(set)
	for n := range s.tokens {
		s.tokens[n] = s.token(b, map[string]any{"jti": fmt.Sprint("token ", n)})
	}
	return s
}

// sign makes a JWT with its own header.
func sign(b *testing.B, key any, alg jose.SignatureAlgorithm, typ string, embed bool, claims any) string {
	b.Helper()
	raw, err := json.Marshal(claims)
	if err != nil {
		b.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ)))
	if err != nil {
		b.Fatal(err)
	}
	jws, err := signer.Sign(raw)
	if err != nil {
		b.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		b.Fatal(err)
	}
	return text
}

func (s *protectedAPI) token(b *testing.B, more map[string]any) string {
	now := time.Now().Unix()
	claims := map[string]any{"iss": s.issuer, "sub": "alice", "aud": s.resource, "client_id": "app", "iat": now, "exp": now + 3600, "scope": "read write"}
	for name, v := range more {
		claims[name] = v
	}
	return sign(b, jose.JSONWebKey{Key: s.key, KeyID: "k"}, s.alg, "at+jwt", false, claims)
}

// bound makes a token that is bound to a key, and n proofs for it.
func (s *protectedAPI) bound(b *testing.B, n int) (token string, proofs []string) {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	print, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		b.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	token = s.token(b, map[string]any{"jti": "bound", "cnf": map[string]any{"jkt": b64(print)}})
	ath := sha256.Sum256([]byte(token))
	for i := range n {
		proofs = append(proofs, sign(b, key, jose.ES256, "dpop+jwt", true, map[string]any{"jti": fmt.Sprint(i), "htm": "GET", "htu": s.resource, "iat": time.Now().Unix(), "ath": b64(ath[:])}))
	}
	return token, proofs
}

func (s *protectedAPI) guard(b *testing.B, engine oauth.Engine) *guard.Guard {
	b.Helper()
	g, err := guard.New(engine, guard.Config{Resource: s.resource, AuthorizationServers: []guard.Server{{Issuer: s.issuer, JWKSURI: s.issuer + "/jwks"}}}, guard.Options{HTTP: &http.Client{Transport: s}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	s.check(b, g, s.tokens[0])
	i := strings.LastIndexByte(s.tokens[0], '.')
	j := strings.LastIndexByte(s.tokens[1], '.')
	r := httptest.NewRequest("GET", "/notes", nil)
	r.Header["Authorization"] = []string{"Bearer " + s.tokens[0][:i] + s.tokens[1][j:]}
	if v, err := g.Check(r, guard.Need{}); err != nil || v.Token != nil {
		b.Fatal("a forged token was taken")
	}
	return g
}

func (s *protectedAPI) check(b *testing.B, g *guard.Guard, token string) {
	r := &http.Request{Method: "GET", RequestURI: "/notes", Header: http.Header{"Authorization": {"Bearer " + token}}}
	if v, err := g.Check(r, guard.Need{Scope: "read"}); err != nil || v.Token == nil || v.Token.Subject != "alice" {
		b.Error(err, v)
	}
}

// RoundTrip implements http.RoundTripper. It serves the server's keys.
func (s *protectedAPI) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(s.keys))}, nil
}
