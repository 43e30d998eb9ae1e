package authserver_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// RoundTrip connects another client to the server.
func (b *bench) RoundTrip(r *http.Request) (*http.Response, error) {
	resp := b.send(r.Method, r.URL.String(), r.Header, "")
	return &http.Response{StatusCode: resp.Status, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(resp.Body)), Request: r}, nil
}

// verifier is coreos/go-oidc, which finds the server's metadata and keys itself.
func (b *bench) verifier(client string) *oidc.IDTokenVerifier {
	b.t.Helper()
	ctx := oidc.ClientContext(context.Background(), &http.Client{Transport: b})
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		b.t.Fatal(err)
	}
	return provider.Verifier(&oidc.Config{ClientID: client, Now: func() time.Time { return b.now }})
}

// verified checks signature and claims.
func (b *bench) verified(client string, r reply) (*oidc.IDToken, map[string]any) {
	b.t.Helper()
	token, err := b.verifier(client).Verify(context.Background(), r.IDToken)
	if err != nil {
		b.t.Fatalf("%v: %q", err, r.IDToken)
	}
	if err := token.VerifyAccessToken(r.Access); err != nil || token.AccessTokenHash == "" {
		b.t.Error("at_hash:", err)
	}
	if !token.IssuedAt.Equal(b.now) || !token.Expiry.Equal(b.now.Add(authserver.DefaultAccessTokenLifetime)) {
		b.t.Errorf("from %v to %v", token.IssuedAt, token.Expiry)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		b.t.Fatal(err)
	}
	return token, claims
}

// A4: with the scope openid each flow of a user gives an ID token (OpenID Connect Core sections 2,
// 3.1.3.3 and 12.2), which an independent client verifies. Nothing else gives one.
func TestA4IDToken(t *testing.T) {
	b := newBench(t)
	signedIn := b.now
	first := b.post("/token", exchange("oidc", b.code(with(request("oidc"), "nonce", "n-0S6_WzA2Mj")))).must(t)
	token, claims := b.verified("oidc", first)
	if token.Subject != "u-1" || token.Nonce != "n-0S6_WzA2Mj" || claims["auth_time"] != float64(signedIn.Unix()) {
		t.Errorf("%v", claims)
	}

	b.now = b.now.Add(time.Minute)
	again := b.post("/token", exchange("oidc", b.code(request("oidc")))).must(t)
	if _, claims = b.verified("oidc", again); claims["nonce"] != nil || claims["auth_time"] != float64(signedIn.Unix()) {
		t.Errorf("without a nonce, later: %v", claims)
	}

	refreshed := b.refresh("oidc", first.Refresh).must(t)
	if token, claims = b.verified("oidc", refreshed); token.Subject != "u-1" || claims["nonce"] != nil || claims["auth_time"] != float64(signedIn.Unix()) {
		t.Errorf("refreshed: %v", claims)
	}
	if narrow := b.refresh("oidc", refreshed.Refresh, "scope", "profile").must(t); narrow.IDToken != "" {
		t.Error("an ID token without openid in the scope of the refresh")
	}
	if other := b.granted("spa"); other.IDToken != "" {
		t.Error("an ID token without the scope openid")
	}

	device := read(t, b.send("POST", "/device_authorization", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, "client_id=oidc&scope=openid"))
	var d struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
	}
	if err := json.Unmarshal(device.Body, &d); err != nil {
		t.Fatal(err)
	}
	page := b.submit(b.visit("GET", "/device", nil), "continue", url.Values{"user_code": {d.UserCode}})
	b.submit(page, "approve", nil)
	polled := b.post("/token", url.Values{"grant_type": {authserver.GrantDeviceCode}, "client_id": {"oidc"}, "device_code": {d.DeviceCode}}).must(t)
	if token, claims = b.verified("oidc", polled); token.Subject != "u-1" || claims["nonce"] != nil {
		t.Errorf("of a device: %v", claims)
	}

	if _, err := b.verifier("spa").Verify(t.Context(), first.IDToken); err == nil {
		t.Error("another client may use it")
	}
	b.now = b.now.Add(authserver.DefaultAccessTokenLifetime)
	if _, err := b.verifier("oidc").Verify(t.Context(), first.IDToken); err == nil {
		t.Error("it does not expire")
	}
}

