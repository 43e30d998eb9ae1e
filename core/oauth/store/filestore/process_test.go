package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Compare-and-set holds across processes: no addition is lost.
func TestProcessesCount(t *testing.T) {
	d, path := fresh(t)
	const processes, each = 4, 25
	var all []*child
	for range processes {
		all = append(all, start(t, "count", path, strconv.Itoa(each)))
	}
	for _, c := range all {
		c.end()
	}
	if value, _, _, err := d.Load(t.Context(), "number"); err != nil || value != strconv.Itoa(processes*each) {
		t.Errorf("%v, %s", err, value)
	}
}

// A process that is killed while it writes leaves the last value that it reported, or the one after it.
func TestKilledWhileWriting(t *testing.T) {
	d, path := fresh(t)
	for round := range 5 {
		c := start(t, "write", path)
		for range round + 1 {
			c.line()
		}
		last := ""
		go c.cmd.Process.Kill()
		for l := range c.lines {
			last = l
		}
		value, version, ok, err := d.Load(t.Context(), "long")
		if err != nil || !ok || len(value) != 100_000 || strings.Trim(value, value[:1]) != "" {
			t.Fatalf("after %q: %v, %v, %d bytes", last, err, ok, len(value))
		}
		next := "next"
		if _, err := d.Store(t.Context(), "long", version, &next); err != nil {
			t.Fatal(err)
		}
	}
}

// A lock that another process holds is waited for, not taken; when that process is killed, the system frees it.
func TestLockOfAnotherProcess(t *testing.T) {
	d, path := fresh(t)
	c := start(t, "hold", path, "n")
	if l := c.line(); l != "held" {
		t.Fatal(l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := d.Lock(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	c.kill()
	ctx, cancel = context.WithTimeout(t.Context(), patience)
	defer cancel()
	unlock, err := d.Lock(ctx, "n")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

const redirectURI = "http://127.0.0.1/cb"

// site is an authorization server that rotates refresh tokens, as in a process of its own.
type site struct {
	*httptest.Server
	server *authserver.Server
	mu     sync.Mutex
	sent   []string      // refresh tokens, in the order in which they came
	stall  chan struct{} // where set, told that the server has answered a refresh whose answer stays here
}

func newSite(t *testing.T, grace time.Duration) *site {
	t.Helper()
	store := authserver.NewMemoryStore()
	if err := store.AddClient(authserver.Client{
		ClientID: "notes", RedirectURIs: []string{redirectURI}, Scope: "profile",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken},
	}); err != nil {
		t.Fatal(err)
	}
	s := &site{}
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

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/token" {
		s.server.ServeHTTP(w, r)
		return
	}
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return
	}
	refreshing := form.Get("grant_type") == "refresh_token"
	s.mu.Lock()
	if refreshing {
		s.sent = append(s.sent, form.Get("refresh_token"))
	}
	stall := s.stall
	s.mu.Unlock()
	if stall == nil || !refreshing {
		s.server.ServeHTTP(w, r)
		return
	}
	s.server.ServeHTTP(httptest.NewRecorder(), r)
	stall <- struct{}{}
	<-r.Context().Done()
}

func (s *site) stalling(told chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stall = told
}

func (s *site) tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.sent...)
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// signIn leaves a session in the directory, the way a user would.
func (s *site) signIn(t *testing.T, path string) {
	t.Helper()
	c, err := openClient(path, s.URL)
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

// X9, A8: processes that refresh one session at once send each refresh token once, and none of them is signed out.
func TestProcessesShareASession(t *testing.T) {
	_, path := fresh(t)
	s := newSite(t, 0) // a token that came twice would end the session for all
	s.signIn(t, path)
	var all []*child
	for range 4 {
		all = append(all, start(t, "refresh", path, s.URL, "5"))
	}
	for n, c := range all {
		if got := fmt.Sprint(c.end()); got != "[granted true]" {
			t.Errorf("process %d: %s", n, got)
		}
	}
	seen := map[string]bool{}
	for _, token := range s.tokens() {
		if seen[token] {
			t.Error("a refresh token was sent twice")
		}
		seen[token] = true
	}
	if len(seen) < 5 || len(seen) > 20 {
		t.Errorf("%d refreshes", len(seen))
	}
	c, err := openClient(path, s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}

// X9: a process is killed under the lock, after the server has rotated and before the answer is there. The next one gets the lock,
// knows from what is stored that the token was sent, and sends it once more, as the server's grace allows.
func TestKilledInMidRefresh(t *testing.T) {
	_, path := fresh(t)
	s := newSite(t, time.Minute)
	s.signIn(t, path)
	told := make(chan struct{}, 9)
	s.stalling(told)
	killed := start(t, "refresh", path, s.URL, "1")
	select {
	case <-told:
	case <-time.After(patience):
		t.Fatal("no refresh")
	}
	waiting := start(t, "refresh", path, s.URL, "1") // for the lock, in another process
	s.stalling(nil)
	killed.kill()
	if got := fmt.Sprint(waiting.end()); got != "[granted true]" {
		t.Errorf("the next process: %s", got)
	}
	sent := s.tokens()
	if len(sent) < 2 || sent[0] != sent[1] {
		t.Errorf("%d refreshes, not the same token first", len(sent))
	}
}

// E33: a sign-out in another process is what status says, and no token is given out a second later.
func TestSignedOutInAnotherProcess(t *testing.T) {
	_, path := fresh(t)
	const issuer = "http://127.0.0.1:9" // nothing is asked there
	c, err := openClient(path, issuer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	start(t, "leave", path, issuer).end()
	if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("%v, %v", st.Status, err)
	}
	if _, err := c.Token(t.Context()); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
		t.Error(err)
	}
}
