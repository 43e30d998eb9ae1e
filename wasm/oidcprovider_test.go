package wasm_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
	"github.com/oauth2-wasm/oauth2-wasm/wasm/internal/beside"
)

const providerRedirect = "http://127.0.0.1/cb"

// startProvider runs npm oidc-provider, a certified server of others, and returns its issuer. The
// file lists its options.
func startProvider(t *testing.T, options ...string) (issuer string) {
	t.Helper()
	issuer, _ = startProviderAndResource(t, options...)
	return issuer
}

// startProviderAndResource also returns the URL of the protected resource beside it.
func startProviderAndResource(t *testing.T, options ...string) (issuer, resource string) {
	t.Helper()
	beside.Node(t, "..")
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"../js/test/lib/oidc-provider.mjs", providerRedirect}, options...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	late := time.AfterFunc(patience, func() { cmd.Process.Kill() })
	defer late.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if url, ok := strings.CutPrefix(lines.Text(), "resource: "); ok {
			resource = url
		}
		if issuer, ok := strings.CutPrefix(lines.Text(), "ready: "); ok {
			go io.Copy(io.Discard, out)
			return issuer, resource
		}
	}
	t.Fatal("oidc-provider did not start")
	return "", ""
}

var (
	formAction = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
	formPrompt = regexp.MustCompile(`name="prompt" value="([^"]+)"`)
	formXSRF   = regexp.MustCompile(`name="xsrf" value="([^"]+)"`)
)

// newBrowser has the cookies of one user.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar}
}

// signInAtProvider is a new user who signs in.
func signInAtProvider(t *testing.T, page string) (callback string) {
	t.Helper()
	return visitProvider(t, newBrowser(t), page)
}

// visitProvider goes through the provider's pages, for sign-in and consent or for sign-out, and
// returns where they lead.
func visitProvider(t *testing.T, browser *http.Client, page string) (end string) {
	t.Helper()
	browser.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), providerRedirect+"?") {
			end = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}
	res, err := browser.Get(page)
	for range 4 {
		if err != nil {
			t.Fatal(err)
		}
		body, err2 := io.ReadAll(res.Body)
		res.Body.Close()
		if end != "" {
			return end
		}
		action, prompt, xsrf := formAction.FindSubmatch(body), formPrompt.FindSubmatch(body), formXSRF.FindSubmatch(body)
		form := url.Values{"login": {"248289761001"}, "password": {"any"}}
		switch {
		case err2 != nil || action == nil || prompt == nil && xsrf == nil:
			t.Fatalf("no form, status %d: %s", res.StatusCode, body)
		case xsrf != nil:
			form = url.Values{"xsrf": {string(xsrf[1])}, "logout": {"yes"}}
		default:
			form.Set("prompt", string(prompt[1]))
		}
		res, err = browser.PostForm(string(action[1]), form)
	}
	t.Fatal("no end of pages")
	return ""
}

