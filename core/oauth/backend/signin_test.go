package backend_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// TestSignInProxyRefreshSignOut is a browser's day (H9, Q13, X9): real servers, real TLS, and no
// token in anything that the browser gets.
func TestSignInProxyRefreshSignOut(t *testing.T) {
	s := newSite(t)
	b := s.browser()
	res, body := b.call("GET", "/auth/session", nil)
	s.want(res, body, 401, "not_signed_in")
	if at := b.signIn("/auth/login?return_to=%2Fhome%3Fx%3D1"); at != "/home?x=1" {
		t.Fatal("the browser is at", at)
	}
	res, body = b.call("GET", "/auth/session", nil)
	s.want(res, body, 200, `"sub":"demo"`)
	if res.Header.Get("Cache-Control") != "no-store" {
		t.Error(res.Header)
	}
	res, body = b.call("POST", "/api/notes?a=b%2Fc", strings.NewReader("hello"), "Accept", "application/json", "Content-Type", "text/plain", "X-Forwarded-For", "1.2.3.4", "Cookie", "other=1")
	s.want(res, body, 200, `"body":"hello"`)
	var got struct {
		URL, Method string
		Headers     http.Header
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	if got.URL != "/v1/notes?a=b%2Fc" || got.Method != "POST" || got.Headers.Get("Accept") != "application/json" || got.Headers.Get("Content-Type") != "text/plain" {
		t.Error(got)
	}
	for _, name := range []string{"Cookie", "X-Csrf", "Origin", "X-Forwarded-For"} {
		if got.Headers.Get(name) != "" {
			t.Errorf("%s went on", name)
		}
	}
	if res.Header.Get("Set-Cookie") != "" {
		t.Error("a cookie of the resource's reached the browser")
	}

	s.clock.moveOn(30 * time.Minute)
	res, body = b.call("GET", "/api/notes", nil)
	s.want(res, body, 200, "/v1/notes")
	if s.count("refresh_token") != 1 {
		t.Error(s.tokens)
	}

	res, body = b.call("POST", "/auth/logout?return_to=%2Fbye", nil)
	s.want(res, body, 200, s.app.URL+"/auth/logout?ticket=")
	res, body = b.call("GET", "/api/notes", nil)
	s.want(res, body, 401, "not_signed_in")
	if len(s.errs) > 0 {
		t.Error(s.errs)
	}
}

// TestDPoPBehindTheHandler: tokens are bound to a key that is sealed in the Store (RFC 9449).
func TestDPoPBehindTheHandler(t *testing.T) {
	store := &oauth.MemoryStore{}
	s := newSite(t, func(s *site, _ *authserver.Config, c *authserver.Client) {
		c.DPoPBoundAccessTokens, s.config.Client.DPoP = true, true
		store.Now, s.opts.Store = s.clock.now, store
	})
	b := s.signedIn()
	res, body := b.call("GET", "/api/notes", nil)
	s.want(res, body, 200, "/v1/notes")
	s.clock.moveOn(30 * time.Minute)
	res, body = b.call("GET", "/api/notes", nil)
	s.want(res, body, 200, "/v1/notes")
	res, body = b.call("POST", "/auth/logout", nil)
	s.want(res, body, 200, "")
}

// TestBackChannelLogout: the user signs out at the server, and the session here ends.
func TestBackChannelLogout(t *testing.T) {
	told := make(chan struct{}, 1)
	s := newSite(t, func(s *site, config *authserver.Config, _ *authserver.Client) {
		post := s.app.Client()
		config.BackchannelLogout = func(uri, token string) {
			res, err := post.PostForm(uri, map[string][]string{"logout_token": {token}})
			if err != nil || res.StatusCode != 200 {
				t.Error(err, res)
			}
			told <- struct{}{}
		}
	})
	b := s.signedIn()
	_, body := b.call("POST", "/auth/logout", nil) // only to learn the URL of the server's sign-out
	var out struct{ URL string }
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		t.Fatal(err)
	}
	res, body := b.do(b.request("GET", out.URL, nil))
	s.want(res, body, 303, "")
	end := res.Header.Get("Location")
	if at := b.signIn("/auth/login?return_to=%2Fhome"); at != "/home" {
		t.Fatal(at)
	}
	res, body = b.call("GET", "/auth/session", nil)
	s.want(res, body, 200, "demo")
	if res, body := b.do(b.request("GET", end, nil)); res.StatusCode >= 400 {
		t.Fatal(res.StatusCode, body)
	}
	select {
	case <-told:
	case <-time.After(oauthtest.Patience):
		t.Fatal("the server told nobody")
	}
	res, body = b.call("GET", "/auth/session", nil)
	s.want(res, body, 401, "not_signed_in")
}

