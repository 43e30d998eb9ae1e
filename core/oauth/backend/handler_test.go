package backend_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// TestWhatTheBrowserAskedFor: scheme and host come from the configuration, never from a Host
// header, which anybody can send.
func TestWhatTheBrowserAskedFor(t *testing.T) {
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	h, err := backend.New(bff.Engine(), backend.Config{Client: oauth.Config{ClientID: "c", ClientSecret: "s", AuthorizationEndpoint: "https://as.example/a", TokenEndpoint: "https://as.example/t"},
		Base: "https://app.example/auth", Proxy: []backend.Route{{Path: "/api", Target: "https://api.example/"}}}, backend.Options{Ring: ring})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, target, host string
		status             int
		body               string
	}{
		{"ours", "/auth/session", "app.example", 401, "not_signed_in"},
		{"with the port that goes without saying", "/auth/session", "APP.example:443", 401, "not_signed_in"},
		{"another port", "/auth/session", "app.example:8443", 421, "wrong_host"},
		{"another host", "/auth/session", "evil.example", 421, "wrong_host"},
		{"a host that is more than one", "/auth/session", "app.example@evil.example", 421, "wrong_host"},
		{"a host with a path", "/auth/session", "app.example/auth", 421, "wrong_host"},
		{"no host", "/auth/session", "", 421, "wrong_host"},
		{"a host that is a path", "//evil.example/auth/session", "app.example", 404, "not_found"},
		{"dots", "/auth/../auth/session", "app.example", 404, "not_found"},
		{"encoded dots", "/api/..%2f..%2fadmin", "app.example", 404, "not_found"},
		{"elsewhere", "/other", "app.example", 404, "not_found"},
		{"asterisk", "*", "app.example", 404, "not_found"},
		{"a query that is none", "/auth/session?%", "app.example", 400, "bad_query"},
		{"a query of other bytes", "/auth/session?\xff", "app.example", 400, "bad_query"},
		{"too long", "/auth/session?" + strings.Repeat("x", 1<<20), "app.example", 431, "too_large"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + row.target + " HTTP/1.1\r\nHost: app.example\r\nX-Csrf: 1\r\n\r\n")))
			if err != nil {
				t.Fatal(err)
			}
			r.Host = row.host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != row.status || !strings.Contains(w.Body.String(), row.body) || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%d %s %s", w.Code, w.Header(), w.Body)
			}
		})
	}
	t.Run("too many headers", func(t *testing.T) {
		r := httptest.NewRequest("GET", "https://app.example/auth/session", nil)
		for range 30_000 {
			r.Header["A"] = append(r.Header["A"], "")
		}
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 431 {
			t.Error(w.Code, w.Body)
		}
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		r := httptest.NewRequest("POST", "https://app.example/auth/backchannel_logout", io.MultiReader(strings.NewReader("abc")))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.ContentLength = 10
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, r); w.Code != 400 || !strings.Contains(w.Body.String(), "bad_body") {
			t.Error(w.Code, w.Body)
		}
	})
}