// Q13, Q20, Q21, Q22, H1, H2, H5, X3, X9: the shipped module on wazero with oidc-provider, as a
// public client with PKCE, and as a confidential one with Basic and with the secret in the body:
// sign-in, wrong callbacks, rotation, a lost answer, revocation, a replayed refresh token.
func TestOIDCProvider(t *testing.T) {
	issuer := startProvider(t)
	for _, row := range []struct{ client, method string }{{"public", "none"}, {"basic", "client_secret_basic"}, {"post", "client_secret_post"}} {
		t.Run(row.client, func(t *testing.T) {
			n := &tap{}
			config := oauth.Config{
				Issuer: issuer, Discovery: true, ClientID: row.client, TokenEndpointAuthMethod: oauth.AuthMethod(row.method), RedirectURI: providerRedirect, Scope: "openid profile",
			}
			if row.method != "none" {
				config.ClientSecret = "a-secret-of-the-test"
			}
			c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: n}}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
			if err != nil {
				t.Fatal(err)
			}
			callback := signInAtProvider(t, begun.URL)
			u, err := url.Parse(callback)
			if err != nil {
				t.Fatal(err)
			}
			for code, change := range map[string]func(url.Values){
				"wrong_state":  func(q url.Values) { q.Set("state", "other") },
				"missing_code": func(q url.Values) { q.Del("code") },
				"wrong_iss":    func(q url.Values) { q.Set("iss", "https://other.example") },
				"missing_iss":  func(q url.Values) { q.Del("iss") },
				"oauth_error":  func(q url.Values) { q.Set("error", "access_denied") },
			} {
				wrong, q := *u, u.Query()
				change(q)
				wrong.RawQuery = q.Encode()
				if _, err := c.Callback(t.Context(), wrong.String()); !errors.Is(err, &oauth.Error{Code: code}) {
					t.Errorf("%s: %v", code, err)
				}
			}
			r, err := c.Callback(t.Context(), callback)
			if err != nil || r.AppState != "mine" {
				t.Fatal(err, r)
			}
			if again, err := c.Callback(t.Context(), callback); err != nil || !again.HandledElsewhere {
				t.Error(err, again)
			}
			if len(n.forms) != 1 {
				t.Errorf("%d token requests", len(n.forms))
			}
			checkIDToken(t, r.Status, issuer, row.client)
			raw, err := c.Userinfo(t.Context())
			var claims struct{ Sub, Name string }
			if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Sub != "248289761001" || claims.Name != "A person" {
				t.Errorf("%s, %v", raw, err)
			}
			before, err := c.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			after, err := c.FreshToken(t.Context())
			if err != nil || after.AccessToken == before.AccessToken {
				t.Error(err)
			}
			if _, err := c.FreshToken(t.Context()); err != nil || n.forms[1].Get("refresh_token") == n.forms[2].Get("refresh_token") {
				t.Error("the refresh token was not rotated", err)
			}
			// The answer gets lost after the server rotated the token. This server regards a second
			// use as theft.
			n.lose = 1
			if _, err := c.FreshToken(t.Context()); !errors.Is(err, &oauth.Error{Code: "outcome_lost"}) {
				t.Error(err)
			}
			if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
				t.Error(st, err)
			}
			// After a new sign-in and a sign-out, the server does not know the token any more.
			if begun, err = c.Authorize(t.Context(), oauth.AuthorizeParams{}); err != nil {
				t.Fatal(err)
			}
			if _, err = c.Callback(t.Context(), signInAtProvider(t, begun.URL)); err != nil {
				t.Fatal(err)
			}
			if _, err := c.FreshToken(t.Context()); err != nil {
				t.Fatal(err)
			}
			last := n.forms[len(n.forms)-1]
			if out, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil || !out.Revoked {
				t.Error(out, err)
			}
			req, _ := http.NewRequest("POST", issuer+"/token", strings.NewReader(last.Encode()))
			req.Header.Set("content-type", "application/x-www-form-urlencoded")
			if row.method == "client_secret_basic" {
				req.SetBasicAuth(row.client, config.ClientSecret)
			}
			res, err := http.DefaultClient.Do(req)
			if err != nil || res.StatusCode != 400 {
				t.Error("a replayed refresh token was taken", res, err)
			}
		})
	}
}

// checkIDToken checks that the session's ID token is verified, and says who signed in where.
func checkIDToken(t *testing.T, st oauth.Status, issuer, client string) {
	t.Helper()
	var claims struct{ Iss, Aud, Sub string }
	if err := json.Unmarshal(st.Claims, &claims); err != nil || st.IDToken == "" || claims.Iss != issuer || claims.Aud != client || claims.Sub != "248289761001" {
		t.Errorf("%v: claims %s, ID token %q", err, st.Claims, st.IDToken)
	}
}