// keyIDs are the key IDs in the JWK Set, which must have public members only.
func (b *bench) keyIDs() (ids []string) {
	b.t.Helper()
	resp := b.send("GET", "/jwks", nil, "")
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(resp.Body, &set); err != nil || resp.Status != http.StatusOK {
		b.t.Fatal(err, resp.Status)
	}
	for _, k := range set.Keys {
		ids = append(ids, k["kid"])
		delete(k, "kid")
		if len(k) != 6 || k["kty"] != "EC" || k["crv"] != "P-256" || k["alg"] != "ES256" || k["use"] != "sig" || k["x"] == "" || k["y"] == "" {
			b.t.Errorf("%v", k)
		}
	}
	return ids
}

// A4: after a rotation both keys are published until the last ID token of the old one has expired
// (OpenID Connect Core section 10.1.1).
func TestA4SigningKeyRotation(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	configured := func(c *authserver.Config) { c.SigningKey = key }
	b := newBench(t, configured)
	if other := newBench(t, configured).keyIDs(); len(other) != 1 || other[0] != b.keyIDs()[0] {
		t.Error("one key has two names")
	}
	old := b.post("/token", exchange("oidc", b.code(request("oidc")))).must(t)
	if err := b.server.RotateSigningKey(b.now, nil); err != nil {
		t.Fatal(err)
	}
	if err := b.server.RotateSigningKey(b.now, key); err == nil {
		t.Error("a retired key is taken again")
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.server.RotateSigningKey(b.now, p384); err == nil || !strings.HasPrefix(err.Error(), "authserver: ") {
		t.Errorf("a key on another curve: %v", err)
	}
	if ids := b.keyIDs(); len(ids) != 2 || ids[0] == ids[1] {
		t.Errorf("%q", ids)
	}
	b.verified("oidc", old)
	b.verified("oidc", b.refresh("oidc", old.Refresh).must(t))

	b.now = b.now.Add(authserver.DefaultAccessTokenLifetime - time.Second)
	if len(b.keyIDs()) != 2 {
		t.Error("the old key is gone while its tokens are good")
	}
	b.now = b.now.Add(time.Second)
	if len(b.keyIDs()) != 1 {
		t.Error("the old key is still there")
	}
}

// A4: max_age and prompt require a new sign-in (OpenID Connect Core section 3.1.2.1), and no form
// can avoid it.
func TestA4SignInAnew(t *testing.T) {
	for _, row := range []struct {
		name  string
		query []string
		anew  bool
	}{
		{"max_age that is over", []string{"max_age", "99"}, true},
		{"max_age that is not", []string{"max_age", "100"}, false},
		{"max_age 0", []string{"max_age", "0"}, true},
		{"prompt login", []string{"prompt", "login"}, true},
		{"prompt consent", []string{"prompt", "consent"}, false},
		{"neither", nil, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			b.code(request("oidc"))
			b.now = b.now.Add(100 * time.Second)
			query := with(request("oidc"), row.query...)
			page := b.visit("GET", "/authorize?"+query.Encode(), nil)
			if got := strings.Contains(string(page.Body), `data-testid="login"`); got != row.anew {
				t.Fatalf("signs in anew: %v", got)
			}
			forged := b.visit("POST", "/authorize?"+query.Encode(), url.Values{"interaction": {"x"}, "action": {"approve"}})
			if got := strings.Contains(string(forged.Body), `data-testid="login"`); got != row.anew {
				t.Errorf("signs in anew after a form that is out of date: %v", got)
			}
			issued := b.post("/token", exchange("oidc", b.code(query))).must(t)
			_, claims := b.verified("oidc", issued)
			want := start
			if row.anew {
				want = b.now
			}
			if claims["auth_time"] != float64(want.Unix()) {
				t.Errorf("auth_time %v", claims["auth_time"])
			}
		})
	}
	b := newBench(t)
	b.code(request("oidc"))
	b.now = b.now.Add(100 * time.Second)
	for want, query := range map[string]url.Values{
		"login_required":  with(request("oidc"), "prompt", "none", "max_age", "99"),
		"invalid_request": with(request("oidc"), "max_age", "-1"),
	} {
		if u := location(t, b.visit("GET", "/authorize?"+query.Encode(), nil)); u.Query().Get("error") != want {
			t.Errorf("%s, want %s", u, want)
		}
	}
}
