package redirect_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"
	"unicode"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
)

var loopback = redirect.Options{RedirectURI: "http://127.0.0.1/cb", Terminal: io.Discard}

// Q40: a sign-in through the browser, whatever else arrives at the redirect URI meanwhile.
func TestSignIn(t *testing.T) {
	type arrival struct {
		query  func(right string) string
		status int
		text   string
	}
	refused := func(query, code string) arrival {
		return arrival{func(string) string { return query }, 400, code}
	}
	same := func(right string) string { return right }
	for _, row := range []struct {
		name, action string
		arrivals     []arrival
		err          error
	}{
		{"at once", "approve", []arrival{{same, 200, "Signed in"}}, nil},
		{"after strangers", "approve", []arrival{
			refused("?code=c&state=guessed", "wrong state"), refused("?error=access_denied&state=guessed", "wrong state"),
			refused("?code=c", "missing state"), refused("", "missing state"), refused("?state=a&state=b", "repeated parameter"),
			{same, 200, "Signed in"},
		}, nil},
		{"refused by the user", "deny", []arrival{{same, 400, "access_denied: the user refused"}}, &oauth.Error{OAuthError: "access_denied", Op: "callback"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := open(t, "")
			walked := make(chan error, 1)
			status, err := redirect.SignIn(t.Context(), c, loopback, func(url string) error {
				right, err := decide(url, row.action)
				at, query, _ := strings.Cut(right, "?")
				for _, a := range row.arrivals {
					if err != nil {
						break
					}
					p := <-visit(http.DefaultClient, at+a.query("?"+query))
					if err = p.err; err == nil && (p.status != a.status || !strings.Contains(p.body, a.text)) {
						err = errors.New("got " + p.body)
					}
				}
				walked <- err
				return err
			})
			if row.err == nil && (err != nil || status.Status != "granted") {
				t.Errorf("%v, %+v", err, status)
			}
			if e, ok := errors.AsType[*oauth.Error](err); row.err != nil && (!ok || e.OAuthError != "access_denied") {
				t.Error(err)
			}
			if err := <-walked; err != nil {
				t.Error(err)
			}
			if again, err := c.Status(t.Context()); err != nil || (again.Status == "granted") != (row.err == nil) {
				t.Errorf("%v, %+v", err, again)
			}
		})
	}
}

