package authserver_test

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// site is a server on a socket, with a browser in front of it.
type site struct {
	*bench
	base    string
	browser *http.Client
}

func newSite(t *testing.T, change ...func(*authserver.Config)) site {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	b := newBench(t, append(change, func(c *authserver.Config) { c.Issuer = base })...)
	b.now = time.Now()
	server.Config.Handler = b.server
	server.Start()
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	// The browser stops where it would leave the server, because nobody serves the redirect URIs.
	leave := func(r *http.Request, _ []*http.Request) error {
		if r.URL.Scheme+"://"+r.URL.Host != base {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return site{b, base, &http.Client{Jar: jar, CheckRedirect: leave}}
}

// visit goes through the pages from an authorization URL, and returns the address to which the
// browser is redirected.
func (s site) visit(address, decision string) *url.URL {
	s.t.Helper()
	page, left := s.load(func() (*http.Response, error) { return s.browser.Get(address) })
	for range 4 {
		if left != nil {
			return left
		}
		to, token := actionAttribute.FindStringSubmatch(page), interactionValue.FindStringSubmatch(page)
		if to == nil || token == nil {
			s.t.Fatalf("no form in %s", page)
		}
		form := with(firstSignsIn, "action", decision, "interaction", token[1])
		if shows(authserver.Response{Body: []byte(page)}, "login") {
			form.Set("action", "sign-in")
		}
		page, left = s.load(func() (*http.Response, error) { return s.browser.PostForm(s.base+html.UnescapeString(to[1]), form) })
	}
	s.t.Fatal("no end of pages")
	return nil
}

// load returns the page, or the address to which the browser is redirected.
func (s site) load(get func() (*http.Response, error)) (page string, left *url.URL) {
	s.t.Helper()
	resp, err := get()
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if resp.StatusCode == http.StatusSeeOther {
		left, err = resp.Location()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	return string(body), left
}

// exchangeOf goes through a code flow of golang.org/x/oauth2.
func (s site) exchangeOf(ctx context.Context, cfg oauth2.Config, more ...oauth2.AuthCodeOption) *oauth2.Token {
	s.t.Helper()
	verifier := oauth2.GenerateVerifier()
	back := s.visit(cfg.AuthCodeURL("st&te", append(more, oauth2.S256ChallengeOption(verifier))...), "approve")
	if back.Query().Get("state") != "st&te" || back.Query().Get("iss") != s.base {
		s.t.Fatal(back)
	}
	token, err := cfg.Exchange(ctx, back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// A4, A8: golang.org/x/oauth2 and coreos/go-oidc together, as their documentation shows: discovery,
// code with PKCE, ID token, userinfo, refresh, and a refresh token that is used twice.
func TestA4CodeFlowOfAnotherClient(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, s.base)
	if err != nil {
		t.Fatal(err)
	}
	cfg := oauth2.Config{ClientID: "oidc", RedirectURL: "https://oidc.example/cb", Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID, "profile", "email"}}
	token := s.exchangeOf(ctx, cfg, oidc.Nonce("n-0S6_WzA2Mj"))
	if token.Type() != "Bearer" || token.Extra("scope") != "openid profile email" {
		t.Errorf("%s %v", token.Type(), token.Extra("scope"))
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID})
	verify := func(token *oauth2.Token) *oidc.IDToken {
		t.Helper()
		raw, _ := token.Extra("id_token").(string)
		id, err := verifier.Verify(ctx, raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := id.VerifyAccessToken(token.AccessToken); err != nil {
			t.Error(err)
		}
		return id
	}
	id := verify(token)
	if id.Subject != "u-1" || id.Nonce != "n-0S6_WzA2Mj" || id.Issuer != s.base {
		t.Errorf("%+v", id)
	}
	source := cfg.TokenSource(ctx, token)
	info, err := provider.UserInfo(ctx, source)
	if err != nil || info.Subject != id.Subject || info.Email != "first@example.com" || !info.EmailVerified {
		t.Fatalf("%+v %v", info, err)
	}

	stale := *token
	stale.Expiry = time.Unix(1, 0)
	fresh, err := cfg.TokenSource(ctx, &stale).Token()
	if err != nil || fresh.AccessToken == token.AccessToken || fresh.RefreshToken == token.RefreshToken {
		t.Fatalf("%+v %v", fresh, err)
	}
	if again := verify(fresh); again.Subject != id.Subject || again.Nonce != "" {
		t.Errorf("%+v", again)
	}
	// The used refresh token is sent again, and the whole grant ends.
	if _, err := cfg.TokenSource(ctx, &stale).Token(); refusalOf(err) != "invalid_grant" {
		t.Error(err)
	}
	fresh.Expiry = time.Unix(1, 0)
	if _, err := cfg.TokenSource(ctx, fresh).Token(); refusalOf(err) != "invalid_grant" {
		t.Error(err)
	}
}

// A4: coreos/go-oidc verifies tokens from before and after a rotation of the server's key, with the
// same provider object.
func TestA4KeyRotationOfAnotherClient(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	provider, err := oidc.NewProvider(ctx, s.base)
	if err != nil {
		t.Fatal(err)
	}
	cfg := oauth2.Config{ClientID: "oidc", RedirectURL: "https://oidc.example/cb", Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID}}
	verifier := provider.Verifier(&oidc.Config{ClientID: cfg.ClientID})
	old := s.exchangeOf(ctx, cfg)
	if _, err := verifier.Verify(ctx, old.Extra("id_token").(string)); err != nil {
		t.Fatal(err)
	}
	if err := s.server.RotateSigningKey(time.Now(), nil); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]*oauth2.Token{"after": s.exchangeOf(ctx, cfg), "before": old} {
		// go-oidc answers with the keys of a fetch that is just ending, until its own goroutine has
		// removed that fetch.
		_, err := verifier.Verify(ctx, token.Extra("id_token").(string))
		for end := time.Now().Add(oauthtest.Patience); err != nil && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
			_, err = verifier.Verify(ctx, token.Extra("id_token").(string))
		}
		if err != nil {
			t.Errorf("%s the rotation: %v", name, err)
		}
	}
	if _, err := provider.Verifier(&oidc.Config{ClientID: "spa"}).Verify(ctx, old.Extra("id_token").(string)); err == nil {
		t.Error("another client takes it")
	}
}

