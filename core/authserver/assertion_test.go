package authserver_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// assertion returns the claims of a client assertion. more holds names and values; nil removes one.
func (b *bench) assertion(clientID, id string, more ...any) map[string]any {
	c := map[string]any{"iss": clientID, "sub": clientID, "aud": issuer, "jti": id, "iat": b.now.Unix(), "exp": b.now.Unix() + 60}
	for i := 0; i < len(more); i += 2 {
		if c[more[i].(string)] = more[i+1]; more[i+1] == nil {
			delete(c, more[i].(string))
		}
	}
	return c
}

// asserting adds a client assertion to a form.
func asserting(form url.Values, assertion string) url.Values {
	return with(form, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", assertion)
}

// A6, A7: RFC 7523 section 3 and OpenID Connect Core section 9, with a test for each rule.
func TestA7ClientAssertions(t *testing.T) {
	b := newBench(t)
	form := url.Values{"grant_type": {"client_credentials"}}
	signed := func(id string, more ...any) string {
		return signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", id, more...))
	}
	mac := func(alg jose.SignatureAlgorithm, key []byte, client, id string) string {
		return signWith(t, alg, key, "JWT", false, b.assertion(client, id))
	}
	publicKey, err := json.Marshal(clientKeys.Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(clientKey.Public())
	if err != nil {
		t.Fatal(err)
	}
	now := b.now.Unix()
	for _, row := range []struct {
		name string
		form url.Values
		want string // empty: a token
	}{
		{"audience is the issuer", asserting(form, signed("1")), ""},
		{"audience is the token endpoint", asserting(form, signed("2", "aud", issuer+"/token")), ""},
		{"audience in a list", asserting(form, signed("3", "aud", []string{issuer})), ""},
		{"with client_id", with(asserting(form, signed("4")), "client_id", "signs"), ""},
		{"clock a little fast", asserting(form, signed("5", "iat", now+30, "nbf", now+30)), ""},
		{"no iat", asserting(form, signed("6", "iat", nil)), ""},
		{"typ of its own", asserting(form, signWith(t, jose.ES256, clientKey, "client-authentication+jwt", false, b.assertion("signs", "7"))), ""},
		{"replayed", asserting(form, signed("1")), "invalid_client"},
		{"another audience", asserting(form, signed("a", "aud", "https://other.example")), "invalid_client"},
		{"a path as audience", asserting(form, signed("a", "aud", "/token")), "invalid_client"},
		{"another audience too", asserting(form, signed("a", "aud", []string{issuer, "https://other.example"})), "invalid_client"},
		{"no audience", asserting(form, signed("a", "aud", nil)), "invalid_client"},
		{"expired", asserting(form, signed("a", "exp", now)), "invalid_client"},
		{"no expiry", asserting(form, signed("a", "exp", nil)), "invalid_client"},
		{"good for days", asserting(form, signed("a", "exp", now+86400)), "invalid_client"},
		{"not yet", asserting(form, signed("a", "nbf", now+90)), "invalid_client"},
		{"from the future", asserting(form, signed("a", "iat", now+90)), "invalid_client"},
		{"no jti", asserting(form, signed("a", "jti", nil)), "invalid_client"},
		{"iss of another", asserting(form, signed("a", "iss", "spa")), "invalid_client"},
		{"no sub", asserting(form, signed("a", "sub", nil)), "invalid_client"},
		{"no such client", asserting(form, signed("a", "iss", "x", "sub", "x")), "invalid_client"},
		{"a client with another method", asserting(form, signed("a", "iss", "maybe", "sub", "maybe")), "invalid_client"},
		{"another key", asserting(form, signWith(t, jose.ES256, newECKey(t, elliptic.P256()), "JWT", false, b.assertion("signs", "a"))), "invalid_client"},
		{"typ of a request object", asserting(form, signWith(t, jose.ES256, clientKey, "oauth-authz-req+jwt", false, b.assertion("signs", "a"))), "invalid_client"},
		{"public key as secret", asserting(form, mac(jose.HS256, publicKey, "signs", "a")), "invalid_client"},
		{"public key's DER as secret", asserting(form, mac(jose.HS256, der, "signs", "a")), "invalid_client"},
		{"no JWT", asserting(form, "x"), "invalid_client"},
		{"unknown type", with(asserting(form, signed("a")), "client_assertion_type", "x"), "invalid_request"},
		{"no type", with(asserting(form, signed("a")), "client_assertion_type", ""), "invalid_request"},
		{"type alone", asserting(form, ""), "invalid_client"},
		{"client_id of another", with(asserting(form, signed("a")), "client_id", "spa"), "invalid_request"},
		{"secret besides", with(asserting(form, signed("a")), "client_secret", "x"), "invalid_request"},
		{"nothing but the name", with(form, "client_id", "signs"), "invalid_client"},
		{"HS256", asserting(form, mac(jose.HS256, []byte(longSecret), "macs", "1")), ""},
		{"HS512", asserting(form, mac(jose.HS512, []byte(longSecret), "macs", "2")), ""},
		{"wrong secret", asserting(form, mac(jose.HS256, []byte(longSecret+"x"), "macs", "3")), "invalid_client"},
		{"the secret itself", with(form, "client_id", "macs", "client_secret", longSecret), "invalid_client"},
		{"key where a secret is registered", asserting(form, signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("macs", "4"))), "invalid_client"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := b.post("/token", row.form)
			switch row.want {
			case "":
				r.must(t)
			case "invalid_client":
				r.refused(t, 401, row.want)
			default:
				r.refused(t, 400, row.want)
			}
		})
	}
	b.postWith("/token", basic("signs", "x"), asserting(form, signed("b"))).refused(t, 400, "invalid_request")
	b.now = b.now.Add(2 * time.Minute)
	b.post("/token", asserting(form, signed("1"))).must(t) // long after its expiry, a jti may be used again
}

