package mcp_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
)

const (
	loginURL    = "https://login.example"
	idpURL      = "https://idp.example"
	apiURL      = "https://api.example/mcp"
	documentURL = "https://app.example/client.json"
	arrives     = "http://127.0.0.1:1/cb"
)

// A network is the internet of a test, in memory, with one clock for all: an API, the authorization
// server for it, the document of its client, and an identity provider.
type network struct {
	t          *testing.T
	login, idp *authserver.Server
	key        *ecdsa.PrivateKey // the client's

	mu       sync.Mutex
	now      time.Time
	document map[string]any // the client's; nil: its site is down
	asked    []string       // requests: "host /path", or "host grant_type"
}

func newNetwork(t *testing.T, change func(*network, *authserver.Config)) *network {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	n := &network{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), key: key, document: map[string]any{"client_id": documentURL, "client_name": "App",
		"redirect_uris": []string{arrives}, "grant_types": []string{"authorization_code", "refresh_token"}}}
	users := map[string]authserver.User{"alice": {Password: "secret", Subject: "a-1"}}
	store := authserver.NewMemoryStore()
	if err := store.AddClient(authserver.Client{ClientID: "app", ClientSecret: "app-secret", RedirectURIs: []string{arrives}, Scope: "openid offline_access",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantTokenExchange}}); err != nil {
		t.Fatal(err)
	}
	n.idp, err = authserver.New(authserver.Config{Issuer: idpURL, Store: store, Users: users, Scopes: []authserver.Scope{{Name: "offline_access", Description: "Stay"}},
		CrossAppAccess: []authserver.CrossAppAccess{{ClientID: "app", Audience: loginURL, AudienceClientID: "app-there", Resources: []string{apiURL}, Scope: "read write"}}})
	if err != nil {
		t.Fatal(err)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(n.idp.Handle(authserver.Request{Method: "GET", URL: "/jwks", Now: n.now}).Body, &keys); err != nil {
		t.Fatal(err)
	}
	cfg := authserver.Config{Issuer: loginURL, Store: authserver.NewMemoryStore(), Users: users, Resources: []string{apiURL},
		Scopes:            []authserver.Scope{{Name: "read", Description: "Read"}, {Name: "write", Description: "Write"}},
		IdentityProviders: map[string]authserver.IdentityProvider{idpURL: {Keys: keys, Users: map[string]string{"a-1": "alice"}}}}
	change(n, &cfg)
	if err := cfg.Store.AddClient(authserver.Client{ClientID: "app-there", ClientSecret: "there-secret", GrantTypes: []string{authserver.GrantJWTBearer}, Scope: "read"}); err != nil {
		t.Fatal(err)
	}
	if n.login, err = authserver.New(cfg); err != nil {
		t.Fatal(err)
	}
	return n
}

// takesDocuments makes the server read the document of the client.
func (n *network) takesDocuments(c *authserver.Config) {
	c.ClientDocuments = func(uri string) (authserver.Response, error) {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.document == nil {
			return authserver.Response{}, errors.New("no route")
		}
		body, err := json.Marshal(n.document)
		return authserver.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: body}, err
	}
}

func (n *network) clock() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.now
}

func (n *network) later(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now = n.now.Add(d)
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		defer r.Body.Close()
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	request := authserver.Request{Method: r.Method, URL: r.URL.String(), Header: r.Header, Body: body, Now: n.clock()}
	what := r.URL.Host + " " + r.URL.Path
	if form, err := url.ParseQuery(string(body)); err == nil && form.Has("grant_type") {
		what = r.URL.Host + " " + form.Get("grant_type")
	}
	n.mu.Lock()
	n.asked = append(n.asked, what)
	n.mu.Unlock()
	var answer authserver.Response
	switch r.URL.Host {
	case "login.example":
		answer = n.login.Handle(request)
	case "idp.example":
		answer = n.idp.Handle(request)
	case "api.example":
		answer = n.api(request)
	default:
		return nil, errors.New("no such host: " + r.URL.Host)
	}
	return &http.Response{StatusCode: answer.Status, Header: answer.Header, Body: io.NopCloser(bytes.NewReader(answer.Body)), Request: r, ContentLength: int64(len(answer.Body))}, nil
}

// api requires the scope read, and write for requests that write.
func (n *network) api(r authserver.Request) authserver.Response {
	want := authserver.Access{Resource: apiURL, Scope: "read"}
	if strings.Contains(r.URL, "/.well-known/") {
		return n.login.ResourceMetadata(want)
	}
	if string(r.Body) == "write" {
		want.Scope = "read write"
	}
	token, answer, ok := n.login.CheckAccess(r, want)
	if ok {
		answer.Body = []byte(token.User + " by " + token.ClientID)
	}
	return answer
}

