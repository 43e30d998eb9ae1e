package oauth_test

import (
	"cmp"
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// proofOf verifies a DPoP proof according to RFC 9449 section 4.3, and returns its claims and the
// thumbprint of its key.
func proofOf(req *http.Request) (claims map[string]any, jkt string, err error) {
	values := req.Header.Values("DPoP")
	if len(values) != 1 {
		return nil, "", fmt.Errorf("%d proofs", len(values))
	}
	jws, err := jose.ParseSignedCompact(values[0], []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA, jose.PS256})
	if err != nil {
		return nil, "", err
	}
	head := jws.Signatures[0].Protected
	if head.ExtraHeaders["typ"] != "dpop+jwt" || head.JSONWebKey == nil || !head.JSONWebKey.IsPublic() {
		return nil, "", fmt.Errorf("header %+v", head)
	}
	payload, err := jws.Verify(head.JSONWebKey)
	if err == nil {
		err = json.Unmarshal(payload, &claims)
	}
	if err != nil {
		return nil, "", err
	}
	place, _, _ := strings.Cut(req.URL.String(), "?")
	if claims["htm"] != req.Method || claims["htu"] != place || claims["jti"] == "" {
		return nil, "", fmt.Errorf("claims %v for %s %s", claims, req.Method, req.URL)
	}
	sum, err := head.JSONWebKey.Thumbprint(crypto.SHA256)
	return claims, base64.RawURLEncoding.EncodeToString(sum), err
}

// bound is an authorization server and a resource without a network. They accept only requests with
// a proof. Each requires its own nonce.
type bound struct {
	mu        sync.Mutex
	jkt       string // of the key to which tokens are bound
	tokens    int
	jtis      map[string]bool
	nonces    map[string]string // by host
	good      string            // the valid access token; the resource refuses others
	challenge string            // if set, the resource answers only that
	faults    []string
	log       []string
}

func (b *bound) RoundTrip(req *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	body := ""
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		body = string(raw)
	}
	claims, jkt, err := proofOf(req)
	if err != nil {
		b.faults = append(b.faults, err.Error())
		return respond(400, `{"error":"invalid_dpop_proof"}`), nil
	}
	jti, _ := claims["jti"].(string)
	if b.jtis[jti] {
		b.faults = append(b.faults, "a proof came twice")
	}
	if b.jtis == nil {
		b.jtis = map[string]bool{}
	}
	b.jtis[jti] = true
	if b.jkt == "" {
		b.jkt = jkt
	}
	if jkt != b.jkt {
		b.faults = append(b.faults, "another key")
	}
	nonce, _ := claims["nonce"].(string)
	if want := b.nonces[req.URL.Host]; nonce != want {
		b.log = append(b.log, req.URL.Path+" nonce")
		res := respond(400, `{"error":"use_dpop_nonce"}`)
		if req.URL.Host == "api.example" {
			res = respond(401, "")
			res.Header.Set("WWW-Authenticate", `DPoP error="use_dpop_nonce", error_description="a nonce"`)
		}
		res.Header.Set("DPoP-Nonce", want)
		return res, nil
	}
	if req.URL.Host == "as.example" {
		b.log = append(b.log, req.URL.Path)
		b.tokens++
		return respond(200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r","token_type":"DPoP","expires_in":3600}`, b.tokens)), nil
	}
	sum := sha256.Sum256([]byte(strings.TrimPrefix(req.Header.Get("Authorization"), "DPoP ")))
	if claims["ath"] != base64.RawURLEncoding.EncodeToString(sum[:]) {
		b.faults = append(b.faults, "ath")
	}
	b.log = append(b.log, strings.TrimSpace(req.URL.Path+" "+req.Header.Get("Authorization")+" "+body))
	if b.challenge != "" {
		res := respond(401, "")
		res.Header.Set("WWW-Authenticate", b.challenge)
		return res, nil
	}
	if req.Header.Get("Authorization") != "DPoP "+b.good {
		res := respond(401, "")
		res.Header.Set("WWW-Authenticate", `DPoP error="invalid_token"`)
		return res, nil
	}
	return respond(200, `"welcome"`), nil
}

func (b *bound) seen() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	log := strings.Join(append(b.log, b.faults...), ", ")
	b.log = nil
	return log
}

func (b *bound) set(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}

