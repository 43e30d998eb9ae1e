package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// patience is how long a test waits for what must happen.
const patience = oauthtest.Patience

func deviceSite(t *testing.T, change func(*authserver.Config)) *site {
	return newSite(t, func(c *authserver.Config) {
		c.DeviceInterval = time.Second
		if change != nil {
			change(c)
		}
	})
}

func begin(t *testing.T, c *oauth.Client) oauth.DeviceAuthorization {
	t.Helper()
	d, err := c.DeviceAuthorize(t.Context(), oauth.DeviceParams{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// decide does what a user does at the verification URI: compare the code, sign in, and approve or
// deny.
func (s *site) decide(t *testing.T, d oauth.DeviceAuthorization, action string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	res, err := browser.Get(d.VerificationURIComplete)
	for _, form := range []url.Values{
		{"action": {"continue"}, "user_code": {d.UserCode}}, {"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {action}},
	} {
		if err != nil {
			t.Fatal(err)
		}
		page, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		found := interaction.FindSubmatch(page)
		if readErr != nil || found == nil {
			t.Fatalf("no form: %v, status %d: %s", readErr, res.StatusCode, page)
		}
		form.Set("interaction", string(found[1]))
		to, badAction := res.Request.URL.Parse(html.UnescapeString(string(formAction.FindSubmatch(page)[1])))
		if badAction != nil {
			t.Fatal(badAction)
		}
		res, err = browser.PostForm(to.String(), form)
	}
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err, res)
	}
	res.Body.Close()
}

type outcome struct {
	oauth.Status
	err error
}

// wait starts to wait for the end of the flow.
func wait(t *testing.T, c *oauth.Client) func() outcome {
	ended := make(chan outcome, 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	go func() {
		st, err := c.DeviceWait(ctx)
		ended <- outcome{st, err}
	}()
	return func() outcome { return <-ended }
}

func (o outcome) granted(t *testing.T, c *oauth.Client) {
	t.Helper()
	if o.err != nil || o.Status.Status != "granted" || o.Scope != "profile" || o.Device != nil {
		t.Errorf("%v, %+v", o.err, o.Status)
		return
	}
	if _, err := c.Userinfo(t.Context()); err != nil {
		t.Error(err)
	}
}

// seen collects events.
type seen chan oauth.Event

func (s seen) on(e oauth.Event) { s <- e }

// next returns the next event with that name for which holds is true.
func (s seen) next(t *testing.T, name oauth.EventName, holds func(oauth.Event) bool) oauth.Event {
	t.Helper()
	late := time.After(patience)
	for {
		select {
		case e := <-s:
			if e.Name == name && (holds == nil || holds(e)) {
				return e
			}
		case <-late:
			t.Fatal("no event ", name)
		}
	}
}

// Q30, Q31, Q32, Q35: the device flow with the shipped module and the embedded authorization
// server, with each of its outcomes.
func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, action string
		life         time.Duration
		want         error
	}{
		{"approved", "approve", time.Minute, nil},
		{"denied", "deny", time.Minute, &oauth.Error{Kind: "server", Code: "oauth_error"}},
		{"expired", "", 8 * time.Second, &oauth.Error{Kind: "expired", Code: "device_code_expired"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s, events := deviceSite(t, func(c *authserver.Config) { c.DeviceCodeLifetime = row.life }), make(seen, 99)
			c := s.open(t, oauth.Options{OnEvent: events.on})
			d := begin(t, c)
			if d.VerificationURI != s.URL+"/device" || !strings.Contains(d.VerificationURIComplete, d.UserCode) || d.Interval != time.Second || !d.Polling ||
				time.Until(d.ExpiresAt) > row.life {
				t.Errorf("%+v", d)
			}
			if e := events.next(t, "authorize_with_user_code", nil); e.Device.UserCode != d.UserCode || e.Device.VerificationURI != d.VerificationURI {
				t.Errorf("%+v", e.Device)
			}
			end := wait(t, c)
			if row.action != "" {
				s.decide(t, d, row.action)
			}
			got := end()
			if row.want == nil {
				got.granted(t, c)
				return
			}
			var e *oauth.Error
			if !errors.Is(got.err, row.want) || !errors.As(got.err, &e) || row.action == "deny" && e.OAuthError != "access_denied" {
				t.Errorf("got %v", got.err)
			}
			events.next(t, "request_failed", func(e oauth.Event) bool { return errors.Is(e.Error, row.want) })
			if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" || st.Device != nil {
				t.Errorf("%v, %+v", err, st)
			}
			if err := c.DeviceResume(t.Context()); !errors.Is(err, &oauth.Error{Code: "no_device_code"}) {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

// Q34, Q36: somebody else polls between the client's polls, so the server asks for an interval five
// seconds longer. The longer interval stays, and the flow continues.
func TestDeviceFlowSlowsDown(t *testing.T) {
	t.Parallel()
	s, n, events := deviceSite(t, nil), &tap{}, make(seen, 99)
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}, OnEvent: events.on})
	d := begin(t, c)
	end := wait(t, c)
	for stop := time.Now().Add(patience); n.count() == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(stop) {
			t.Fatal("no poll")
		}
	}
	for slowed := false; !slowed; { // only the first poll may come after the original interval
		res, err := http.PostForm(s.URL+"/token", n.form(0))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if slowed = strings.Contains(string(body), "slow_down"); err != nil || !slowed && !strings.Contains(string(body), "authorization_pending") {
			t.Fatalf("%v, %s", err, body)
		}
	}
	events.next(t, "device", func(e oauth.Event) bool { return e.Device.Interval == 6*time.Second })
	if err := c.DevicePause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.DeviceResume(t.Context()); err != nil {
		t.Fatal(err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Device == nil || st.Device.Interval != 6*time.Second {
		t.Errorf("%v, %+v", err, st.Device)
	}
	s.decide(t, d, "approve")
	end().granted(t, c)
}

// Q36, Q37: polling stops and resumes, while DeviceWait keeps waiting. Meanwhile a refresh is
// refused.
func TestDeviceFlowPausedAndResumed(t *testing.T) {
	t.Parallel()
	s, n := deviceSite(t, nil), &tap{}
	c := s.open(t, oauth.Options{HTTP: &http.Client{Transport: n}})
	d := begin(t, c)
	end := wait(t, c)
	if _, err := c.Refresh(t.Context()); !errors.Is(err, oauth.ErrClient) {
		t.Errorf("a refresh while polling: %v", err)
	}
	if st, err := c.Status(t.Context()); err != nil || st.Status != "temporary_credentials_received" {
		t.Errorf("%v, %q", err, st.Status)
	}
	for range 2 { // stopping twice is allowed
		if err := c.DevicePause(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	before := n.count()
	s.decide(t, d, "approve")
	time.Sleep(1500 * time.Millisecond) // for an interval nothing may happen
	if st, err := c.Status(t.Context()); err != nil || st.Device == nil || st.Device.Polling || st.Device.UserCode != d.UserCode || n.count() != before {
		t.Errorf("%v, %+v, %d polls", err, st.Device, n.count()-before)
	}
	for range 2 {
		if err := c.DeviceResume(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	end().granted(t, c)
	if n.count() != before+1 {
		t.Errorf("%d polls after the pause", n.count()-before)
	}
}

// X9: polling continues when a waiter is cancelled.
func TestDeviceWaitOfACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	s := deviceSite(t, nil)
	c := s.open(t, oauth.Options{})
	d := begin(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := c.DeviceWait(ctx)
		left <- err
	}()
	stays := wait(t, c)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "oauth2: device wait: ") {
		t.Errorf("got %v", err)
	}
	s.decide(t, d, "approve")
	stays().granted(t, c)
}

// Q36: the program ends in the middle of a flow and starts again. It finds the flow unchanged, with
// polling stopped, and continues without another authorization. The next process finds the
// resulting session.
func TestDeviceFlowOverARestart(t *testing.T) {
	t.Parallel()
	s := deviceSite(t, nil)
	dir, err := filestore.Open(t.TempDir() + "/sessions")
	if err != nil {
		t.Fatal(err)
	}
	first := s.open(t, oauth.Options{Store: dir})
	d := begin(t, first)
	first.Close()
	s.decide(t, d, "approve")

	second := s.open(t, oauth.Options{Store: dir})
	st, err := second.Status(t.Context())
	if err != nil || st.Device == nil || st.Device.Polling || st.Device.UserCode != d.UserCode || !st.Device.ExpiresAt.Equal(d.ExpiresAt) {
		t.Fatalf("%v, %+v", err, st.Device)
	}
	if err := second.DeviceResume(t.Context()); err != nil {
		t.Fatal(err)
	}
	wait(t, second)().granted(t, second)
	second.Close()

	third := s.open(t, oauth.Options{Store: dir})
	if st, err := third.Status(t.Context()); err != nil || st.Status != "granted" || st.Device != nil {
		t.Errorf("%v, %+v", err, st)
	}
	if _, err := third.Refresh(t.Context()); err != nil {
		t.Error(err)
	}
}

// If an instance has grown, the session leaves it between two polls, and polling continues in the
// next one.
func TestDeviceFlowOverAnotherInstance(t *testing.T) {
	t.Parallel()
	s := deviceSite(t, nil)
	e := newEngine(t)
	events := make(seen, 99)
	c, err := oauth.Open(t.Context(), e, s.config, oauth.Options{OnEvent: events.on})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	d := begin(t, c)
	before := e.Oldest()
	e.Wear()
	if st, err := c.Status(t.Context()); err != nil || st.Device == nil || !st.Device.Polling || st.Device.UserCode != d.UserCode {
		t.Fatalf("%v, %+v", err, st.Device)
	}
	if e.Oldest() == before {
		t.Error("the instance was not left")
	}
	s.decide(t, d, "approve")
	events.next(t, "granted", nil)
	if _, err := c.Userinfo(t.Context()); err != nil {
		t.Error(err)
	}
}

// Q34: a server that is overloaded gets the next request after the time that it names.
func TestDeviceFlowOverA429(t *testing.T) {
	t.Parallel()
	s := deviceSite(t, nil)
	c := s.open(t, oauth.Options{})
	d := begin(t, c)
	var once sync.Once
	s.setFront(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy := false
		if r.URL.Path == "/token" {
			once.Do(func() { busy = true })
		}
		if busy {
			w.Header().Set("Retry-After", "1")
			http.Error(w, "<html>busy</html>", http.StatusTooManyRequests)
			return
		}
		s.server.ServeHTTP(w, r)
	}))
	end := wait(t, c)
	s.decide(t, d, "approve")
	end().granted(t, c)
}

// Q3, H8: hooks change the requests of this flow, too.
func TestDeviceFlowHooks(t *testing.T) {
	t.Parallel()
	s := deviceSite(t, nil)
	var mu sync.Mutex
	got := map[string]string{}
	s.setFront(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(raw))
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		got[r.URL.Path] = fmt.Sprint(r.Header.Get("X-Stage"), " ", r.UserAgent(), " ", form.Get("audience"))
		mu.Unlock()
		s.server.ServeHTTP(w, r)
	}))
	s.config.UserAgent = "tv/1"
	mark := func(_ context.Context, stage oauth.Stage, r oauth.Request) (oauth.Request, error) {
		r.Headers = append(r.Headers, [2]string{"x-stage", string(stage)})
		return r, nil
	}
	audience := func(_ context.Context, stage oauth.Stage, ps [][2]string) ([][2]string, error) {
		return append(ps, [2]string{"audience", "of-" + string(stage)}), nil
	}
	c := s.open(t, oauth.Options{Hooks: oauth.Hooks{
		Request:    map[oauth.Stage]func(context.Context, oauth.Stage, oauth.Request) (oauth.Request, error){"device_authorization": mark, "polling": mark},
		Parameters: map[oauth.Stage]func(context.Context, oauth.Stage, [][2]string) ([][2]string, error){"device_authorization": audience, "polling": audience},
	}})
	d := begin(t, c)
	end := wait(t, c)
	s.decide(t, d, "approve")
	end().granted(t, c)
	mu.Lock()
	defer mu.Unlock()
	if got["/device_authorization"] != "device_authorization tv/1 of-device_authorization" || got["/token"] != "polling tv/1 of-polling" {
		t.Errorf("%q", got)
	}
}

// Q30: without an endpoint there is an error, and an event.
func TestDeviceFlowWithoutAnEndpoint(t *testing.T) {
	s, events := newSite(t, nil), make(seen, 99)
	s.config.DeviceAuthorizationEndpoint = ""
	c := s.open(t, oauth.Options{OnEvent: events.on})
	missing := &oauth.Error{Kind: "client", Code: "missing"}
	if _, err := c.DeviceAuthorize(t.Context(), oauth.DeviceParams{}); !errors.Is(err, missing) {
		t.Errorf("got %v", err)
	}
	events.next(t, "request_failed", func(e oauth.Event) bool { return errors.Is(e.Error, missing) })
	if _, err := c.DeviceWait(t.Context()); !errors.Is(err, &oauth.Error{Code: "no_device_code"}) {
		t.Errorf("got %v", err)
	}
}
