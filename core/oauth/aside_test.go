package oauth_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// If a caller cannot be cancelled, its request runs on its own goroutine, so a panic of the
// transport reaches it. The session continues.
func TestPatientCallerDoesItsOwnRequest(t *testing.T) {
	p := &peer{}
	var sent atomic.Bool
	p.replace = func(*http.Request) (*http.Response, error) {
		if !sent.Swap(true) {
			panic("test")
		}
		return respond(200, `{"access_token":"a1","token_type":"Bearer","expires_in":3600}`), nil
	}
	c := open(t, native(t), p, oauth.Options{})
	setToken(t, c, oldToken)
	func() {
		defer func() {
			if recover() != "test" {
				t.Error("not on the caller's goroutine")
			}
		}()
		c.Token(context.Background())
	}()
	if token, err := c.Token(context.Background()); err != nil || token.AccessToken != "a1" {
		t.Errorf("afterwards: %v", err)
	}
}

// A caller that cannot be cancelled does not wait for the work of others: it gets the token as soon
// as that exists, while the request that others need continues.
func TestPatientCallerIsNotKeptByOthers(t *testing.T) {
	p := &peer{asked: make(chan struct{}, 9), answer: make(chan struct{})}
	c := open(t, native(t), p, oauth.Options{})
	setToken(t, c, oldToken)
	var ended atomic.Int32
	both := make(chan struct{})
	for range 2 {
		go func() {
			if _, err := c.Token(context.Background()); err != nil {
				t.Error(err)
			}
			if ended.Add(1) == 2 {
				close(both)
			}
		}()
	}
	<-p.asked
	status, err := c.Status(context.Background()) // this does not wait for the request
	if err != nil || status.Status != "refreshing" {
		t.Errorf("%v %v", status.Status, err)
	}
	p.answer <- struct{}{}
	select {
	case <-both:
	case <-time.After(oauthtest.Patience):
		t.Fatal("a caller was left waiting")
	}
	if p.count() != 1 {
		t.Errorf("%d refreshes", p.count())
	}
}

// The caller of a command does not wait while metadata are fetched again after the command.
func TestPatientCallerLeavesWhatIsBehind(t *testing.T) {
	answers := make(chan struct{})
	defer close(answers)
	var slow atomic.Bool
	now := time.Now()
	own := oauth.Config{ClientID: "app", Issuer: "https://as.example", Discovery: true, RedirectURI: "https://app.example/cb"}
	c, err := oauth.Open(t.Context(), native(t), own, oauth.Options{
		Now: func() time.Time { return now },
		HTTP: &http.Client{Transport: roundTripper(func(req *http.Request) (*http.Response, error) {
			if slow.Load() {
				select {
				case <-answers:
				case <-req.Context().Done():
				}
			}
			return respond(200, `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/a","token_endpoint":"https://as.example/t","response_types_supported":["code"]}`), nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Authorize(context.Background(), oauth.AuthorizeParams{}); err != nil {
		t.Fatal(err)
	}
	now = now.Add(25 * time.Hour)
	slow.Store(true)
	done := make(chan error, 1)
	go func() {
		_, err := c.Authorize(context.Background(), oauth.AuthorizeParams{})
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(oauthtest.Patience):
		t.Fatal("kept by a request in the background")
	}
}
