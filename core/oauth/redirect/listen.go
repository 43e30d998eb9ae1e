package redirect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say where a Listener listens and what its page tells the user. The zero value is
// http://127.0.0.1/ on any free port.
type Options struct {
	// RedirectURI is the one registered at the server: http, or https with TLS; a loopback host; a
	// path that requests have to match exactly; and the query, if one is registered. Without a
	// port, any free port is used, which servers accept from native apps (RFC 8252 section 7.3).
	// Prefer 127.0.0.1 or [::1] to localhost (section 8.3).
	RedirectURI string
	// TLS makes the Listener speak https with these certificates.
	TLS *tls.Config
	// Done and Failed are plain texts that the page shows when the sign-in has ended; empty means a
	// text in English. The page shows the error below Failed.
	Done, Failed string
	// Terminal is where SignIn tells the user about replies that it refused, a line of printable
	// text for each, a few at most. Nil means os.Stderr; io.Discard shows nothing.
	Terminal io.Writer
}

// A Listener is a server on a loopback address that receives authorization responses. It is safe
// for concurrent use.
type Listener struct {
	opts      Options
	uri       string // without its query
	query     string
	authority string
	path      string
	server    *http.Server
	responses chan *Response
	closing   chan struct{}
	closeOnce sync.Once
	done      atomic.Bool
}

// Response is what arrived at the redirect URI. The browser waits for its page until Finish is
// called.
type Response struct {
	// URL is the whole URL, for the client's Callback. Anybody may have made it. If it has a state,
	// its path may differ from the redirect URI by a slash at the end or the case of letters;
	// Callback reports that.
	URL string

	listener *Listener
	verdict  chan verdict
	shown    chan struct{}
	once     sync.Once
}

// verdict is the result for a response.
type verdict struct {
	err     error
	waiting bool // for another one
}

const (
	shutdownGrace = time.Second
	pageTimeout   = 5 * time.Second
)

// Listen begins to listen. It fails if the redirect URI is not on a loopback address, or if its
// port is in use.
func Listen(opts Options) (*Listener, error) {
	if opts.RedirectURI == "" {
		opts.RedirectURI = "http://127.0.0.1/"
	}
	u, err := parse(opts)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	if port == "" {
		port = "0"
	}
	addr, err := net.ResolveTCPAddr("tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return nil, fmt.Errorf("oauth2: redirect: %w", err)
	}
	if !addr.IP.IsLoopback() {
		return nil, fmt.Errorf("oauth2: redirect: %s is not a loopback address (RFC 8252 section 7.3)", u.Hostname())
	}
	var listener net.Listener
	if opts.TLS == nil {
		listener, err = net.Listen("tcp", addr.String())
	} else {
		config := opts.TLS.Clone()
		config.NextProtos = []string{"http/1.1"}
		listener, err = tls.Listen("tcp", addr.String(), config)
	}
	if err != nil {
		return nil, fmt.Errorf("oauth2: redirect: %w", err)
	}
	u.Host = authority(u, listener.Addr().(*net.TCPAddr).Port)
	l := &Listener{
		opts: opts, query: u.RawQuery, authority: u.Host, path: u.EscapedPath(),
		responses: make(chan *Response), closing: make(chan struct{}),
	}
	u.RawQuery = ""
	l.uri = u.String()
	if l.path == "" {
		l.path = "/" // browsers ask for that
	}
	l.server = &http.Server{
		Handler: l, DisableGeneralOptionsHandler: true,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // strangers could fill it
	}
	go l.server.Serve(listener)
	return l, nil
}

func parse(opts Options) (*url.URL, error) {
	u, err := url.Parse(opts.RedirectURI)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.User != nil || strings.Contains(opts.RedirectURI, "#"):
		return nil, errors.New("oauth2: redirect: the redirect URI is not an absolute http URL without user and fragment (RFC 6749 section 3.1.2)")
	case u.Scheme == "http" && opts.TLS != nil || u.Scheme == "https" && opts.TLS == nil:
		return nil, errors.New("oauth2: redirect: a redirect URI is https with TLS, and http without")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("oauth2: redirect: the redirect URI is neither http nor https")
	}
	return u, nil
}

