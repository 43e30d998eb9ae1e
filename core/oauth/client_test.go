package oauth_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// X9: the shared refresh goes on if the first caller is cancelled.
func TestCancelledCallerLeavesTheOthers(t *testing.T) {
	p := &peer{asked: make(chan struct{}, 9), answer: make(chan struct{})}
	c := open(t, native(t), p, oauth.Options{})
	setToken(t, c, oldToken)

	first, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.Token(first)
		left <- err
	}()
	<-p.asked
	stays := make(chan oauth.Token, 1)
	go func() {
		token, err := c.Token(t.Context())
		if err != nil {
			t.Error(err)
		}
		stays <- token
	}()
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "oauth2: token: ") {
		t.Errorf("the first got %v", err)
	}
	p.answer <- struct{}{}
	if token := <-stays; token.AccessToken != "a1" {
		t.Errorf("the other got %q", token.AccessToken)
	}
	if p.count() != 1 {
		t.Errorf("%d refreshes", p.count())
	}
}

func TestCloseEndsCommandsAndFreesLocks(t *testing.T) {
	p := &peer{asked: make(chan struct{}, 9), answer: make(chan struct{})}
	store, locker := &oauth.MemoryStore{}, &oauth.MemoryLocker{}
	c := open(t, native(t), p, oauth.Options{Store: store, Locker: locker})
	setToken(t, c, oldToken)
	ended := make(chan error, 1)
	go func() {
		_, err := c.Token(context.Background())
		ended <- err
	}()
	<-p.asked // the process holds the lock
	c.Close()
	c.Close()
	if err := <-ended; !errors.Is(err, oauth.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Token(t.Context()); !errors.Is(err, oauth.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	if _, err := locker.Lock(ctx, oauthtest.StoreKey("oauth2", config.TokenEndpoint, config.ClientID, "session")); err != nil {
		t.Errorf("the lock is still held: %v", err)
	}
}

// Two clients with the same store in one process share a lock automatically, and so they refresh
// once.
func TestClientsOfOneStoreRefreshOnce(t *testing.T) {
	p, store := &peer{}, &oauth.MemoryStore{}
	var clients []*oauth.Client
	first := open(t, native(t), p, oauth.Options{Store: store})
	setToken(t, first, oldToken)
	for range 10 {
		clients = append(clients, open(t, native(t), p, oauth.Options{Store: store}))
	}
	var wg sync.WaitGroup
	for _, c := range clients {
		wg.Go(func() {
			if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "a1" {
				t.Errorf("got %v, %q", err, token.AccessToken)
			}
		})
	}
	wg.Wait()
	if p.count() != 1 {
		t.Errorf("%d refreshes", p.count())
	}
}

func TestListenerMayCallTheClient(t *testing.T) {
	var c *oauth.Client
	ready, asked := make(chan struct{}), make(chan string, 9)
	opts := oauth.Options{OnEvent: func(e oauth.Event) {
		<-ready
		if e.Name == "granted" {
			token, err := c.Token(context.Background())
			asked <- fmt.Sprint(token.AccessToken, err)
		}
	}}
	c = open(t, native(t), &peer{}, opts)
	close(ready)
	setToken(t, c, oauth.Token{AccessToken: "a", TokenType: "Bearer"})
	select {
	case got := <-asked:
		if got != "a<nil>" && got != "a <nil>" {
			t.Error(got)
		}
	case <-time.After(oauthtest.Patience):
		t.Fatal("the listener never came back")
	}
}

func TestEventsComeInOrder(t *testing.T) {
	var events recorder
	c := open(t, native(t), &peer{}, oauth.Options{OnEvent: events.on})
	setToken(t, c, oldToken)
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := "status granted, granted, status refreshing, status granted, granted"
	eventually(t, want, func() bool {
		events.mu.Lock()
		defer events.mu.Unlock()
		return strings.Join(events.names, ", ") == want
	})
}

// The log shows kind, stage, method, origin and path, then the outcome, and no secret in any of
// them (D1).
func TestEffectLogIsRedacted(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	p := &peer{}
	c := open(t, native(t), p, oauth.Options{OnEffect: func(i oauth.EffectInfo) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, fmt.Sprint(i))
	}})
	setToken(t, c, oauth.Token{AccessToken: "secret-a", RefreshToken: "secret-r", TokenType: "Bearer", ExpiresAt: time.Unix(1000, 0)})
	type caller struct{}
	if _, err := c.Token(context.WithValue(t.Context(), caller{}, "secret-c")); err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`\{http refresh POST https://as\.example/token (\S+)  false 0  0s\}[\s\S]*\{http refresh POST https://as\.example/token (\S+)  true 200  \S+s\}`)
	eventually(t, want.String(), func() bool {
		mu.Lock()
		defer mu.Unlock()
		found := want.FindStringSubmatch(strings.Join(lines, "\n"))
		return found != nil && found[1] == found[2]
	})
	mu.Lock()
	if all := strings.Join(lines, "\n"); strings.Contains(all, "secret") {
		t.Error(all)
	}
	mu.Unlock()
	if s := fmt.Sprintf("%v %+v %#v", oauth.Token{AccessToken: "secret-a"}, oauth.Token{AccessToken: "secret-a"}, oauth.Token{AccessToken: "secret-a"}); strings.Contains(s, "secret-a") {
		t.Error(s)
	}
}

