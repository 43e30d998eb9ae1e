package wasm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// wire is a network that records its messages, and lets a test change answers.
type wire struct {
	mu     sync.Mutex
	sent   []message
	change func(*http.Response) // changes an answer; nil: none
}

type message struct {
	*http.Request
	body string
}

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	m := message{Request: req}
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		m.body = string(raw)
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(strings.NewReader(m.body))
	}
	w.mu.Lock()
	w.sent = append(w.sent, m)
	change := w.change
	w.mu.Unlock()
	res, err := http.DefaultTransport.RoundTrip(req)
	if err == nil && change != nil {
		change(res)
	}
	return res, err
}

func (w *wire) set(change func(*http.Response)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change = change
}

// to returns the messages to a path since the last call.
func (w *wire) to(path string) (found []message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.sent {
		if m.URL.Path == path {
			found = append(found, m)
		}
	}
	w.sent = nil
	return found
}

// again replays a message, as somebody who stole it would, and returns the status.
func (m message) again(t *testing.T, change func(*http.Request)) int {
	t.Helper()
	req, err := http.NewRequest(m.Method, m.URL.String(), strings.NewReader(m.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = m.Header.Clone()
	if change != nil {
		change(req)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// boundSite is a server with its own resource. Both require proofs with their nonces.
func boundSite(t *testing.T) *site {
	t.Helper()
	s := newSite(t, func(c *authserver.Config) { c.DPoPNonceInterval, c.DeviceInterval = time.Hour, time.Second })
	s.config.DPoP = true
	s.config.TokenDestinations = []string{s.URL}
	inner := s.server
	s.setFront(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/notes" {
			inner.ServeHTTP(w, r)
			return
		}
		_, answer, ok := inner.CheckAccess(authserver.Request{Method: r.Method, URL: s.URL + r.URL.Path, Header: r.Header, Now: time.Now()}, authserver.Access{Scope: "profile"})
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Status)
		if ok {
			io.WriteString(w, "notes")
		}
	}))
	return s
}

// become replaces an answer.
func become(res *http.Response, status int, body string) {
	res.Body.Close()
	res.StatusCode, res.Status = status, fmt.Sprint(status)
	res.Header.Del("Content-Length")
	res.ContentLength = -1
	res.Body = io.NopCloser(bytes.NewReader([]byte(body)))
}

// X10: somebody who steals a token that is bound to a key, and a proof that was sent with it,
// cannot use it: not for the same request again, not for another one, not with their own key, not
// as a bearer token.
func TestAttackStolenToken(t *testing.T) {
	s, n := boundSite(t), &wire{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	s.signIn(t, c)
	spent := n.to("/token")
	res, err := (&http.Client{Transport: c.Transport(n)}).Get(s.URL + "/notes")
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	res.Body.Close()
	sent := n.to("/notes")
	stolen := sent[len(sent)-1]
	thief := s.open(t, oauth.Options{Store: &oauth.MemoryStore{}, HTTP: &http.Client{Transport: n}})
	s.signIn(t, thief)
	if _, err := thief.Userinfo(t.Context()); err != nil {
		t.Fatal(err)
	}
	own, err := thief.Prepare(t.Context(), "GET", s.URL+"/notes")
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*http.Request){
		"the same again": nil,
		"another method": func(r *http.Request) { r.Method = "POST" },
		"another path":   func(r *http.Request) { r.URL.Path = "/userinfo" },
		"another key":    func(r *http.Request) { r.Header.Set("DPoP", own.Get("DPoP")) },
		"as a bearer token": func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", "Bearer", 1))
		},
		"as one, with no proof": func(r *http.Request) {
			r.Header.Del("DPoP")
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "DPoP", "Bearer", 1))
		},
		"without a proof": func(r *http.Request) { r.Header.Del("DPoP") },
	} {
		if status := stolen.again(t, change); status != 401 {
			t.Errorf("%s: %d", name, status)
		}
	}
	for _, m := range spent {
		if status := m.again(t, nil); status != 400 {
			t.Errorf("a token request again: %d", status)
		}
	}
	// The bytes of a session, with all its tokens, are also useless without the key.
	session, err := c.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.to("")
	copied := s.open(t, oauth.Options{Session: session, HTTP: &http.Client{Transport: n}})
	if _, err := copied.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Code: "no_key"}) {
		t.Errorf("a stolen session: %v", err)
	}
	if _, err := copied.Prepare(t.Context(), "GET", s.URL+"/notes"); !errors.Is(err, &oauth.Error{Code: "no_key"}) {
		t.Errorf("a stolen session: %v", err)
	}
	if got := n.to("/token"); len(got) > 0 {
		t.Error("the stolen refresh token was sent without the key")
	}
}

