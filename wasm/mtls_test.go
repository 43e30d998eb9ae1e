package wasm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// certificate makes a certificate with a key, signed by issuer, or by itself if issuer is nil.
func certificate(t *testing.T, name string, issuer *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, BasicConstraintsValid: true, IsCA: issuer == nil,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	parent, signer := template, any(key)
	if issuer != nil {
		parent, signer = issuer.Leaf, issuer.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// trusting is an HTTP client that trusts the servers' certificates, and sends its own.
func trusting(roots []*x509.Certificate, own ...tls.Certificate) *http.Client {
	pool := x509.NewCertPool()
	for _, c := range roots {
		pool.AddCert(c)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: own}}}
}

// H1: a client that oidc-provider knows by a self-signed certificate (RFC 8705 section 2.2), which
// is only in Options.HTTP. Its tokens are bound to the certificate (section 3).
func TestOIDCProviderSelfSignedCertificate(t *testing.T) {
	serverCert, clientCert, other := certificate(t, "127.0.0.1", nil), certificate(t, "the client", nil), certificate(t, "another", nil)
	file := filepath.Join(t.TempDir(), "server.pem")
	key, err := x509.MarshalPKCS8PrivateKey(serverCert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverCert.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	roots := []*x509.Certificate{serverCert.Leaf}
	issuer := startProvider(t, "--tls", file)
	registered := register(t, issuer, trusting(roots), map[string]any{
		"redirect_uris": []string{providerRedirect}, "grant_types": []string{"authorization_code", "refresh_token"},
		"token_endpoint_auth_method": "self_signed_tls_client_auth", "tls_client_certificate_bound_access_tokens": true,
		"jwks": jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientCert.Leaf.PublicKey, KeyID: "certificate", Certificates: []*x509.Certificate{clientCert.Leaf}}}},
	})
	config := oauth.Config{
		Issuer: issuer, Discovery: true, ClientID: registered.ClientID, TokenEndpointAuthMethod: "self_signed_tls_client_auth", RedirectURI: providerRedirect, Scope: "openid",
	}
	store := &oauth.MemoryStore{}
	open := func(own ...tls.Certificate) *oauth.Client {
		c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: trusting(roots, own...), Store: store}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	c := open(clientCert)
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	browser := newBrowser(t)
	browser.Transport = trusting(roots).Transport
	r, err := c.Callback(t.Context(), visitProvider(t, browser, begun.URL))
	if err != nil {
		t.Fatal(err)
	}
	checkIDToken(t, r.Status, issuer, registered.ClientID)
	for range 2 {
		if raw, err := c.Userinfo(t.Context()); err != nil || !strings.Contains(string(raw), "248289761001") {
			t.Errorf("%s, %v", raw, err)
		}
		if _, err := c.FreshToken(t.Context()); err != nil {
			t.Error(err)
		}
	}
	for name, thief := range map[string]*oauth.Client{"without a certificate": open(), "with another one": open(other)} {
		if raw, err := thief.Userinfo(t.Context()); !errors.Is(err, oauth.ErrServer) {
			t.Errorf("%s: %s, %v", name, raw, err)
		}
		if _, err := thief.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Kind: "server", Code: "oauth_error"}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// H1: a client that is known by its certificate's name (RFC 8705 section 2.1) uses the endpoints
// that the metadata list for it (section 5), where TLS requires the certificate. It does not use
// the other endpoints as a client.
func TestCertificateOfAnAuthority(t *testing.T) {
	authority := certificate(t, "authority", nil)
	var mu sync.Mutex
	var got []string
	note := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, fmt.Sprintf(format, args...))
	}
	strict := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		note("%s %s by %s", r.URL.Path, r.PostForm.Get("client_id"), r.TLS.VerifiedChains[0][0].Subject.CommonName)
		if r.Header.Get("Authorization") != "" || r.PostForm.Has("client_secret") || r.PostForm.Has("client_assertion") {
			t.Errorf("another authentication beside it: %v %v", r.Header, r.PostForm)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"access_token":"a","refresh_token":"r","token_type":"Bearer","expires_in":3600}`)
	}))
	pool := x509.NewCertPool()
	pool.AddCert(authority.Leaf)
	strict.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	strict.Config.ErrorLog = log.New(io.Discard, "", 0) // the log of handshakes that must fail
	strict.StartTLS()
	defer strict.Close()
	var issuer *httptest.Server
	issuer = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/.well-known/openid-configuration" {
			note("%s at the issuer", r.URL.Path)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token","revocation_endpoint":"%[1]s/revoke","jwks_uri":"%[1]s/jwks",
			"mtls_endpoint_aliases":{"token_endpoint":"%[2]s/token","revocation_endpoint":"%[2]s/revoke"}}`, issuer.URL, strict.URL)
	}))
	defer issuer.Close()
	roots := []*x509.Certificate{issuer.Certificate(), strict.Certificate()}
	config := oauth.Config{Issuer: issuer.URL, Discovery: true, ClientID: "notes", TokenEndpointAuthMethod: "tls_client_auth", RedirectURI: "https://app.example/cb"}

	c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: trusting(roots, certificate(t, "notes.example", &authority))}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil || !strings.HasPrefix(begun.URL, issuer.URL+"/authorize?") {
		t.Fatal(err, begun)
	}
	if _, err := c.Callback(t.Context(), "https://app.example/cb?"+url.Values{"code": {"c"}, "state": {begun.State}, "iss": {issuer.URL}}.Encode()); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := c.Revoke(t.Context(), oauth.RevokeParams{}); err != nil {
		t.Error(err)
	}
	mu.Lock()
	if all := strings.Join(got, ", "); all != "/token notes by notes.example, /token notes by notes.example, /revoke notes by notes.example" {
		t.Error(all)
	}
	got = nil
	mu.Unlock()

	for name, own := range map[string][]tls.Certificate{"none": nil, "of no authority": {certificate(t, "notes.example", nil)}} {
		c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: trusting(roots, own...)}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); !errors.Is(err, oauth.ErrNetwork) {
			t.Errorf("a certificate %s: %v", name, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(got) > 0 {
		t.Error(got)
	}
}
