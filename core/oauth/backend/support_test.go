package backend_test

import (
	"encoding/json"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// A clock is the clock of a whole site. It runs, and a test can move it forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) moveOn(by time.Duration) { c.ahead.Add(int64(by)) }

// A site is an authorization server, an API, and handlers between them and browsers. Each of them
// is a real server.
type site struct {
	t      *testing.T
	clock  clock
	auth   *authserver.Server
	issuer string
	api    func(w http.ResponseWriter, r *http.Request) // nil: it answers with what it got, if the token is valid
	app    *httptest.Server
	config backend.Config
	opts   backend.Options
	keys   string             // of opts.Ring
	serve  func(http.Handler) // replaces the handler

	mu         sync.Mutex
	tokens     map[string]int // number of token requests by grant type
	onToken    func(grant string)
	afterToken func(grant string)
	onMetadata func()
	secrets    map[string]bool // what no browser may see
	errs       []error
}

const base = "/auth"

// siteStore returns the store of a site; nil: memory. TestMain sets it for the runs after the
// first.
var siteStore func(t testing.TB) oauth.Store

func newSite(t *testing.T, change ...func(*site, *authserver.Config, *authserver.Client)) *site {
	t.Helper()
	s := &site{t: t, tokens: map[string]int{}, secrets: map[string]bool{}}
	var front, back, own atomic.Pointer[http.HandlerFunc]
	serve := func(p *atomic.Pointer[http.HandlerFunc]) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { (*p.Load())(w, r) }
	}
	as := httptest.NewServer(serve(&front))
	t.Cleanup(as.Close)
	api := httptest.NewServer(serve(&back))
	t.Cleanup(api.Close)
	s.app = httptest.NewTLSServer(serve(&own))
	t.Cleanup(s.app.Close)
	s.issuer = as.URL

	store := authserver.NewMemoryStore()
	client := authserver.Client{
		ClientID: "web", ClientSecret: "the secret of the client", RedirectURIs: []string{s.app.URL + base + "/callback"}, Scope: "openid profile notes.read",
		GrantTypes:             []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken, authserver.GrantClientCredentials, authserver.GrantTokenExchange},
		PostLogoutRedirectURIs: []string{s.app.URL + "/bye"}, BackchannelLogoutURI: s.app.URL + base + "/backchannel_logout",
	}
	config := authserver.Config{
		Issuer: s.issuer, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret", Name: "Demo"}, "other": {Password: "secret"}}, Now: s.clock.now,
		Scopes: []authserver.Scope{{Name: "notes.read", Description: "Read your notes"}}, BackchannelLogout: authserver.PostLogoutTokens(s.app.Client().Transport),
	}
	s.config = backend.Config{
		Client: oauth.Config{Issuer: s.issuer, Discovery: true, ClientID: client.ClientID, ClientSecret: client.ClientSecret, Scope: "openid profile notes.read"},
		Base:   s.app.URL + base,
		Proxy:  []backend.Route{{Path: "/api", Target: api.URL + "/v1"}},
	}
	s.keys = backend.NewKey()
	ring, err := backend.ReadRing(s.keys)
	if err != nil {
		t.Fatal(err)
	}
	s.opts = backend.Options{Ring: ring, Now: s.clock.now, OnError: func(err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.errs = append(s.errs, err)
	}}
	if siteStore != nil {
		s.opts.Store = siteStore(t)
	}
	for _, f := range change {
		f(s, &config, &client)
	}
	if err := store.AddClient(client); err != nil {
		t.Fatal(err)
	}
	if s.auth, err = authserver.New(config); err != nil {
		t.Fatal(err)
	}
	frontFunc := http.HandlerFunc(s.watchTokens)
	front.Store(&frontFunc)
	backFunc := http.HandlerFunc(s.resource)
	back.Store(&backFunc)
	s.serve = func(h http.Handler) {
		f := http.HandlerFunc(h.ServeHTTP)
		own.Store(&f)
	}
	s.serve(s.handler())
	return s
}

func (s *site) handler() *backend.Handler {
	s.t.Helper()
	h, err := backend.New(bff.Engine(), s.config, s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	return h
}

// watchTokens is the authorization server. It records issued tokens as secrets.
func (s *site) watchTokens(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		if strings.HasPrefix(r.URL.Path, "/.well-known/") && s.onMetadata != nil {
			s.onMetadata()
		}
		s.auth.ServeHTTP(w, r)
		return
	}
	raw, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(raw))
	grant := form.Get("grant_type")
	s.mu.Lock()
	s.tokens[grant]++
	hook, after := s.onToken, s.afterToken
	s.mu.Unlock()
	if hook != nil {
		hook(grant)
	}
	r = r.WithContext(s.t.Context()) // the browser may be gone
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	rec := httptest.NewRecorder()
	s.auth.ServeHTTP(rec, r)
	var answer map[string]any
	json.Unmarshal(rec.Body.Bytes(), &answer)
	s.mu.Lock()
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		if text, ok := answer[name].(string); ok {
			s.secrets[text] = true
		}
	}
	s.mu.Unlock()
	if after != nil {
		after(grant)
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

func (s *site) count(grant string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[grant]
}

// answerWith sets how the API answers. A connection that it broke off may still use the old
// function.
func (s *site) answerWith(api func(w http.ResponseWriter, r *http.Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.api = api
}

// resource is the API: a caller with a valid token learns what it sent.
func (s *site) resource(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	api := s.api
	s.mu.Unlock()
	if api != nil {
		api(w, r)
		return
	}
	raw, _ := io.ReadAll(r.Body)
	_, refusal, ok := s.auth.CheckAccess(authserver.Request{Method: r.Method, URL: "http://" + r.Host + r.URL.RequestURI(), Header: r.Header, Now: s.clock.now()}, authserver.Access{Scope: "notes.read"})
	if !ok {
		for name, values := range refusal.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(refusal.Status)
		return
	}
	headers := r.Header.Clone()
	headers.Del("Authorization")
	headers.Del("DPoP")
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Set-Cookie", "api=1")
	json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "url": r.URL.RequestURI(), "body": string(raw), "headers": headers})
}

