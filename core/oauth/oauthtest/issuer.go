package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// claims are the claims of a token, or the members of a header.
type claims map[string]any

// but returns them with changes; nil removes one.
func (c claims) but(changes claims) claims {
	all := claims{}
	for _, m := range []claims{c, changes} {
		for name, v := range m {
			if all[name] = v; v == nil {
				delete(all, name)
			}
		}
	}
	return all
}

func (c claims) part() string {
	raw, err := json.Marshal(c)
	if err != nil {
		panic(err) // it has only maps and texts
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// signer is a private key with its signature algorithm.
type signer struct {
	alg string
	kid string
	key crypto.Signer
}

func newSigner(t testing.TB, alg, kid string) *signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case "RS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES256":
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &signer{alg, kid, key}
}

// jwk returns the public key.
func (s *signer) jwk() claims {
	b64 := base64.RawURLEncoding.EncodeToString
	k := claims{"alg": s.alg, "use": "sig"}
	if s.kid != "" {
		k["kid"] = s.kid
	}
	switch public := s.key.Public().(type) {
	case *rsa.PublicKey:
		k["kty"], k["n"], k["e"] = "RSA", b64(public.N.Bytes()), b64(big.NewInt(int64(public.E)).Bytes())
	case *ecdsa.PublicKey:
		point, err := public.Bytes() // 4, x, y
		if err != nil {
			panic(err) // we chose the curve
		}
		k["kty"], k["crv"], k["x"], k["y"] = "EC", "P-256", b64(point[1:33]), b64(point[33:])
	case ed25519.PublicKey:
		k["kty"], k["crv"], k["x"] = "OKP", "Ed25519", b64(public)
	}
	return k
}

// thumbprint is the thumbprint of the public key (RFC 7638 section 3).
func (s *signer) thumbprint() string {
	k := s.jwk()
	own := claims{}
	for _, name := range []string{"crv", "e", "kty", "n", "x", "y"} {
		if v, ok := k[name]; ok {
			own[name] = v
		}
	}
	raw, err := json.Marshal(own) // json.Marshal sorts the names
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sign makes a JWT with this header.
func (s *signer) sign(header, body claims) string {
	input := header.part() + "." + body.part()
	var signature []byte
	var err error
	digest := sha256.Sum256([]byte(input))
	switch key := s.key.(type) {
	case *ecdsa.PrivateKey:
		var r, v *big.Int
		if r, v, err = ecdsa.Sign(rand.Reader, key, digest[:]); err == nil {
			signature = append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(key, []byte(input))
	default:
		signature, err = s.key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	if err != nil {
		panic(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// forged is a JWT with an HMAC in place of a signature.
func forged(header, body claims, secret []byte) string {
	input := header.part() + "." + body.part()
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// issuer is an authorization server that only serves its keys and introspects tokens.
type issuer struct {
	*httptest.Server
	mu       sync.Mutex
	keys     []*signer
	answers  map[string]claims // introspection answers by token
	fetched  atomic.Int64      // requests for keys
	looked   atomic.Int64      // introspections
	resource string
}

const resourceSecret = "the secret of the resource"

func newIssuer(t testing.TB, resource string) *issuer {
	i := &issuer{keys: []*signer{newSigner(t, "RS256", "rsa"), newSigner(t, "ES256", "ec"), newSigner(t, "EdDSA", "ed")}, answers: map[string]claims{}, resource: resource}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("GET /.well-known/oauth-authorization-server", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, claims{"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "introspection_endpoint": i.URL + "/introspect"})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		i.fetched.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		list := []claims{}
		for _, k := range i.keys {
			list = append(list, k.jwk())
		}
		answer(w, claims{"keys": list})
	})
	mux.HandleFunc("POST /introspect", func(w http.ResponseWriter, r *http.Request) {
		i.looked.Add(1)
		if id, secret, ok := r.BasicAuth(); !ok || id != "notes" || secret != "the+secret+of+the+resource" {
			w.WriteHeader(http.StatusUnauthorized)
			answer(w, claims{"error": "invalid_client"})
			return
		}
		i.mu.Lock()
		known := i.answers[r.PostFormValue("token")]
		i.mu.Unlock()
		if known == nil {
			known = claims{"active": false}
		}
		answer(w, known)
	})
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// claims returns the claims of a valid token.
func (i *issuer) claims() claims {
	now := time.Now().Unix()
	return claims{"iss": i.URL, "sub": "u1", "aud": i.resource, "client_id": "app", "scope": "read write", "iat": now, "exp": now + 600, "jti": fmt.Sprint(now), "acr": "silver", "auth_time": now - 100}
}

func (i *issuer) header() claims { return claims{"typ": "at+jwt", "alg": "RS256", "kid": "rsa"} }

// token returns a valid token, with changes to its claims.
func (i *issuer) token(changes claims) string {
	return i.keys[0].sign(i.header(), i.claims().but(changes))
}

// proofs counts the proofs, because each has its own id.
var proofs atomic.Int64

// proof makes a DPoP proof, with changes to its header and its claims.
func (s *signer) proof(method, url, token string, header, changes claims) string {
	sum := sha256.Sum256([]byte(token))
	public := s.jwk()
	delete(public, "use")
	h := claims{"typ": "dpop+jwt", "alg": s.alg, "jwk": public}.but(header)
	return s.sign(h, claims{"htm": method, "htu": url, "iat": time.Now().Unix(), "jti": fmt.Sprint("proof ", proofs.Add(1)), "ath": base64.RawURLEncoding.EncodeToString(sum[:])}.but(changes))
}
