package wasm_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// openAtProvider opens a client of oidc-provider by its metadata. change may be nil.
func openAtProvider(t *testing.T, issuer, client string, opts oauth.Options, change func(*oauth.Config)) *oauth.Client {
	t.Helper()
	config := oauth.Config{Issuer: issuer, Discovery: true, ClientID: client, RedirectURI: providerRedirect, Scope: "openid read write"}
	switch client {
	case "basic":
		config.ClientSecret = "a-secret-of-the-test"
	case "post":
		config.ClientSecret, config.TokenEndpointAuthMethod = "a-secret-of-the-test", "client_secret_post"
	}
	if change != nil {
		change(&config)
	}
	c, err := wasm.Open(t.Context(), config, wasm.Options{Client: opts})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// enter signs a user in and returns the result.
func enter(t *testing.T, c *oauth.Client, browser *http.Client) (oauth.CallbackResult, error) {
	t.Helper()
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Callback(t.Context(), visitProvider(t, browser, begun.URL))
}

func signedIn(t *testing.T, c *oauth.Client) {
	t.Helper()
	if _, err := enter(t, c, newBrowser(t)); err != nil {
		t.Fatal(err)
	}
}

// H4, Q21: oidc-provider's metadata offer pushed authorization requests (RFC 9126), so every kind
// of client uses them. If the server requires them, a request in the URL fails and a pushed one
// signs in.
func TestOIDCProviderPushed(t *testing.T) {
	offered, required := startProvider(t), startProvider(t, "--require-pushed")
	for _, row := range []struct {
		name, issuer, client, requests string
		pushed                         bool
		refused                        bool
	}{
		{"offered, public", offered, "public", "", true, false},
		{"offered, Basic", offered, "basic", "", true, false},
		{"offered, secret in the body", offered, "post", "", true, false},
		{"offered, off", offered, "public", "off", false, false},
		{"required by the client", offered, "basic", "required", true, false},
		{"required by the server", required, "public", "", true, false},
		{"required by the server, off", required, "public", "off", false, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := openAtProvider(t, row.issuer, row.client, oauth.Options{}, func(config *oauth.Config) { config.PushedAuthorizationRequests = oauth.PushedRequests(row.requests) })
			begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{Parameters: [][2]string{{"ui_locales", "de"}}})
			if err != nil {
				t.Fatal(err)
			}
			u, err := url.Parse(begun.URL)
			if err != nil {
				t.Fatal(err)
			}
			if q := u.Query(); row.pushed && (len(q) != 2 || q.Get("client_id") != row.client || q.Get("request_uri") == "") || !row.pushed && q.Get("state") == "" {
				t.Errorf("the browser gets %v", q)
			}
			r, err := c.Callback(t.Context(), visitProvider(t, newBrowser(t), begun.URL))
			if row.refused {
				if e, ok := errors.AsType[*oauth.Error](err); !ok || e.OAuthError != "invalid_request" {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			checkIDToken(t, r.Status, row.issuer, row.client)
		})
	}
}

// H2, H5: oidc-provider knows the session's tokens until they are revoked, and each kind of client
// may introspect them (RFC 7662).
func TestOIDCProviderIntrospect(t *testing.T) {
	issuer := startProvider(t)
	for _, client := range []string{"public", "basic", "post"} {
		t.Run(client, func(t *testing.T) {
			c := openAtProvider(t, issuer, client, oauth.Options{}, nil)
			if _, err := c.Introspect(t.Context(), oauth.IntrospectParams{}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "no_token", Op: "introspect"}) {
				t.Errorf("without a token: %v", err)
			}
			signedIn(t, c)
			token, err := c.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			active := func(token string, hint oauth.TokenTypeHint) bool {
				t.Helper()
				raw, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: token, TokenTypeHint: hint})
				var claims struct {
					Active    bool
					Client_id string
					Sub       string
				}
				if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Active && (claims.Client_id != client || claims.Sub != "248289761001") {
					t.Fatalf("%v: %s", err, raw)
				}
				return claims.Active
			}
			if !active("", "") || !active(token.AccessToken, "access_token") || !active(token.AccessToken, "refresh_token") || active("unknown", "") {
				t.Error("not what the server knows")
			}
			if _, err := c.Revoke(t.Context(), oauth.RevokeParams{TokenTypeHint: oauth.HintAccessToken}); err != nil {
				t.Fatal(err)
			}
			if active(token.AccessToken, "access_token") {
				t.Error("active after it was revoked")
			}
		})
	}
	c := openAtProvider(t, issuer, "basic", oauth.Options{}, func(config *oauth.Config) { config.ClientSecret = "wrong" })
	if _, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: "any"}); !errors.Is(err, oauth.ErrServer) || !strings.Contains(err.Error(), "oauth2: introspect: ") || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("with a wrong secret: %v", err)
	}
}