// A browser keeps cookies, and searches everything that it gets for secrets.
type browser struct {
	s *site
	*http.Client
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar, Transport: s.app.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request and returns the answer with its body.
func (b *browser) do(req *http.Request) (*http.Response, string) {
	b.s.t.Helper()
	res, err := b.Do(req)
	if err != nil {
		b.s.t.Fatal(err)
	}
	raw, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		b.s.t.Fatal(err)
	}
	if strings.HasPrefix(req.URL.String(), b.s.app.URL) {
		b.s.look(res, string(raw))
	}
	return res, string(raw)
}

// look fails the test if an answer to the browser contains a token.
func (s *site) look(res *http.Response, body string) {
	s.t.Helper()
	var all strings.Builder
	res.Header.Write(&all)
	all.WriteString(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	for secret := range s.secrets {
		// The ID token is a parameter of the server's end-session URL (RP-Initiated Logout section
		// 2).
		if strings.Contains(strings.ReplaceAll(all.String(), "id_token_hint="+secret, ""), secret) {
			s.t.Errorf("a token in the answer to %s: %s", res.Request.URL, all.String())
		}
	}
}

func (b *browser) request(method, path string, body io.Reader, pairs ...string) *http.Request {
	b.s.t.Helper()
	if strings.HasPrefix(path, "/") {
		path = b.s.app.URL + path
	}
	req, err := http.NewRequest(method, path, body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		req.Header.Add(pairs[i], pairs[i+1])
	}
	return req
}

// call is a request of the page's own script.
func (b *browser) call(method, path string, body io.Reader, pairs ...string) (*http.Response, string) {
	b.s.t.Helper()
	return b.do(b.request(method, path, body, append([]string{"X-CSRF", "1", "Origin", b.s.app.URL}, pairs...)...))
}

var (
	interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)
	formAction  = regexp.MustCompile(`<form[^>]* action="([^"]+)"`)
)

// signIn goes to the sign-in, does what a user does there, and returns where the browser ended.
func (b *browser) signIn(path string) string {
	b.s.t.Helper()
	back := b.approve(path)
	res, body := b.do(b.request("GET", back, nil))
	if res.StatusCode != 303 {
		b.s.t.Fatalf("%s: %d %s", back, res.StatusCode, body)
	}
	return strings.TrimPrefix(res.Header.Get("Location"), b.s.app.URL)
}

// approve is signIn up to the server's redirect to the callback.
func (b *browser) approve(path string) (callback string) {
	b.s.t.Helper()
	res, body := b.do(b.request("GET", path, nil))
	forms := []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {"approve"}}}
	for {
		if to := res.Header.Get("Location"); to != "" {
			next, err := res.Request.URL.Parse(to)
			if err != nil {
				b.s.t.Fatal(err)
			}
			if strings.HasPrefix(next.String(), b.s.app.URL) {
				return next.String()
			}
			res, body = b.do(b.request("GET", next.String(), nil))
			continue
		}
		found, action := interaction.FindStringSubmatch(body), formAction.FindStringSubmatch(body)
		if found == nil || action == nil || len(forms) == 0 {
			b.s.t.Fatalf("%s: %d %s", res.Request.URL, res.StatusCode, body)
		}
		to, err := res.Request.URL.Parse(html.UnescapeString(action[1]))
		if err != nil {
			b.s.t.Fatal(err)
		}
		forms[0].Set("interaction", found[1])
		req := b.request("POST", to.String(), strings.NewReader(forms[0].Encode()), "Content-Type", "application/x-www-form-urlencoded")
		res, body = b.do(req)
		forms = forms[1:]
	}
}

// signedIn returns a browser whose user has signed in.
func (s *site) signedIn() *browser {
	s.t.Helper()
	b := s.browser()
	if at := b.signIn(base + "/login?return_to=%2Fhome"); at != "/home" {
		s.t.Fatal("the browser is at", at)
	}
	return b
}

// want checks an answer's status and a part of its body.
func (s *site) want(res *http.Response, body string, status int, part string) {
	s.t.Helper()
	if res.StatusCode != status || !strings.Contains(body, part) {
		request := ""
		if res.Request != nil {
			request = res.Request.Method + " " + res.Request.URL.String()
		}
		s.t.Fatalf("%s: want %d %s, got %d %s", request, status, part, res.StatusCode, body)
	}
}