// Q12: ID tokens that oidc-provider signs with each algorithm are verified; then with new keys,
// which the same client fetches when it sees one of them, but not within a minute of the last
// fetch.
func TestOIDCProviderAlgorithms(t *testing.T) {
	issuer := startProvider(t)
	open := func(t *testing.T, alg oauth.Algorithm, ahead *atomic.Int64) *oauth.Client {
		config := oauth.Config{Issuer: issuer, Discovery: true, ClientID: string(alg), RedirectURI: providerRedirect, Scope: "openid", IDTokenSignedResponseAlg: []oauth.Algorithm{alg}}
		c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	signIn := func(t *testing.T, c *oauth.Client) (oauth.CallbackResult, error) {
		begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		return c.Callback(t.Context(), signInAtProvider(t, begun.URL))
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"} {
		t.Run(alg, func(t *testing.T) {
			r, err := signIn(t, open(t, oauth.Algorithm(alg), new(atomic.Int64)))
			if err != nil {
				t.Fatal(err)
			}
			checkIDToken(t, r.Status, issuer, alg)
		})
	}
	var ahead atomic.Int64
	c := open(t, "ES256", &ahead)
	if _, err := signIn(t, c); err != nil {
		t.Fatal(err)
	}
	res, err := http.Post(issuer+"/rotate", "", nil)
	if err != nil || res.StatusCode >= 300 {
		t.Fatal(err, res)
	}
	if _, err := signIn(t, c); !errors.Is(err, &oauth.Error{Kind: "id_token_not_verified", Code: "unknown_key"}) {
		t.Errorf("within a minute: %v", err)
	}
	ahead.Store(int64(61 * time.Second))
	r, err := signIn(t, c)
	if err != nil {
		t.Fatal(err)
	}
	checkIDToken(t, r.Status, issuer, "ES256")
}

// decideAtProvider is a user at the provider's pages of the device flow, who approves or denies.
func decideAtProvider(t *testing.T, page, decision string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "node", "../js/test/lib/oidc-pages.mjs", decision, page).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// Q31, Q32, Q34, Q35, Q38: the device flow with the shipped module and oidc-provider, for each kind
// of client: approved, denied, expired, and slowed down. That server does not limit polls itself,
// so its starter does, with its error class.
func TestOIDCProviderDevice(t *testing.T) {
	for _, row := range []struct {
		name, client, method, decision string
		options                        []string
		err                            *oauth.Error
		interval                       time.Duration
		atMost                         int // number of polls
	}{
		{"approved, public", "public", "none", "approve", []string{"--interval", "1"}, nil, time.Second, 99},
		{"approved, Basic", "basic", "client_secret_basic", "approve", []string{"--interval", "1"}, nil, time.Second, 99},
		{"approved, secret in the body", "post", "client_secret_post", "approve", []string{"--interval", "1"}, nil, time.Second, 99},
		{"without an interval", "public", "none", "approve", nil, nil, 5 * time.Second, 99},
		{"denied", "public", "none", "deny", []string{"--interval", "1"}, &oauth.Error{Kind: "server", Code: "oauth_error"}, time.Second, 99},
		{"run out between polls", "public", "none", "", []string{"--interval", "60", "--device-code", "8"}, oauth.ErrExpired, time.Minute, 0},
		{"run out after polls", "public", "none", "", []string{"--interval", "1", "--device-code", "8"}, oauth.ErrExpired, time.Second, 8},
		{"slowed down", "public", "none", "approve", []string{"--interval", "1", "--enforce", "3"}, nil, 6 * time.Second, 99},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			issuer := startProvider(t, row.options...)
			config := oauth.Config{
				Issuer: issuer, Discovery: true, ClientID: row.client, TokenEndpointAuthMethod: oauth.AuthMethod(row.method), Scope: "openid profile",
			}
			if row.method != "none" {
				config.ClientSecret = "a-secret-of-the-test"
			}
			n, events := &tap{}, make(chan oauth.Event, 99)
			c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: n}, OnEvent: func(e oauth.Event) { events <- e }}})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			d, err := c.DeviceAuthorize(t.Context(), oauth.DeviceParams{})
			if err != nil || d.UserCode == "" || !strings.Contains(d.VerificationURIComplete, d.UserCode) || !d.Polling {
				t.Fatalf("%v, %+v", err, d)
			}
			last := d.Interval
			for last != row.interval {
				select {
				case e := <-events:
					if e.Name == "device" && e.Device.UserCode != "" {
						last = e.Device.Interval
					}
				case <-time.After(patience):
					t.Fatalf("the interval is %v", last)
				}
			}
			if row.decision != "" {
				decideAtProvider(t, d.VerificationURIComplete, row.decision)
			}
			st, err := c.DeviceWait(t.Context())
			n.mu.Lock()
			polls := len(n.forms)
			n.mu.Unlock()
			if polls > row.atMost {
				t.Errorf("%d polls, at most %d are in time", polls, row.atMost)
			}
			if row.err != nil {
				if e, ok := errors.AsType[*oauth.Error](err); !ok || !errors.Is(err, row.err) || row.decision == "deny" && e.OAuthError != "access_denied" {
					t.Errorf("got %v", err)
				}
				if _, err := c.Token(t.Context()); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
					t.Error(err)
				}
				return
			}
			if err != nil || st.Status != "granted" || st.Device != nil || st.Scope != "openid profile" {
				t.Fatalf("%v, %+v", err, st)
			}
			checkIDToken(t, st, issuer, row.client)
			if claims, err := c.Userinfo(t.Context()); err != nil || !strings.Contains(string(claims), "248289761001") {
				t.Errorf("%v, %s", err, claims)
			}
			if _, err := c.FreshToken(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