// H1, H5: a client gets a token for itself (RFC 6749 section 4.4) from oidc-provider, which knows
// it. A client without a secret gets none.
func TestOIDCProviderClientCredentials(t *testing.T) {
	issuer := startProvider(t)
	for _, client := range []string{"basic", "post"} {
		t.Run(client, func(t *testing.T) {
			c := openAtProvider(t, issuer, client, oauth.Options{}, func(config *oauth.Config) { config.Scope = "read write" })
			st, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{Scope: "read"})
			if err != nil || st.Status != "granted" || st.Scope != "read" || st.Refreshable || st.IDToken != "" {
				t.Fatalf("%v, %+v", err, st)
			}
			raw, err := c.Introspect(t.Context(), oauth.IntrospectParams{})
			var claims struct {
				Active     bool
				Client_id  string
				Scope, Sub string
			}
			if err != nil || json.Unmarshal(raw, &claims) != nil || !claims.Active || claims.Client_id != client || claims.Scope != "read" || claims.Sub != "" {
				t.Errorf("%v: %s", err, raw)
			}
			if out, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil || !out.Revoked {
				t.Errorf("%v, %v", out, err)
			}
			wrong := openAtProvider(t, issuer, client, oauth.Options{}, func(config *oauth.Config) { config.ClientSecret = "wrong" })
			_, err = wrong.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{})
			if e, ok := errors.AsType[*oauth.Error](err); !ok || e.OAuthError != "invalid_client" || e.Op != "client_credentials" || e.Status != 401 {
				t.Errorf("with a wrong secret: %v", err)
			}
		})
	}
	c := openAtProvider(t, issuer, "public", oauth.Options{}, nil)
	if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "missing"}) {
		t.Errorf("without a secret: %v", err)
	}
}