// TestOneRefreshForAll (X9): fifty requests find the token expired. One refreshes, and none fails.
func TestOneRefreshForAll(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.clock.moveOn(30 * time.Minute)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			req := b.request("GET", "/api/notes", nil, "X-CSRF", "1")
			res, err := b.Do(req)
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Error(res.Status)
			}
		})
	}
	all.Wait()
	if n := s.count("refresh_token"); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// TestBrowserGoesAwayInMidRefresh (X9): the new tokens are stored nevertheless, and the next
// request uses them.
func TestBrowserGoesAwayInMidRefresh(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	s.clock.moveOn(30 * time.Minute)
	asked, goOn := make(chan struct{}), make(chan struct{})
	s.onToken = func(string) {
		close(asked)
		<-goOn
	}
	ctx, goAway := context.WithCancel(t.Context())
	go func() {
		<-asked
		goAway()
	}()
	if _, err := b.Do(b.request("GET", "/api/notes", nil, "X-CSRF", "1").WithContext(ctx)); err == nil {
		t.Fatal("there was an answer")
	}
	s.mu.Lock()
	s.onToken = nil
	s.mu.Unlock()
	close(goOn)
	res, body := b.call("GET", "/api/notes", nil)
	s.want(res, body, 200, "/v1/notes")
	if n := s.count("refresh_token"); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// TestMetadataOfYesterday: what the engine fetches again after an answer is read to its end and
// stored, although the request has ended.
func TestMetadataOfYesterday(t *testing.T) {
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) {
		s.config.SessionLife, s.config.IdleLife = 72*time.Hour, 72*time.Hour
		s.opts.Store = &oauth.MemoryStore{Now: s.clock.now}
	})
	b := s.signedIn()
	fetched := func() string {
		value, _, _, _ := s.opts.Store.Load(t.Context(), oauthtest.StoreKey("oauth2", s.issuer, s.config.Client.ClientID, "metadata"))
		var kept struct {
			At json.Number `json:"fetched_at"`
		}
		json.Unmarshal([]byte(value), &kept)
		return kept.At.String()
	}
	before, answered := fetched(), make(chan struct{})
	s.onMetadata = func() { <-answered }
	s.clock.moveOn(25 * time.Hour)
	res, body := b.call("GET", "/api/notes", nil) // it refreshes, so it needs the endpoint
	s.want(res, body, 200, "/v1/notes")
	if fetched() != before {
		t.Fatal("the answer waited for the metadata")
	}
	close(answered)
	for deadline := time.Now().Add(oauthtest.Patience); fetched() == before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the metadata of yesterday are still there")
		}
	}
}

// TestRingIsRotated: a new key in front signs nobody out; a ring without the old key does.
func TestRingIsRotated(t *testing.T) {
	old, next := backend.NewKey(), backend.NewKey()
	ring := func(keys ...string) *backend.Ring {
		r, err := backend.ReadRing(strings.Join(keys, ","))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) {
		s.opts.Store = &oauth.MemoryStore{Now: s.clock.now}
		s.opts.Ring = ring(old)
	})
	b := s.signedIn()
	for _, row := range []struct {
		name   string
		ring   *backend.Ring
		status int
	}{{"a new key", ring(next, old), 200}, {"the old one is gone", ring(next), 401}} {
		t.Run(row.name, func(t *testing.T) {
			s.opts.Ring = row.ring
			s.serve(s.handler())
			res, body := b.call("GET", "/auth/session", nil)
			s.want(res, body, row.status, "")
		})
	}
}