// A6: assertions at the other endpoints, with each endpoint's own URL as audience.
func TestA6ClientAssertionsElsewhere(t *testing.T) {
	b := newBench(t)
	sign := func(endpoint, id string) string {
		return signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("signs", id, "aud", issuer+endpoint))
	}
	token := b.post("/token", asserting(url.Values{"grant_type": {"client_credentials"}}, sign("/token", "1"))).must(t).Access
	if r := b.post("/introspect", asserting(url.Values{"token": {token}}, sign("/introspect", "2"))); !strings.Contains(string(r.Body), `"active":true`) {
		t.Errorf("%s", r.Body)
	}
	b.post("/introspect", asserting(url.Values{"token": {token}}, sign("/introspect", "2"))).refused(t, 401, "invalid_client")
	b.post("/introspect", asserting(url.Values{"token": {token}}, sign("/revoke", "3"))).refused(t, 401, "invalid_client")
	if r := b.post("/revoke", asserting(url.Values{"token": {token}}, sign("/revoke", "4"))); r.Status != 200 || b.works(token) {
		t.Errorf("%d", r.Status)
	}
	object := signWith(t, jose.ES256, clientKey, "oauth-authz-req+jwt", false, claimsOf(request("signs")))
	b.push(nil, with(asserting(url.Values{"request": {object}, "client_id": {"signs"}}, sign("/par", "5"))))
}

