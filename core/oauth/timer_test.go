package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// screen is a server with a device flow (RFC 8628) whose user decides when approve is called. Its
// interval is one second, the shortest that the protocol allows.
type screen struct {
	peer
	approved atomic.Bool
	polls    atomic.Int32
}

func newScreen() *screen {
	s := &screen{}
	s.replace = func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/device" {
			return respond(200, `{"device_code":"d","user_code":"ABCD","verification_uri":"https://as.example/device","expires_in":600,"interval":1}`), nil
		}
		if s.polls.Add(1); s.approved.Load() {
			return respond(200, `{"access_token":"by-device","token_type":"Bearer"}`), nil
		}
		return respond(400, `{"error":"authorization_pending"}`), nil
	}
	return s
}

func openDevice(t *testing.T, e oauth.Engine, s *screen, opts oauth.Options) *oauth.Client {
	t.Helper()
	own := config
	own.DeviceAuthorizationEndpoint = "https://as.example/device"
	opts.HTTP = &http.Client{Transport: &s.peer}
	c, err := oauth.Open(t.Context(), e, own, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := c.DeviceAuthorize(t.Context(), oauth.DeviceParams{}); err != nil {
		t.Fatal(err)
	}
	return c
}

// soon is a context for a wait that must fail.
func soon(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// Q30, Q31, Q32: DeviceAuthorize, Status and the events all have what the user must see.
func TestDeviceFlowIsReadable(t *testing.T) {
	events := make(chan oauth.Event, 99)
	c := openDevice(t, native(t), newScreen(), oauth.Options{OnEvent: func(e oauth.Event) { events <- e }})
	st, err := c.Status(t.Context())
	if err != nil || st.Status != "temporary_credentials_received" || st.Device == nil {
		t.Fatalf("%v, %+v", err, st)
	}
	if d := st.Device; d.UserCode != "ABCD" || d.VerificationURI != "https://as.example/device" || d.Interval != time.Second || !d.Polling ||
		time.Until(d.ExpiresAt) < 9*time.Minute {
		t.Errorf("%+v", d)
	}
	want := []string{"status temporary_credentials_received", "device ABCD false", "authorize_with_user_code ABCD false", "device ABCD true"}
	for _, w := range want {
		select {
		case e := <-events:
			got := string(e.Name) + " " + string(e.Status)
			if e.Device != nil {
				got = fmt.Sprint(e.Name, " ", e.Device.UserCode, " ", e.Device.Polling)
				if !e.ExpiresAt.IsZero() {
					t.Error("ExpiresAt is that of an access token")
				}
			}
			if got != w {
				t.Errorf("event %s, not %s", got, w)
			}
		case <-time.After(oauthtest.Patience):
			t.Fatal("no event ", w)
		}
	}
	if err := c.DeviceCancel(t.Context()); err != nil {
		t.Fatal(err)
	}
	for over := false; !over; {
		select {
		case e := <-events:
			over = e.Name == "device" && e.Device.UserCode == ""
		case <-time.After(oauthtest.Patience):
			t.Fatal("no event that the flow is over")
		}
	}
	if st, err := c.Status(t.Context()); err != nil || st.Device != nil {
		t.Errorf("%v, %+v", err, st.Device)
	}
	if err := c.DeviceResume(t.Context()); !errors.Is(err, &oauth.Error{Kind: "client", Code: "no_device_code"}) {
		t.Errorf("got %v", err)
	}
}

// Q36: a session that moves to another instance between two polls keeps its timer.
func TestWornInstanceIsLeftWhilePolling(t *testing.T) {
	e, s := &mortal{}, newScreen()
	c := openDevice(t, e, s, oauth.Options{})
	e.wear()
	if st, err := c.Status(t.Context()); err != nil || st.Device == nil || !st.Device.Polling || e.opened() != 2 {
		t.Fatalf("%v, %+v, opened %d times", err, st.Device, e.opened())
	}
	s.approved.Store(true)
	if st, err := c.DeviceWait(soon(t)); err != nil || st.Status != "granted" {
		t.Errorf("%v, %q", err, st.Status)
	}
}

// A trap stops the polling, because nobody knows how far the instance came. DeviceResume continues
// with what is stored.
func TestTrapStopsThePolling(t *testing.T) {
	e, s := &mortal{}, newScreen()
	c := openDevice(t, e, s, oauth.Options{})
	waiting := make(chan error, 1)
	go func() {
		_, err := c.DeviceWait(context.Background())
		waiting <- err
	}()
	eventually(t, "DeviceWait is under way", func() bool { return e.count("device_wait") == 1 })
	e.trap(`"command":"userinfo"`)
	c.Userinfo(t.Context())
	if err := <-waiting; !errors.Is(err, oauth.ErrInternal) {
		t.Errorf("DeviceWait got %v", err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Device == nil || st.Device.Polling {
		t.Fatalf("%v, %+v", err, st.Device)
	}
	s.approved.Store(true)
	if err := c.DeviceResume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := c.DeviceWait(soon(t)); err != nil || st.Status != "granted" {
		t.Errorf("%v, %q", err, st.Status)
	}
}

// Q10: a session that only has timers is opened again after each trap, but not more than once a
// minute.
func TestTrapsOfASessionThatNobodyAsks(t *testing.T) {
	var ahead atomic.Int64
	e := &mortal{}
	quiet := open(t, e, &peer{}, oauth.Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	setToken(t, quiet, oldToken)
	other := open(t, e, nil, oauth.Options{})
	trap := func() (opened int) {
		before := e.opened()
		e.trap(`"command":"userinfo"`)
		if _, err := other.Userinfo(t.Context()); !errors.Is(err, oauth.ErrInternal) {
			t.Fatalf("got %v", err)
		}
		e.trap("")
		if _, err := other.Status(t.Context()); err != nil {
			t.Fatal(err)
		}
		return e.opened() - before
	}
	if n := trap(); n != 2 {
		t.Errorf("opened %d times after the first trap, not each of the two", n)
	}
	if n := trap(); n != 1 {
		t.Errorf("opened %d times at once after it", n)
	}
	if _, err := quiet.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	trap()
	ahead.Store(int64(2 * time.Minute))
	if n := trap(); n != 2 {
		t.Errorf("opened %d times two minutes later", n)
	}
}

// Close stops timers, requests and waits: nothing of a client keeps running.
func TestCloseLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		s := newScreen()
		c := openDevice(t, native(t), s, oauth.Options{OnEvent: func(oauth.Event) {}})
		ended := make(chan error, 1)
		go func() {
			_, err := c.DeviceWait(context.Background())
			ended <- err
		}()
		p := &peer{asked: make(chan struct{}, 9), answer: make(chan struct{})}
		refreshing := open(t, native(t), p, oauth.Options{})
		setToken(t, refreshing, oldToken)
		go refreshing.Token(context.Background())
		<-p.asked
		c.Close()
		refreshing.Close()
		if err := <-ended; !errors.Is(err, oauth.ErrClosed) && !errors.Is(err, oauth.ErrClient) {
			t.Error(err)
		}
	}
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= before })
}

// A timer of thirty days that was running when its client was closed keeps nothing of the client in
// memory.
func TestCloseStopsTimers(t *testing.T) {
	freed := make(chan struct{})
	func() {
		e := &core.Engine{}
		runtime.AddCleanup(e, func(ch chan struct{}) { close(ch) }, freed)
		c, err := oauthtest.OpenSession(e, oauth.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Perform([]byte(`{"kind":"timer","ms":2592000000}`)); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}()
	eventually(t, "the engine is let go", func() bool {
		runtime.GC()
		select {
		case <-freed:
			return true
		default:
			return false
		}
	})
}

// RetryAfter is a Duration. A server that asked to wait gets the next request only on demand.
func TestRetryAfter(t *testing.T) {
	p := &peer{}
	p.replace = func(*http.Request) (*http.Response, error) {
		r := respond(429, `{}`)
		r.Header.Set("Retry-After", "90")
		return r, nil
	}
	c := open(t, native(t), p, oauth.Options{})
	setToken(t, c, oldToken)
	_, err := c.Token(t.Context())
	var e *oauth.Error
	if !errors.As(err, &e) || e.RetryAfter != 90*time.Second || e.Status != 429 || !e.Retryable || !strings.HasPrefix(err.Error(), "oauth2: token: ") {
		t.Errorf("got %v, %+v", err, e)
	}
	if _, err := c.Token(t.Context()); !errors.As(err, &e) || e.Code != "retry_later" || e.RetryAfter <= 0 || e.RetryAfter > 90*time.Second {
		t.Errorf("the next one got %v, %+v", err, e)
	}
}