// H5, X6: the session's access token is exchanged for one with less scope (RFC 8693), which the
// server knows and the session does not store. oidc-provider has no such grant, so its starter adds
// an imitation, on the server's own tokens.
func TestOIDCProviderTokenExchange(t *testing.T) {
	c := openAtProvider(t, startProvider(t), "basic", oauth.Options{}, nil)
	if _, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{}); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
		t.Errorf("before signing in: %v", err)
	}
	signedIn(t, c)
	before, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const accessToken = "urn:ietf:params:oauth:token-type:access_token"
	got, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{Audience: "backend", Scope: "read", RequestedTokenType: accessToken})
	if err != nil || got.AccessToken == "" || got.AccessToken == before.AccessToken || got.IssuedTokenType != accessToken || got.Scope != "read" || !got.ExpiresAt.After(time.Now()) {
		t.Fatalf("%v, %+v", err, got)
	}
	if strings.Contains(got.String(), got.AccessToken) {
		t.Error("printed in full")
	}
	if after, err := c.Token(t.Context()); err != nil || after.AccessToken != before.AccessToken {
		t.Errorf("the session holds another token: %v", err)
	}
	raw, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: got.AccessToken, TokenTypeHint: oauth.HintAccessToken})
	var claims struct {
		Active          bool
		Scope, Audience string
	}
	if err != nil || json.Unmarshal(raw, &claims) != nil || !claims.Active || claims.Scope != "read" || claims.Audience != "backend" {
		t.Errorf("%v: %s", err, raw)
	}
	// A token of the caller in place of the session's.
	if again, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{SubjectToken: got.AccessToken, Audience: "further"}); err != nil || again.Scope != "read" {
		t.Errorf("%v, %+v", err, again)
	}
	for name, row := range map[string]struct {
		params oauth.TokenExchangeParams
		want   string
	}{
		"no audience":       {oauth.TokenExchangeParams{}, "invalid_target"},
		"more scope":        {oauth.TokenExchangeParams{SubjectToken: got.AccessToken, Audience: "backend", Scope: "write"}, "invalid_scope"},
		"an unknown token":  {oauth.TokenExchangeParams{SubjectToken: "unknown-token", Audience: "backend"}, "invalid_request"},
		"of another type":   {oauth.TokenExchangeParams{SubjectTokenType: "urn:ietf:params:oauth:token-type:jwt", Audience: "backend"}, "invalid_request"},
		"wanted as another": {oauth.TokenExchangeParams{RequestedTokenType: "urn:ietf:params:oauth:token-type:jwt", Audience: "backend"}, "invalid_request"},
	} {
		_, err := c.TokenExchange(t.Context(), row.params)
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.OAuthError != row.want || e.Op != "token_exchange" || e.Status != 400 || strings.Contains(err.Error(), "unknown-token") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// H2, Q12: a sign-out revokes the tokens. The URL that it returns, opened in the user's browser,
// ends the session at oidc-provider, which accepts the ID token as a hint and sends the browser
// back with the state (OpenID Connect RP-Initiated Logout).
func TestOIDCProviderLogOut(t *testing.T) {
	issuer := startProvider(t)
	for _, client := range []string{"public", "basic"} {
		t.Run(client, func(t *testing.T) {
			c, browser := openAtProvider(t, issuer, client, oauth.Options{}, nil), newBrowser(t)
			if _, err := enter(t, c, browser); err != nil {
				t.Fatal(err)
			}
			// The server asks a user whom it knows only for consent.
			asks := func() string {
				t.Helper()
				begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
				if err != nil {
					t.Fatal(err)
				}
				res, err := browser.Get(begun.URL)
				if err != nil {
					t.Fatal(err)
				}
				defer res.Body.Close()
				page, err := io.ReadAll(res.Body)
				prompt := formPrompt.FindSubmatch(page)
				if err != nil || prompt == nil {
					t.Fatalf("%v: %s", err, page)
				}
				return string(prompt[1])
			}
			if got := asks(); got != "consent" {
				t.Fatalf("asks for %s", got)
			}
			st, err := c.Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			token, err := c.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.LogOut(t.Context(), oauth.LogOutParams{PostLogoutRedirectURI: "javascript:alert(1)"}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "bad_url"}) {
				t.Errorf("got %v", err)
			}
			out, err := c.LogOut(t.Context(), oauth.LogOutParams{PostLogoutRedirectURI: providerRedirect, State: "where I was"})
			if err != nil || !out.Revoked {
				t.Fatalf("%v, %+v", err, out)
			}
			u, err := url.Parse(out.URL)
			if err != nil || u.Query().Get("id_token_hint") != st.IDToken {
				t.Errorf("%v: %s", err, out.URL)
			}
			if raw, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: token.AccessToken}); err != nil || string(raw) != `{"active":false}` {
				t.Errorf("%v: the access token is %s", err, raw)
			}
			if got := asks(); got != "consent" {
				t.Errorf("before the browser was at the URL the server asks for %s", got)
			}
			if back := visitProvider(t, browser, out.URL); back != providerRedirect+"?state=where+I+was" && back != providerRedirect+"?state=where%20I%20was" {
				t.Errorf("the browser ends at %s", back)
			}
			if got := asks(); got != "login" {
				t.Errorf("after that it asks for %s", got)
			}
		})
	}
}