// E75: a reply that does not belong to this sign-in is shown on the page and on the terminal as
// unverified, and the wait continues.
func TestSignInShowsStrayReplies(t *testing.T) {
	const unverified = "unverified"
	jwt := func(claims string) string {
		part := base64.RawURLEncoding.EncodeToString
		return part([]byte(`{"alg":"RS256"}`)) + "." + part([]byte(claims)) + "." + part([]byte("signature"))
	}
	for _, row := range []struct {
		name, path, query string
		status            int
		page, terminal    []string // expected text; nil: nothing on the terminal
	}{
		{"an error without a state", "/cb", "error=invalid_scope&error_description=no+such+scope", 400,
			[]string{"missing state", "invalid_scope: no such scope", unverified, "still waits"}, []string{"missing state (invalid_scope: no such scope, unverified)", "still waits"}},
		{"an error with another state", "/cb", "error=access_denied&state=guessed", 400, []string{"wrong state", "access_denied", unverified}, []string{"access_denied, unverified"}},
		{"an error with an empty state", "/cb", "error=access_denied&state=", 400, []string{"missing state", unverified}, []string{"access_denied, unverified"}},
		{"a code with another state", "/cb", "code=c&state=guessed", 400, []string{"wrong state"}, []string{"wrong state"}},
		{"nothing", "/cb", "", 400, []string{"missing state"}, []string{"missing state"}},
		{"two states", "/cb", "error=a&state=a&state=b", 400, []string{"repeated parameter"}, []string{"repeated parameter"}},
		{"markup", "/cb", "error=x&error_description=" + url.QueryEscape(`<script>alert(1)</script><img src=x>`), 400,
			[]string{"&lt;script&gt;", unverified}, []string{"<script>alert(1)"}},
		{"escape sequences", "/cb", "error=x&error_description=" + url.QueryEscape("\x1b[2J\x1b]0;title\x07\u009b31mred\r\nSigned in."), 400,
			[]string{unverified}, []string{"[2J]0;title31mredSigned in."}},
		{"marks that turn the text around", "/cb", "error=x&error_description=" + url.QueryEscape("a\u202eb\u2066c\u2028d\ufeffe"), 400, []string{"abcde"}, []string{"abcde"}},
		{"a text without end", "/cb", "error=x&error_description=" + strings.Repeat("A", 50000), 400, []string{"AAA …"}, []string{"AAA …"}},
		{"too many parameters", "/cb", strings.Repeat("a=1&", 300) + "error=x", 400, []string{"unreadable"}, []string{"unreadable"}},
		{"no UTF-8", "/cb", "error=x&error_description=%ff", 400, []string{"callback"}, []string{"callback"}},
		{"a signed reply that nobody can verify", "/cb", "response=" + jwt(`{"iss":"ISSUER","aud":"app","exp":99999999999,"state":"guessed"}`), 400, []string{"jwks_uri"}, []string{"jwks_uri"}},
		{"a slash too many", "/cb/", "code=c&state=guessed", 400, []string{"wrong state"}, []string{"wrong state"}},
		{"a query without end", "/cb", "error=x&error_description=" + strings.Repeat("A", 100000), 431, nil, nil},
		{"a favicon", "/favicon.ico", "", 404, nil, nil},
		{"another path", "/other", "error=x&state=s", 404, nil, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var terminal lockedBuffer
			s, config := site()
			defer s.Close()
			client, err := oauth.Open(t.Context(), new(core.Engine), config, oauth.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			opts := redirect.Options{RedirectURI: "http://127.0.0.1/cb", Terminal: &terminal}
			query := strings.ReplaceAll(row.query, jwt(`{"iss":"ISSUER","aud":"app","exp":99999999999,"state":"guessed"}`),
				jwt(`{"iss":"`+s.URL+`","aud":"app","exp":99999999999,"state":"guessed"}`))
			var got page
			status, err := redirect.SignIn(t.Context(), client, opts, func(to string) error {
				right, err := decide(to, "approve")
				if err != nil {
					return err
				}
				at, _, _ := strings.Cut(right, "/cb")
				got = <-visit(http.DefaultClient, at+row.path+"?"+query)
				if p := <-visit(http.DefaultClient, right); p.err != nil {
					return p.err
				}
				return got.err
			})
			if err != nil || status.Status != "granted" {
				t.Errorf("%v, %+v", err, status)
			}
			if got.status != row.status || strings.Contains(got.body, "<script") || strings.Contains(got.body, "<img") || len(got.body) > 4000 {
				t.Errorf("status %d, %d bytes:\n%s", got.status, len(got.body), got.body)
			}
			for _, text := range row.page {
				if !strings.Contains(got.body, text) {
					t.Errorf("%q is not in the page:\n%s", text, got.body)
				}
			}
			shown := terminal.String()
			for _, text := range row.terminal {
				if !strings.Contains(shown, text) {
					t.Errorf("%q is not on the terminal: %q", text, shown)
				}
			}
			if row.terminal == nil && shown != "" || row.terminal != nil && (strings.Count(shown, "\n") != 1 || len(shown) > 1000) {
				t.Errorf("the terminal has %q", shown)
			}
			for _, r := range strings.TrimSuffix(shown, "\n") {
				if !unicode.IsPrint(r) {
					t.Errorf("%U is on the terminal", r)
				}
			}
		})
	}
}

// E75: any number of replies cannot fill the terminal.
func TestSignInIsNotFlooded(t *testing.T) {
	var terminal lockedBuffer
	opts := redirect.Options{RedirectURI: "http://127.0.0.1/cb", Terminal: &terminal}
	status, err := redirect.SignIn(t.Context(), open(t, ""), opts, func(to string) error {
		right, err := decide(to, "approve")
		at, _, _ := strings.Cut(right, "?")
		var pages []<-chan page
		for i := 0; i < 100 && err == nil; i++ { // all at once, as a page of another site could send them
			pages = append(pages, visit(http.DefaultClient, fmt.Sprintf("%s?error=x&error_description=%d", at, i/2)))
		}
		for _, p := range pages {
			err = errors.Join(err, (<-p).err)
		}
		if err == nil {
			err = (<-visit(http.DefaultClient, right)).err
		}
		return err
	})
	shown := terminal.String()
	if err != nil || status.Status != "granted" || strings.Count(shown, "\n") != 6 || !strings.HasSuffix(shown, "not shown.\n") || strings.Count(shown, "unverified") != 5 {
		t.Errorf("%v, %+v, %q", err, status, shown)
	}
}

