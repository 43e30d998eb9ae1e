package wasm_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// Q9, Q10: a token that is valid for two seconds is refreshed again and again without any call, and
// an event comes before each refresh.
func TestAutoRefresh(t *testing.T) {
	t.Parallel()
	s, events := newSite(t, func(c *authserver.Config) { c.AccessTokenLifetime = 2 * time.Second }), make(seen, 99)
	s.config.AutoRefresh = true
	c := s.open(t, oauth.Options{OnEvent: events.on})
	s.signIn(t, c)
	last := events.next(t, "granted", nil)
	for range 2 {
		if e := events.next(t, "about_to_expire", nil); !e.ExpiresAt.Equal(last.ExpiresAt) {
			t.Errorf("%v is about to expire, not %v", e.ExpiresAt, last.ExpiresAt)
		}
		now := events.next(t, "granted", nil)
		// The lifetime is shorter than the lead of ten seconds, and yet refreshes are two seconds
		// apart.
		if apart := now.ExpiresAt.Sub(last.ExpiresAt); apart < 2*time.Second {
			t.Errorf("refreshed after %v", apart)
		}
		last = now
	}
	if n := s.server.Stats().TokenRequests["refresh_token"]; n < 2 {
		t.Errorf("%d refreshes", n)
	}
}

// Q9: with a lead and without automatic refresh there is only the event.
func TestAboutToExpire(t *testing.T) {
	t.Parallel()
	s, events := newSite(t, func(c *authserver.Config) { c.AccessTokenLifetime = 3 * time.Second }), make(seen, 99)
	s.config.RefreshLead = new(time.Second)
	c := s.open(t, oauth.Options{OnEvent: events.on})
	s.signIn(t, c)
	granted := events.next(t, "granted", nil)
	if e := events.next(t, "about_to_expire", nil); !e.ExpiresAt.Equal(granted.ExpiresAt) {
		t.Errorf("%+v", e)
	}
	if n := s.server.Stats().TokenRequests["refresh_token"]; n != 0 {
		t.Errorf("%d refreshes", n)
	}
	s.config.RefreshLead = new(-time.Nanosecond)
	var e *oauth.Error
	if _, err := openConfig(t, s.config); !errors.As(err, &e) || e.Field != "refresh_lead_ms" {
		t.Errorf("a negative lead: %v", err)
	}
}

// H5: the error contains the server's Retry-After. Until then the held token is still used, and
// nothing is sent.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	s, n := newSite(t, nil), &tap{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	s.signIn(t, c)
	s.setFront(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	_, err := c.Refresh(t.Context())
	var e *oauth.Error
	if !errors.As(err, &e) || e.Status != 503 || e.RetryAfter != 2*time.Minute || !e.Retryable {
		t.Fatalf("%v, %+v", err, e)
	}
	before := n.count()
	if token, err := c.Token(t.Context()); err != nil || token.AccessToken == "" {
		t.Errorf("got %v", err)
	}
	if n.count() != before {
		t.Error("asked again before the time")
	}
	s.setFront(nil)
	if _, err := c.Refresh(t.Context()); err != nil {
		t.Errorf("told to: %v", err)
	}
}