// A7: golang.org/x/oauth2 gets the error codes of RFC 6749 section 5.2.
func TestA7RefusalsOfAnotherClient(t *testing.T) {
	s := newSite(t)
	ctx := t.Context()
	endpoint := oauth2.Endpoint{AuthURL: s.base + "/authorize", TokenURL: s.base + "/token", AuthStyle: oauth2.AuthStyleInHeader}
	web := oauth2.Config{ClientID: "web", ClientSecret: "s3cret+/:é", RedirectURL: "https://web.example/cb?keep=1", Endpoint: endpoint, Scopes: []string{"profile"}}
	back := s.visit(web.AuthCodeURL("s"), "deny")
	if back.Query().Get("error") != "access_denied" || back.Query().Get("keep") != "1" {
		t.Error(back)
	}
	code := func() string { return s.visit(web.AuthCodeURL("s"), "approve").Query().Get("code") }
	if token, err := web.Exchange(ctx, code()); err != nil || token.Extra("scope") != "profile" {
		t.Fatalf("%+v %v", token, err)
	}
	wrongSecret, wrongAddress := web, web
	wrongSecret.ClientSecret = "wrong"
	wrongAddress.RedirectURL = "https://web.example/other"
	for _, row := range []struct {
		name string
		cfg  oauth2.Config
		code string
		opt  []oauth2.AuthCodeOption
		want string
	}{
		{"the secret", wrongSecret, code(), nil, "invalid_client"},
		{"the redirect URI", wrongAddress, code(), nil, "invalid_grant"},
		{"the code", web, "unknown", nil, "invalid_grant"},
		{"a verifier where there was no challenge", web, code(), []oauth2.AuthCodeOption{oauth2.VerifierOption(oauth2.GenerateVerifier())}, "invalid_grant"},
	} {
		if _, err := row.cfg.Exchange(ctx, row.code, row.opt...); refusalOf(err) != row.want {
			t.Errorf("%s: %v, want %s", row.name, err, row.want)
		}
	}
	for want, cfg := range map[string]clientcredentials.Config{
		"invalid_scope":       {ClientID: "service", ClientSecret: "svc", Scopes: []string{"email"}},
		"unauthorized_client": {ClientID: "web", ClientSecret: "s3cret+/:é"},
	} {
		cfg.TokenURL, cfg.AuthStyle = endpoint.TokenURL, endpoint.AuthStyle
		if _, err := cfg.Token(ctx); refusalOf(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// refusalOf returns the error code that golang.org/x/oauth2 got.
func refusalOf(err error) string {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return refused.ErrorCode
	}
	return ""
}
