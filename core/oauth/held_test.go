package oauth_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// counted is an engine that counts its inputs.
type counted struct {
	core.Engine
	inputs atomic.Int64
}

func (c *counted) Input(handle int32, msg []byte) int32 {
	c.inputs.Add(1)
	return c.Engine.Input(handle, msg)
}

// plainStore is a store that does not report changes.
type plainStore struct{ kept oauth.MemoryStore }

func (p *plainStore) Load(ctx context.Context, key string) (string, string, bool, error) {
	return p.kept.Load(ctx, key)
}

func (p *plainStore) Store(ctx context.Context, key, version string, value *string) (string, error) {
	return p.kept.Store(ctx, key, version, value)
}

// refreshes is a token endpoint that issues one token.
type refreshes struct{}

func (refreshes) RoundTrip(*http.Request) (*http.Response, error) {
	return respond(200, `{"access_token":"second","token_type":"Bearer","expires_in":3600,"refresh_token":"r2"}`), nil
}

// heldScene is a signed-in client with a clock that the test sets.
type heldScene struct {
	*oauth.Client
	engine *counted
	now    atomic.Int64 // Unix ms
}

const heldResource = "https://api.example/v1/things"

func newHeldScene(t *testing.T, store oauth.Store) *heldScene {
	t.Helper()
	s := &heldScene{engine: &counted{}}
	s.now.Store(1_800_000_000_000)
	c, err := oauth.Open(t.Context(), s.engine, config, oauth.Options{
		Store: store, HTTP: &http.Client{Transport: refreshes{}}, Now: func() time.Time { return time.UnixMilli(s.now.Load()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s.Client = c
	s.setToken(t, "first")
	return s
}

func (s *heldScene) setToken(t *testing.T, access string) {
	t.Helper()
	token := oauth.Token{AccessToken: access, TokenType: "Bearer", RefreshToken: "r", ExpiresAt: time.UnixMilli(s.now.Load()).Add(time.Hour)}
	if _, err := s.SetToken(t.Context(), token); err != nil {
		t.Fatal(err)
	}
}

// inputs returns how many inputs the engine got while do ran.
func (s *heldScene) inputs(do func()) int64 {
	before := s.engine.inputs.Load()
	do()
	return s.engine.inputs.Load() - before
}

func (s *heldScene) access(t *testing.T) string {
	t.Helper()
	token, err := s.Token(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token.AccessToken
}

func (s *heldScene) header(t *testing.T) string {
	t.Helper()
	h, err := s.Prepare(t.Context(), "GET", heldResource)
	if err != nil {
		t.Fatal(err)
	}
	return h.Get("Authorization")
}

// TestGoodTokenIsHeld (E120): a valid token, and the headers for a request, are returned again
// without asking the engine.
func TestGoodTokenIsHeld(t *testing.T) {
	for name, store := range map[string]oauth.Store{"a store that tells": &oauth.MemoryStore{}, "a store that does not": &plainStore{}} {
		t.Run(name, func(t *testing.T) {
			s := newHeldScene(t, store)
			s.access(t)
			s.header(t)
			n := s.inputs(func() {
				for range 10 {
					if got := s.access(t) + " " + s.header(t); got != "first Bearer first" {
						t.Error(got)
					}
				}
			})
			if n != 0 {
				t.Errorf("%d inputs", n)
			}
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			if _, err := s.Token(cancelled); !errors.Is(err, context.Canceled) {
				t.Errorf("with a context that is done: %v", err)
			}
			if _, err := s.Prepare(cancelled, "GET", heldResource); !errors.Is(err, context.Canceled) {
				t.Errorf("with a context that is done: %v", err)
			}
		})
	}
}

// TestHeldAnswersEnd (E121): the cache ends with everything that may change an answer: time, a
// command, an event, another writer, the end of the client.
func TestHeldAnswersEnd(t *testing.T) {
	ms := func(s *heldScene, n int64) { s.now.Add(n) }
	for _, row := range []struct {
		name  string
		store oauth.Store
		do    func(t *testing.T, s *heldScene)
		want  string // the access token afterwards; "" for an error
	}{
		{"the store was not read for a second", &plainStore{}, func(_ *testing.T, s *heldScene) { ms(s, 1000) }, "first"},
		{"the token is about to end", nil, func(_ *testing.T, s *heldScene) { ms(s, 3599_000) }, "second"},
		{"the clock was set back", nil, func(t *testing.T, s *heldScene) {
			ms(s, 500)
			s.access(t)
			s.header(t)
			ms(s, -100)
		}, "first"},
		{"a token was set", nil, func(t *testing.T, s *heldScene) { s.setToken(t, "other") }, "other"},
		{"the token was refreshed", nil, func(t *testing.T, s *heldScene) {
			if _, err := s.Refresh(t.Context()); err != nil {
				t.Error(err)
			}
		}, "second"},
		{"a fresh token was asked for", nil, func(t *testing.T, s *heldScene) {
			if _, err := s.FreshToken(t.Context()); err != nil {
				t.Error(err)
			}
		}, "second"},
		{"the user signed out", nil, func(t *testing.T, s *heldScene) {
			if _, err := s.LogOut(t.Context(), oauth.LogOutParams{}); err != nil {
				t.Error(err)
			}
		}, ""},
		{"the client was closed", nil, func(_ *testing.T, s *heldScene) { s.Close() }, ""},
		{"a command that changes nothing", nil, func(t *testing.T, s *heldScene) {
			if _, err := s.Matches(t.Context(), "https://app.example/"); err != nil {
				t.Error(err)
			}
		}, "first"},
	} {
		for what, ask := range map[string]func(*heldScene, *testing.T) string{
			"token": func(s *heldScene, t *testing.T) string { token, _ := s.Token(t.Context()); return token.AccessToken },
			"prepare": func(s *heldScene, t *testing.T) string {
				h, _ := s.Prepare(t.Context(), "GET", heldResource)
				return strings.TrimPrefix(h.Get("Authorization"), "Bearer ")
			},
		} {
			t.Run(row.name+", "+what, func(t *testing.T) {
				store := row.store
				if store == nil {
					store = &oauth.MemoryStore{}
				} else {
					store = &plainStore{}
				}
				s := newHeldScene(t, store)
				s.access(t)
				s.header(t)
				row.do(t, s)
				var got string
				n := s.inputs(func() { got = ask(s, t) })
				if got != row.want || n == 0 && row.want != "" {
					t.Errorf("%q after %d inputs, not %q", got, n, row.want)
				}
			})
		}
	}
}

// TestHeldAnswersOfAnotherWriter (E121): what another client with the same store wrote is returned.
func TestHeldAnswersOfAnotherWriter(t *testing.T) {
	store := &oauth.MemoryStore{}
	one, two := newHeldScene(t, store), newHeldScene(t, store)
	one.access(t)
	one.header(t)
	two.setToken(t, "others")
	n := one.inputs(func() { one.access(t) })
	if n == 0 {
		t.Error("nothing was asked")
	}
	for deadline := time.Now().Add(time.Minute); one.access(t) != "others"; time.Sleep(time.Millisecond) {
		one.now.Add(100) // the store is read a second after the last read
		if time.Now().After(deadline) {
			t.Fatal("the other's token never comes")
		}
	}
}

// TestProofsAreNotHeld (E122): with DPoP the engine makes a proof for each request. A caller may
// change the headers that it gets.
func TestProofsAreNotHeld(t *testing.T) {
	s := newHeldScene(t, &oauth.MemoryStore{})
	h, err := s.Prepare(t.Context(), "GET", heldResource)
	if err != nil {
		t.Fatal(err)
	}
	h["Authorization"][0] = "changed"
	if got := s.header(t); got != "Bearer first" {
		t.Error(got)
	}
	for _, other := range [][2]string{{"POST", heldResource}, {"GET", heldResource + "?page=2"}} {
		if n := s.inputs(func() { s.Prepare(t.Context(), other[0], other[1]) }); n == 0 {
			t.Errorf("%v: nothing was asked", other)
		}
	}
	if _, err := s.Prepare(t.Context(), "GET", "https://elsewhere.example/"); !errors.Is(err, &oauth.Error{Code: "resource_not_allowed"}) {
		t.Error(err)
	}
	bound := openBound(t, &bound{jtis: map[string]bool{}}, oauth.Options{})
	signInBound(t, bound)
	var proofs []string
	for range 3 {
		h, err := bound.Prepare(t.Context(), "GET", heldResource)
		if err != nil {
			t.Fatal(err)
		}
		if proof := h.Get("DPoP"); proof == "" || slices.Contains(proofs, proof) {
			t.Errorf("proof %q of %q", proof, proofs)
		}
		proofs = append(proofs, h.Get("DPoP"))
	}
}

// TestHeldAnswersEndWithEvents (E121): an automatic refresh changes the token without a command.
// Only its events show it.
func TestHeldAnswersEndWithEvents(t *testing.T) {
	granted := make(chan struct{}, 9)
	own := config
	own.AutoRefresh, own.RefreshLead = true, new(time.Hour)
	p := &peer{answer: make(chan struct{})}
	c, err := oauth.Open(t.Context(), new(core.Engine), own, oauth.Options{Store: &plainStore{}, HTTP: &http.Client{Transport: p}, OnEvent: func(e oauth.Event) {
		if e.Name == oauth.EventGranted {
			granted <- struct{}{}
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const early = 500 * time.Millisecond // so much before the expiry a token is requested
	setToken(t, c, oauth.Token{AccessToken: "first", TokenType: "Bearer", RefreshToken: "r", ExpiresAt: time.Now().Add(time.Hour + early)})
	<-granted
	if _, err := c.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.answer <- struct{}{}
	<-granted
	if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "a1" {
		t.Error(token.AccessToken, err)
	}
}
