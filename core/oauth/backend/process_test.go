//go:build unix

package backend_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/bff"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/backend"
)

// The tests start this binary again as separate servers. This variable says what such a process is.
const role = "BFF_TEST_SERVER"

// server is the configuration of a process.
type server struct {
	Config  backend.Config
	Keys    string
	Path    string
	AheadMS int64 // how far its clock is ahead
}

func TestMain(m *testing.M) {
	text := os.Getenv(role)
	if text == "" {
		code := m.Run()
		if code == 0 && os.Getenv("PEERS") != "" {
			code = runOnServers(m)
		}
		os.Exit(code)
	}
	// A child does not outlive its parent, which holds the other end.
	go func() {
		io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	fmt.Println("error", serve(text))
	os.Exit(1)
}

// serve runs in the process: it prints its address and serves until the process is killed.
func serve(text string) error {
	var s server
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ring, err := backend.ReadRing(s.Keys)
	if err != nil {
		return err
	}
	now := func() time.Time { return time.Now().Add(time.Duration(s.AheadMS) * time.Millisecond) }
	store, err := openStore(s.Path, now)
	if err != nil {
		return err
	}
	h, err := backend.New(bff.Engine(), s.Config, backend.Options{Ring: ring, Store: store, Now: now, OnError: func(err error) { fmt.Println("error", err) }})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println("http://" + listener.Addr().String())
	return http.Serve(listener, h)
}

// A child is such a process.
type child struct {
	cmd *exec.Cmd
	url *url.URL
}

func (s *site) child(path string) *child {
	s.t.Helper()
	text, err := json.Marshal(server{s.config, s.keys, path, time.Duration(s.clock.ahead.Load()).Milliseconds()})
	if err != nil {
		s.t.Fatal(err)
	}
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), role+"="+string(text))
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := c.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.kill)
	lines := bufio.NewScanner(out)
	if !lines.Scan() || strings.HasPrefix(lines.Text(), "error") {
		s.t.Fatal("the process says ", lines.Text())
	}
	if c.url, err = url.Parse(lines.Text()); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		for lines.Scan() {
			s.t.Log(lines.Text())
		}
	}()
	return c
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// spread makes processes answer in turn, behind a server that passes the Host header on.
func (s *site) spread(children ...*child) {
	var n atomic.Int64
	s.serve(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(children[int(n.Add(1))%len(children)].url)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
}

// TestTwoProcesses (X9, B13): a session outlives its process. Two other processes share it, and
// fifty requests cause one refresh.
func TestTwoProcesses(t *testing.T) { onEachStore(t, twoProcesses) }

func twoProcesses(t *testing.T, path string) {
	s := newSite(t)
	first := s.child(path)
	s.spread(first)
	b := s.signedIn()
	first.kill()
	s.clock.moveOn(30 * time.Minute)
	s.spread(s.child(path), s.child(path))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			res, err := b.Do(b.request("GET", "/api/notes", nil, "X-CSRF", "1"))
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Error(res.Status)
			}
		})
	}
	all.Wait()
	if n := s.count("refresh_token"); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	// A sign-out at one process is a sign-out at both.
	res, body := b.call("POST", "/auth/logout", nil)
	s.want(res, body, 200, "")
	for range 2 {
		res, body := b.call("GET", "/api/notes", nil)
		s.want(res, body, 401, "not_signed_in")
	}
}

// TestKilledInMidRefresh (X9, B13): whether the server saw the token or not, the next process
// continues the session.
func TestKilledInMidRefresh(t *testing.T) { onEachStore(t, killedInMidRefresh) }

func killedInMidRefresh(t *testing.T, path string) {
	for _, row := range []struct {
		name string
		seen bool // the server saw it, and its answer gets lost
	}{{"before the server saw the token", false}, {"after the server changed the token", true}} {
		t.Run(row.name, func(t *testing.T) {
			s := newSite(t, func(_ *site, config *authserver.Config, _ *authserver.Client) { config.RotationGrace = time.Minute })
			first := s.child(path)
			s.spread(first)
			b := s.signedIn()
			first.kill()
			s.clock.moveOn(30 * time.Minute)
			doomed := s.child(path)
			s.spread(doomed)
			var once sync.Once
			s.mu.Lock()
			if row.seen {
				s.afterToken = func(string) { once.Do(doomed.kill) }
			} else {
				s.onToken = func(string) {
					first := false
					once.Do(func() {
						doomed.kill()
						first = true
					})
					if first {
						panic(http.ErrAbortHandler)
					}
				}
			}
			s.mu.Unlock()
			res, body := b.call("GET", "/api/notes", nil)
			s.want(res, body, 502, "")
			s.spread(s.child(path))
			res, body = b.call("GET", "/api/notes", nil)
			s.want(res, body, 200, "/v1/notes")
			if n := s.count("refresh_token"); n != 2 {
				t.Errorf("%d refreshes", n)
			}
		})
	}
}
