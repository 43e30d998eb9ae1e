package redirect_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
)

func listen(t *testing.T, opts redirect.Options) *redirect.Listener {
	t.Helper()
	l, err := redirect.Listen(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func accept(t *testing.T, l *redirect.Listener) *redirect.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	r, err := l.Accept(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// page is the answer that a browser gets.
type page struct {
	status int
	header http.Header
	body   string
	err    error
}

// visit opens a URL as a browser does.
func visit(c *http.Client, url string) <-chan page {
	got := make(chan page, 1)
	go func() {
		res, err := c.Get(url)
		if err != nil {
			got <- page{err: err}
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		got <- page{res.StatusCode, res.Header, string(body), err}
	}()
	return got
}

// Q40: host, path, port and query of the redirect URI.
func TestRedirectURI(t *testing.T) {
	fixed := listen(t, redirect.Options{})
	port := mustParse(t, fixed.RedirectURI()).Port()
	fixed.Close()
	for _, row := range []struct{ name, given, want string }{
		{"any free port by default", "", `^http://127\.0\.0\.1:[1-9]\d*/$`},
		{"any free port with a path", "http://127.0.0.1/cb", `^http://127\.0\.0\.1:[1-9]\d*/cb$`},
		{"a fixed port", "http://127.0.0.1:" + port + "/cb", `^http://127\.0\.0\.1:` + port + `/cb$`},
		{"IPv6", "http://[::1]/cb", `^http://\[::1\]:[1-9]\d*/cb$`},
		{"a name", "http://localhost/cb", `^http://localhost:[1-9]\d*/cb$`},
		{"without a path", "http://127.0.0.1", `^http://127\.0\.0\.1:[1-9]\d*$`},
		{"with a query", "http://127.0.0.1/cb?app=1", `^http://127\.0\.0\.1:[1-9]\d*/cb\?app=1$`},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := listen(t, redirect.Options{RedirectURI: row.given})
			if !regexp.MustCompile(row.want).MatchString(l.RedirectURI()) {
				t.Fatalf("got %s", l.RedirectURI())
			}
			separator := "?"
			if strings.Contains(row.given, "?") {
				separator = "&"
			}
			got := visit(http.DefaultClient, l.RedirectURI()+separator+"code=c&state=s")
			r := accept(t, l)
			u := mustParse(t, r.URL)
			if u.Host != mustParse(t, l.RedirectURI()).Host || u.Query().Get("code") != "c" || u.Query().Get("state") != "s" || u.Query().Has("app") != (separator == "&") {
				t.Errorf("the response is %s", r.URL)
			}
			r.Finish(nil)
			if p := <-got; p.err != nil || p.status != 200 {
				t.Errorf("%+v", p)
			}
		})
	}
}

// Q40: redirect URIs that do not fit a loopback server.
func TestListenRefuses(t *testing.T) {
	taken := listen(t, redirect.Options{})
	for _, row := range []struct {
		name, given string
		tls         *tls.Config
	}{
		{"an address that others reach", "http://192.0.2.1/", nil},
		{"every address", "http://0.0.0.0/", nil},
		{"no host", "http:///cb", nil},
		{"a relative reference", "/cb", nil},
		{"a fragment", "http://127.0.0.1/cb#", nil},
		{"a user", "http://me@127.0.0.1/cb", nil},
		{"another scheme", "com.example.app://127.0.0.1/cb", nil},
		{"https without TLS", "https://127.0.0.1/cb", nil},
		{"TLS without https", "http://127.0.0.1/cb", &tls.Config{}},
		{"TLS without a certificate", "https://127.0.0.1/cb", &tls.Config{}},
		{"a port that is taken", taken.RedirectURI(), nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			if l, err := redirect.Listen(redirect.Options{RedirectURI: row.given, TLS: row.tls}); err == nil {
				l.Close()
				t.Error("it listens")
			} else if !strings.HasPrefix(err.Error(), "oauth2: redirect: ") {
				t.Error(err)
			}
		})
	}
}

// Q40: requests that cannot be the user's browser at the redirect URI get an error status and do
// not disturb the wait.
func TestRequests(t *testing.T) {
	l := listen(t, redirect.Options{RedirectURI: "http://127.0.0.1/foo"})
	host := mustParse(t, l.RedirectURI()).Host
	for _, row := range []struct {
		name, line, host string
		status           int
	}{
		{"absolute-form", "GET http://" + host + "/foo?code=c&state=s", host, 400},
		{"absolute-form of elsewhere", "GET http://other.example/foo?code=c&state=s", host, 400},
		{"a relative target", "GET foo?code=c&state=s", host, 400},
		{"an opaque target", "GET foo:bar", host, 400},
		{"asterisk-form", "OPTIONS *", host, 400},
		{"authority-form", "CONNECT " + host, host, 400},
		{"a longer path", "GET /foobar?code=c&state=s", host, 404},
		{"a path below", "GET /foo/bar?code=c&state=s", host, 404},
		{"a slash more, and no reply", "GET /foo/", host, 404},
		{"another case, and no reply", "GET /FOO?estate=s", host, 404},
		{"a path above", "GET /?code=c&state=s", host, 404},
		{"two slashes", "GET //foo?code=c&state=s", host, 404},
		{"another way to write the path", "GET /%66oo?code=c&state=s", host, 404},
		{"dots", "GET /bar/../foo?code=c&state=s", host, 404},
		{"a favicon", "GET /favicon.ico", host, 404},
		{"HEAD", "HEAD /foo?code=c&state=s", host, 405},
		{"POST", "POST /foo?code=c&state=s", host, 405},
		{"PUT", "PUT /foo?code=c&state=s", host, 405},
		{"DELETE", "DELETE /foo?code=c&state=s", host, 405},
		{"OPTIONS", "OPTIONS /foo?code=c&state=s", host, 405},
		{"an unknown verb", "BREW /foo?code=c&state=s", host, 501},
		{"a verb in lower case", "get /foo?code=c&state=s", host, 501},
		{"a rebound name", "GET /foo?code=c&state=s", "evil.example", 421},
		{"a rebound name and this port", "GET /foo?code=c&state=s", "evil.example" + host[strings.Index(host, ":"):], 421},
		{"no port", "GET /foo?code=c&state=s", "127.0.0.1", 421},
		{"an empty host", "GET /foo?code=c&state=s", "", 421},
	} {
		t.Run(row.name, func(t *testing.T) {
			res := send(t, host, row.line+" HTTP/1.1\r\nHost: "+row.host+"\r\nContent-Length: 0\r\n\r\n")
			if res.StatusCode != row.status {
				t.Errorf("status %d, want %d", res.StatusCode, row.status)
			}
			if row.status == 405 && res.Header.Get("Allow") != "GET" {
				t.Errorf("Allow: %s", res.Header.Get("Allow"))
			}
		})
	}
	// None of these was handed over: the next one is the first.
	got := visit(http.DefaultClient, l.RedirectURI()+"?code=right&state=s")
	r := accept(t, l)
	if r.URL != l.RedirectURI()+"?code=right&state=s" {
		t.Errorf("got %s", r.URL)
	}
	r.Finish(nil)
	<-got
}

// send writes HTTP by hand, because HTTP clients would correct such requests.
func send(t *testing.T, host, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(oauthtest.Patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

var style = regexp.MustCompile(`(?s)<style>(.*)</style>`)

// Q40: the text that the user sees.
func TestPage(t *testing.T) {
	for _, row := range []struct {
		name   string
		opts   redirect.Options
		err    error
		status int
		want   []string
	}{
		{"done", redirect.Options{}, nil, 200, []string{"Signed in", "You can close this window."}},
		{"done, in the program's own words", redirect.Options{Done: "Fertig & <gut>."}, nil, 200, []string{"Fertig &amp; &lt;gut&gt;."}},
		{"failed", redirect.Options{}, errors.New("because"), 400, []string{"Sign-in failed", "You can close this window and try again.", "because"}},
		{"failed, in the program's own words", redirect.Options{Failed: "Leider nicht."}, errors.New("because"), 400, []string{"Leider nicht.", "because"}},
		{"an error that a stranger wrote", redirect.Options{}, errors.New(`<script>alert(1)</script>"'`), 400, []string{"&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := listen(t, row.opts)
			got := visit(http.DefaultClient, l.RedirectURI()+"?code=c")
			r := accept(t, l)
			r.Finish(row.err)
			r.Finish(errors.New("once only"))
			p := <-got
			if p.err != nil || p.status != row.status {
				t.Fatalf("%d, %v", p.status, p.err)
			}
			for _, text := range row.want {
				if !strings.Contains(p.body, text) {
					t.Errorf("%q is not in the page:\n%s", text, p.body)
				}
			}
			if strings.Contains(p.body, "<script") || !strings.Contains(p.body, "prefers-color-scheme: dark") {
				t.Errorf("a script, or one colour scheme only:\n%s", p.body)
			}
			sum := sha256.Sum256([]byte(style.FindStringSubmatch(p.body)[1]))
			for name, value := range map[string]string{
				"Content-Security-Policy": "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
					"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
				"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "Content-Type": "text/html; charset=utf-8",
			} {
				if p.header.Get(name) != value {
					t.Errorf("%s: %s, want %s", name, p.header.Get(name), value)
				}
			}
		})
	}
}

// Q40: TLS.
func TestTLS(t *testing.T) {
	certified := httptest.NewTLSServer(nil)
	defer certified.Close()
	l := listen(t, redirect.Options{RedirectURI: "https://127.0.0.1/cb", TLS: &tls.Config{Certificates: certified.TLS.Certificates}})
	if !strings.HasPrefix(l.RedirectURI(), "https://127.0.0.1:") {
		t.Fatal(l.RedirectURI())
	}
	got := visit(certified.Client(), l.RedirectURI()+"?code=c")
	r := accept(t, l)
	if r.URL != l.RedirectURI()+"?code=c" {
		t.Error(r.URL)
	}
	r.Finish(nil)
	if p := <-got; p.err != nil || p.status != 200 {
		t.Errorf("%+v", p)
	}
}

// Q40: the page is delivered although the listener closes at once, also to a second delivery that
// waited.
func TestClose(t *testing.T) {
	l := listen(t, redirect.Options{})
	// A browser opens connections in advance.
	idle, err := net.Dial("tcp", mustParse(t, l.RedirectURI()).Host)
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	first := visit(http.DefaultClient, l.RedirectURI()+"?code=c")
	r := accept(t, l)
	second := visit(http.DefaultClient, l.RedirectURI()+"?code=c")
	again := accept(t, l)
	third := visit(http.DefaultClient, l.RedirectURI()+"?code=c")
	accept(t, l)
	r.Finish(nil)
	again.Finish(errors.New("already used"))
	l.Close()
	for _, row := range []struct {
		name   string
		got    <-chan page
		status int
	}{{"first", first, 200}, {"second", second, 400}, {"third, never looked at", third, 200}} {
		if p := <-row.got; p.err != nil || p.status != row.status {
			t.Errorf("%s: %+v", row.name, p)
		}
	}
	if _, err := l.Accept(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if p := <-visit(http.DefaultClient, l.RedirectURI()); p.err == nil {
		t.Error("it still listens")
	}
}

// Q40: the wait ends with its context, and the listener stays open.
func TestAcceptEnds(t *testing.T) {
	l := listen(t, redirect.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Accept(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	// A browser that goes away delays nothing.
	gone, stop := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(gone, "GET", l.RedirectURI()+"?code=gone", nil)
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		if res, err := http.DefaultClient.Do(req); err == nil {
			res.Body.Close()
		}
	}()
	r := accept(t, l)
	stop()
	<-left
	r.Finish(nil)
	got := visit(http.DefaultClient, l.RedirectURI()+"?code=c")
	accept(t, l).Finish(nil)
	<-got
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
