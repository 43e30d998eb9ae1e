package redirect_test

import (
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// redirectURIs are registered at the server of site.
var redirectURIs = []string{"http://127.0.0.1/cb", "com.example.app:/cb?from=app", "https://app.example/paste"}

// site is an authorization server on loopback. The user is demo, whose password is secret.
func site() (*httptest.Server, oauth.Config) {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{ClientID: "app", RedirectURIs: redirectURIs, Scope: "profile"})
	if err != nil {
		panic(err)
	}
	var server *authserver.Server
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { server.ServeHTTP(w, r) }))
	server, err = authserver.New(authserver.Config{Issuer: s.URL, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret"}}})
	if err != nil {
		panic(err)
	}
	return s, oauth.Config{
		Issuer: s.URL, ClientID: "app", Scope: "profile",
		AuthorizationEndpoint: s.URL + "/authorize", TokenEndpoint: s.URL + "/token",
	}
}

func open(t *testing.T, redirectURI string) *oauth.Client {
	t.Helper()
	s, config := site()
	t.Cleanup(s.Close)
	config.RedirectURI = redirectURI
	c, err := oauth.Open(t.Context(), new(core.Engine), config, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// decide does what a user does with the authorization URL: it signs in and presses approve or deny.
// It returns the address at which the browser would arrive.
func decide(page, action string) (string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	forms := []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {action}}}
	res, err := browser.Get(page)
	for err == nil {
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		found := interaction.FindSubmatch(body)
		switch to := res.Header.Get("Location"); {
		case strings.HasPrefix(to, "/"):
			page = res.Request.URL.Scheme + "://" + res.Request.URL.Host + to
			res, err = browser.Get(page)
		case to != "":
			return to, nil
		case found == nil || len(forms) == 0:
			return "", errors.New("no form: " + string(body))
		default:
			forms[0].Set("interaction", html.UnescapeString(string(found[1])))
			res, err = browser.PostForm(page, forms[0])
			forms = forms[1:]
		}
	}
	return "", err
}