// Q43: if the server, or somebody in its place, answers with a bearer token where a bound one was
// requested, that is an error, and the session stays unchanged.
func TestAttackDowngradeToBearer(t *testing.T) {
	s, n := boundSite(t), &wire{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	downgrade := func(res *http.Response) {
		if res.Request.URL.Path == "/token" && res.StatusCode == 200 {
			become(res, 200, `{"access_token":"loose","token_type":"Bearer","refresh_token":"loose","expires_in":3600}`)
		}
	}
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	n.set(downgrade)
	if _, err := c.Callback(t.Context(), s.visit(t, begun.URL)); !errors.Is(err, &oauth.Error{Kind: "server", Code: "dpop_downgrade"}) {
		t.Errorf("at the sign-in: %v", err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("%v, %+v", err, st)
	}
	n.set(nil)
	s.signIn(t, c)
	before, err := c.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	n.set(downgrade)
	if _, err := c.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Kind: "server", Code: "dpop_downgrade"}) {
		t.Errorf("at the refresh: %v", err)
	}
	if after, err := c.Token(t.Context()); err != nil || after.AccessToken != before.AccessToken {
		t.Errorf("the session holds %v, %v", after, err)
	}
}

// A server that never accepts its own nonce gets each request twice, and no more.
func TestAttackEndlessNonces(t *testing.T) {
	s, n := boundSite(t), &wire{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	s.signIn(t, c)
	n.to("")
	count := 0
	var mu sync.Mutex
	content := s.front
	s.setFront(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		count++
		w.Header().Set("DPoP-Nonce", fmt.Sprint("nonce-", count))
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(401)
		io.WriteString(w, `{"error":"use_dpop_nonce"}`)
	}))
	if _, err := c.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Kind: "server", Code: "oauth_error"}) {
		t.Errorf("the token endpoint: %v", err)
	}
	if got := n.to("/token"); len(got) != 2 {
		t.Errorf("the token endpoint: %d requests", len(got))
	}
	if _, err := c.Userinfo(t.Context()); !errors.Is(err, oauth.ErrServer) {
		t.Errorf("userinfo: %v", err)
	}
	if got := n.to("/userinfo"); len(got) != 2 {
		t.Errorf("userinfo: %d requests", len(got))
	}
	res, err := (&http.Client{Transport: c.Transport(n)}).Get(s.URL + "/notes")
	if err != nil || res.StatusCode != 401 {
		t.Fatal(err, res)
	}
	res.Body.Close()
	if got := n.to("/notes"); len(got) != 2 {
		t.Errorf("a resource: %d requests", len(got))
	}
	s.setFront(content)
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Errorf("when it is over: %v", err)
	}
}

// Q22, X10: a client of two servers, one of which is an attacker's and sends the user on to the
// honest one, to learn its code (RFC 9700 section 4.4): the response names its issuer, and no code
// leaves the client.
func TestAttackMixUp(t *testing.T) {
	honest, evil, n := newSite(t, nil), newSite(t, nil), &wire{}
	open := func(config oauth.Config) *oauth.Client {
		t.Helper()
		c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: n}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	discovered := func(issuer string) oauth.Config {
		return oauth.Config{Issuer: issuer, Discovery: true, ClientID: "notes", RedirectURI: "http://127.0.0.1/cb", Scope: "openid", PushedAuthorizationRequests: "off"}
	}
	// elsewhere returns an authorization URL at the other server with the same parameters.
	elsewhere := func(page, to string) string {
		u, err := url.Parse(page)
		if err != nil {
			t.Fatal(err)
		}
		other, err := url.Parse(to)
		if err != nil {
			t.Fatal(err)
		}
		u.Host = other.Host
		return u.String()
	}
	c := open(discovered(evil.URL))
	for name, change := range map[string]func(url.Values){
		"wrong_iss": nil, "missing_iss": func(q url.Values) { q.Del("iss") },
		"repeated_parameter": func(q url.Values) { q.Add("iss", evil.URL) },
	} {
		begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		callback, err := url.Parse(honest.visit(t, elsewhere(begun.URL, honest.URL)))
		if err != nil {
			t.Fatal(err)
		}
		if q := callback.Query(); change != nil {
			change(q)
			callback.RawQuery = q.Encode()
		}
		if _, err := c.Callback(t.Context(), callback.String()); !errors.Is(err, &oauth.Error{Kind: "callback_not_verified", Code: name}) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := n.to("/token"); len(got) > 0 {
		t.Errorf("%d codes went out", len(got))
	}

	// An attacker's metadata name some or all of the honest server's endpoints, or that server as
	// the issuer.
	for name, metadata := range map[string]string{
		"its authorization endpoint": `{"issuer":"EVIL","authorization_endpoint":"HONEST/authorize","token_endpoint":"EVIL/token","jwks_uri":"EVIL/jwks","authorization_response_iss_parameter_supported":true}`,
		"the honest issuer":          `{"issuer":"HONEST","authorization_endpoint":"HONEST/authorize","token_endpoint":"EVIL/token","jwks_uri":"HONEST/jwks"}`,
	} {
		evil := httptest.NewServer(nil)
		evil.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, strings.NewReplacer("EVIL", evil.URL, "HONEST", honest.URL).Replace(metadata))
		})
		t.Cleanup(evil.Close)
		c := open(discovered(evil.URL))
		begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if name == "the honest issuer" {
			if !errors.Is(err, &oauth.Error{Kind: "server", Code: "wrong_issuer"}) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Callback(t.Context(), honest.visit(t, begun.URL)); !errors.Is(err, &oauth.Error{Code: "wrong_iss"}) {
			t.Errorf("%s: %v", name, err)
		}
		if got := n.to("/token"); len(got) > 0 {
			t.Errorf("%s: %d codes went out", name, len(got))
		}
	}
}

