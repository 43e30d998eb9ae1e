package hosttest

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

const redirectURI = "http://127.0.0.1/cb"

// Open returns a client of the site at issuer. If transport is nil, the client has its own.
func Open(store oauth.Store, issuer string, transport http.RoundTripper) (*oauth.Client, error) {
	if transport == nil {
		transport = &http.Transport{}
	}
	return oauth.Open(context.Background(), new(core.Engine), oauth.Config{
		Issuer: issuer, ClientID: "notes", RedirectURI: redirectURI, Scope: "profile",
		AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
	}, oauth.Options{Store: store, HTTP: &http.Client{Transport: transport}})
}

// A Site is an authorization server that rotates refresh tokens, like one in another process.
type Site struct {
	*httptest.Server
	server *authserver.Server

	mu       sync.Mutex
	sent     []string // refresh tokens, in the order in which they were sent
	answered func(n int, r *http.Request)
}

// NewSite makes a site that accepts a rotated refresh token again within grace. It ends with the
// test.
func NewSite(t *testing.T, grace time.Duration) *Site {
	t.Helper()
	store := authserver.NewMemoryStore()
	if err := store.AddClient(authserver.Client{
		ClientID: "notes", RedirectURIs: []string{redirectURI}, Scope: "profile",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken},
	}); err != nil {
		t.Fatal(err)
	}
	s := &Site{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	var err error
	s.server, err = authserver.New(authserver.Config{
		Issuer: s.URL, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret"}}, RotationGrace: grace,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Answered sets a function that is called with the number of a refresh that the server has carried
// out, before the answer is sent.
func (s *Site) Answered(do func(n int, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = do
}

// Sent returns the refresh tokens that were sent, in order.
func (s *Site) Sent() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.sent...)
}

func (s *Site) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	own := r.WithContext(context.Background()) // the client may be gone
	own.Body = io.NopCloser(strings.NewReader(string(raw)))
	form, _ := url.ParseQuery(string(raw))
	if r.URL.Path != "/token" || form.Get("grant_type") != "refresh_token" {
		s.server.ServeHTTP(w, own)
		return
	}
	s.mu.Lock()
	s.sent = append(s.sent, form.Get("refresh_token"))
	n, answered := len(s.sent), s.answered
	s.mu.Unlock()
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, own)
	if answered != nil {
		answered(n, r)
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// SignIn puts a session into the store, as if a user had signed in.
func (s *Site) SignIn(t *testing.T, store oauth.Store) {
	t.Helper()
	c, err := Open(store, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	arrived := ""
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI) {
			arrived = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(a.URL)
	for _, form := range []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {"approve"}}} {
		if err != nil {
			t.Fatal(err)
		}
		page, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		found := interaction.FindSubmatch(page)
		if readErr != nil || found == nil {
			t.Fatalf("no form: %v, %s", readErr, page)
		}
		form.Set("interaction", string(found[1]))
		res, err = browser.PostForm(a.URL, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, err := c.Callback(t.Context(), arrived); err != nil {
		t.Fatal(err)
	}
}
