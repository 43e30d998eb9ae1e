package redirect_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oauth2-wasm/oauth2-wasm/core/drive"
	"github.com/oauth2-wasm/oauth2-wasm/core/drive/redirect"
)

var loopback = redirect.Options{RedirectURI: "http://127.0.0.1/cb"}

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
		{"refused by the user", "deny", []arrival{{same, 400, "access_denied: the user refused"}}, &drive.Error{OAuthError: "access_denied", Op: "callback"}},
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
			if e, ok := errors.AsType[*drive.Error](err); row.err != nil && (!ok || e.OAuthError != "access_denied") {
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

// Q40: what ends the waiting without a response.
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
		}, []error{context.Canceled, &drive.Error{Code: "wrong_state"}}},
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

// Q41: what of the URLs that reach a program by its scheme is a response, and what is passed on.
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
			if handled != errors.Is(err, &drive.Error{Code: "wrong_state"}) { // nobody began a sign-in
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

// Q41: a sign-in that comes back by the scheme; its second delivery is handled too, and says so.
func TestHandleRedirectSignsIn(t *testing.T) {
	c := open(t, "com.example.app:/cb?from=app")
	begun, err := c.Authorize(t.Context(), drive.AuthorizeParams{State: "mine"})
	if err != nil {
		t.Fatal(err)
	}
	url, err := decide(begun.URL, "approve")
	if err != nil {
		t.Fatal(err)
	}
	handled, result, err := redirect.HandleRedirect(t.Context(), c, url)
	if !handled || err != nil || result.State != "mine" || result.Status.Status != "granted" {
		t.Errorf("%t, %v, %+v", handled, err, result)
	}
	handled, result, err = redirect.HandleRedirect(t.Context(), c, url)
	if !handled || err != nil || !result.HandledElsewhere || result.State != "mine" {
		t.Errorf("%t, %v, %+v", handled, err, result)
	}
	c.Close()
	if handled, _, err = redirect.HandleRedirect(t.Context(), c, url); handled || !errors.Is(err, drive.ErrClosed) {
		t.Errorf("%t, %v", handled, err)
	}
}

// Q42: the user pastes what came of the sign-in.
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
		{"the wrong code", func(string) io.Reader { return strings.NewReader("nonsense\n") }, nil, drive.ErrServer, ""},
		{"the response to another attempt", func(string) io.Reader { return strings.NewReader(paste + "?code=c&state=guessed\n") }, nil, drive.ErrCallbackNotVerified, ""},
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

// later is a reader that exists when the URL was shown.
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