// TestConfigurationIsRefused: New names the wrong member.
func TestConfigurationIsRefused(t *testing.T) {
	ring, err := backend.ReadRing(backend.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	good := backend.Config{Client: oauth.Config{ClientID: "c", ClientSecret: "s", AuthorizationEndpoint: "https://as.example/a", TokenEndpoint: "https://as.example/t"}, Base: "https://app.example/auth"}
	for _, row := range []struct {
		name   string
		change func(*backend.Config, *backend.Options)
		want   string
	}{
		{"no ring", func(_ *backend.Config, o *backend.Options) { o.Ring = nil }, "Options.Ring is missing"},
		{"no base", func(c *backend.Config, _ *backend.Options) { c.Base = "" }, "base"},
		{"base without TLS", func(c *backend.Config, _ *backend.Options) { c.Base = "http://app.example/auth" }, "base"},
		{"a proxy over the endpoints", func(c *backend.Config, _ *backend.Options) {
			c.Proxy = []backend.Route{{Path: "/", Target: "https://api.example"}}
		}, "proxy"},
		{"a client's endpoint", func(c *backend.Config, _ *backend.Options) { c.Client.TokenEndpoint = "http://as.example/t" }, "token_endpoint"},
		{"a public client", func(c *backend.Config, _ *backend.Options) { c.Client.ClientSecret = "" }, "client_secret"},
		{"refresh by itself", func(c *backend.Config, _ *backend.Options) { c.Client.AutoRefresh = true }, "auto_refresh"},
		{"a caller without a secret", func(c *backend.Config, _ *backend.Options) {
			c.Callers = []backend.Caller{{ClientID: "x", GrantTypes: []backend.GrantType{backend.GrantClientCredentials}, Scope: "x"}}
		}, "callers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, o := good, backend.Options{Ring: ring}
			row.change(&c, &o)
			if _, err := backend.New(bff.Engine(), c, o); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := backend.New(bff.Engine(), good, backend.Options{Ring: ring}); err != nil {
		t.Error(err)
	}
}

// TestBodiesGoOn: short bodies are kept for a retry, whatever their bytes. Long ones and those of
// unknown length are streamed and sent once; after the token is refreshed, the page is asked to
// repeat the request (Q13, S54).
func TestBodiesGoOn(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	var got []byte
	var length int64
	refuse := 0
	s.api = func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		length = r.ContentLength
		if refuse > 0 {
			refuse--
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(401)
		}
	}
	binary := []byte{0xff, 0, '\n', 0x80}
	for _, row := range []struct {
		name    string
		body    []byte
		unknown bool // its length is unknown
		refuse  bool
		status  int
	}{
		{"none", nil, false, false, 200},
		{"text", []byte("é"), false, false, 200},
		{"no text", binary, false, false, 200},
		{"as long as is kept", bytes.Repeat(binary, 16<<10), false, false, 200},
		{"longer than that", bytes.Repeat(binary, 256<<10), false, false, 200},
		{"of unknown length", binary, true, false, 200},
		{"refused and kept", binary, false, true, 200},
		{"refused and long", bytes.Repeat(binary, 17<<10), false, true, 503},
		{"refused and of unknown length", binary, true, true, 503},
	} {
		t.Run(row.name, func(t *testing.T) {
			refuse, got = 0, nil
			if row.refuse {
				refuse = 1
			}
			var body io.Reader = bytes.NewReader(row.body)
			if row.unknown {
				body = io.MultiReader(body)
			}
			res, text := b.call("PUT", "/api/x", body)
			s.want(res, text, row.status, "")
			if !bytes.Equal(got, row.body) || row.unknown != (length < 0) {
				t.Errorf("%d bytes came, length %d", len(got), length)
			}
		})
	}
}

// TestStreams: the first piece of an answer, and of a request, arrives while the rest does not
// exist yet; server-sent events, too.
func TestStreams(t *testing.T) {
	s := newSite(t)
	b := s.signedIn()
	t.Run("down", func(t *testing.T) {
		more := make(chan struct{})
		s.api = func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: 1\n\n")
			http.NewResponseController(w).Flush()
			<-more
			fmt.Fprint(w, "data: 2\n\n")
		}
		res, err := b.Do(b.request("GET", "/api/events", nil, "X-CSRF", "1", "Accept", "text/event-stream"))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		first := make([]byte, 9)
		if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "data: 1\n\n" {
			t.Fatal(err, string(first))
		}
		close(more)
		rest, err := io.ReadAll(res.Body)
		if err != nil || string(rest) != "data: 2\n\n" || res.Header.Get("Content-Type") != "text/event-stream" {
			t.Error(err, string(rest), res.Header)
		}
	})
	t.Run("up and down at once", func(t *testing.T) {
		s.api = func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			control.EnableFullDuplex()
			w.WriteHeader(200)
			control.Flush()
			buffer := make([]byte, 10)
			for {
				n, err := r.Body.Read(buffer)
				w.Write(buffer[:n])
				control.Flush()
				if err != nil {
					return
				}
			}
		}
		body, pen := io.Pipe()
		res, err := b.Do(b.request("POST", "/api/echo", body, "X-CSRF", "1", "Origin", s.app.URL))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		buffer := make([]byte, 5)
		for _, word := range []string{"first", "other"} {
			io.WriteString(pen, word)
			if _, err := io.ReadFull(res.Body, buffer); err != nil || string(buffer) != word {
				t.Fatal(err, string(buffer))
			}
		}
		pen.Close()
		if rest, err := io.ReadAll(res.Body); err != nil || len(rest) > 0 {
			t.Error(err, rest)
		}
	})
	t.Run("10 MB", func(t *testing.T) {
		s.api = func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 10<<20)) }
		res, text := b.call("GET", "/api/big", nil)
		if res.StatusCode != 200 || len(text) != 10<<20 {
			t.Error(res.Status, len(text))
		}
	})
	t.Run("a browser that goes away", func(t *testing.T) {
		gone := make(chan struct{})
		s.api = func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
			close(gone)
		}
		res, err := b.Do(b.request("GET", "/api/events", nil, "X-CSRF", "1"))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		<-gone // the resource notices it
	})
}

// silence is how long a resource may be silent in these tests. Every other answer must begin within
// that time, on a busy machine, too.
const silence = 4 * time.Second

