package wasm_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// site is an authorization server on loopback with one registered client.
type site struct {
	*httptest.Server
	server *authserver.Server
	config oauth.Config

	mu    sync.Mutex
	front http.Handler // if set, it answers in the server's place
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	front := s.front
	s.mu.Unlock()
	if front != nil {
		front.ServeHTTP(w, r)
		return
	}
	s.server.ServeHTTP(w, r)
}

func (s *site) setFront(h http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.front = h
}

func newSite(t *testing.T, change func(*authserver.Config)) *site {
	t.Helper()
	store := authserver.NewMemoryStore()
	const redirect = "http://127.0.0.1/cb"
	if err := store.AddClient(authserver.Client{
		ClientID: "notes", RedirectURIs: []string{redirect}, Scope: "openid profile email",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantDeviceCode},
	}); err != nil {
		t.Fatal(err)
	}
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	c := authserver.Config{Issuer: s.URL, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret", Name: "Demo"}}}
	if change != nil {
		change(&c)
	}
	var err error
	if s.server, err = authserver.New(c); err != nil {
		t.Fatal(err)
	}
	s.config = oauth.Config{
		Issuer: s.URL, ClientID: "notes", RedirectURI: redirect, Scope: "profile",
		AuthorizationEndpoint: s.URL + "/authorize", TokenEndpoint: s.URL + "/token",
		DeviceAuthorizationEndpoint: s.URL + "/device_authorization", RevocationEndpoint: s.URL + "/revoke", UserinfoEndpoint: s.URL + "/userinfo", TokenDestinations: []string{s.URL + "/userinfo"},
		AuthorizationResponseIssParameterSupported: true,
	}
	return s
}

