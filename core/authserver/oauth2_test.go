package authserver_test

import (
	"context"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

// serve puts a server on a socket. polls returns how often a device has polled it.
func serve(t *testing.T) (endpoint oauth2.Endpoint, base string, polls func() int) {
	t.Helper()
	site := httptest.NewUnstartedServer(nil)
	base = "http://" + site.Listener.Addr().String()
	b := newBench(t, func(c *authserver.Config) {
		c.Issuer = base
		c.DeviceInterval = time.Second
	})
	site.Config.Handler = b.server
	site.Start()
	t.Cleanup(site.Close)
	endpoint = oauth2.Endpoint{DeviceAuthURL: base + "/device_authorization", TokenURL: base + "/token", AuthStyle: oauth2.AuthStyleInParams}
	return endpoint, base, func() int { return b.server.Stats().TokenRequests[authserver.GrantDeviceCode] }
}

// A4: golang.org/x/oauth2 as the device and another HTTP client as the user's browser, in real
// time.
func TestA4DeviceFlowOfAnotherClient(t *testing.T) {
	for _, row := range []struct {
		name, button, refusal string
	}{{"approved", "approve", ""}, {"denied", "deny", "access_denied"}} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			endpoint, base, polls := serve(t)
			ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
			defer cancel()
			cfg := oauth2.Config{ClientID: "tv", Endpoint: endpoint, Scopes: []string{"profile"}}
			auth, err := cfg.DeviceAuth(ctx)
			if err != nil {
				t.Fatal(err)
			}
			type outcome struct {
				token *oauth2.Token
				err   error
			}
			done := make(chan outcome, 1)
			go func() {
				token, err := cfg.DeviceAccessToken(ctx, auth)
				done <- outcome{token, err}
			}()
			for polls() == 0 { // then the device has got authorization_pending
				select {
				case o := <-done:
					t.Fatalf("over before the user decided: %+v", o)
				case <-ctx.Done():
					t.Fatal("the device does not poll")
				case <-time.After(10 * time.Millisecond):
				}
			}
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			browser := &http.Client{Jar: jar}
			page := fetch(t, browser, auth.VerificationURIComplete, nil)
			page = press(t, browser, base, page, "continue", url.Values{"user_code": {typedCode(page)}})
			page = press(t, browser, base, page, "sign-in", firstSignsIn)
			press(t, browser, base, page, row.button, nil)

			o := <-done
			if row.refusal != "" {
				if refused, ok := errors.AsType[*oauth2.RetrieveError](o.err); !ok || refused.ErrorCode != row.refusal {
					t.Errorf("%+v", o)
				}
				return
			}
			if o.err != nil {
				t.Fatal(o.err)
			}
			if got, want := fetch(t, cfg.Client(ctx, o.token), base+"/userinfo", nil), `{"sub":"u-1","name":"First \u003cb\u003e"}`; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			o.token.Expiry = time.Unix(1, 0)
			if fresh, err := cfg.TokenSource(ctx, o.token).Token(); err != nil || fresh.AccessToken == o.token.AccessToken {
				t.Errorf("%v %v", fresh, err)
			}
		})
	}
}

// A4, A6: golang.org/x/oauth2 gets a token with client credentials, and a resource server elsewhere
// introspects it.
func TestA6ClientCredentialsOfAnotherClient(t *testing.T) {
	endpoint, base, _ := serve(t)
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		cfg := clientcredentials.Config{ClientID: "service", ClientSecret: "svc", TokenURL: endpoint.TokenURL, Scopes: []string{"notes.read"}, AuthStyle: style}
		token, err := cfg.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		answer := fetch(t, http.DefaultClient, base+"/introspect", url.Values{"client_id": {"api"}, "client_secret": {"api"}, "token": {token.AccessToken}})
		var got struct {
			Active bool
			Scope  string
			Client string `json:"client_id"`
			Issuer string `json:"iss"`
		}
		err = json.Unmarshal([]byte(answer), &got)
		if err != nil || !got.Active || got.Scope != "notes.read" || got.Client != "service" || got.Issuer != base {
			t.Errorf("%v %s", err, answer)
		}
	}
}

// fetch gets a page, or posts a form, and returns the answer.
func fetch(t *testing.T, client *http.Client, target string, form url.Values) string {
	t.Helper()
	get := func() (*http.Response, error) { return client.Get(target) }
	if form != nil {
		get = func() (*http.Response, error) { return client.PostForm(target, form) }
	}
	resp, err := get()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %v", target, resp.Status, err)
	}
	return strings.TrimSpace(string(body))
}

// press presses a button of a page, as a browser does.
func press(t *testing.T, browser *http.Client, base, page, button string, fields url.Values) string {
	t.Helper()
	to, token := actionAttribute.FindStringSubmatch(page), interactionValue.FindStringSubmatch(page)
	if to == nil || token == nil {
		t.Fatalf("no form in %s", page)
	}
	return fetch(t, browser, base+html.UnescapeString(to[1]), with(fields, "action", button, "interaction", token[1]))
}
