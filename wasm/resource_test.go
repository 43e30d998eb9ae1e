package wasm_test

import (
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// newAPI is a protected resource at /notes with a stricter part. It accepts the tokens of a server
// that it names (RFC 9728). The second result sets that server.
func newAPI(t *testing.T) (*httptest.Server, func(*authserver.Server)) {
	t.Helper()
	var server *authserver.Server
	var api *httptest.Server
	api = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		want := authserver.Access{Resource: api.URL + "/notes", Scope: "profile"}
		answer := server.ResourceMetadata(want)
		if !strings.HasPrefix(r.URL.Path, "/.well-known/") {
			if r.URL.Path == "/notes/secret" {
				want.ACRValues, want.MaxAge = []string{"high"}, time.Hour
			}
			ok := false
			if _, answer, ok = server.CheckAccess(authserver.Request{Method: r.Method, URL: api.URL + r.URL.Path, Header: r.Header, Now: time.Now()}, want); ok {
				answer.Body = []byte("welcome")
			}
		}
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Status)
		w.Write(answer.Body)
	}))
	t.Cleanup(api.Close)
	return api, func(s *authserver.Server) { server = s }
}

func get(t *testing.T, h *http.Client, url string) (int, *oauth.Challenge) {
	t.Helper()
	res, err := h.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, oauth.ChallengeOf(res)
}