// E76: a reply with the state of this sign-in whose URL differs from the redirect URI by a slash or
// the case of letters is refused with the reason, and the wait continues.
func TestSignInNearMisses(t *testing.T) {
	for _, row := range []struct{ name, path string }{
		{"a slash too many", "/cb/"}, {"two slashes too many", "/cb//"}, {"another case", "/CB"}, {"both", "/Cb/"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var terminal lockedBuffer
			opts := redirect.Options{RedirectURI: "http://127.0.0.1/cb", Terminal: &terminal}
			status, err := redirect.SignIn(t.Context(), open(t, ""), opts, func(to string) error {
				right, err := decide(to, "approve")
				if err != nil {
					return err
				}
				for _, url := range []string{strings.Replace(right, "/cb", row.path, 1), right} {
					p := <-visit(http.DefaultClient, url)
					if p.err != nil {
						return p.err
					}
					if url != right && (p.status != 400 || !strings.Contains(p.body, "wrong redirect uri") || !strings.Contains(p.body, row.path)) {
						return fmt.Errorf("status %d: %s", p.status, p.body)
					}
				}
				return nil
			})
			if err != nil || status.Status != "granted" || !strings.Contains(terminal.String(), "wrong redirect uri") {
				t.Errorf("%v, %+v, %q", err, status, terminal.String())
			}
		})
	}
}

