package backend_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// TestShutdown: a handler that is told to stop waits for a refresh that is under way, until its
// context ends, and probes hear that it is not ready (B91, B92).
func TestShutdown(t *testing.T) {
	s := newSite(t)
	h := s.handler()
	s.serve(h)
	b := s.signedIn()
	res, body := b.call("GET", "/auth/ready", nil)
	s.want(res, body, 200, `"ready":true`)
	arrived, release := make(chan struct{}), make(chan struct{})
	s.onToken = func(grant string) {
		if grant == "refresh_token" {
			close(arrived)
			<-release
		}
	}
	s.clock.moveOn(30 * time.Minute)
	answered := make(chan int, 1)
	go func() {
		res, _ := b.call("GET", "/api/notes", nil)
		answered <- res.StatusCode
	}()
	<-arrived
	short, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Shutdown(short); !errors.Is(err, context.Canceled) {
		t.Error("it did not wait:", err)
	}
	res, body = s.browser().call("GET", "/auth/ready", nil)
	s.want(res, body, 503, "stopping")
	res, body = s.browser().call("GET", "/auth/session", nil)
	s.want(res, body, 401, "not_signed_in")
	both := make(chan error, 2) // as often as anybody likes
	for range 2 {
		go func() { both <- h.Shutdown(context.Background()) }()
	}
	close(release)
	if status := <-answered; status != 200 {
		t.Error(status)
	}
	for range 2 {
		if err := <-both; err != nil {
			t.Error(err)
		}
	}
}

// TestShutdownWaitsForLocks: a lock whose release is still on its way to another machine counts as
// work (B91).
func TestShutdownWaitsForLocks(t *testing.T) {
	locker := &slowLocker{releasing: make(chan struct{}), release: make(chan struct{})}
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) { s.opts.Locker = locker })
	h := s.handler()
	s.serve(h)
	b := s.signedIn()
	s.clock.moveOn(30 * time.Minute)
	res, body := b.call("GET", "/api/notes", nil)
	s.want(res, body, 200, "/v1/notes")
	<-locker.releasing
	over, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.Shutdown(over); !errors.Is(err, context.Canceled) {
		t.Error("it did not wait:", err)
	}
	close(locker.release)
	if err := h.Shutdown(context.Background()); err != nil {
		t.Error(err)
	}
}

type slowLocker struct {
	oauth.MemoryLocker
	once               sync.Once
	releasing, release chan struct{}
}

func (l *slowLocker) Lock(ctx context.Context, name string) (func(), error) {
	unlock, err := l.MemoryLocker.Lock(ctx, name)
	return func() {
		l.once.Do(func() { close(l.releasing) })
		<-l.release
		unlock()
	}, err
}

// TestReadyNeedsTheStore: a store that fails is told to probes (B90).
func TestReadyNeedsTheStore(t *testing.T) {
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) { s.opts.Store = failing{} })
	res, body := s.browser().call("GET", "/auth/ready", nil)
	s.want(res, body, 503, "temporarily_unavailable")
}

type failing struct{}

func (failing) Load(context.Context, string) (value, version string, ok bool, err error) {
	return "", "", false, errors.New("the store is away")
}

func (failing) Store(context.Context, string, string, *string) (string, error) {
	return "", errors.New("the store is away")
}

type caller struct{}

// TestOnEffect: a backend tells of every effect, with the status of answers, the values of the
// request's context, and nothing secret (B80, B94).
func TestOnEffect(t *testing.T) {
	s := newSite(t)
	var mu sync.Mutex
	var all []oauth.EffectInfo
	s.opts.OnEffect = func(e oauth.EffectInfo) {
		mu.Lock()
		defer mu.Unlock()
		all = append(all, e)
		if e.Context.Value(caller{}) == nil {
			t.Errorf("%s has not the values of the request's context", e.Kind)
		}
	}
	h, err := backend.New(bff.Engine(), s.config, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), caller{}, true)))
	}))
	b := s.signedIn()
	b.call("GET", "/api/notes?a=secret-query", nil)
	s.browser().call("GET", "/auth/session", nil)
	if err := h.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	seen := func(kind oauth.EffectKind, status int) bool {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range all {
			if e.Answered && e.Kind == kind && e.Status == status {
				return true
			}
		}
		return false
	}
	for _, want := range []struct {
		kind   oauth.EffectKind
		status int
	}{{"respond", 303}, {"respond", 200}, {"respond", 401}, {"proxy", 200}, {"http", 200}, {"store", 0}, {"load", 0}} {
		for range 1000 { // told in a moment
			if seen(want.kind, want.status) {
				break
			}
			time.Sleep(time.Millisecond)
		}
		if !seen(want.kind, want.status) {
			t.Errorf("nothing told of %s %d", want.kind, want.status)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	text := fmt.Sprint(all)
	for secret := range s.secrets {
		if strings.Contains(text, secret) {
			t.Error("a secret is told")
		}
	}
	if strings.Contains(text, "secret-query") {
		t.Error("a query is told")
	}
}
