package oauthtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// RunChanges tests two clients with the same sessions, each with its own store from stores. What
// one client writes, the other's Status shows and an event reports, and no token of an ended
// session is returned. If the stores are Notifiers, the event comes without a Status call.
func RunChanges(t *testing.T, open func(testing.TB) oauth.Engine, stores func(testing.TB) (a, b oauth.Store)) {
	first, second := stores(t)
	_, notified := second.(oauth.Notifier)
	var ahead atomic.Int64 // how far the clock is ahead, ms
	changes := make(chan string, 100)
	issued := 0
	server := roundTripper(func(r *http.Request) string {
		issued++
		return fmt.Sprintf(`{"access_token":"new-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"r-%d"}`, issued, issued)
	})
	client := func(store oauth.Store, onEvent func(oauth.Event)) *oauth.Client {
		locker, _ := store.(oauth.Locker)
		c, err := oauth.Open(t.Context(), open(t), oauth.Config{
			ClientID: "app", TokenEndpoint: "https://as.example/token", RevocationEndpoint: "https://as.example/revoke",
		}, oauth.Options{
			Store: store, Locker: locker, HTTP: &http.Client{Transport: server}, OnEvent: onEvent,
			Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load()) * time.Millisecond) },
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	a := client(first, nil)
	b := client(second, func(e oauth.Event) {
		if e.Name == "changed" {
			changes <- string(e.Change)
		}
	})
	status := func(want oauth.SessionStatus) {
		t.Helper()
		if st, err := b.Status(t.Context()); err != nil || st.Status != want {
			t.Errorf("status %q, want %q, %v", st.Status, want, err)
		}
	}
	status("not_authenticated")
	enter := func(ctx context.Context) error {
		_, err := a.SetToken(ctx, oauth.Token{AccessToken: "set", TokenType: "Bearer", ExpiresAt: time.Now().Add(24 * time.Hour), RefreshToken: "r"})
		return err
	}
	for _, row := range []struct {
		change string
		status oauth.SessionStatus
		do     func(context.Context) error
	}{
		{"signed_in", "granted", enter},
		{"refreshed", "granted", func(ctx context.Context) error { _, err := a.Refresh(ctx); return err }},
		{"other_account", "granted", enter},
		{"signed_out", "not_authenticated", func(ctx context.Context) error { _, err := a.LogOut(ctx, oauth.LogOutParams{}); return err }},
	} {
		ahead.Add(1_000)
		if err := row.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !notified {
			status(row.status)
		}
		select {
		case got := <-changes:
			if got != row.change {
				t.Errorf("heard of %q, want %q", got, row.change)
			}
		case <-time.After(Patience):
			t.Fatalf("nothing is heard of %q", row.change)
		}
		status(row.status)
	}
	if _, err := b.Token(t.Context()); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
		t.Errorf("a token after the end: %v", err)
	}

	// Without a call of Status: one second later no token is returned.
	if err := enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	status("granted")
	if _, err := a.LogOut(t.Context(), oauth.LogOutParams{}); err != nil {
		t.Fatal(err)
	}
	ahead.Add(1_000)
	for end := time.Now().Add(Patience); ; time.Sleep(time.Millisecond) { // a Notifier needs time
		token, err := b.Token(t.Context())
		if errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
			break
		}
		if !notified || time.Now().After(end) {
			t.Fatalf("a second after the end: %v, %v", token.AccessToken, err)
		}
	}
	select {
	case <-changes:
	default:
	}

	// Many calls at once share reads of the store: all of them get the result.
	if err := enter(t.Context()); err != nil {
		t.Fatal(err)
	}
	answers := make(chan string)
	for range 50 {
		go func() {
			st, err := b.Status(t.Context())
			answers <- fmt.Sprint(st.Status, err)
		}()
	}
	for range 50 {
		if got := <-answers; got != "granted<nil>" {
			t.Error(got)
		}
	}
}

// roundTripper returns the response body for a request.
type roundTripper func(*http.Request) string

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	body := f(r)
	return &http.Response{
		StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}, nil
}