// E77: the wait ends when the attempt expires. The error says so, and names the last refused reply.
func TestSignInEndsWithTheAttempt(t *testing.T) {
	for _, row := range []struct {
		name, stray string
		life        time.Duration
		errors      []error
	}{
		{"nobody comes", "", time.Second, nil},
		{"a stranger comes", "?error=invalid_scope", 5 * time.Second, []error{&oauth.Error{Code: "missing_state", OAuthError: "invalid_scope"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, config := site()
			defer s.Close()
			config.AttemptLife = row.life
			client, err := oauth.Open(t.Context(), new(core.Engine), config, oauth.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			listening := make(chan string, 1)
			_, err = redirect.SignIn(t.Context(), client, loopback, func(to string) error {
				u, err := url.Parse(to)
				if err != nil {
					return err
				}
				at := u.Query().Get("redirect_uri")
				if row.stray != "" {
					<-visit(http.DefaultClient, at+row.stray)
				}
				listening <- at
				return nil
			})
			if e, ok := errors.AsType[*oauth.Error](err); !ok || !errors.Is(err, oauth.ErrExpired) || e.Code != "attempt_expired" || !e.BeginAgain || !strings.HasPrefix(err.Error(), "oauth2: sign in: attempt expired") {
				t.Error(err)
			}
			for _, want := range row.errors {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
			if p := <-visit(http.DefaultClient, <-listening); p.err == nil {
				t.Error("it still listens")
			}
		})
	}
}

// E77: this package uses the engine's lifetime of an attempt.
func TestAttemptLife(t *testing.T) {
	for _, row := range []struct {
		given, want time.Duration
	}{{0, 10 * time.Minute}, {time.Second, time.Second}, {time.Hour, time.Hour}} {
		now := time.Now()
		s, config := site()
		defer s.Close()
		config.AttemptLife, config.RedirectURI = row.given, "http://127.0.0.1/cb"
		client, err := oauth.Open(t.Context(), new(core.Engine), config, oauth.Options{Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		begun, err := client.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil || begun.Life != row.want {
			t.Errorf("%v, %v", err, begun.Life)
		}
		reply := config.RedirectURI + "?error=access_denied&state=" + begun.State
		now = now.Add(begun.Life)
		if _, err := client.Callback(t.Context(), reply); !errors.Is(err, oauth.ErrServer) {
			t.Error("before:", err)
		}
		now = now.Add(time.Millisecond)
		if _, err := client.Callback(t.Context(), reply); !errors.Is(err, oauth.ErrExpired) {
			t.Error("after:", err)
		}
	}
}

// lockedBuffer is a terminal that a test can read.
type lockedBuffer struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Q40: what ends the wait without a response.
func TestSignInEnds(t *testing.T) {
	noBrowser := errors.New("no browser")
	for _, row := range []struct {
		name   string
		opts   redirect.Options
		open   func(cancel func(), url string) error
		errors []error
	}{
		{"no browser", loopback, func(func(), string) error { return noBrowser }, []error{noBrowser}},
		{"the program gives up", loopback, func(cancel func(), _ string) error { cancel(); return nil }, []error{context.Canceled}},
		{"the program gives up after a refusal", loopback, func(cancel func(), url string) error {
			right, err := decide(url, "approve")
			if err != nil {
				return err
			}
			at, _, _ := strings.Cut(right, "?")
			<-visit(http.DefaultClient, at+"?code=c&state=guessed")
			cancel()
			return nil
		}, []error{context.Canceled, &oauth.Error{Code: "wrong_state"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := redirect.SignIn(ctx, open(t, ""), row.opts, func(url string) error { return row.open(cancel, url) })
			for _, want := range row.errors {
				if !errors.Is(err, want) {
					t.Errorf("%v is not %v", err, want)
				}
			}
		})
	}
	if _, err := redirect.SignIn(t.Context(), open(t, ""), redirect.Options{RedirectURI: "http://192.0.2.1/"}, nil); err == nil {
		t.Error("it listens elsewhere")
	}
}

// Q41: which URLs of the program's scheme are responses, and which are passed on.
func TestHandleRedirect(t *testing.T) {
	const registered = "com.example.app:/cb?from=app"
	for _, row := range []struct {
		name, url string
		handled   bool
	}{
		{"a response", "com.example.app:/cb?from=app&code=c&state=s", true},
		{"an error response", "com.example.app:/cb?from=app&error=access_denied&state=s", true},
		{"in another order", "com.example.app:/cb?state=s&from=app&code=c", true},
		{"the scheme in capitals", "COM.example.app:/cb?from=app&code=c&state=s", true},
		{"another scheme", "com.example.other:/cb?from=app&code=c&state=s", false},
		{"another path", "com.example.app:/cbx?from=app&code=c&state=s", false},
		{"a host", "com.example.app://host/cb?from=app&code=c&state=s", false},
		{"a registered query item has another value", "com.example.app:/cb?from=web&code=c&state=s", false},
		{"a registered query item is missing", "com.example.app:/cb?code=c&state=s", false},
		{"nothing of a response", "com.example.app:/cb?from=app", false},
		{"a document of the program", "com.example.app:/open?document=7", false},
		{"no URL", "", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			handled, _, err := redirect.HandleRedirect(t.Context(), open(t, registered), row.url)
			if handled != row.handled {
				t.Errorf("handled: %t", handled)
			}
			if handled != errors.Is(err, &oauth.Error{Code: "wrong_state"}) { // nobody began a sign-in
				t.Error(err)
			}
		})
	}
	for _, row := range []struct{ name, registered, port string }{
		{"this port", "http://127.0.0.1:8123/cb", "8123"}, {"another port", "http://127.0.0.1:8123/cb", "8124"},
	} {
		t.Run(row.name, func(t *testing.T) {
			handled, _, err := redirect.HandleRedirect(t.Context(), open(t, row.registered), "http://127.0.0.1:"+row.port+"/cb?code=c&state=s")
			if handled != (row.port == "8123") {
				t.Error(handled, err)
			}
		})
	}
}

// Q41: a sign-in that returns by the scheme. Its second delivery is handled, too, with an error.
func TestHandleRedirectSignsIn(t *testing.T) {
	c := open(t, "com.example.app:/cb?from=app")
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	url, err := decide(begun.URL, "approve")
	if err != nil {
		t.Fatal(err)
	}
	handled, result, err := redirect.HandleRedirect(t.Context(), c, url)
	if !handled || err != nil || result.AppState != "mine" || result.Status.Status != "granted" {
		t.Errorf("%t, %v, %+v", handled, err, result)
	}
	handled, result, err = redirect.HandleRedirect(t.Context(), c, url)
	if !handled || err != nil || !result.HandledElsewhere || result.AppState != "mine" {
		t.Errorf("%t, %v, %+v", handled, err, result)
	}
	c.Close()
	if handled, _, err = redirect.HandleRedirect(t.Context(), c, url); handled || !errors.Is(err, oauth.ErrClosed) {
		t.Errorf("%t, %v", handled, err)
	}
}

// Q42: the user pastes the result of the sign-in.
func TestPasteCode(t *testing.T) {
	const paste = "https://app.example/paste"
	broken, hidden := errors.New("broken"), errors.New("hidden")
	code := func(url string) string {
		_, code, _ := strings.Cut(url, "code=")
		code, _, _ = strings.Cut(code, "&")
		return code
	}
	for _, row := range []struct {
		name  string
		paste func(url string) io.Reader
		show  error
		err   error
		rest  string
	}{
		{"the code", func(url string) io.Reader { return strings.NewReader(code(url) + "\n") }, nil, nil, ""},
		{"the address", func(url string) io.Reader { return strings.NewReader(url + "\n") }, nil, nil, ""},
		{"its query", func(url string) io.Reader { return strings.NewReader(url[strings.Index(url, "?"):] + "\n") }, nil, nil, ""},
		{"with space around", func(url string) io.Reader { return strings.NewReader("  " + code(url) + "\t\r\n") }, nil, nil, ""},
		{"after empty lines", func(url string) io.Reader { return strings.NewReader("\n \r\n" + code(url) + "\n") }, nil, nil, ""},
		{"without a line feed", func(url string) io.Reader { return strings.NewReader(code(url)) }, nil, nil, ""},
		{"byte by byte", func(url string) io.Reader { return iotest.OneByteReader(strings.NewReader(code(url) + "\n")) }, nil, nil, ""},
		{"with the error at the last byte", func(url string) io.Reader { return iotest.DataErrReader(strings.NewReader(code(url))) }, nil, nil, ""},
		{"and more behind the line", func(url string) io.Reader { return strings.NewReader(code(url) + "\nnext\n") }, nil, nil, "next\n"},
		{"the wrong code", func(string) io.Reader { return strings.NewReader("nonsense\n") }, nil, oauth.ErrServer, ""},
		{"the response to another attempt", func(string) io.Reader { return strings.NewReader(paste + "?code=c&state=guessed\n") }, nil, oauth.ErrCallbackNotVerified, ""},
		{"nothing", func(string) io.Reader { return strings.NewReader("") }, nil, io.ErrUnexpectedEOF, ""},
		{"empty lines only", func(string) io.Reader { return strings.NewReader("\n\n") }, nil, io.ErrUnexpectedEOF, ""},
		{"a broken terminal", func(string) io.Reader { return iotest.ErrReader(broken) }, nil, broken, ""},
		{"a URL that cannot be shown", nil, hidden, hidden, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			in := &later{ready: make(chan io.Reader, 1)}
			c := open(t, paste)
			status, err := redirect.PasteCode(t.Context(), c, in, func(url string) error {
				if row.show != nil {
					return row.show
				}
				url, err := decide(url, "approve")
				if err == nil {
					in.ready <- row.paste(url)
				}
				return err
			})
			if row.err == nil && (err != nil || status.Status != "granted") || row.err != nil && !errors.Is(err, row.err) {
				t.Errorf("%v, %+v", err, status)
			}
			if in.Reader != nil && row.rest != "" {
				if rest, err := io.ReadAll(in); err != nil || string(rest) != row.rest {
					t.Errorf("left: %q, %v", rest, err)
				}
			}
		})
	}
	t.Run("a line without end", func(t *testing.T) {
		_, err := redirect.PasteCode(t.Context(), open(t, paste), endless{}, func(string) error { return nil })
		if err == nil || !strings.Contains(err.Error(), "too long") {
			t.Error(err)
		}
	})
	t.Run("the program gives up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		in, end := io.Pipe()
		defer end.Close()
		_, err := redirect.PasteCode(ctx, open(t, paste), in, func(string) error { cancel(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// later is a reader that exists once the URL was shown.
type later struct {
	ready chan io.Reader
	io.Reader
}

func (l *later) Read(p []byte) (int, error) {
	if l.Reader == nil {
		l.Reader = <-l.ready
	}
	return l.Reader.Read(p)
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("x"), len(p))), nil }