func openBound(t *testing.T, b *bound, opts oauth.Options) *oauth.Client {
	t.Helper()
	own := config
	own.DPoP, own.ClientSecret = true, "secret"
	opts.HTTP = &http.Client{Transport: b}
	c, err := oauth.Open(t.Context(), native(t), own, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func signInBound(t *testing.T, c *oauth.Client) {
	t.Helper()
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); err != nil {
		t.Fatal(err)
	}
}

// Q13: the transport makes a new proof for each request, uses the nonces of both servers, and
// renews a refused token: each once.
func TestTransportWithProofs(t *testing.T) {
	post := func(t *testing.T, c *oauth.Client, b *bound, body io.Reader) (string, *oauth.Challenge) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", "https://api.example/v1/x?q", body)
		if err != nil {
			t.Fatal(err)
		}
		res, err := (&http.Client{Transport: c.Transport(b), Timeout: time.Minute}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(res.StatusCode), oauth.ChallengeOf(res)
	}
	for _, row := range []struct {
		name   string
		nonces map[string]string
		good   string
		body   io.Reader
		want   string
		sent   string
		error  string // in the challenge that remains
	}{
		{"at once", nil, "a1", nil, "200", "/token, /v1/x DPoP a1", ""},
		{"a nonce", map[string]string{"api.example": "n"}, "a1", strings.NewReader("b"), "200", "/token, /v1/x nonce, /v1/x DPoP a1 b", ""},
		{"nonces of both", map[string]string{"api.example": "n", "as.example": "m"}, "a1", nil, "200", "/token nonce, /token, /v1/x nonce, /v1/x DPoP a1", ""},
		{"a nonce, then another token", map[string]string{"api.example": "n", "as.example": "m"}, "a2", nil, "200",
			"/token nonce, /token, /v1/x nonce, /v1/x DPoP a1, /token, /v1/x DPoP a2", ""},
		{"no token will do", map[string]string{"api.example": "n"}, "none", nil, "401", "/token, /v1/x nonce, /v1/x DPoP a1, /token, /v1/x DPoP a2", "invalid_token"},
		{"a body that cannot be read again", map[string]string{"api.example": "n"}, "a1", io.MultiReader(strings.NewReader("b")), "401", "/token, /v1/x nonce", "use_dpop_nonce"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := &bound{nonces: row.nonces, good: row.good}
			c := openBound(t, b, oauth.Options{})
			signInBound(t, c)
			got, challenge := post(t, c, b, row.body)
			if sent := b.seen(); got != row.want || sent != row.sent {
				t.Errorf("%s after %s", got, sent)
			}
			if row.error == "" && challenge != nil || row.error != "" && (challenge == nil || challenge.Error != row.error || !strings.EqualFold(challenge.Scheme, "dpop")) {
				t.Errorf("challenge %+v", challenge)
			}
			if row.want != "200" {
				return
			}
			if got, _ := post(t, c, b, nil); got != "200" {
				t.Errorf("a second time: %s, %s", got, b.seen())
			} else if sent := b.seen(); strings.Contains(sent, "nonce") {
				t.Errorf("the nonce was forgotten: %s", sent)
			}
		})
	}
}

// If a resource changes its nonce with every answer, the client uses the nonces of successful
// answers, too.
func TestNonceOfASuccessfulAnswer(t *testing.T) {
	b := &bound{good: "a1", nonces: map[string]string{"api.example": "n0"}}
	c := openBound(t, b, oauth.Options{})
	signInBound(t, c)
	turning := roundTripper(func(req *http.Request) (*http.Response, error) {
		res, err := b.RoundTrip(req)
		if err == nil && res.StatusCode == 200 {
			b.set(func() {
				b.nonces["api.example"] += "x"
				res.Header.Set("DPoP-Nonce", b.nonces["api.example"])
			})
		}
		return res, err
	})
	h := &http.Client{Transport: c.Transport(turning)}
	for range 3 {
		res, err := h.Get("https://api.example/v1/x")
		if err != nil || res.StatusCode != 200 {
			t.Fatal(err, res)
		}
	}
	if got := b.seen(); got != "/token, /v1/x nonce, /v1/x DPoP a1, /v1/x DPoP a1, /v1/x DPoP a1" {
		t.Error(got)
	}
}

