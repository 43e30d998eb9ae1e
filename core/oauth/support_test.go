package oauth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

var config = oauth.Config{
	ClientID:              "app",
	AuthorizationEndpoint: "https://as.example/authorize",
	TokenEndpoint:         "https://as.example/token",
	UserinfoEndpoint:      "https://as.example/userinfo",
	RedirectURI:           "https://app.example/cb",
	TokenDestinations:     []string{"https://api.example/v1/"},
}

// oldToken is an expired token.
var oldToken = oauth.Token{AccessToken: "a0", RefreshToken: "r0", TokenType: "Bearer", ExpiresAt: time.Unix(1000, 0)}

// peer is a server without a network: it rotates refresh tokens and records its requests.
type peer struct {
	mu       sync.Mutex
	requests []string      // forms of the token endpoint
	answer   chan struct{} // if set, the token endpoint waits for a value
	asked    chan struct{} // if set, it gets a value for each request
	replace  func(*http.Request) (*http.Response, error)
}

func (p *peer) RoundTrip(req *http.Request) (*http.Response, error) {
	if p.replace != nil {
		return p.replace(req)
	}
	form := ""
	if req.Body != nil {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		form = string(raw)
	}
	p.mu.Lock()
	p.requests = append(p.requests, form)
	n := len(p.requests)
	p.mu.Unlock()
	if p.asked != nil {
		p.asked <- struct{}{}
	}
	if p.answer != nil {
		select {
		case <-p.answer:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	return respond(200, fmt.Sprintf(`{"access_token":"a%d","refresh_token":"r%d","token_type":"Bearer","expires_in":3600}`, n, n)), nil
}

func (p *peer) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.requests)
}

func respond(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

func open(t testing.TB, e oauth.Engine, p *peer, opts oauth.Options) *oauth.Client {
	t.Helper()
	if opts.HTTP == nil && p != nil {
		opts.HTTP = &http.Client{Transport: p}
	}
	c, err := oauth.Open(t.Context(), e, config, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func setToken(t testing.TB, c *oauth.Client, token oauth.Token) {
	t.Helper()
	if _, err := c.SetToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
}

// recorder records the names of events.
type recorder struct {
	mu    sync.Mutex
	names []string
}

func (r *recorder) on(e oauth.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	name := string(e.Name)
	if e.Name == "status" {
		name += " " + string(e.Status)
	}
	r.names = append(r.names, name)
}

func (r *recorder) has(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.names {
		if n == name {
			return true
		}
	}
	return false
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(oauthtest.Patience); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

var errTrapped = errors.New("test: trapped")

// mortal is the native engine with properties of one in WebAssembly: an input that contains trapOn
// kills the instance and all its sessions, and an instance can be worn.
type mortal struct {
	mu       sync.Mutex
	trapOn   string
	instance *life
	seats    map[int32]place
	last     int32
	inputs   []string
	opens    int
}

type life struct {
	core.Engine
	dead, worn bool
}

type place struct {
	*life
	handle int32
}

func (m *mortal) trap(word string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trapOn = word
}

func (m *mortal) wear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.instance.worn = true
}

func (m *mortal) opened() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.opens
}

func (m *mortal) count(word string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range m.inputs {
		if strings.Contains(in, word) {
			n++
		}
	}
	return n
}

func (m *mortal) Open(msg []byte) int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.instance == nil || m.instance.dead || m.instance.worn {
		m.instance = &life{}
	}
	m.opens++
	h := m.instance.Open(msg)
	if h == 0 {
		return 0
	}
	m.last++
	if m.seats == nil {
		m.seats = map[int32]place{}
	}
	m.seats[m.last] = place{m.instance, h}
	return m.last
}

func (m *mortal) Input(handle int32, msg []byte) int32 {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.seats[handle]
	if !ok {
		return oauth.UnknownHandle
	}
	m.inputs = append(m.inputs, string(msg))
	if p.dead || m.trapOn != "" && strings.Contains(string(msg), m.trapOn) {
		p.dead = true
		return oauth.Trapped
	}
	return p.Input(p.handle, msg)
}

func (m *mortal) Effect(handle int32) []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	if handle == 0 {
		return m.instance.Effect(0)
	}
	if p, ok := m.seats[handle]; ok && !p.dead {
		return p.Effect(p.handle)
	}
	return nil
}

func (m *mortal) Close(handle int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.seats[handle]; ok && !p.dead {
		p.Close(p.handle)
	}
	delete(m.seats, handle)
}

func (m *mortal) Lost(handle int32) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p, ok := m.seats[handle]; ok && p.dead {
		return errTrapped
	}
	return nil
}

func (m *mortal) Worn(handle int32) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.seats[handle]
	return ok && p.worn
}