// A6, A7: RFC 8705 section 2.2, and tokens that are bound to the certificate.
func TestA6MutualTLS(t *testing.T) {
	certificate := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return base64.RawURLEncoding.EncodeToString(sum[:])
	}
	own := sha256.Sum256([]byte("own"))
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID: "tls", TokenEndpointAuthMethod: authserver.AuthMethodSelfSignedTLS, TLSClientCertificateBoundAccessTokens: true,
		GrantTypes: []string{authserver.GrantClientCredentials}, Scope: "profile",
		JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey.Public(), CertificateThumbprintSHA256: own[:]}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *authserver.Config) { c.Store, c.MutualTLSOrigin = store, "https://mtls.login.example" })
	send := func(method, target, thumbprint string, h http.Header, form url.Values) reply {
		if h == nil {
			h = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		}
		return read(t, b.server.Handle(authserver.Request{Method: method, URL: target, Header: h, Body: []byte(form.Encode()), Now: b.now,
			CertificateThumbprint: thumbprint}))
	}
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"tls"}}
	send("POST", "/token", "", nil, form).refused(t, 401, "invalid_client")
	send("POST", "/token", certificate("other"), nil, form).refused(t, 401, "invalid_client")
	token := send("POST", "/token", certificate("own"), nil, form).must(t)
	if token.Type != "Bearer" || b.works(token.Access) {
		t.Errorf("%s, works without the certificate: %v", token.Type, b.works(token.Access))
	}
	h := http.Header{"Authorization": {"Bearer " + token.Access}}
	for thumbprint, want := range map[string]bool{certificate("own"): true, certificate("other"): false, "": false} {
		_, resp, ok := b.server.CheckAccess(authserver.Request{Method: "GET", URL: "/notes", Header: h, Now: b.now, CertificateThumbprint: thumbprint}, authserver.Access{})
		if ok != want || ok != (resp.Status == 200) {
			t.Errorf("%q: %v %d", thumbprint, ok, resp.Status)
		}
	}
	seen := send("POST", "/introspect", certificate("own"), nil, url.Values{"token": {token.Access}, "client_id": {"tls"}})
	if !strings.Contains(string(seen.Body), `"cnf":{"x5t#S256":"`+certificate("own")+`"}`) {
		t.Errorf("%s", seen.Body)
	}
	metadata := string(b.send("GET", "/.well-known/openid-configuration", nil, "").Body)
	for _, part := range []string{`"self_signed_tls_client_auth"`, `"token_endpoint":"https://mtls.login.example/token"`, `"tls_client_certificate_bound_access_tokens":true`} {
		if !strings.Contains(metadata, part) {
			t.Errorf("no %s in the metadata", part)
		}
	}
	// RFC 8705 section 4: the refresh token of a public client is also bound to the certificate.
	err = store.AddClient(authserver.Client{ClientID: "public", RedirectURIs: []string{appRedirect}, GrantTypes: codeAndFresh, TLSClientCertificateBoundAccessTokens: true})
	if err != nil {
		t.Fatal(err)
	}
	code := exchange("public", b.code(with(request("spa"), "client_id", "public")))
	code.Set("redirect_uri", appRedirect)
	send("POST", "/token", "", nil, code).refused(t, 400, "invalid_request")
	issued := send("POST", "/token", certificate("own"), nil, code).must(t)
	refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {"public"}, "refresh_token": {issued.Refresh}}
	send("POST", "/token", certificate("other"), nil, refresh).refused(t, 400, "invalid_grant")
	send("POST", "/token", certificate("own"), nil, refresh).must(t)
	// The adapter for net/http finds the certificate itself.
	key := newECKey(t, elliptic.P256())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	known := sha256.Sum256(der)
	err = store.AddClient(authserver.Client{ClientID: "net", TokenEndpointAuthMethod: authserver.AuthMethodSelfSignedTLS, GrantTypes: []string{authserver.GrantClientCredentials},
		JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), CertificateThumbprintSHA256: known[:]}}}})
	if err != nil {
		t.Fatal(err)
	}
	site := httptest.NewUnstartedServer(b.server)
	site.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	site.StartTLS()
	defer site.Close()
	for status, certificates := range map[int][]tls.Certificate{200: {{Certificate: [][]byte{der}, PrivateKey: key}}, 401: nil} {
		client := site.Client()
		transport := client.Transport.(*http.Transport).Clone()
		transport.TLSClientConfig.Certificates = certificates
		client = &http.Client{Transport: transport}
		resp, err := client.PostForm(site.URL+"/token", with(form, "client_id", "net"))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if transport.CloseIdleConnections(); resp.StatusCode != status {
			t.Errorf("%d, want %d", resp.StatusCode, status)
		}
	}
	off := newBench(t, func(c *authserver.Config) { c.Store = store })
	b = off
	send("POST", "/token", certificate("own"), nil, form).refused(t, 401, "invalid_client")
}