// Q3, H8: hooks change parameters and requests, and get the stage.
func TestHooks(t *testing.T) {
	p := &peer{}
	c := open(t, native(t), p, oauth.Options{Hooks: oauth.Hooks{
		Parameters: map[oauth.Stage]func(context.Context, oauth.Stage, [][2]string) ([][2]string, error){
			"refresh": func(_ context.Context, stage oauth.Stage, ps [][2]string) ([][2]string, error) {
				return append(ps, [2]string{"audience", string(stage)}), nil
			},
		},
		Request: map[oauth.Stage]func(context.Context, oauth.Stage, oauth.Request) (oauth.Request, error){
			"refresh": func(_ context.Context, _ oauth.Stage, r oauth.Request) (oauth.Request, error) {
				r.Body += "&last=1"
				return r, nil
			},
			"token": func(context.Context, oauth.Stage, oauth.Request) (oauth.Request, error) {
				return oauth.Request{}, errors.New("no")
			},
		},
	}})
	setToken(t, c, oldToken)
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := p.requests[0]; !strings.Contains(got, "audience=refresh") || !strings.HasSuffix(got, "&last=1") {
		t.Error(got)
	}
	if _, err := c.Exchange(t.Context(), oauth.ExchangeParams{Code: "x"}); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("a hook that fails: %v", err)
	}
}

func TestTooLargeCommand(t *testing.T) {
	c := open(t, native(t), nil, oauth.Options{})
	_, err := c.Callback(t.Context(), "https://app.example/cb?x="+strings.Repeat("x", oauth.MaxMessage))
	if !errors.Is(err, &oauth.Error{Kind: "client", Code: "too_large", Op: "callback"}) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// If a source of random bytes fails or returns too few, another one replaces it, so that no input
// lacks fresh bytes.
func TestEntropyIsNeverUsedTwice(t *testing.T) {
	c := open(t, native(t), nil, oauth.Options{Rand: bytes.NewReader(bytes.Repeat([]byte{7, 8, 9, 10}, 60))})
	seen := map[string]bool{}
	for range 100 {
		a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		if seen[a.State] {
			t.Fatal("a state came twice")
		}
		seen[a.State] = true
	}
}

// Q13, X10: the token is sent to configured resources only, and never after a redirect.
func TestTransport(t *testing.T) {
	var got []string
	api := roundTripper(func(req *http.Request) (*http.Response, error) {
		got = append(got, req.URL.String()+" "+req.Header.Get("Authorization"))
		if req.URL.Path == "/v1/moved" {
			r := respond(302, "")
			r.Header.Set("Location", "https://api.example/v1/items")
			return r, nil
		}
		return respond(200, "{}"), nil
	})
	c := open(t, native(t), &peer{}, oauth.Options{})
	setToken(t, c, oauth.Token{AccessToken: "a", TokenType: "Bearer"})
	h := &http.Client{Transport: c.Transport(api)}
	if _, err := h.Get("https://api.example/v1/items"); err != nil {
		t.Fatal(err)
	}
	for _, foreign := range []string{"https://evil.example/v1/items", "https://api.example/other", "http://api.example/v1/items"} {
		if _, err := h.Get(foreign); !errors.Is(err, oauth.ErrClient) {
			t.Errorf("%s: %v", foreign, err)
		}
	}
	if _, err := h.Get("https://api.example/v1/moved"); err == nil {
		t.Error("a redirect was followed")
	}
	if want := "https://api.example/v1/items Bearer a, https://api.example/v1/moved Bearer a"; strings.Join(got, ", ") != want {
		t.Error(got)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// 100 clients with one engine, each with its own store, at once.
func TestManyClientsOnOneEngine(t *testing.T) {
	manyClients(t, native(t))
}

func manyClients(t *testing.T, e oauth.Engine) {
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			p := &peer{}
			c, err := oauth.Open(t.Context(), e, config, oauth.Options{HTTP: &http.Client{Transport: p}})
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
			if err != nil {
				t.Error(err)
				return
			}
			r, err := c.Callback(t.Context(), "https://app.example/cb?code=x&state="+url.QueryEscape(a.State))
			if err != nil || r.AppState != "mine" || r.Status.Status != "granted" {
				t.Errorf("%v, %+v", err, r)
			}
			if token, err := c.FreshToken(t.Context()); err != nil || token.AccessToken != "a2" {
				t.Errorf("%v, %q", err, token.AccessToken)
			}
		})
	}
	wg.Wait()
}