// Answered decides about answers to requests that somebody else sends. A step-up challenge (RFC
// 9470) says how the user must sign in again.
func TestAnsweredByHand(t *testing.T) {
	b := &bound{good: "a1", nonces: map[string]string{"api.example": "n"}}
	c := openBound(t, b, oauth.Options{})
	signInBound(t, c)
	send := func() *http.Response {
		header, err := c.Prepare(t.Context(), "PUT", "https://api.example/v1/x")
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequest("PUT", "https://api.example/v1/x", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		res, err := b.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Request = req
		return res
	}
	retry, err := c.Answered(t.Context(), send(), "")
	if err != nil || retry.Header.Get("DPoP") == "" || retry.Retried == "" || retry.Challenge == nil || retry.Challenge.Error != "use_dpop_nonce" {
		t.Fatalf("%v, %+v", err, retry)
	}
	b.set(func() { b.nonces["api.example"] = "other" })
	again, err := c.Answered(t.Context(), send(), retry.Retried)
	if err != nil || again.Header != nil {
		t.Errorf("a second time for a nonce: %v, %+v", err, again)
	}

	b.set(func() {
		b.challenge = `DPoP error="insufficient_user_authentication", error_description="once more", acr_values="gold silver", max_age="5", ` +
			`scope="write", resource_metadata="https://api.example/.well-known/oauth-protected-resource"`
	})
	retry, err = c.Answered(t.Context(), send(), "")
	ch := retry.Challenge
	if err != nil || retry.Header != nil || ch == nil || ch.ACRValues != "gold silver" || ch.MaxAge == nil || *ch.MaxAge != 5*time.Second || ch.Scope != "write" ||
		ch.Description != "once more" || ch.ResourceMetadata != "https://api.example/.well-known/oauth-protected-resource" {
		t.Fatalf("%v, %+v", err, retry)
	}
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{ACRValues: ch.ACRValues, MaxAge: ch.MaxAge})
	if err != nil {
		t.Fatal(err)
	}
	page, err := url.Parse(begun.URL)
	if err != nil || page.Query().Get("acr_values") != "gold silver" || page.Query().Get("max_age") != "5" {
		t.Errorf("%v, %v", err, begun)
	}
	if _, err := c.Answered(t.Context(), &http.Response{StatusCode: 401}, ""); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("an answer to nothing: %v", err)
	}
	if oauth.ChallengeOf(nil) != nil || oauth.ChallengeOf(send()) != nil {
		t.Error("a challenge of what did not come through the transport")
	}
}