func openConfig(t *testing.T, config oauth.Config) (*oauth.Client, error) {
	c, err := wasm.Open(t.Context(), config, wasm.Options{})
	if err == nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

func (s *site) open(t *testing.T, opts oauth.Options) *oauth.Client {
	t.Helper()
	c, err := wasm.Open(t.Context(), s.config, wasm.Options{Client: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// visit does what a user does with the authorization URL: signs in, allows, and returns to the
// client.
func (s *site) visit(t *testing.T, page string) (callback string) {
	t.Helper()
	callback, body := s.walk(t, page)
	if callback == "" {
		t.Fatalf("not sent back: %s", body)
	}
	return callback
}

// walk is visit, also for a response that is a page: one that needs nothing of the user.
func (s *site) walk(t *testing.T, page string) (callback, body string) {
	t.Helper()
	browser := newBrowser(t)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	var forms = []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {"approve"}}}
	res, err := browser.Get(page)
	for {
		if err != nil {
			t.Fatal(err)
		}
		raw, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		if readErr != nil {
			t.Fatal(readErr)
		}
		if to := res.Header.Get("Location"); to != "" {
			next, err := res.Request.URL.Parse(to)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(next.String(), s.config.RedirectURI) {
				return next.String(), ""
			}
			res, err = browser.Get(next.String())
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		found, action := interaction.FindSubmatch(raw), formAction.FindSubmatch(raw)
		if found == nil || action == nil || len(forms) == 0 {
			return "", string(raw)
		}
		to, err2 := res.Request.URL.Parse(html.UnescapeString(string(action[1])))
		if err2 != nil {
			t.Fatal(err2)
		}
		forms[0].Set("interaction", string(found[1]))
		res, err = browser.PostForm(to.String(), forms[0])
		forms = forms[1:]
	}
}

func (s *site) signIn(t *testing.T, c *oauth.Client) {
	t.Helper()
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Callback(t.Context(), s.visit(t, a.URL))
	if err != nil || r.AppState != "mine" || r.Status.Status != "granted" {
		t.Fatalf("%v, %+v", err, r)
	}
}

// Q21, Q22, Q13, H5: the code flow with the shipped module and the embedded authorization server.
func TestCodeFlow(t *testing.T) {
	s := newSite(t, nil)
	c := s.open(t, oauth.Options{})
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	back := s.visit(t, a.URL)
	if _, err := c.Callback(t.Context(), strings.Replace(back, "state=", "state=x", 1)); !errors.Is(err, oauth.ErrCallbackNotVerified) {
		t.Errorf("another state: %v", err)
	}
	r, err := c.Callback(t.Context(), back)
	if err != nil || r.AppState != "mine" || r.Scope != "profile" || r.ExpiresAt.Before(time.Now()) {
		t.Fatalf("%v, %+v", err, r)
	}
	if again, err := c.Callback(t.Context(), back); err != nil || !again.HandledElsewhere || again.AppState != "mine" {
		t.Errorf("a second delivery: %v, %+v", err, again)
	}
	if n := s.server.Stats().TokenRequests["authorization_code"]; n != 1 {
		t.Errorf("%d token requests", n)
	}
	claims, err := c.Userinfo(t.Context())
	var user struct{ Sub, Name string }
	if err != nil || json.Unmarshal(claims, &user) != nil || user.Sub == "" || user.Name != "Demo" {
		t.Errorf("%v, %s", err, claims)
	}
	h := &http.Client{Transport: c.Transport(nil)}
	if res, err := h.Get(s.URL + "/userinfo"); err != nil || res.StatusCode != 200 {
		t.Errorf("with the transport: %v", err)
	}
	if _, err := c.Prepare(t.Context(), "GET", s.URL+"/token"); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("outside of the resources: %v", err)
	}
}

// Q13, X10: if the resource refuses a token, it is refreshed and the request is sent once more. If
// it cannot be refreshed, the caller gets the 401.
func TestRevokedElsewhere(t *testing.T) {
	s := newSite(t, nil)
	c := s.open(t, oauth.Options{})
	s.signIn(t, c)
	token, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	revoke := func(token string) {
		t.Helper()
		res, err := http.PostForm(s.URL+"/revoke", url.Values{"client_id": {"notes"}, "token": {token}})
		if err != nil || res.StatusCode != 200 {
			t.Fatal(err, res)
		}
	}
	revoke(token.AccessToken)
	h := &http.Client{Transport: c.Transport(nil)}
	if res, err := h.Get(s.URL + "/userinfo"); err != nil || res.StatusCode != 200 {
		t.Errorf("%v, %v", err, res)
	}
	if n := s.server.Stats().TokenRequests["refresh_token"]; n != 1 {
		t.Errorf("%d refreshes", n)
	}

	alone := s.open(t, oauth.Options{Store: &oauth.MemoryStore{}})
	if token, err = c.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := alone.SetToken(t.Context(), oauth.Token{AccessToken: token.AccessToken, TokenType: "Bearer"}); err != nil {
		t.Fatal(err)
	}
	revoke(token.AccessToken)
	h = &http.Client{Transport: alone.Transport(nil)}
	if res, err := h.Get(s.URL + "/userinfo"); err != nil || res.StatusCode != 401 {
		t.Errorf("without a refresh token: %v, %v", err, res)
	}
}

// Q12, A4: only the issuer is configured. Its ID tokens are verified: at sign-in, after a refresh,
// and after the server changed its key between two sign-ins.
func TestOpenIDConnect(t *testing.T) {
	s := newSite(t, nil)
	s.config = oauth.Config{Issuer: s.URL, Discovery: true, ClientID: "notes", RedirectURI: s.config.RedirectURI, Scope: "openid profile"}
	var ahead atomic.Int64 // of the client's clock
	c := s.open(t, oauth.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	type idToken struct {
		Iss, Sub, Aud, Nonce string
		Exp, Iat, Auth_time  int64
	}
	read := func(st oauth.Status) (claims idToken) {
		t.Helper()
		if err := json.Unmarshal(st.Claims, &claims); err != nil || claims.Iss != s.URL || claims.Sub != "demo" || claims.Aud != "notes" || claims.Auth_time == 0 || claims.Exp <= claims.Iat {
			t.Fatalf("%v: %s", err, st.Claims)
		}
		return claims
	}
	status := func() oauth.Status {
		t.Helper()
		st, err := c.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return st
	}
	s.signIn(t, c)
	first := status()
	if read(first).Nonce == "" {
		t.Error("no nonce")
	}
	refreshed, err := c.Refresh(t.Context())
	if err != nil || refreshed.IDToken == first.IDToken || read(refreshed).Auth_time != read(first).Auth_time {
		t.Errorf("%v: %s", err, refreshed.Claims)
	}
	if claims, err := c.Userinfo(t.Context()); err != nil || !strings.Contains(string(claims), `"sub":"demo"`) {
		t.Errorf("%v: %s", err, claims)
	}

	if err := s.server.RotateSigningKey(time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	ahead.Store(int64(61 * time.Second)) // the keys are fetched at most once a minute
	s.signIn(t, c)
	second := status()
	if read(second); strings.Split(second.IDToken, ".")[0] == strings.Split(first.IDToken, ".")[0] {
		t.Error("it is signed with the old key")
	}
	if out, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil || !out.Revoked {
		t.Errorf("the revocation endpoint of the metadata: %v, %v", out, err)
	}
	if st := status(); st.IDToken != "" || st.Claims != nil {
		t.Errorf("after logging out: %s", st.Claims)
	}
}

// A4, X9: each refresh rotates the token, and the next one uses what was stored.
func TestRotation(t *testing.T) {
	s := newSite(t, nil)
	c := s.open(t, oauth.Options{})
	s.signIn(t, c)
	seen := map[string]bool{}
	for range 5 {
		token, err := c.FreshToken(t.Context())
		if err != nil || seen[token.AccessToken] {
			t.Fatal(err, seen)
		}
		seen[token.AccessToken] = true
		if _, ok := s.server.Authenticate(time.Now(), token.AccessToken); !ok {
			t.Error("the server does not know its token")
		}
	}
}

// tap is a network that can be observed and cut.
type tap struct {
	mu    sync.Mutex
	forms []url.Values
	lose  int // number of answers of the token endpoint that get lost
}

func (n *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(req.URL.Path, "/token") {
		return http.DefaultTransport.RoundTrip(req)
	}
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, err
	}
	req = req.Clone(req.Context())
	req.Body = io.NopCloser(strings.NewReader(string(raw)))
	res, err := http.DefaultTransport.RoundTrip(req)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.forms = append(n.forms, form)
	if n.lose > 0 {
		n.lose--
		if err == nil {
			res.Body.Close()
		}
		return nil, io.ErrUnexpectedEOF
	}
	return res, err
}

func (n *tap) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.forms)
}

func (n *tap) form(i int) url.Values {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.forms[i]
}

// A8: if somebody else replays a refresh token, the session ends, with an error that contains the
// server's.
func TestReplayEndsTheSession(t *testing.T) {
	s, n := newSite(t, nil), &tap{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	s.signIn(t, c)
	for range 2 {
		if _, err := c.FreshToken(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if res, err := http.PostForm(s.URL+"/token", n.forms[1]); err != nil || res.StatusCode != 400 {
		t.Fatal("the replay was not refused", err)
	}
	_, err := c.FreshToken(t.Context())
	var e *oauth.Error
	if !errors.As(err, &e) || e.OAuthError != "invalid_grant" || e.Status != 400 {
		t.Errorf("got %v", err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Refreshable {
		t.Errorf("%v, %+v", err, st)
	}
}

// X9: the answer to a refresh gets lost after the server rotated the token. The same token is sent
// once more. That works if the server has a grace period; otherwise the session ends.
func TestLostAnswer(t *testing.T) {
	for _, row := range []struct {
		name  string
		grace time.Duration
		want  error
	}{
		{"server with a grace period", time.Minute, nil},
		{"server without one", 0, &oauth.Error{Code: "outcome_lost"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, n := newSite(t, func(c *authserver.Config) { c.RotationGrace = row.grace }), &tap{}
			c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
			s.signIn(t, c)
			n.lose = 1
			_, err := c.FreshToken(t.Context())
			if row.want == nil && err != nil || row.want != nil && !errors.Is(err, row.want) {
				t.Errorf("got %v", err)
			}
			if len(n.forms) != 3 || n.forms[1].Get("refresh_token") != n.forms[2].Get("refresh_token") {
				t.Errorf("%d token requests", len(n.forms))
			}
			st, err := c.Status(t.Context())
			if want := map[bool]oauth.SessionStatus{true: "granted", false: "not_authenticated"}[row.want == nil]; err != nil || st.Status != want {
				t.Errorf("%v, %q", err, st.Status)
			}
		})
	}
}

// H2, H3, A6: revocation and logging out reach the server and the store.
func TestRevokeAndLogOut(t *testing.T) {
	s, store := newSite(t, nil), &oauth.MemoryStore{}
	c := s.open(t, oauth.Options{Store: store})
	s.signIn(t, c)
	before, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Revoke(t.Context(), oauth.RevokeParams{TokenTypeHint: oauth.HintAccessToken}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.server.Authenticate(time.Now(), before.AccessToken); ok {
		t.Error("the access token is still good")
	}
	after, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if out, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil || !out.Revoked {
		t.Errorf("%v, %v", out, err)
	}
	if _, ok := s.server.Authenticate(time.Now(), after.AccessToken); ok {
		t.Error("logged out, and the token is still good")
	}
	if _, _, kept, err := store.Load(t.Context(), oauthtest.StoreKey("oauth2", s.URL, "notes", "session")); kept || err != nil {
		t.Error("the session is still stored", err)
	}
	if _, err := c.Token(t.Context()); err == nil {
		t.Error("a token after logging out")
	}
}

// A second client continues the stored session. A client with another configuration does not touch
// it.
func TestRestoreFromTheStore(t *testing.T) {
	s, store := newSite(t, nil), &oauth.MemoryStore{}
	first := s.open(t, oauth.Options{Store: store})
	s.signIn(t, first)
	want, err := first.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	session, err := first.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first.Close()

	second := s.open(t, oauth.Options{Store: store})
	if got, err := second.Token(t.Context()); err != nil || got.AccessToken != want.AccessToken || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("from the store: %v", err)
	}
	if _, err := second.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
	third := s.open(t, oauth.Options{Session: session})
	if got, err := third.Token(t.Context()); err != nil || got.AccessToken != want.AccessToken || !got.ExpiresAt.Equal(want.ExpiresAt) {
		t.Errorf("from bytes: %v", err)
	}

	s.config.ClientID = "another"
	other := s.open(t, oauth.Options{Store: store})
	if st, err := other.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("%v, %q", err, st.Status)
	}
	if _, _, kept, _ := store.Load(t.Context(), oauthtest.StoreKey("oauth2", s.URL, "notes", "session")); !kept {
		t.Error("what another client stored is gone")
	}
	if _, err := wasm.Open(t.Context(), s.config, wasm.Options{Client: oauth.Options{Session: session}}); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("bytes of another client: %v", err)
	}
}

// X8, X9: 20 clients with their own instances share a session. All need a refresh at once, and the
// server gets one.
func TestSharedSessionRefreshesOnce(t *testing.T) {
	s, store := newSite(t, nil), &oauth.MemoryStore{}
	s.signIn(t, s.open(t, oauth.Options{Store: store}))
	later := func() time.Time { return time.Now().Add(time.Hour) } // the token has expired
	var wg sync.WaitGroup
	for range 20 {
		c := s.open(t, oauth.Options{Store: store, Now: later})
		wg.Go(func() {
			if _, err := c.Token(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	// The clients' clock is an hour ahead of the server's, so the first refresh gave a token that
	// is valid for ten minutes of their time.
	if n := s.server.Stats().TokenRequests["refresh_token"]; n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// Q12: a code that was obtained elsewhere is exchanged only with the nonce that belongs to it.
func TestExchangeWithNonce(t *testing.T) {
	// RFC 7636 appendix B.
	const verifier, challenge = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	s := newSite(t, nil)
	s.config.Discovery, s.config.Scope = true, "openid"
	for sent, want := range map[string]error{"n-1": nil, "n-2": &oauth.Error{Kind: "id_token_not_verified", Code: "wrong_claim"}} {
		query := url.Values{
			"response_type": {"code"}, "client_id": {"notes"}, "redirect_uri": {s.config.RedirectURI}, "scope": {"openid"}, "nonce": {"n-1"},
			"code_challenge": {challenge}, "code_challenge_method": {"S256"},
		}
		back, err := url.Parse(s.visit(t, s.URL+"/authorize?"+query.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		c := s.open(t, oauth.Options{Store: &oauth.MemoryStore{}})
		st, err := c.Exchange(t.Context(), oauth.ExchangeParams{Code: back.Query().Get("code"), CodeVerifier: verifier, Nonce: sent})
		if !errors.Is(err, want) || (want == nil) != strings.Contains(string(st.Claims), `"nonce":"n-1"`) {
			t.Errorf("%s: %v, %s", sent, err, st.Claims)
		}
	}
}