// count returns how often a request came since the last call.
func (n *network) count(what string) (times int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, a := range n.asked {
		if a == what {
			times++
		}
	}
	n.asked = nil
	return times
}

var (
	formAction  = regexp.MustCompile(`action="([^"]+)"`)
	formToken   = regexp.MustCompile(`name="interaction" value="([^"]+)"`)
	loginButton = `data-testid="login"`
)

// visit is alice at a browser of her own. It returns the address at which she arrives.
func (n *network) visit(at string) string {
	n.t.Helper()
	cookie, method, form := "", "GET", url.Values{}
	for range 6 {
		r, err := http.NewRequest(method, at, strings.NewReader(form.Encode()))
		if err != nil {
			n.t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {cookie}}
		resp, err := n.RoundTrip(r)
		if err != nil {
			n.t.Fatal(err)
		}
		if set := resp.Header.Get("Set-Cookie"); set != "" {
			cookie, _, _ = strings.Cut(set, ";")
		}
		body, _ := io.ReadAll(resp.Body)
		if to := resp.Header.Get("Location"); to != "" {
			u, err := r.URL.Parse(to)
			if err != nil {
				n.t.Fatal(err)
			}
			if at = u.String(); strings.HasPrefix(at, arrives) {
				return at
			}
			method, form = "GET", url.Values{}
			continue
		}
		action, token := formAction.FindSubmatch(body), formToken.FindSubmatch(body)
		if action == nil || token == nil {
			n.t.Fatalf("%s: no form: %s", at, body)
		}
		u, err := r.URL.Parse(html.UnescapeString(string(action[1])))
		if err != nil {
			n.t.Fatal(err)
		}
		at, method, form = u.String(), "POST", url.Values{"interaction": {string(token[1])}, "action": {"approve"}}
		if bytes.Contains(body, []byte(loginButton)) {
			form = url.Values{"interaction": {string(token[1])}, "action": {"sign-in"}, "username": {"alice"}, "password": {"secret"}}
		}
	}
	n.t.Fatal("no end of pages")
	return ""
}

func (n *network) open(store oauth.Store, config mcp.Config, options oauth.Options) *mcp.Client {
	n.t.Helper()
	config.RedirectURI = arrives
	options.Store, options.HTTP, options.Now = store, &http.Client{Transport: n}, n.clock
	c, err := mcp.Open(n.t.Context(), new(core.Engine), config, options)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { c.Close() })
	return c
}

// send asks the API.
func (n *network) send(c *mcp.Client, signIn func(context.Context, *mcp.SignIn) error, body string) (int, string, error) {
	n.t.Helper()
	res, err := (&http.Client{Transport: c.Transport(n, signIn)}).Post(apiURL, "text/plain", strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(text), nil
}

// M145: the client and core/authserver, both in memory: the whole way from a resource's 401 to a
// token, by a metadata document, with and without a key, by dynamic registration and by a
// registered client; the refresh, also in another process; and the step-up to a scope that a 403
// requires.
func TestM145SignInAtAuthserver(t *testing.T) {
	for _, row := range []struct {
		name   string
		server func(*network, *authserver.Config)
		config mcp.Config
		keyed  bool
		dpop   bool
		client string // the client_id; empty: a registered client
	}{
		{"metadata document", (*network).takesDocuments, mcp.Config{ClientID: documentURL, ClientMetadata: json.RawMessage(`{}`)}, false, false, documentURL},
		{"metadata document, with a key", (*network).takesDocuments, mcp.Config{ClientID: documentURL, ClientKeyID: "k"}, true, false, documentURL},
		{"metadata document, with DPoP", (*network).takesDocuments, mcp.Config{ClientID: documentURL}, false, true, documentURL},
		{"dynamic registration", func(_ *network, c *authserver.Config) { c.InsecureOpenRegistration = true }, mcp.Config{ClientID: documentURL, ClientMetadata: json.RawMessage(`{"client_name":"App"}`)}, false, false, ""},
		{"by hand", func(_ *network, c *authserver.Config) {
			c.Store.AddClient(authserver.Client{ClientID: "known", RedirectURIs: []string{arrives}, GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken}, Scope: "read write"})
		}, mcp.Config{ClientID: documentURL, Clients: []oauth.Config{{Issuer: loginURL, ClientID: "known"}}}, false, false, "known"},
	} {
		t.Run(row.name, func(t *testing.T) {
			n := newNetwork(t, row.server)
			options := oauth.Options{}
			if row.keyed {
				options.ClientKey = n.key
				n.document["token_endpoint_auth_method"] = "private_key_jwt"
				n.document["jwks"] = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: n.key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}}
			}
			row.config.Client.DPoP = row.dpop
			var scopes []string
			signIn := func(ctx context.Context, s *mcp.SignIn) error {
				begun, err := s.Begin(ctx, "")
				if err != nil {
					return err
				}
				scopes = append(scopes, s.Scope)
				return s.Finish(ctx, n.visit(begun.URL))
			}
			store := &oauth.MemoryStore{}
			c := n.open(store, row.config, options)
			status, text, err := n.send(c, signIn, "hello")
			if err != nil || status != 200 || !strings.HasPrefix(text, "alice by "+row.client) {
				t.Fatal(status, text, err)
			}
			if row.client == "" && strings.Contains(text, documentURL) {
				t.Error(text)
			}
			n.count("")
			n.later(11 * time.Minute)
			if status, _, err := n.send(c, nil, "hello"); err != nil || status != 200 || n.count("login.example refresh_token") != 1 {
				t.Error(status, err)
			}
			status, _, err = n.send(c, signIn, "write")
			if err != nil || status != 200 || len(scopes) != 2 || scopes[0] != "read" || scopes[1] != "read write" {
				t.Fatal(status, err, scopes)
			}
			n.later(11 * time.Minute)
			if row.dpop {
				return // the key belongs to the first process
			}
			other := n.open(store, row.config, options)
			if status, text, err := n.send(other, nil, "write"); err != nil || status != 200 || n.login.Stats().RefreshReplays != 0 {
				t.Error(status, text, err)
			}
		})
	}
}