// A challenge with another status than 401 is returned, too: about missing scopes (RFC 6750 section
// 3.1).
func TestChallengeOfForbidden(t *testing.T) {
	c := open(t, native(t), &peer{}, oauth.Options{})
	setToken(t, c, oauth.Token{AccessToken: "a0", TokenType: "Bearer"})
	h := &http.Client{Transport: c.Transport(roundTripper(func(*http.Request) (*http.Response, error) {
		res := respond(403, "")
		res.Header.Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="a b"`)
		return res, nil
	}))}
	res, err := h.Get("https://api.example/v1/x")
	if err != nil {
		t.Fatal(err)
	}
	if ch := oauth.ChallengeOf(res); res.StatusCode != 403 || ch == nil || ch.Error != "insufficient_scope" || ch.Scope != "a b" || ch.MaxAge != nil {
		t.Errorf("%d, %+v", res.StatusCode, ch)
	}
}

// The session's key stays in the store as long as the session, until a sign-out.
func TestKeyOfTheSession(t *testing.T) {
	b, store := &bound{good: "a1"}, &oauth.MemoryStore{}
	names := &namedKeys{}
	c := openBound(t, b, oauth.Options{Store: store, Keys: names})
	signInBound(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	c = openBound(t, b, oauth.Options{Store: store, Keys: names})
	if _, err := c.FreshToken(t.Context()); err != nil {
		t.Error(err)
	}
	if names.count() != 1 {
		t.Errorf("%d keys", names.count())
	}
	other := openBound(t, b, oauth.Options{Store: store, Keys: &oauth.MemoryKeyStore{}})
	if _, err := other.Prepare(t.Context(), "GET", "https://api.example/v1/x"); !errors.Is(err, &oauth.Error{Code: "no_key"}) {
		t.Errorf("without the key: %v", err)
	}
	if _, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the key is deleted", func() bool { return names.count() == 0 })
	if got := b.seen(); got != "/token, /token" {
		t.Error(got)
	}
}

// Q13: a client keeps the key that it signed with last, because to load one takes longer than a
// signature where it is in a file. If the key can no longer sign, the store is asked again.
func TestKeyIsLoadedOnce(t *testing.T) {
	keys := &loadedKeys{}
	c := openBound(t, &bound{good: "a1"}, oauth.Options{Store: &oauth.MemoryStore{}, Keys: keys})
	signInBound(t, c)
	prepare := func() {
		t.Helper()
		if _, err := c.Prepare(t.Context(), "GET", "https://api.example/v1/x"); err != nil {
			t.Fatal(err)
		}
	}
	prepare()
	before := keys.loads.Load()
	for range 3 {
		prepare()
	}
	if n := keys.loads.Load() - before; n != 0 {
		t.Errorf("loaded %d times for three requests", n)
	}
	keys.cut.Add(1) // as if the device of the keys had been unplugged and plugged in again
	for range 2 {
		prepare()
	}
	if n := keys.loads.Load() - before; n != 1 {
		t.Errorf("loaded %d times after the key failed", n)
	}
}

// loadedKeys counts how often a key is loaded. A key that was loaded before the last cut fails.
type loadedKeys struct {
	oauth.MemoryKeyStore
	loads, cut atomic.Int32
}

func (l *loadedKeys) LoadKey(ctx context.Context, name string) (crypto.Signer, error) {
	l.loads.Add(1)
	key, err := l.MemoryKeyStore.LoadKey(ctx, name)
	if key == nil || err != nil {
		return key, err
	}
	return &cutKey{key, l, l.cut.Load()}, nil
}

type cutKey struct {
	crypto.Signer
	keys *loadedKeys
	at   int32
}

func (k *cutKey) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if k.at != k.keys.cut.Load() {
		return nil, errors.New("test: unplugged")
	}
	return k.Signer.Sign(rand, digest, opts)
}

// namedKeys counts its keys.
type namedKeys struct {
	oauth.MemoryKeyStore
	mu    sync.Mutex
	names map[string]bool
}

func (n *namedKeys) CreateKey(ctx context.Context, name string, alg oauth.Algorithm) (crypto.Signer, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = map[string]bool{}
	}
	n.names[name] = true
	return n.MemoryKeyStore.CreateKey(ctx, name, alg)
}

func (n *namedKeys) DeleteKey(ctx context.Context, name string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.names, name)
	return n.MemoryKeyStore.DeleteKey(ctx, name)
}

func (n *namedKeys) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.names)
}

// The caller gets the error of a key store or a signer.
func TestCauseOfAKeyFailure(t *testing.T) {
	cause := errors.New("test: unplugged")
	c := openBound(t, &bound{}, oauth.Options{Keys: brokenKeys{cause}})
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); !errors.Is(err, oauth.ErrStorage) || !errors.Is(err, cause) {
		t.Errorf("got %v", err)
	}
	c = openBound(t, &bound{}, oauth.Options{Keys: brokenKeys{fmt.Errorf("test: %w", errors.ErrUnsupported)}})
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "unsupported"}) || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// The server gets a client assertion as RFC 7523 section 3 requires, signed by whatever holds the
// key.
func TestClientAssertion(t *testing.T) {
	for _, alg := range []oauth.Algorithm{"ES256", "PS256", "EdDSA"} {
		key, err := oauth.GenerateKey(alg)
		if err != nil {
			t.Fatal(err)
		}
		var form url.Values
		p := &peer{replace: func(req *http.Request) (*http.Response, error) {
			raw, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			form, err = url.ParseQuery(string(raw))
			return respond(200, `{"access_token":"a","token_type":"Bearer"}`), err
		}}
		own := config
		own.Issuer, own.TokenEndpointAuthMethod, own.ClientKeyID, own.TokenEndpointAuthSigningAlg = "https://as.example", "private_key_jwt", "kid-1", alg
		if alg == "PS256" {
			own.ClientAssertionAudience = own.TokenEndpoint
		}
		c, err := oauth.Open(t.Context(), native(t), own, oauth.Options{HTTP: &http.Client{Transport: p}, ClientKey: device{key.Public(), key.Sign}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.JWTBearer(t.Context(), oauth.JWTBearerParams{Assertion: "ey.J.x", Scope: "read", Parameters: [][2]string{{"a", "b"}}}); err != nil {
			t.Fatal(err)
		}
		want := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"ey.J.x"}, "scope": {"read"}, "a": {"b"}}
		if given := (url.Values{"grant_type": form["grant_type"], "assertion": form["assertion"], "scope": form["scope"], "a": form["a"]}); given.Encode() != want.Encode() {
			t.Errorf("%v", form)
		}
		jws, err := jose.ParseSignedCompact(form.Get("client_assertion"), []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
		if err != nil {
			t.Fatal(err)
		}
		payload, err := jws.Verify(key.Public())
		var claims struct {
			Iss, Sub, Aud, Jti string
			Exp                int64
		}
		if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Iss != "app" || claims.Sub != "app" || claims.Aud != cmp.Or(own.ClientAssertionAudience, own.Issuer) ||
			claims.Jti == "" || claims.Exp < time.Now().Unix() || jws.Signatures[0].Protected.KeyID != "kid-1" {
			t.Errorf("%v, %s, %+v", err, payload, jws.Signatures[0].Protected)
		}
	}
	own := config
	own.TokenEndpointAuthMethod = "private_key_jwt"
	if _, err := oauth.Open(t.Context(), native(t), own, oauth.Options{}); !errors.Is(err, &oauth.Error{Code: "missing"}) {
		t.Errorf("without a key: %v", err)
	}
}
