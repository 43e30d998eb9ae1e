//go:build unix

package remote_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/servers"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/postgresstore"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/redisstore"
)

// role says what a process of this binary does that a test has started.
const role = "REMOTE_TEST_ROLE"

// TestMain is the other processes, too.
func TestMain(m *testing.M) {
	if os.Getenv(role) != "" {
		go func() { // a child does not outlive its parent, which holds the other end
			io.Copy(io.Discard, os.Stdin)
			os.Exit(3)
		}()
		if err := roles[os.Getenv(role)](os.Args[1:]); err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	m.Run()
	for _, s := range running {
		s.Close()
	}
}

var running []*servers.Server

// engines are what stores stand on.
var engines = map[string]func() (*servers.Server, error){"redis": shared(func() (*servers.Server, error) { return servers.Redis() }), "postgres": shared(servers.Postgres)}

func shared(start func() (*servers.Server, error)) func() (*servers.Server, error) {
	return sync.OnceValues(func() (*servers.Server, error) {
		s, err := start()
		if err == nil {
			running = append(running, s)
		}
		return s, err
	})
}

// onEach runs a test on each engine, with one of its servers and a place there that is empty.
func onEach(t *testing.T, test func(t *testing.T, kind string, s *servers.Server, place string)) {
	servers.Need(t)
	for kind, start := range engines {
		t.Run(kind, func(t *testing.T) {
			s, err := start()
			if err != nil {
				t.Fatal(err)
			}
			test(t, kind, s, "p"+strings.ToLower(rand.Text()))
		})
	}
}

// open gives a store, as a process has it that knows the address.
func open(kind, addr, place string, lease time.Duration) (oauthtest.SharedStore, error) {
	if kind == "redis" {
		return redisstore.New(redis.NewClient(&redis.Options{Addr: addr, ContextTimeoutEnabled: true}), redisstore.Options{Prefix: place, Lease: lease})
	}
	pool, err := pgxpool.New(context.Background(), "postgres://postgres@"+addr+"/postgres?sslmode=disable&pool_max_conns=8")
	if err != nil {
		return nil, err
	}
	if _, err := pool.Exec(context.Background(), `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{place}.Sanitize()); err != nil {
		return nil, err
	}
	s, err := postgresstore.New(pool, postgresstore.Options{Schema: place, Lease: lease})
	if err != nil {
		return nil, err
	}
	return s, s.Create(context.Background())
}

func opened(t testing.TB, kind, addr, place string, lease time.Duration) oauthtest.SharedStore {
	t.Helper()
	s, err := open(kind, addr, place, lease)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var roles = map[string]func(args []string) error{"hold": hold, "refresh": refresh}

// hold takes the lock "n" and keeps it until it is killed.
func hold(args []string) error {
	s, err := open(args[0], args[1], args[2], lease)
	if err == nil {
		_, err = s.Lock(context.Background(), "n")
	}
	if err != nil {
		return err
	}
	fmt.Println("held")
	select {}
}

// refresh refreshes the session that the store has.
func refresh(args []string) error {
	s, err := open(args[0], args[1], args[2], lease)
	if err != nil {
		return err
	}
	c, err := openClient(s, args[3], nil)
	if err != nil {
		return err
	}
	fmt.Println("began")
	if _, err := c.FreshToken(context.Background()); err != nil {
		return err
	}
	return c.Close()
}

// lease is that of tests that wait for its end.
const lease = time.Second

// child is another process.
type child struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
}

func start(t *testing.T, what string, args ...string) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0], args...), lines: make(chan string, 100)}
	c.cmd.Env = append(os.Environ(), role+"="+what)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.cmd.StdinPipe(); err != nil { // closed when this process ends
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			c.lines <- s.Text()
		}
	}()
	t.Cleanup(c.kill)
	return c
}

func (c *child) line() string {
	c.t.Helper()
	select {
	case l := <-c.lines:
		return l
	case <-time.After(oauthtest.Patience):
		c.t.Fatal("the other process says nothing")
		return ""
	}
}

// end waits until the process has ended by itself, and wants it to say nothing more.
func (c *child) end() {
	c.t.Helper()
	if l := c.line(); l != "" {
		c.t.Fatal("the other process says ", l)
	}
	if err := c.cmd.Wait(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	for range c.lines {
	}
	c.cmd.Wait()
}

const redirectURI = "http://127.0.0.1/cb"

func openClient(s oauth.Store, issuer string, transport http.RoundTripper) (*oauth.Client, error) {
	if transport == nil {
		transport = &http.Transport{}
	}
	return oauth.Open(context.Background(), new(core.Engine), oauth.Config{
		Issuer: issuer, ClientID: "notes", RedirectURI: redirectURI, Scope: "profile",
		AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
	}, oauth.Options{Store: s, HTTP: &http.Client{Transport: transport}})
}

// site is an authorization server that rotates refresh tokens.
type site struct {
	*httptest.Server
	server *authserver.Server
	mu     sync.Mutex
	sent   []string    // refresh tokens, in the order in which they came
	answer func(n int) // called with the number of a refresh that the server has carried out, before its answer goes out
}

func newSite(t *testing.T, grace time.Duration) *site {
	t.Helper()
	store := authserver.NewMemoryStore()
	if err := store.AddClient(authserver.Client{
		ClientID: "notes", RedirectURIs: []string{redirectURI}, Scope: "profile",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken},
	}); err != nil {
		t.Fatal(err)
	}
	s := &site{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	var err error
	s.server, err = authserver.New(authserver.Config{
		Issuer: s.URL, Store: store, Users: map[string]authserver.User{"demo": {Password: "secret"}}, RotationGrace: grace,
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// session is the key of a session in the store, and the name of its lock.
func (s *site) session() string { return oauthtest.StoreKey("oauth2", s.URL, "notes", "session") }

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	r = r.WithContext(context.Background()) // whoever asks may be gone
	r.Body = io.NopCloser(strings.NewReader(string(raw)))
	form, _ := url.ParseQuery(string(raw))
	if r.URL.Path != "/token" || form.Get("grant_type") != "refresh_token" {
		s.server.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	s.sent = append(s.sent, form.Get("refresh_token"))
	n, answer := len(s.sent), s.answer
	s.mu.Unlock()
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, r)
	if answer != nil {
		answer(n)
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

func (s *site) tokens() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.sent...)
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// signIn leaves a session in the store, the way a user would.
func (s *site) signIn(t *testing.T, store oauth.Store) {
	t.Helper()
	c, err := openClient(store, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	jar, _ := cookiejar.New(nil)
	arrived := ""
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI) {
			arrived = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	res, err := browser.Get(a.URL)
	for _, form := range []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {"approve"}}} {
		if err != nil {
			t.Fatal(err)
		}
		page, readErr := io.ReadAll(res.Body)
		res.Body.Close()
		found := interaction.FindSubmatch(page)
		if readErr != nil || found == nil {
			t.Fatalf("no form: %v, %s", readErr, page)
		}
		form.Set("interaction", string(found[1]))
		res, err = browser.PostForm(a.URL, form)
	}
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if _, err := c.Callback(t.Context(), arrived); err != nil {
		t.Fatal(err)
	}
}