// TestAnswersOfResources: the page gets a resource's answer unchanged, without headers that are not
// for it. Each fault of the resource has its own status.
func TestAnswersOfResources(t *testing.T) {
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) {
		s.opts.ResourceTimeout = silence
	})
	b := s.signedIn()
	breakOff := func(raw string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, r *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(c, raw)
			if tcp, ok := c.(*net.TCPConn); ok && raw == "" {
				tcp.SetLinger(0)
			}
			c.Close()
		}
	}
	for _, row := range []struct {
		name, method string
		api          func(w http.ResponseWriter, r *http.Request)
		status       int
		body         string
		header       string // name=value
	}{
		{"a redirect is not followed", "GET", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://else.example/", http.StatusFound)
		}, 302, "", "Location=https://else.example/"},
		{"nobody guesses a type", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<script>")
		}, 200, "<script>", "Content-Type="},
		{"no content", "GET", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, 204, "", "Content-Length="},
		{"not modified", "GET", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", "e"); w.WriteHeader(304) }, 304, "", "Etag=e"},
		{"only the head", "HEAD", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("Content-Length", "7") }, 200, "", "Content-Length=7"},
		{"compressed for the browser that asked for it", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", r.Header.Get("Accept-Encoding"))
		}, 200, "", "Etag=br"},
		{"an error", "GET", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "broken", 500) }, 500, "broken", "X-Content-Type-Options=nosniff"},
		{"a hop's own business", "GET", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Keep-Alive", "timeout=5")
			w.Header().Set("Alt-Svc", "h3")
		}, 200, "", "Keep-Alive="},
		{"silence", "GET", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, 504, "upstream_timeout", "Cache-Control=no-store"},
		{"a reset", "GET", breakOff(""), 502, "upstream_network", "Cache-Control=no-store"},
		{"no HTTP", "GET", breakOff("hello\r\n\r\n"), 502, "upstream_network", "Cache-Control=no-store"},
		{"other protocols", "GET", breakOff("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), 502, "upstream_network", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.answerWith(row.api)
			res, body := b.call(row.method, "/api/x", nil, "Accept-Encoding", "br")
			name, value, _ := strings.Cut(row.header, "=")
			if s.want(res, body, row.status, row.body); res.Header.Get(name) != value {
				t.Error(res.Header)
			}
		})
	}
	t.Run("half of a body is an error to the browser too", func(t *testing.T) {
		s.answerWith(breakOff("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"))
		res, err := b.Do(b.request("GET", "/api/x", nil, "X-CSRF", "1"))
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("taken for whole: %s", raw)
		}
		res.Body.Close()
	})
	t.Run("a slow browser is no silent resource", func(t *testing.T) {
		s.api = func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }
		body, pen := io.Pipe()
		go func() {
			for range 5 {
				time.Sleep(silence / 4)
				io.WriteString(pen, "x")
			}
			pen.Close()
		}()
		res, text := b.call("POST", "/api/x", body)
		s.want(res, text, 200, "xxxxx")
	})
	t.Run("nobody there", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener.Close()
		s.config.Proxy[0].Target = "http://" + listener.Addr().String()
		s.serve(s.handler())
		b := s.signedIn()
		res, body := b.call("GET", "/api/x", nil)
		s.want(res, body, 502, "upstream_unsent")
	})
}

// lostEngine is an engine whose instance traps when it gets a request.
type lostEngine struct {
	oauth.Engine
	broken bool
}

func (l *lostEngine) Input(handle int32, msg []byte) int32 {
	if l.broken {
		return oauth.Trapped
	}
	return l.Engine.Input(handle, msg)
}

// TestLostEngine: the browser gets an error once, and the next request is served.
func TestLostEngine(t *testing.T) {
	s := newSite(t)
	lost := &lostEngine{Engine: bff.Engine(), broken: true}
	h, err := backend.New(lost, s.config, s.opts)
	if err != nil {
		t.Fatal(err)
	}
	s.serve(h)
	b := s.browser()
	res, body := b.call("GET", "/auth/session", nil)
	if s.want(res, body, 500, `"error":"internal"`); res.Header.Get("Cache-Control") != "no-store" {
		t.Error(res.Header)
	}
	if len(s.errs) != 1 || !errors.Is(s.errs[0], oauth.ErrInternal) {
		t.Error(s.errs)
	}
	lost.broken = false
	res, body = b.call("GET", "/auth/session", nil)
	s.want(res, body, 401, "not_signed_in")
}

// brokenStore is a store that fails.
type brokenStore struct{ oauth.MemoryStore }

var errBroken = errors.New("the disk is full")

func (b *brokenStore) StoreUntil(context.Context, string, string, string, time.Time) (string, error) {
	return "", errBroken
}

// TestStoreThatFails: nobody is signed in if the session could not be stored (X9). The browser may
// retry, and the operator learns the reason.
func TestStoreThatFails(t *testing.T) {
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) { s.opts.Store = &brokenStore{} })
	b := s.browser()
	back := b.approve(base + "/login")
	res, body := b.do(b.request("GET", back, nil))
	s.want(res, body, 503, "temporarily_unavailable")
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Contains(body, "disk") || len(s.errs) == 0 || !errors.Is(s.errs[0], errBroken) {
		t.Error(body, s.errs)
	}
}
