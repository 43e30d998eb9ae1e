package guard_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/guard"
	"github.com/oauth2-wasm/oauth2-wasm/core/resource"
)

// R56: client, authorization server and guard together. The client's bound token is opaque, so it
// is introspected. The guard requires a nonce, which the client's Transport takes from the
// challenge. A token for another resource, or a revoked one, is refused; and the guard can demand
// step-up.
func TestWithAuthserver(t *testing.T) {
	api := httptest.NewUnstartedServer(nil)
	at := "http://" + api.Listener.Addr().String()
	store := authserver.NewMemoryStore()
	for _, c := range []authserver.Client{
		{ClientID: "app", ClientSecret: strings.Repeat("a", 32), GrantTypes: []string{authserver.GrantClientCredentials}, Scope: "profile"},
		{ClientID: "notes", ClientSecret: strings.Repeat("n", 32), GrantTypes: []string{authserver.GrantClientCredentials}, ResourceServer: true, Resources: []string{at + "/notes"}},
	} {
		if err := store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	login := httptest.NewUnstartedServer(nil)
	issuer := "http://" + login.Listener.Addr().String()
	server, err := authserver.New(authserver.Config{Issuer: issuer, Store: store, Resources: []string{at + "/notes", at + "/other"}, Users: map[string]authserver.User{"u": {Password: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	login.Config.Handler = server
	login.Start()
	t.Cleanup(login.Close)

	g, err := guard.New(resource.Engine(), guard.Config{
		Resource: at + "/notes", AuthorizationServers: []guard.Server{{Issuer: issuer, Discovery: true, ClientID: "notes", ClientSecret: strings.Repeat("n", 32)}},
		DPoP: guard.DPoPRequired, DPoPNonce: true, Need: guard.Need{Scope: "profile"},
	}, guard.Options{OnRefused: func(r *http.Request, why guard.Reason) { t.Log(r.Method, r.URL.Path, why) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	mux := http.NewServeMux()
	welcome := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(guard.FromContext(r.Context()).ClientID)) })
	hour := time.Hour
	mux.Handle("/notes", g.Handler(guard.Need{}, welcome))
	mux.Handle("/notes/secret", g.Handler(guard.Need{MaxAge: &hour}, welcome))
	mux.Handle(g.MetadataPath(), g.Metadata())
	api.Config.Handler = mux
	api.Start()
	t.Cleanup(api.Close)

	client := func(resources ...string) *oauth.Client {
		c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
			Issuer: issuer, Discovery: true, ClientID: "app", ClientSecret: strings.Repeat("a", 32), Scope: "profile", DPoP: true, Resource: resources, TokenDestinations: []string{at},
		}, oauth.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if _, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	get := func(c *oauth.Client, path string) (int, *oauth.Challenge) {
		t.Helper()
		res, err := (&http.Client{Transport: c.Transport(nil)}).Get(at + path)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		return res.StatusCode, oauth.ChallengeOf(res)
	}
	c := client(at + "/notes")
	m, err := c.ResourceMetadata(t.Context(), at+"/notes", "")
	if err != nil || m.AuthorizationServers[0] != issuer {
		t.Errorf("%+v, %v", m, err)
	}
	for range 3 {
		if status, ch := get(c, "/notes"); status != 200 {
			t.Errorf("%d %+v", status, ch)
		}
	}
	if status, ch := get(c, "/notes/secret"); status != 401 || ch == nil || ch.Error != "insufficient_user_authentication" || ch.MaxAge == nil {
		t.Errorf("%d %+v", status, ch)
	}
	if status, ch := get(client(at+"/other"), "/notes"); status != 401 || ch == nil || ch.Error != "invalid_token" {
		t.Errorf("a token for another resource: %d %+v", status, ch)
	}
}

// B58: one sign-in, two resources, each of which accepts only tokens for it alone. Transport picks
// the token by URL, TokenFor by name. A server that rotates its refresh token sees one refresh per
// resource, however many callers there are.
func TestOneRefreshTokenManyResources(t *testing.T) {
	api := httptest.NewUnstartedServer(nil)
	at := "http://" + api.Listener.Addr().String()
	store := authserver.NewMemoryStore()
	for _, c := range []authserver.Client{
		{ClientID: "app", ClientSecret: strings.Repeat("a", 32), GrantTypes: []string{authserver.GrantPassword, authserver.GrantRefreshToken}, Scope: "profile email"},
		{ClientID: "api", ClientSecret: strings.Repeat("n", 32), GrantTypes: []string{authserver.GrantClientCredentials}, ResourceServer: true, Resources: []string{at + "/notes", at + "/mail"}},
	} {
		if err := store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	login := httptest.NewUnstartedServer(nil)
	issuer := "http://" + login.Listener.Addr().String()
	server, err := authserver.New(authserver.Config{Issuer: issuer, Store: store, Resources: []string{at + "/notes", at + "/mail"}, Users: map[string]authserver.User{"u": {Password: "p"}}, InsecurePasswordGrant: true})
	if err != nil {
		t.Fatal(err)
	}
	login.Config.Handler = server
	login.Start()
	t.Cleanup(login.Close)
	mux := http.NewServeMux()
	for _, path := range []string{"/notes", "/mail"} {
		g, err := guard.New(resource.Engine(), guard.Config{
			Resource: at + path, AuthorizationServers: []guard.Server{{Issuer: issuer, Discovery: true, ClientID: "api", ClientSecret: strings.Repeat("n", 32)}},
		}, guard.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(g.Close)
		mux.Handle(path, g.Handler(guard.Need{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write([]byte(strings.Join(guard.FromContext(r.Context()).Scope, " ")))
		})))
	}
	api.Config.Handler = mux
	api.Start()
	t.Cleanup(api.Close)

	res, err := http.PostForm(issuer+"/token", url.Values{"grant_type": {"password"}, "username": {"u"}, "password": {"p"}, "client_id": {"app"}, "client_secret": {strings.Repeat("a", 32)}, "scope": {"profile email"}})
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var first struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&first); err != nil || first.Refresh == "" {
		t.Fatal(res.Status, err)
	}
	c, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{
		Issuer: issuer, Discovery: true, ClientID: "app", ClientSecret: strings.Repeat("a", 32),
		ResourceDestinations: []oauth.ResourceDestination{{URL: at + "/notes", Resource: at + "/notes"}, {URL: at + "/mail", Resource: at + "/mail", Scope: "email"}},
	}, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: first.Access, TokenType: "Bearer", RefreshToken: first.Refresh, Scope: "profile email", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	before := server.Stats().TokenRequests[authserver.GrantRefreshToken]
	var all sync.WaitGroup
	for i := range 60 {
		path, scope := "/notes", "profile email"
		if i%2 == 0 {
			path, scope = "/mail", "email"
		}
		all.Go(func() {
			res, err := (&http.Client{Transport: c.Transport(nil)}).Get(at + path)
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if text, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 200 || string(text) != scope {
				t.Errorf("%s: %d %s %v", path, res.StatusCode, text, err)
			}
		})
	}
	all.Wait()
	if n := server.Stats().TokenRequests[authserver.GrantRefreshToken] - before; n != 2 {
		t.Errorf("%d refreshes", n)
	}
	token, err := c.TokenFor(t.Context(), oauth.TokenParams{Resource: at + "/notes"})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := c.TokenFor(t.Context(), oauth.TokenParams{Resource: at + "/notes", Fresh: true})
	if again, e := c.TokenFor(t.Context(), oauth.TokenParams{Resource: at + "/notes"}); err != nil || e != nil || fresh.AccessToken == token.AccessToken || again.AccessToken != fresh.AccessToken {
		t.Errorf("%v, %v", err, e)
	}
	for p, want := range map[oauth.TokenParams]string{{Resource: at + "/other"}: "invalid_target", {Scope: "openid"}: "invalid_scope"} {
		_, err := c.TokenFor(t.Context(), p)
		if e, ok := errors.AsType[*oauth.Error](err); !ok || e.OAuthError != want || e.Op != "token_for" {
			t.Errorf("%v: %v", p, err)
		}
	}
	if own, err := c.Token(t.Context()); err != nil || own.AccessToken != first.Access {
		t.Errorf("the session's own token: %v", err)
	}
}
