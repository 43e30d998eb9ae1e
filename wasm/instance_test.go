package wasm

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
)

func toyEngine(t *testing.T, m toy, limit time.Duration) *Engine {
	t.Helper()
	p, err := compile(t.Context(), m.bytes(), traits{pages: 256, bounded: limit > 0}, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := newEngine(t.Context(), p, limit)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		e.Shutdown()
		p.runtime.Close(context.Background())
	})
	return e
}

func TestModulesThatAreRefused(t *testing.T) {
	for _, row := range []struct {
		name string
		toy  toy
		want string
	}{
		{"imports", toy{imports: true}, "has imports"},
		{"a missing function", toy{without: "oauth2_effect"}, "exports no oauth2_effect"},
		{"another version", toy{bodies: map[string][]byte{"oauth2_abi": constant(2)}}, "version 2"},
		{"a memory above the limit", toy{pages: 257}, "memory"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p, err := compile(t.Context(), row.toy.bytes(), traits{pages: 256}, nil)
			if err == nil {
				_, err = newEngine(t.Context(), p, oauthtest.Patience)
			}
			if err == nil || !strings.Contains(err.Error(), row.want) || !strings.HasPrefix(err.Error(), "oauth2: wasm: ") {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := compile(t.Context(), []byte("no module"), traits{pages: 256}, nil); err == nil {
		t.Error("bytes that are no module")
	}
}

// Whatever a module does wrong, its instance is lost, its handles report that, and the next Open
// makes a new instance with a new handle.
func TestMisbehavingModules(t *testing.T) {
	for _, row := range []struct {
		name, function string
		body           []byte
		want           string
	}{
		{"input traps", "oauth2_input", unreachable, "unreachable"},
		{"input never ends", "oauth2_input", append(append([]byte{}, forever...), constant(0)...), "longer than 2s"},
		{"effect traps", "oauth2_effect", unreachable, "unreachable"},
		{"effect out of bounds", "oauth2_effect", constant(-8), "effect out of bounds"},
		{"effect longer than the memory", "oauth2_effect", constant(4), "effect out of bounds"},
		{"close traps", "oauth2_close", unreachable, "unreachable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			bodies := map[string][]byte{row.function: row.body}
			if row.want == "effect out of bounds" && row.body[1] == 4 {
				// open stores a length at address 4 that is longer than any memory: i32.store of
				// -1, then the handle.
				bodies["oauth2_open"] = append(append(append(constant(4), constant(-1)...), 0x36, 2, 0), counted...)
			}
			limit := oauthtest.Patience
			if row.want == "longer than 2s" {
				limit = 2 * time.Second
			}
			e := toyEngine(t, toy{bodies: bodies}, limit)
			one, two := e.Open([]byte("{}")), e.Open([]byte("{}"))
			if one != 1 || two != 2 {
				t.Fatal(one, two)
			}
			switch row.function {
			case "oauth2_input":
				if code := e.Input(one, []byte("{}")); code != oauth.Trapped {
					t.Errorf("code %d", code)
				}
			case "oauth2_effect":
				if effect := e.Effect(one); effect != nil {
					t.Errorf("%q", effect)
				}
			case "oauth2_close":
				e.Close(one)
			}
			if err := e.Lost(two); err == nil || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("lost: %v", err)
			}
			if e.Input(two, []byte("{}")) != oauth.Trapped || e.Effect(two) != nil {
				t.Error("a dead instance was asked")
			}
			if three := e.Open([]byte("{}")); three != 3 || e.Lost(three) != nil {
				t.Errorf("afterwards: %d, %v", three, e.Lost(three))
			}
			if len(e.instances) != 1 {
				t.Errorf("%d instances", len(e.instances))
			}
		})
	}
}

// TestAllocationFailures: S13. A module without memory for a message reports that and continues.
// One that returns a wrong address is lost.
func TestAllocationFailures(t *testing.T) {
	for name, body := range map[string][]byte{"out of bounds": constant(-4096), "trap": unreachable} {
		e := toyEngine(t, toy{bodies: map[string][]byte{"oauth2_alloc": body}}, oauthtest.Patience)
		if h := e.Open([]byte("{}")); h != oauth.Trapped {
			t.Errorf("%s: %d", name, h)
		}
	}
	// A module without memory for a message reports that, and continues (S13).
	e := toyEngine(t, toy{bodies: map[string][]byte{"oauth2_alloc": constant(0)}}, oauthtest.Patience)
	h := e.Open([]byte("{}"))
	if code := e.Input(h, []byte("{}")); h <= 0 || code != oauth.TooLong || e.Lost(h) != nil {
		t.Errorf("no memory: handle %d, code %d, %v", h, code, e.Lost(h))
	}
}

// corrupt overwrites the memory of the instance with the client's session, so that its next call
// traps as with a bug.
func corrupt(t *testing.T, e *Engine) {
	t.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range e.instances {
		view, ok := i.module.Memory().Read(1024, i.module.Memory().Size()-1024)
		if !ok {
			t.Fatal("no memory")
		}
		for n := range view {
			view[n] = 0xff
		}
	}
}

// The shipped module really traps: the instance is replaced, and the session is restored from the
// store.
func TestRealTrapRestores(t *testing.T) {
	e, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	events := make(chan oauth.Event, 99)
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{
		HTTP: &http.Client{Transport: tokens{}}, OnEvent: func(e oauth.Event) { events <- e },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for round := range 3 {
		a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Callback(t.Context(), testConfig.RedirectURI+"?code=x&state="+a.State); err != nil {
			t.Fatal(err)
		}
		corrupt(t, e)
		if _, err := c.Status(t.Context()); !errors.Is(err, oauth.ErrInternal) {
			t.Fatalf("round %d: %v", round, err)
		}
		if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "a" {
			t.Errorf("round %d: %v, %q", round, err, token.AccessToken)
		}
	}
	for restarted := 0; restarted < 3; {
		select {
		case e := <-events:
			if e.Name == "restarted" {
				restarted++
			}
		case <-time.After(oauthtest.Patience):
			t.Fatal("no event")
		}
	}
}

// A session leaves an instance that grew beyond 4 MiB between commands. It continues in a new one,
// and nobody notices.
func TestInstanceThatGrewIsRetired(t *testing.T) {
	e, err := New(t.Context(), EngineOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Shutdown()
	c, err := oauth.Open(t.Context(), e, testConfig, oauth.Options{HTTP: &http.Client{Transport: tokens{}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.SetToken(t.Context(), oauth.Token{AccessToken: "kept", TokenType: "Bearer"}); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	first := e.instances[0]
	first.module.Memory().Grow(worn / page)
	e.mu.Unlock()
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	e.mu.Lock()
	if len(e.instances) != 1 || e.instances[0] == first || first.lost == nil {
		t.Error("the instance was not left")
	}
	e.mu.Unlock()
	if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "kept" {
		t.Errorf("%v, %q", err, token.AccessToken)
	}
}

// What is written for an input does not stay in the module's memory.
func TestInputsAreWiped(t *testing.T) {
	e := toyEngine(t, toy{}, oauthtest.Patience)
	h := e.Open([]byte(`{"secret":1}`))
	e.Input(h, []byte(`{"secret":2}`))
	i := e.instances[0]
	if view, ok := i.module.Memory().Read(0, i.module.Memory().Size()); !ok || strings.Contains(string(view), "secret") {
		t.Error("an input is still there")
	}
}

// Many sessions are spread over instances, which end with their sessions.
func TestInstancesAreSharedUpToACrowd(t *testing.T) {
	e := toyEngine(t, toy{}, oauthtest.Patience)
	var handles []int32
	for range 2*crowd + 1 {
		handles = append(handles, e.Open([]byte("{}")))
	}
	if len(e.instances) != 3 {
		t.Errorf("%d instances", len(e.instances))
	}
	for _, h := range handles {
		e.Close(h)
		e.Close(h)
	}
	if len(e.instances) != 1 || len(e.seats) != 0 {
		t.Errorf("%d instances, %d seats are left", len(e.instances), len(e.seats))
	}
	e.Shutdown()
	if h := e.Open([]byte("{}")); h != oauth.Trapped {
		t.Errorf("after Shutdown: %d", h)
	}
}

var testConfig = oauth.Config{
	ClientID: "app", AuthorizationEndpoint: "https://as.example/authorize", TokenEndpoint: "https://as.example/token",
	RedirectURI: "https://app.example/cb",
}

// tokens answers every request with a token.
type tokens struct{}

func (tokens) RoundTrip(*http.Request) (*http.Response, error) {
	return jsonAnswer(`{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`), nil
}

func jsonAnswer(body string) *http.Response {
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}
