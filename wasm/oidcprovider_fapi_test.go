package wasm_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// hsm reveals nothing of a key except its signatures.
type hsm struct{ crypto.Signer }

// register registers a client with that metadata at the provider, also by the module.
func register(t *testing.T, issuer string, http *http.Client, metadata map[string]any) oauth.Registration {
	t.Helper()
	c, err := wasm.Open(t.Context(), oauth.Config{Issuer: issuer, Discovery: true, ClientMetadata: metadata}, wasm.Options{Client: oauth.Options{HTTP: http}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Register(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// proofs is a network that reads the DPoP proofs that pass through it.
type proofs struct {
	next http.RoundTripper
	mu   sync.Mutex
	seen []proof
}

type proof struct {
	path, jkt, nonce, ath string
	status                int
}

func (p *proofs) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := p.next.RoundTrip(req)
	if text := req.Header.Get("DPoP"); text != "" {
		var claims struct{ Nonce, Ath string }
		jws, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.PS256, jose.EdDSA})
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(jws.UnsafePayloadWithoutVerification(), &claims); err != nil {
			return nil, err
		}
		sum, err := jws.Signatures[0].Protected.JSONWebKey.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, err
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.seen = append(p.seen, proof{req.URL.Path, fmt.Sprintf("%x", sum), claims.Nonce, claims.Ath, 0})
		if res != nil {
			p.seen[len(p.seen)-1].status = res.StatusCode
		}
	}
	return res, err
}

func (p *proofs) take() []proof {
	p.mu.Lock()
	defer p.mu.Unlock()
	seen := p.seen
	p.seen = nil
	return seen
}

// Q13, Q21, Q22, H1, H5: the shipped module on wazero with oidc-provider in the FAPI 2.0 Security
// Profile, whose rules that server enforces: pushed requests, private_key_jwt with a key that can
// only sign, tokens that are bound to a key by proofs with the server's nonces, iss in the
// response; and also signed requests and signed responses. Sign-in, userinfo, refresh, a resource
// with its own nonces, sign-out.
func TestOIDCProviderFAPI(t *testing.T) {
	issuer, resource := startProviderAndResource(t, "--fapi")
	for _, row := range []struct {
		alg, dpop oauth.Algorithm
		mode      oauth.ResponseMode
		signed    bool
	}{
		{alg: "ES256", dpop: "ES256"},
		{alg: "PS256", dpop: "EdDSA", mode: "jwt", signed: true},
		{alg: "EdDSA", dpop: "PS256", mode: "query.jwt"},
	} {
		t.Run(fmt.Sprintf("%s, proofs with %s, response mode %q", row.alg, row.dpop, row.mode), func(t *testing.T) {
			key, err := oauth.GenerateKey(row.alg)
			if err != nil {
				t.Fatal(err)
			}
			metadata := map[string]any{
				"redirect_uris": []string{providerRedirect}, "post_logout_redirect_uris": []string{providerRedirect}, "grant_types": []string{"authorization_code", "refresh_token"},
				"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": row.alg,
				"jwks":                     jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "the-key", Use: "sig", Algorithm: string(row.alg)}}},
				"dpop_bound_access_tokens": true, "id_token_signed_response_alg": "ES256", "authorization_signed_response_alg": "ES256",
				"userinfo_signed_response_alg": "PS256", "introspection_signed_response_alg": "ES256",
			}
			config := oauth.Config{
				Issuer: issuer, Discovery: true, TokenEndpointAuthMethod: "private_key_jwt", TokenEndpointAuthSigningAlg: row.alg, ClientKeyID: "the-key",
				DPoP: true, DPoPSigningAlg: row.dpop, PushedAuthorizationRequests: "required", RedirectURI: providerRedirect, Scope: "openid read", TokenDestinations: []string{resource},
				IntrospectionSignedResponseAlg: "ES256",
			}
			if row.signed {
				config.RequestObjectSigningAlg, metadata["request_object_signing_alg"], metadata["require_signed_request_object"] = row.alg, row.alg, true
			}
			registered := register(t, issuer, nil, metadata)
			if registered.ClientSecret != "" {
				t.Error("a secret beside the key")
			}
			config.ClientID = registered.ClientID
			n := &proofs{next: http.DefaultTransport}
			store := &oauth.MemoryStore{}
			opts := oauth.Options{HTTP: &http.Client{Transport: n}, ClientKey: hsm{key}, Store: store}
			c, err := wasm.Open(t.Context(), config, wasm.Options{Client: opts})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()

			begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{ResponseMode: row.mode})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(begun.URL)
			if err != nil || u.Query().Get("request_uri") == "" || len(u.Query()) > 2 {
				t.Errorf("the request is in the browser: %s", begun.URL)
			}
			callback := signInAtProvider(t, begun.URL)
			if row.mode != "" && !strings.Contains(callback, "response=") || row.mode == "" && !strings.Contains(callback, "iss=") {
				t.Errorf("the response is %s", callback)
			}
			r, err := c.Callback(t.Context(), callback)
			if err != nil || !strings.EqualFold(r.TokenType, "DPoP") {
				t.Fatalf("%v, %+v", err, r)
			}
			checkIDToken(t, r.Status, issuer, registered.ClientID)
			if raw, err := c.Userinfo(t.Context()); err != nil || !strings.Contains(string(raw), `"sub":"248289761001"`) {
				t.Errorf("%s, %v", raw, err)
			}
			if raw, err := c.Introspect(t.Context(), oauth.IntrospectParams{}); err != nil || !strings.Contains(string(raw), `"active":true`) || !strings.Contains(string(raw), `"jkt"`) {
				t.Errorf("%s, %v", raw, err)
			}

			api := &http.Client{Transport: c.Transport(n)}
			read := func() {
				t.Helper()
				for range 7 { // its nonce is valid for three requests
					res, err := api.Post(resource+"/notes?page=1", "text/plain", strings.NewReader("text"))
					if err != nil {
						t.Fatal(err)
					}
					raw, err := io.ReadAll(res.Body)
					res.Body.Close()
					if err != nil || res.StatusCode != 200 || !strings.Contains(string(raw), `"sub":"248289761001"`) {
						t.Fatalf("%d, %s, %v", res.StatusCode, raw, err)
					}
				}
			}
			read()
			before, err := c.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			// The next process has the same key.
			c.Close()
			if c, err = wasm.Open(t.Context(), config, wasm.Options{Client: opts}); err != nil {
				t.Fatal(err)
			}
			api = &http.Client{Transport: c.Transport(n)}
			if after, err := c.FreshToken(t.Context()); err != nil || after.AccessToken == before.AccessToken {
				t.Error(err)
			}
			read()

			refused, keys := map[string]int{}, map[string]bool{}
			for _, p := range n.take() {
				keys[p.jkt] = true
				if p.status >= 400 {
					refused[p.path]++
				}
				if (p.path == "/me" || p.path == "/notes") != (p.ath != "") {
					t.Errorf("ath: %+v", p)
				}
			}
			if len(keys) != 1 {
				t.Errorf("%d keys of one session", len(keys))
			}
			// Each server sends its nonce with the first answer to a process, and from then on in
			// advance.
			if refused["/notes"] > 2 || refused["/me"] > 0 || refused["/token"]+refused["/request"] > 2 {
				t.Errorf("refused for a nonce: %v", refused)
			}

			// A resource requires a stronger sign-in, for which no newer token helps (RFC 9470).
			res, err := api.Get(resource + "/strong")
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
			if ch := oauth.ChallengeOf(res); res.StatusCode != 401 || ch == nil || ch.Error != "insufficient_user_authentication" || ch.ACRValues != "urn:test:strong" || ch.MaxAge == nil || *ch.MaxAge != 5*time.Second {
				t.Errorf("%d, %+v", res.StatusCode, ch)
			} else if m, err := c.ResourceMetadata(t.Context(), resource+"/strong", ch.ResourceMetadata); err != nil || fmt.Sprint(m.AuthorizationServers) != "["+issuer+"]" {
				t.Errorf("%+v, %v", m, err)
			}
			for _, p := range n.take() {
				if p.path == "/token" {
					t.Error("refreshed for a stronger sign-in")
				}
			}

			out, err := c.LogOut(t.Context(), oauth.LogOutParams{PostLogoutRedirectURI: providerRedirect, State: "out"})
			if err != nil || !out.Revoked {
				t.Fatal(out, err)
			}
			if end := visitProvider(t, newBrowser(t), out.URL); !strings.Contains(end, "state=out") {
				t.Error(end)
			}
			if _, err := c.Prepare(t.Context(), "GET", resource); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
				t.Error(err)
			}
		})
	}
}

// A token for a resource (RFC 8707) is valid for that resource alone.
func TestOIDCProviderResourceIndicator(t *testing.T) {
	issuer, resource := startProviderAndResource(t)
	c, err := openConfig(t, oauth.Config{
		Issuer: issuer, Discovery: true, ClientID: "public", DPoP: true, RedirectURI: providerRedirect, Scope: "openid read", Resource: []string{resource}, TokenDestinations: []string{resource},
	})
	if err != nil {
		t.Fatal(err)
	}
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Callback(t.Context(), signInAtProvider(t, begun.URL)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		res, err := (&http.Client{Transport: c.Transport(nil)}).Get(resource + "/x")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || !strings.Contains(string(raw), `"aud":"`+resource) || !strings.Contains(string(raw), `"jkt":"`) {
			t.Errorf("%d, %s, %v", res.StatusCode, raw, err)
		}
		if _, err := c.FreshToken(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