// Q12: logout tokens that oidc-provider makes and posts (OpenID Connect Back-Channel Logout) are
// verified: RSA, elliptic curves, EdDSA. A token that was altered, is for another client, or is
// replayed after its expiry is refused. An ID token is not accepted as a logout token, nor the
// other way round. The application must detect an earlier replay, by the id.
func TestOIDCProviderBackChannel(t *testing.T) {
	received := make(chan string, 9)
	application := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		received <- r.PostFormValue("logout_token")
	}))
	t.Cleanup(application.Close)
	issuer := startProvider(t, "--backchannel-logout", application.URL)
	for _, client := range []string{"public", "PS384", "ES256", "EdDSA"} {
		t.Run(client, func(t *testing.T) {
			var ahead atomic.Int64
			c := openAtProvider(t, issuer, client, oauth.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}, nil)
			browser := newBrowser(t)
			in, err := enter(t, c, browser)
			if err != nil {
				t.Fatal(err)
			}
			out, err := c.LogOut(t.Context(), oauth.LogOutParams{PostLogoutRedirectURI: providerRedirect, State: "s"})
			if err != nil {
				t.Fatal(err)
			}
			if visitProvider(t, browser, out.URL) == "" {
				t.Fatal("not signed out")
			}
			var token string
			select {
			case token = <-received:
			case <-time.After(patience):
				t.Fatal("no logout token came")
			}
			got, err := c.LogoutToken(t.Context(), token)
			if err != nil || got.Issuer != issuer || got.SessionID == "" || got.ID == "" || time.Until(got.ExpiresAt) < 5*time.Minute {
				t.Fatalf("%v, %+v", err, got)
			}
			if again, err := c.LogoutToken(t.Context(), token); err != nil || again != got {
				t.Errorf("the same token once more is another: %v, %+v", err, again)
			}

			refused := func(name string, c *oauth.Client, token, code, field string) {
				t.Helper()
				_, err := c.LogoutToken(t.Context(), token)
				if e, ok := errors.AsType[*oauth.Error](err); !ok || e.Kind != "id_token_not_verified" || e.Code != code || e.Field != field || e.Op != "logout_token" {
					t.Errorf("%s: %v", name, err)
				}
			}
			parts := strings.Split(token, ".")
			payload, err := base64.RawURLEncoding.DecodeString(parts[1])
			if err != nil {
				t.Fatal(err)
			}
			with := func(old, new string) string {
				t.Helper()
				changed := strings.Replace(string(payload), old, new, 1)
				if changed == string(payload) {
					t.Fatalf("no %s in %s", old, payload)
				}
				return parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed)) + "." + parts[2]
			}
			refused("of another session", c, with(got.SessionID, "other"), "bad_signature", "")
			refused("with a nonce", c, with(`{`, `{"nonce":"n",`), "wrong_claim", "nonce")
			refused("without the event", c, with("backchannel-logout", "other"), "missing_claim", "events")
			refused("unsigned", c, base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+parts[1]+".", "alg_not_allowed", "")
			refused("no token", c, "x", "malformed", "")
			refused("an ID token", c, in.IDToken, "wrong_claim", "nonce")
			other := openAtProvider(t, issuer, "basic", oauth.Options{}, nil)
			refused("of another client", other, token, "wrong_claim", "aud")

			// As an ID token it signs nobody in.
			_, err = c.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "Bearer", IDToken: token})
			if !errors.Is(err, oauth.ErrIDTokenNotVerified) {
				t.Errorf("as an ID token: %v", err)
			}
			ahead.Store(int64(10 * time.Minute)) // it is valid for two minutes, plus five minutes of tolerance
			refused("replayed when it has ended", c, token, "wrong_claim", "exp")
		})
	}
}