// authority is how browsers write the host: with the port, unless that is the scheme's own.
func authority(u *url.URL, port int) string {
	if u.Scheme == "http" && port == 80 || u.Scheme == "https" && port == 443 {
		host := u.Hostname()
		if strings.Contains(host, ":") {
			host = "[" + host + "]"
		}
		return host
	}
	return net.JoinHostPort(u.Hostname(), fmt.Sprint(port))
}

// RedirectURI is the one to send with the authorization request. It includes the port.
func (l *Listener) RedirectURI() string {
	if l.query != "" {
		return l.uri + "?" + l.query
	}
	return l.uri
}

// Accept waits for the next request at the redirect URI. It fails with the error of ctx, or with
// net.ErrClosed after Close.
func (l *Listener) Accept(ctx context.Context) (*Response, error) {
	select {
	case r := <-l.responses:
		return r, nil
	case <-l.closing:
		return nil, fmt.Errorf("oauth2: redirect: %w", net.ErrClosed)
	case <-ctx.Done():
		return nil, fmt.Errorf("oauth2: redirect: no response: %w", ctx.Err())
	}
}

// Finish shows the user that the sign-in is done, or, with err, that it failed and why. It returns
// when the page was sent, or if the browser has gone away. Only the first call counts.
func (r *Response) Finish(err error) { r.finish(verdict{err: err}) }

// refuse is Finish for a response that does not belong to this sign-in, which goes on.
func (r *Response) refuse(err error) { r.finish(verdict{err, true}) }

func (r *Response) finish(v verdict) {
	r.once.Do(func() {
		if v.err == nil {
			r.listener.done.Store(true)
		}
		r.verdict <- v
	})
	<-r.shown
}

// Close stops listening. Pages that are under way are delivered, for at most a second. It always
// returns nil.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() { close(l.closing) })
	ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
	defer cancel()
	l.server.Shutdown(ctx)
	l.server.Close()
	return nil
}

var knownMethods = []string{"HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// ServeHTTP implements http.Handler. Only what can be the user's browser at the redirect URI
// becomes a Response.
func (l *Listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, query, _ := strings.Cut(r.RequestURI, "?")
	switch {
	case !strings.HasPrefix(r.RequestURI, "/"): // it is not in origin-form (RFC 9112 section 3.2.1)
		refuse(w, http.StatusBadRequest)
	case !strings.EqualFold(r.Host, l.authority): // a page whose host name was bound to this address (DNS rebinding)
		refuse(w, http.StatusMisdirectedRequest)
	case path != l.path && !(near(path, l.path) && hasState(query)):
		refuse(w, http.StatusNotFound)
	case slices.Contains(knownMethods, r.Method): // HEAD too: to answer it, the listener would have to hand over the code
		w.Header().Set("Allow", "GET")
		refuse(w, http.StatusMethodNotAllowed)
	case r.Method != http.MethodGet:
		refuse(w, http.StatusNotImplemented)
	default:
		if query != "" {
			query = "?" + query
		}
		to := l.uri
		if path != l.path {
			to = strings.TrimSuffix(l.uri, l.path) + path
		}
		l.hand(w, r, to+query)
	}
}

// near reports whether the paths differ only by a slash at the end or the case of letters. A reply
// there is passed to the client, whose error says what came and what was expected.
func near(path, registered string) bool {
	return strings.EqualFold(strings.TrimRight(path, "/"), strings.TrimRight(registered, "/"))
}

func hasState(query string) bool {
	return strings.HasPrefix(query, "state=") || strings.Contains(query, "&state=")
}

// hand gives a response to the caller of Accept, and the resulting page to the browser.
func (l *Listener) hand(w http.ResponseWriter, r *http.Request, url string) {
	res := &Response{URL: url, listener: l, verdict: make(chan verdict, 1), shown: make(chan struct{})}
	defer close(res.shown)
	select {
	case l.responses <- res:
	case <-l.closing:
		l.late(w)
		return
	case <-r.Context().Done():
		return
	}
	select {
	case v := <-res.verdict:
		l.showOutcome(w, v)
	case <-l.closing:
		// Close may come right after Finish.
		select {
		case v := <-res.verdict:
			l.showOutcome(w, v)
		default:
			l.late(w)
		}
	}
}

// late answers a second delivery that came while the first one was being checked.
func (l *Listener) late(w http.ResponseWriter) {
	if l.done.Load() {
		l.showOutcome(w, verdict{})
		return
	}
	refuse(w, http.StatusGone)
}