// M146: the site of the client's metadata document is down and the server has evicted the document.
// The client keeps its session, and continues as soon as the site is back.
func TestM146DocumentSiteDown(t *testing.T) {
	n := newNetwork(t, (*network).takesDocuments)
	asked := 0
	signIn := func(ctx context.Context, s *mcp.SignIn) error {
		asked++
		begun, err := s.Begin(ctx, "")
		if err != nil {
			return err
		}
		return s.Finish(ctx, n.visit(begun.URL))
	}
	c := n.open(&oauth.MemoryStore{}, mcp.Config{ClientID: documentURL}, oauth.Options{})
	if status, _, err := n.send(c, signIn, "hello"); err != nil || status != 200 {
		t.Fatal(status, err)
	}
	document := n.document
	n.mu.Lock()
	n.document = nil
	n.mu.Unlock()
	n.later(11 * time.Minute)
	if status, _, err := n.send(c, signIn, "hello"); status == 200 || asked != 1 {
		t.Error(status, err, asked)
	}
	n.mu.Lock()
	n.document = document
	n.mu.Unlock()
	n.later(time.Minute)
	if status, _, err := n.send(c, signIn, "hello"); err != nil || status != 200 || asked != 1 {
		t.Error(status, err, asked)
	}
}

// M147: cross-app access, both ends in memory. The user signs in at the identity provider, and the
// client gets tokens of the resource's own server for that user, bound to its key or not, without
// asking anybody. If that server grants less than the resource requires, the request is refused.
func TestM147CrossAppAccessAtAuthserver(t *testing.T) {
	for _, dpop := range []bool{false, true} {
		n := newNetwork(t, func(*network, *authserver.Config) {})
		idp, err := oauth.Open(t.Context(), new(core.Engine), oauth.Config{Issuer: idpURL, Discovery: true, ClientID: "app", ClientSecret: "app-secret", Scope: "openid offline_access", RedirectURI: arrives},
			oauth.Options{HTTP: &http.Client{Transport: n}, Now: n.clock})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { idp.Close() })
		begun, err := idp.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := idp.Callback(t.Context(), n.visit(begun.URL)); err != nil {
			t.Fatal(err)
		}
		status, err := idp.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		config := mcp.Config{Clients: []oauth.Config{{Issuer: loginURL, ClientID: "app-there", ClientSecret: "there-secret"}},
			Client: oauth.Config{DPoP: dpop, IdentityProvider: &oauth.Config{Issuer: idpURL, Discovery: true, ClientID: "app", ClientSecret: "app-secret"}}}
		c := n.open(&oauth.MemoryStore{}, config, oauth.Options{})
		signIn := func(ctx context.Context, s *mcp.SignIn) error {
			client, err := c.Client(ctx, apiURL)
			if err != nil {
				return err
			}
			_, err = client.CrossAppAccess(ctx, oauth.CrossAppAccessParams{SubjectToken: status.IDToken, Scope: s.Scope})
			return err
		}
		n.count("")
		if status, text, err := n.send(c, signIn, "hello"); err != nil || status != 200 || text != "alice by app-there" {
			t.Fatal(dpop, status, text, err)
		}
		if n.count("login.example "+authserver.GrantJWTBearer) != 1 {
			t.Error("no ID-JAG came")
		}
		// The registration there has no more scope, whatever the provider vouches for.
		var refused *oauth.Error
		if status, _, err := n.send(c, signIn, "write"); status == 200 || err != nil && !errors.As(err, &refused) {
			t.Error(status, err)
		}
	}
}
