package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/hosttest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// Compare-and-set works across processes: no addition is lost.
func TestProcessesCount(t *testing.T) {
	d, path := fresh(t)
	const processes, each = 4, 25
	var all []*hosttest.Child
	for range processes {
		all = append(all, hosttest.Start(t, "count", path, strconv.Itoa(each)))
	}
	for _, c := range all {
		c.End()
	}
	if value, _, _, err := d.Load(t.Context(), "number"); err != nil || value != strconv.Itoa(processes*each) {
		t.Errorf("%v, %s", err, value)
	}
}

// A process that is killed while it writes leaves the last value that it reported, or the next one.
func TestKilledWhileWriting(t *testing.T) {
	d, path := fresh(t)
	for round := range 5 {
		c := hosttest.Start(t, "write", path)
		for range round + 1 {
			c.Line()
		}
		last := ""
		go c.Process.Kill()
		for l := range c.Lines {
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

// A process waits for a lock that another one holds. When the holder is killed, the system releases
// the lock.
func TestLockOfAnotherProcess(t *testing.T) {
	d, path := fresh(t)
	c := hosttest.Start(t, "hold", path, "n")
	if l := c.Line(); l != "held" {
		t.Fatal(l)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := d.Lock(ctx, "n"); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	c.Kill()
	ctx, cancel = context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	unlock, err := d.Lock(ctx, "n")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// X9, A8: processes that refresh one session at once send each refresh token once, and none of them
// is signed out.
func TestProcessesShareASession(t *testing.T) {
	d, path := fresh(t)
	s := hosttest.NewSite(t, 0) // a token that is sent twice would end the session for all
	s.SignIn(t, d)
	var all []*hosttest.Child
	for range 4 {
		all = append(all, hosttest.Start(t, "refresh", path, s.URL, "5"))
	}
	for n, c := range all {
		if got := fmt.Sprint(c.End()); got != "[granted true]" {
			t.Errorf("process %d: %s", n, got)
		}
	}
	seen := map[string]bool{}
	for _, token := range s.Sent() {
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

// X9: a process is killed while it holds the lock, after the server has rotated the token and
// before the answer arrives. The next one gets the lock, sees from the store that the token was
// sent, and sends it once more, as the server's grace period allows.
func TestKilledInMidRefresh(t *testing.T) {
	d, path := fresh(t)
	s := hosttest.NewSite(t, time.Minute)
	s.SignIn(t, d)
	told := make(chan struct{}, 9)
	s.Answered(func(_ int, r *http.Request) { // the answer is held back
		told <- struct{}{}
		<-r.Context().Done()
	})
	killed := hosttest.Start(t, "refresh", path, s.URL, "1")
	select {
	case <-told:
	case <-time.After(oauthtest.Patience):
		t.Fatal("no refresh")
	}
	waiting := hosttest.Start(t, "refresh", path, s.URL, "1") // it waits for the lock, in another process
	s.Answered(nil)
	killed.Kill()
	if got := fmt.Sprint(waiting.End()); got != "[granted true]" {
		t.Errorf("the next process: %s", got)
	}
	sent := s.Sent()
	if len(sent) < 2 || sent[0] != sent[1] {
		t.Errorf("%d refreshes, not the same token first", len(sent))
	}
}

// E33: Status reports a sign-out in another process, and one second later no token is returned.
func TestSignedOutInAnotherProcess(t *testing.T) {
	_, path := fresh(t)
	const issuer = "http://127.0.0.1:9" // no request is sent there
	c, err := openClient(path, issuer)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "a", TokenType: "Bearer", ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	hosttest.Start(t, "leave", path, issuer).End()
	if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("%v, %v", st.Status, err)
	}
	if _, err := c.Token(t.Context()); !errors.Is(err, &oauth.Error{Code: "not_signed_in"}) {
		t.Error(err)
	}
}