// Q20, Q22: an attacker's code, or a victim's code at the attacker's client, in a response that is
// valid otherwise (RFC 9700 section 4.5): the code is bound to the verifier of its own attempt, and
// to its key.
func TestAttackCodeInjection(t *testing.T) {
	for name, bound := range map[string]bool{"PKCE": false, "PKCE and proofs": true} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, nil)
			s.config.DPoP = bound
			victim, attacker := s.open(t, oauth.Options{}), s.open(t, oauth.Options{})
			responses := map[*oauth.Client]*url.URL{}
			for _, c := range []*oauth.Client{victim, attacker} {
				begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
				if err != nil {
					t.Fatal(err)
				}
				if bound != strings.Contains(begun.URL, "dpop_jkt=") {
					t.Errorf("dpop_jkt: %s", begun.URL)
				}
				if responses[c], err = url.Parse(s.visit(t, begun.URL)); err != nil {
					t.Fatal(err)
				}
			}
			for c, other := range map[*oauth.Client]*oauth.Client{victim: attacker, attacker: victim} {
				if _, err := c.Callback(t.Context(), responses[other].String()); !errors.Is(err, &oauth.Error{Code: "wrong_state"}) {
					t.Errorf("a whole response: %v", err)
				}
				injected, q := *responses[c], responses[c].Query()
				q.Set("code", responses[other].Query().Get("code"))
				injected.RawQuery = q.Encode()
				_, err := c.Callback(t.Context(), injected.String())
				if e, ok := errors.AsType[*oauth.Error](err); !ok || e.OAuthError != "invalid_grant" && e.OAuthError != "invalid_dpop_proof" {
					t.Errorf("a code alone: %v", err)
				}
				if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
					t.Errorf("%v, %+v", err, st)
				}
			}
		})
	}
}

// Q20: no attacker on the way and no metadata can make the client, or the server, give up S256 (RFC
// 9700 section 2.1.1).
func TestAttackPKCEDowngrade(t *testing.T) {
	const secret = "a-secret-of-the-test"
	s := newSite(t, func(c *authserver.Config) {
		if err := c.Store.(*authserver.MemoryStore).AddClient(authserver.Client{
			ClientID: "confidential", ClientSecret: secret, RedirectURIs: []string{"http://127.0.0.1/cb"}, Scope: "profile",
		}); err != nil {
			t.Fatal(err)
		}
	})
	s.config.ClientID, s.config.ClientSecret = "confidential", secret // this server requires no challenge of such a client
	c := s.open(t, oauth.Options{})
	for name, change := range map[string]func(url.Values){
		"left out":     func(q url.Values) { q.Del("code_challenge"); q.Del("code_challenge_method") },
		"another one":  func(q url.Values) { q.Set("code_challenge", strings.Repeat("A", 43)) },
		"as it stands": nil,
	} {
		begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		page, err := url.Parse(begun.URL)
		if err != nil {
			t.Fatal(err)
		}
		if q := page.Query(); change != nil {
			change(q)
			page.RawQuery = q.Encode()
		}
		_, err = c.Callback(t.Context(), s.visit(t, page.String()))
		if e, ok := errors.AsType[*oauth.Error](err); change == nil && err != nil || change != nil && (!ok || e.OAuthError != "invalid_grant") {
			t.Errorf("%s: %v", name, err)
		}
	}

	weak := httptest.NewServer(nil)
	defer weak.Close()
	weak.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"issuer":%[1]q,"authorization_endpoint":"%[1]s/authorize","token_endpoint":"%[1]s/token","code_challenge_methods_supported":["plain"]}`, weak.URL)
	})
	plain, err := openConfig(t, oauth.Config{Issuer: weak.URL, Discovery: true, ClientID: "notes", RedirectURI: "http://127.0.0.1/cb"})
	if err != nil {
		t.Fatal(err)
	}
	if begun, err := plain.Authorize(t.Context(), oauth.AuthorizeParams{}); err == nil && !strings.Contains(begun.URL, "code_challenge_method=S256") {
		t.Errorf("metadata without S256: %s", begun.URL)
	}
}
