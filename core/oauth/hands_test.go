package oauth_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

// An error after which the server certainly got nothing differs from one after which it may have:
// only after the first is a retry always safe.
func TestTransportErrorsAreToldApart(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	reset := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	defer reset.Close()
	short := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "short")
	}))
	defer short.Close()
	secure := httptest.NewTLSServer(nil)
	defer secure.Close()
	for _, row := range []struct{ name, url, want string }{
		{"refused connection", closed.URL, "unsent"},
		{"unknown host", "https://unknown.invalid/", "unsent"},
		{"certificate of nobody", secure.URL, "unsent"},
		{"connection closed after the request", reset.URL, "network"},
		{"body cut short", short.URL, "network"},
		{"impossible header", "https://as.example/\x7f", "unsent"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := perform(t, oauth.Options{}, `{"kind":"http","method":"POST","url":"`+row.url+
				`","headers":[],"body":{"text":"a=b"},"redirect":"refuse","timeout_ms":5000,"max_body":1000}`); got != `{"failed":{"kind":"`+row.want+`"}}` {
				t.Error(got)
			}
		})
	}
}

func perform(t *testing.T, opts oauth.Options, effect string) string {
	t.Helper()
	c, err := oauthtest.OpenSession(native(t), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	p, err := c.Perform([]byte(strings.ReplaceAll(effect, "\x7f", `\u007f`)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	raw, err := p.Answer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// A caller's http.Client keeps its transport, and loses its redirects, cookies and time limit.
func TestClientOptionsCannotFollowOrRemember(t *testing.T) {
	mux := http.NewServeMux()
	var cookies []string
	mux.HandleFunc("/from", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "c", Value: "1"})
		http.Redirect(w, r, "/to", http.StatusFound)
	})
	mux.HandleFunc("/to", func(w http.ResponseWriter, r *http.Request) { cookies = append(cookies, r.Header.Get("Cookie")) })
	server := httptest.NewServer(mux)
	defer server.Close()
	opts := oauth.Options{HTTP: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil }, Jar: jar{},
	}}
	request := `{"kind":"http","method":"GET","url":"URL","headers":[],"redirect":"refuse","timeout_ms":5000,"max_body":1000}`
	if got := perform(t, opts, strings.Replace(request, "URL", server.URL+"/from", 1)); got != `{"failed":{"kind":"redirect"}}` {
		t.Error(got)
	}
	perform(t, opts, strings.Replace(request, "URL", server.URL+"/to", 1))
	if len(cookies) != 1 || cookies[0] != "" {
		t.Errorf("%q", cookies)
	}
}

type jar struct{ http.CookieJar }

func TestHostHeaderAndBytesArriveAsGiven(t *testing.T) {
	var host, body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		host, body = r.Host, string(raw)
	}))
	defer server.Close()
	perform(t, oauth.Options{}, `{"kind":"http","method":"POST","url":"`+server.URL+`","headers":[["host","other.example"]],"body":{"base64":"/wA="},"redirect":"refuse","timeout_ms":5000,"max_body":1000}`)
	if host != "other.example" || body != "\xff\x00" {
		t.Errorf("%q %q", host, body)
	}
	if got := perform(t, oauth.Options{}, `{"kind":"http","method":"POST","url":"`+server.URL+`","headers":[],"body":{"ref":"x"},"redirect":"refuse","timeout_ms":5000,"max_body":1000}`); got != `{"failed":{"kind":"unsent"}}` {
		t.Error(got)
	}
}

// A RoundTripper that does not report connections can report a dial error, too.
func TestErrorsOfOtherTransports(t *testing.T) {
	for want, err := range map[string]error{
		"unsent":  &net.OpError{Op: "dial", Err: errors.New("no route")},
		"network": &net.OpError{Op: "read", Err: errors.New("reset")},
		"timeout": &net.OpError{Op: "read", Err: timeout{}},
	} {
		opts := oauth.Options{HTTP: &http.Client{Transport: roundTripper(func(*http.Request) (*http.Response, error) { return nil, err })}}
		if got := perform(t, opts, `{"kind":"http","method":"GET","url":"https://as.example/","headers":[],"redirect":"refuse","timeout_ms":5000,"max_body":1000}`); got != `{"failed":{"kind":"`+want+`"}}` {
			t.Errorf("%v: %s", err, got)
		}
	}
}

type timeout struct{}

func (timeout) Error() string { return "test: too late" }
func (timeout) Timeout() bool { return true }

// A Locker that fails is different from one that is late.
func TestLockerThatFails(t *testing.T) {
	if got := perform(t, oauth.Options{Locker: brokenLocker{}}, `{"kind":"lock","name":"n","timeout_ms":1000}`); got != `{"failed":{"kind":"storage"}}` {
		t.Error(got)
	}
}

type brokenLocker struct{}

func (brokenLocker) Lock(context.Context, string) (func(), error) {
	return nil, errors.New("test: no lock server")
}

func TestErrorTextAndTargets(t *testing.T) {
	e := &oauth.Error{Kind: "server", Code: "oauth_error", Op: "log_out", OAuthError: "invalid_grant", Description: "gone\nforged: line\u2028"}
	if got := e.Error(); got != "oauth2: log out: oauth error (invalid_grant: goneforged: line)" {
		t.Error(got)
	}
	if got := (&oauth.Error{Kind: "client", Code: "bad_value", Op: "open", Field: "scope"}).Error(); got != "oauth2: open: bad value: scope" {
		t.Error(got)
	}
	if !errors.Is(e, oauth.ErrServer) || errors.Is(e, oauth.ErrClient) || !errors.Is(e, &oauth.Error{Code: "oauth_error"}) ||
		errors.Is(e, &oauth.Error{Kind: "server", Code: "other"}) {
		t.Error("Is")
	}
}

// An engine or store that cannot be a map key is refused.
func TestValuesThatCannotBeToldApart(t *testing.T) {
	if _, err := oauth.Open(t.Context(), native(t), config, oauth.Options{Store: sliceStore{}}); err == nil || !strings.HasPrefix(err.Error(), "oauth2: open: ") {
		t.Errorf("got %v", err)
	}
	if _, err := oauth.Open(t.Context(), nil, config, oauth.Options{}); err == nil {
		t.Error("no engine")
	}
}

type sliceStore []oauth.Store

func (sliceStore) Load(context.Context, string) (string, string, bool, error) {
	return "", "", false, nil
}
func (sliceStore) Store(context.Context, string, string, *string) (string, error) {
	return "", nil
}

func TestMemoryLockerGivesUpWithTheContext(t *testing.T) {
	var l oauth.MemoryLocker
	unlock, err := l.Lock(t.Context(), "n")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Lock(ctx, "n"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	unlock()
	unlock()
	if again, err := l.Lock(t.Context(), "n"); err != nil {
		t.Error(err)
	} else {
		again()
	}
}

// A version is never used again, so a writer that saw the value before a deletion loses.
func TestMemoryStoreVersionsAreNotReused(t *testing.T) {
	var m oauth.MemoryStore
	ctx, value := t.Context(), "v"
	first, err := m.Store(ctx, "k", "", &value)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := m.Store(ctx, "k", first, nil); v != "" || err != nil {
		t.Fatal(v, err)
	}
	second, err := m.Store(ctx, "k", "", &value)
	if err != nil || second == first {
		t.Error(second, err)
	}
	if _, err := m.Store(ctx, "k", first, nil); !errors.Is(err, oauth.ErrConflict) {
		t.Errorf("got %v", err)
	}
}
