package wasm_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// rogue is an issuer, or somebody in its place, that answers with what a test sets.
type rogue struct {
	*httptest.Server
	mu      sync.Mutex
	keySet  string
	idToken func(claims map[string]any) string
	nonce   string
	asked   map[string]int // number of requests by path
}

func newRogue(t *testing.T) *rogue {
	t.Helper()
	r := &rogue{asked: map[string]int{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *rogue) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[req.URL.Path]++
	w.Header().Set("Content-Type", "application/json")
	switch req.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/auth","token_endpoint":"%[1]s/token","jwks_uri":"%[1]s/jwks"}`, r.URL)
	case "/jwks":
		fmt.Fprint(w, r.keySet)
	case "/token":
		token := r.idToken(fresh(map[string]any{"iss": r.URL, "sub": "victim", "nonce": r.nonce}))
		json.NewEncoder(w).Encode(map[string]any{"access_token": "access-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "refresh-1", "id_token": token})
	default:
		http.NotFound(w, req)
	}
}

func (r *rogue) set(keySet string, idToken func(map[string]any) string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keySet, r.idToken, r.asked = keySet, idToken, map[string]int{}
}

func (r *rogue) count(path string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[path]
}

// signIn makes a new client with the store, and does a sign-in up to the ID token.
func (r *rogue) signIn(t *testing.T, store oauth.Store) (*oauth.Client, error) {
	t.Helper()
	config := oauth.Config{Issuer: r.URL, Discovery: true, ClientID: "app", RedirectURI: "https://app.example/cb", Scope: "openid"}
	c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{Store: store}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	r.mu.Lock()
	r.nonce = u.Query().Get("nonce")
	r.mu.Unlock()
	_, err = c.Callback(t.Context(), "https://app.example/cb?"+url.Values{"code": {"code-1"}, "state": {begun.State}}.Encode())
	return c, err
}

// compact makes a JSON Web Signature with any header.
func compact(t *testing.T, header map[string]any, payload string, sign func(input string) []byte) string {
	t.Helper()
	raw, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	input := base64.RawURLEncoding.EncodeToString(raw) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return input + "." + base64.RawURLEncoding.EncodeToString(sign(input))
}

// rs256 signs with RS256.
func rs256(t *testing.T, key *rsa.PrivateKey) func(input string) []byte {
	return func(input string) []byte {
		digest := sha256.Sum256([]byte(input))
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
}

func text(t *testing.T, claims map[string]any) string {
	t.Helper()
	raw, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// Q12: forged ID tokens and key sets are refused with an error that says what is wrong. Nothing of
// them is stored or returned, and the session can sign in afterwards.
func TestAttacksOnIDTokens(t *testing.T) {
	server := newSigner(t)
	attacker, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(server.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	hs256 := func(secret []byte) func(input string) []byte {
		return func(input string) []byte {
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			return mac.Sum(nil)
		}
	}
	none := func(string) []byte { return nil }
	honest := func(claims map[string]any) string { return server.sign(t, claims) }
	// forged is a token in which the attacker signs what the issuer would have said.
	forged := func(header map[string]any, sign func(string) []byte) func(map[string]any) string {
		return func(claims map[string]any) string { return compact(t, header, text(t, claims), sign) }
	}
	altered := func(change func(claims map[string]any)) func(map[string]any) string {
		return func(claims map[string]any) string {
			change(claims)
			return server.sign(t, claims)
		}
	}
	attackerJWK := map[string]any{"kty": "RSA", "n": base64.RawURLEncoding.EncodeToString(attacker.N.Bytes()), "e": "AQAB"}
	keys := server.keySet(t)
	short := `{"keys":[` + strings.Repeat(`{"kty":"RSA"},`, 9_999) + `{"kty":"RSA"}]}`
	whole := `{"keys":[` + strings.Repeat(strings.TrimSuffix(strings.TrimPrefix(keys, `{"keys":[`), `]}`)+",", 9_999) + strings.TrimPrefix(keys, `{"keys":[`)
	r := newRogue(t)
	for _, row := range []struct {
		name    string
		keySet  string
		idToken func(map[string]any) string
		want    oauth.Error
	}{
		{"an ID token of another client", keys, altered(func(c map[string]any) { c["aud"] = "another-app" }), oauth.Error{Kind: "id_token_not_verified", Code: "wrong_claim", Field: "aud"}},
		{"an ID token of another issuer", keys, altered(func(c map[string]any) { c["iss"] = "https://other.example" }), oauth.Error{Kind: "id_token_not_verified", Code: "wrong_claim", Field: "iss"}},
		{"an ID token of another sign-in", keys, altered(func(c map[string]any) { c["nonce"] = "earlier" }), oauth.Error{Kind: "id_token_not_verified", Code: "wrong_claim", Field: "nonce"}},
		{"alg none", keys, forged(map[string]any{"alg": "none"}, none), oauth.Error{Kind: "id_token_not_verified", Code: "alg_not_allowed"}},
		{"alg None", keys, forged(map[string]any{"alg": "None"}, none), oauth.Error{Kind: "id_token_not_verified", Code: "alg_not_allowed"}},
		{"RS256 without a signature", keys, forged(map[string]any{"alg": "RS256", "kid": "key-1"}, none), oauth.Error{Kind: "id_token_not_verified", Code: "bad_signature"}},
		{"HS256 with the public key in PEM", keys, forged(map[string]any{"alg": "HS256", "kid": "key-1"}, hs256(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))), oauth.Error{Kind: "id_token_not_verified", Code: "alg_not_allowed"}},
		{"HS256 with the public key in DER", keys, forged(map[string]any{"alg": "HS256"}, hs256(spki)), oauth.Error{Kind: "id_token_not_verified", Code: "alg_not_allowed"}},
		{"HS256 with the modulus", keys, forged(map[string]any{"alg": "HS256"}, hs256(server.key.N.Bytes())), oauth.Error{Kind: "id_token_not_verified", Code: "alg_not_allowed"}},
		{"an embedded jwk", keys, forged(map[string]any{"alg": "RS256", "jwk": attackerJWK}, rs256(t, attacker)), oauth.Error{Kind: "id_token_not_verified", Code: "bad_signature"}},
		{"an embedded jwk and the issuer's kid", keys, forged(map[string]any{"alg": "RS256", "kid": "key-1", "jwk": attackerJWK}, rs256(t, attacker)), oauth.Error{Kind: "id_token_not_verified", Code: "bad_signature"}},
		{"a jku", keys, forged(map[string]any{"alg": "RS256", "kid": "mine", "jku": r.URL + "/evil", "x5u": r.URL + "/evil"}, rs256(t, attacker)), oauth.Error{Kind: "id_token_not_verified", Code: "unknown_key"}},
		{"a critical extension", keys, forged(map[string]any{"alg": "RS256", "crit": []string{"b64"}, "b64": false}, rs256(t, server.key)), oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"a claim twice", keys, func(c map[string]any) string {
			return compact(t, map[string]any{"alg": "RS256", "kid": "key-1"}, `{"sub":"attacker",`+text(t, c)[1:], rs256(t, server.key))
		}, oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"not a JWT", keys, func(map[string]any) string { return "e30.e30" }, oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"an encrypted one", keys, func(map[string]any) string { return "e30.a.b.c.d" }, oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"400 KB, and another's signature", keys, func(c map[string]any) string {
			c["long"] = strings.Repeat("x", 300_000) // 400 KB in base64url
			return compact(t, map[string]any{"alg": "RS256", "kid": "key-1"}, text(t, c), rs256(t, attacker))
		}, oauth.Error{Kind: "id_token_not_verified", Code: "bad_signature"}},
		{"1 MB", keys, altered(func(c map[string]any) { c["long"] = strings.Repeat("x", 1_000_000) }), oauth.Error{Kind: "server", Code: "too_large"}},
		{"400 KB of dots", keys, func(map[string]any) string { return strings.Repeat(".", 400_000) }, oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"10,000 members", keys, func(c map[string]any) string {
			for i := range 10_000 {
				c[fmt.Sprint("c", i)] = i
			}
			return server.sign(t, c)
		}, oauth.Error{Kind: "id_token_not_verified", Code: "malformed"}},
		{"10,000 keys that are none", short, honest, oauth.Error{Kind: "id_token_not_verified", Code: "unknown_key"}},
		{"10,000 keys", whole, honest, oauth.Error{Kind: "server", Code: "too_large"}},
		{"two keys of one kid", strings.Replace(keys, "]}", ","+strings.TrimPrefix(keys, `{"keys":[`), 1), honest, oauth.Error{Kind: "id_token_not_verified", Code: "ambiguous_key"}},
		{"keys that are no array", `{"keys":{}}`, honest, oauth.Error{Kind: "server", Code: "bad_key_set"}},
		{"keys that are no objects", `{"keys":[1,"a",null,[]]}`, honest, oauth.Error{Kind: "id_token_not_verified", Code: "unknown_key"}},
		{"a key without its members", `{"keys":[{"kty":"RSA","kid":"key-1"}]}`, honest, oauth.Error{Kind: "id_token_not_verified", Code: "bad_key", Field: "n"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &oauth.MemoryStore{}
			r.set(row.keySet, row.idToken)
			c, err := r.signIn(t, store)
			var e *oauth.Error
			if !errors.As(err, &e) || e.Kind != row.want.Kind || e.Code != row.want.Code || e.Field != row.want.Field {
				t.Errorf("%v, want %v", err, &row.want)
			}
			if e != nil && (len(e.Error()) > 200 || strings.Contains(e.Error(), "victim") || strings.Contains(e.Error(), "access-1")) {
				t.Errorf("too much is told: %.300s", e)
			}
			if row.want.Kind == "server" && row.keySet != keys && r.count("/token") != 0 {
				t.Error("a code was spent without keys")
			}
			if r.count("/evil") != 0 {
				t.Error("what the token names was fetched")
			}
			if st, err := c.Status(t.Context()); err != nil || st.Status == "granted" || st.IDToken != "" || st.Claims != nil {
				t.Errorf("%v, %+v", err, st)
			}
			if _, err := c.Token(t.Context()); err == nil {
				t.Error("the access token was given out")
			}
			for _, key := range []string{"session", "pending", "metadata"} {
				value, _, _, err := store.Load(t.Context(), oauthtest.StoreKey("oauth2", r.URL, "app", key))
				if err != nil || strings.Contains(value, "access-1") || strings.Contains(value, "refresh-1") || strings.Contains(value, "victim") {
					t.Errorf("%v: stored under %s", err, key)
				}
			}
			r.set(keys, honest)
			if c, err := r.signIn(t, &oauth.MemoryStore{}); err != nil {
				t.Errorf("afterwards: %v", err)
			} else if st, err := c.Status(t.Context()); err != nil || !strings.Contains(string(st.Claims), "victim") {
				t.Errorf("afterwards: %v, %s", err, st.Claims)
			}
		})
	}
}

// Q12: a long but valid ID token is accepted.
func TestLongIDToken(t *testing.T) {
	server, r := newSigner(t), newRogue(t)
	r.set(server.keySet(t), func(c map[string]any) string {
		c["groups"] = strings.Repeat("x", 100_000)
		return server.sign(t, c)
	})
	if c, err := r.signIn(t, &oauth.MemoryStore{}); err != nil {
		t.Error(err)
	} else if st, err := c.Status(t.Context()); err != nil || len(st.Claims) < 100_000 {
		t.Error(err, len(st.Claims))
	}
}