// Q13, Q21, Q22: only a resource's URL is known, as for an MCP client. Its authorization server is
// found (RFC 9728), the application registers there (RFC 7591) and signs its user in for this
// resource alone (RFC 8707), with a bound token. If the resource requires a stronger sign-in, it
// gets one (RFC 9470).
func TestFromAResource(t *testing.T) {
	api, serve := newAPI(t)
	s := newSite(t, func(c *authserver.Config) {
		c.InsecureOpenRegistration, c.Resources, c.ACRValues, c.DPoPNonceInterval = true, []string{api.URL + "/notes"}, []string{"low", "high"}, time.Hour
	})
	serve(s.server)
	stranger, err := openConfig(t, oauth.Config{ClientMetadata: map[string]any{}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := stranger.ResourceMetadata(t.Context(), api.URL+"/notes", "")
	if err != nil || len(m.AuthorizationServers) != 1 || m.AuthorizationServers[0] != s.URL {
		t.Fatalf("%+v, %v", m, err)
	}
	registered := register(t, m.AuthorizationServers[0], nil, map[string]any{
		"client_name": "Notes", "redirect_uris": []string{s.config.RedirectURI}, "token_endpoint_auth_method": "none", "grant_types": []string{"authorization_code", "refresh_token"},
		"dpop_bound_access_tokens": true,
	})
	c, err := openConfig(t, oauth.Config{
		Issuer: m.AuthorizationServers[0], Discovery: true, ClientID: registered.ClientID, RedirectURI: s.config.RedirectURI, DPoP: true,
		Scope: "openid " + strings.Join(m.ScopesSupported, " "), Resource: []string{m.Resource}, TokenDestinations: []string{api.URL},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.signIn(t, c)
	h := &http.Client{Transport: c.Transport(nil)}
	if status, _ := get(t, h, api.URL+"/notes/1"); status != 200 {
		t.Errorf("the resource: %d", status)
	}
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	status, ch := get(t, h, api.URL+"/notes/secret")
	if status != 401 || ch == nil || ch.Error != "insufficient_user_authentication" || ch.ACRValues != "high" || ch.MaxAge == nil {
		t.Fatalf("%d, %+v", status, ch)
	}
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{ACRValues: ch.ACRValues, MaxAge: ch.MaxAge})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Callback(t.Context(), s.visit(t, begun.URL)); err != nil {
		t.Fatal(err)
	}
	if status, ch := get(t, h, api.URL+"/notes/secret"); status != 200 {
		t.Errorf("after the step up: %d, %+v", status, ch)
	}
	if _, err := c.Prepare(t.Context(), "GET", "https://elsewhere.example/"); !errors.Is(err, &oauth.Error{Code: "resource_not_allowed"}) {
		t.Error(err)
	}
}

// Q32, Q36: a device flow with bound tokens, begun by one process and used by the next ones, which
// find the key beside the session in its directory.
func TestKeysOverProcesses(t *testing.T) {
	s := boundSite(t)
	path := filepath.Join(t.TempDir(), "sessions")
	dir, err := filestore.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	open := func() *oauth.Client { return s.open(t, oauth.Options{Store: dir}) }
	c := open()
	s.decide(t, begin(t, c), "approve")
	if st, err := c.DeviceWait(t.Context()); err != nil || !strings.EqualFold(st.TokenType, "DPoP") {
		t.Fatalf("%v, %+v", err, st)
	}
	for range 3 {
		c.Close()
		c = open()
		if _, err := c.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
		if status, ch := get(t, &http.Client{Transport: c.Transport(nil)}, s.URL+"/notes"); status != 200 {
			t.Errorf("%d, %+v", status, ch)
		}
	}
	keys := func() int {
		found, err := filepath.Glob(filepath.Join(path, "key-*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	if keys() != 1 {
		t.Errorf("%d keys of one session", keys())
	}
	if _, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil {
		t.Fatal(err)
	}
	c.Close() // waits for operations that have begun
	if keys() != 0 {
		t.Errorf("%d keys of a session that is over", keys())
	}
}

// Q22, H9: the response is posted, plain and signed, and a web server passes the request on.
func TestPostedResponse(t *testing.T) {
	for _, mode := range []oauth.ResponseMode{"form_post", "form_post.jwt"} {
		s := newSite(t, nil)
		c, err := openConfig(t, oauth.Config{Issuer: s.URL, Discovery: true, ClientID: "notes", RedirectURI: s.config.RedirectURI, Scope: "openid"})
		if err != nil {
			t.Fatal(err)
		}
		begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{ResponseMode: mode, AppState: "mine"})
		if err != nil {
			t.Fatal(err)
		}
		_, page := s.walk(t, begun.URL)
		form := url.Values{}
		for _, field := range regexp.MustCompile(`name="([^"]+)" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
			form.Set(field[1], html.UnescapeString(field[2]))
		}
		if (form.Get("response") != "") != (mode == "form_post.jwt") {
			t.Fatalf("%s: %s", mode, page)
		}
		r := httptest.NewRequest("POST", "/cb", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		result, err := oauth.RedirectionEndpoint{URL: s.config.RedirectURI}.Receive(c, r)
		if err != nil || result.AppState != "mine" || result.Status.Status != "granted" {
			t.Errorf("%s: %v, %+v", mode, err, result)
		}
	}
}

// H1: further grants of a confidential client, each with bound tokens: to authenticate with an
// assertion that is signed with its secret, to use an assertion of another server (RFC 7523), to
// exchange the token for another (RFC 8693).
func TestFurtherGrantsWithProofs(t *testing.T) {
	key, err := oauth.GenerateKey("ES256")
	if err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-of-the-test-of-32-bytes-or-more"
	s := newSite(t, func(c *authserver.Config) {
		c.TokenExchange, c.DPoPNonceInterval = true, time.Hour
		c.AssertionIssuers = map[string]jose.JSONWebKeySet{"https://partner.example": {Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "p", Algorithm: "ES256", Use: "sig"}}}}
		if err := c.Store.(*authserver.MemoryStore).AddClient(authserver.Client{
			ClientID: "service", ClientSecret: secret, TokenEndpointAuthMethod: authserver.AuthMethodSecretJWT, Scope: "profile email", DPoPBoundAccessTokens: true,
			GrantTypes: []string{authserver.GrantClientCredentials, authserver.GrantJWTBearer, authserver.GrantTokenExchange},
		}); err != nil {
			t.Fatal(err)
		}
	})
	n := &proofs{next: http.DefaultTransport}
	c, err := wasm.Open(t.Context(), oauth.Config{
		Issuer: s.URL, Discovery: true, ClientID: "service", ClientSecret: secret, TokenEndpointAuthMethod: "client_secret_jwt", DPoP: true, TokenDestinations: []string{s.URL},
	}, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: n}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if st, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{Scope: "email"}); err != nil || st.TokenType != "DPoP" || st.Scope != "email" {
		t.Errorf("%v, %+v", err, st)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "p"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	assertion, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: "https://partner.example", Subject: "demo", Audience: jwt.Audience{s.URL}, ID: "1", IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	if st, err := c.JWTBearer(t.Context(), oauth.JWTBearerParams{Assertion: assertion, Scope: "profile"}); err != nil || st.TokenType != "DPoP" || st.Scope != "profile" {
		t.Errorf("%v, %+v", err, st)
	}
	exchanged, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{})
	if err != nil || exchanged.AccessToken == "" || exchanged.IssuedTokenType == "" {
		t.Errorf("%v, %+v", err, exchanged)
	}
	if _, err := c.JWTBearer(t.Context(), oauth.JWTBearerParams{Assertion: assertion + "x"}); !errors.Is(err, &oauth.Error{Kind: "server", Code: "oauth_error"}) {
		t.Errorf("an assertion of nobody: %v", err)
	}
	for _, p := range n.take() {
		if p.path != "/token" {
			t.Errorf("a proof at %s", p.path)
		}
	}
}

// The server tells the browser by the front channel that the session is over: that session is
// deleted, and no other.
func TestFrontChannelLogout(t *testing.T) {
	s := newSite(t, nil)
	s.config = oauth.Config{Issuer: s.URL, Discovery: true, ClientID: "notes", RedirectURI: s.config.RedirectURI, Scope: "openid"}
	mine, other := s.open(t, oauth.Options{}), s.open(t, oauth.Options{})
	s.signIn(t, mine)
	s.signIn(t, other)
	status := func(c *oauth.Client) (st oauth.Status) {
		t.Helper()
		st, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	var claims struct{ Iss, Sid string }
	if err := json.Unmarshal(status(mine).Claims, &claims); err != nil || claims.Sid == "" {
		t.Fatalf("%v: %s", err, status(mine).Claims)
	}
	ask := func(q url.Values) {
		t.Helper()
		for _, c := range []*oauth.Client{mine, other} {
			w := httptest.NewRecorder()
			c.ServeFrontChannelLogout(w, httptest.NewRequest("GET", "/logout?"+q.Encode(), nil))
			if w.Code != 200 {
				t.Errorf("%d for %v", w.Code, q)
			}
		}
	}
	for _, q := range []url.Values{{}, {"iss": {claims.Iss}}, {"sid": {claims.Sid}}, {"iss": {"https://other.example"}, "sid": {claims.Sid}}, {"iss": {claims.Iss}, "sid": {"x"}}} {
		ask(q)
		if st := status(mine); st.Status != "granted" {
			t.Fatalf("%v ended a session", q)
		}
	}
	ask(url.Values{"iss": {claims.Iss}, "sid": {claims.Sid}})
	if a, b := status(mine).Status, status(other).Status; a != "not_authenticated" || b != "granted" {
		t.Errorf("%s, %s", a, b)
	}
}
