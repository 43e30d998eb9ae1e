package oauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// A trapped instance is replaced, the session is loaded from the store, the input that trapped is
// not repeated, and its command ends with kind internal.
func TestTrapRestoresFromTheStore(t *testing.T) {
	var events recorder
	e := &mortal{}
	c := open(t, e, &peer{}, oauth.Options{OnEvent: events.on})
	setToken(t, c, oldToken)

	e.trap(`"command":"userinfo"`)
	_, err := c.Userinfo(t.Context())
	if !errors.Is(err, oauth.ErrInternal) || !errors.Is(err, errTrapped) {
		t.Fatalf("got %v", err)
	}
	e.trap("")
	eventually(t, "event restarted", func() bool { return events.has("restarted") })
	if n := e.count(`"command":"userinfo"`); n != 1 {
		t.Errorf("the input that trapped was given %d times", n)
	}
	token, err := c.Token(t.Context())
	if err != nil || token.AccessToken != "a1" {
		t.Errorf("after the restart: %v, %q", err, token.AccessToken)
	}
}

// All sessions of an instance are lost with it: the other client's running command fails at once,
// and both clients continue.
func TestTrapTakesNeighboursAlong(t *testing.T) {
	e, p := &mortal{}, &peer{asked: make(chan struct{}, 9), answer: make(chan struct{}, 9)}
	one, two := open(t, e, p, oauth.Options{}), open(t, e, p, oauth.Options{})
	setToken(t, one, oldToken)
	setToken(t, two, oldToken)

	waiting := make(chan error, 1)
	go func() {
		_, err := two.Token(context.Background())
		waiting <- err
	}()
	<-p.asked // its refresh is under way
	e.trap(`"command":"status"`)
	if _, err := one.Status(t.Context()); !errors.Is(err, oauth.ErrInternal) {
		t.Fatalf("got %v", err)
	}
	if err := <-waiting; !errors.Is(err, oauth.ErrInternal) {
		t.Errorf("the neighbour got %v", err)
	}
	e.trap("")
	p.answer <- struct{}{}
	for _, c := range []*oauth.Client{one, two} {
		if st, err := c.Status(t.Context()); err != nil || st.Status != "granted" {
			t.Errorf("after the restart: %v, %v", st.Status, err)
		}
	}
}

// If stored bytes trap the engine, it is opened again only once for each command, and each command
// gets its error.
func TestTrapWhileRestoringDoesNotSpin(t *testing.T) {
	e := &mortal{trapOn: `"answer"`} // at the load of the stored session
	c := open(t, e, nil, oauth.Options{})
	for range 3 {
		if _, err := c.Status(t.Context()); !errors.Is(err, oauth.ErrInternal) {
			t.Fatalf("got %v", err)
		}
	}
	if n := e.opened(); n > 4 {
		t.Errorf("opened %d times", n)
	}
	e.trap("")
	if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("later: %v, %v", st.Status, err)
	}
}

// Bytes that were handed in are the session until something is stored.
func TestTrapKeepsTheSessionThatWasHandedIn(t *testing.T) {
	c := open(t, native(t), nil, oauth.Options{})
	setToken(t, c, oauth.Token{AccessToken: "handed-in", TokenType: "Bearer"})
	session, err := c.Export(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	e := &mortal{}
	c = open(t, e, nil, oauth.Options{Session: session})
	e.trap(`"command":"userinfo"`)
	if _, err := c.Userinfo(t.Context()); !errors.Is(err, oauth.ErrInternal) {
		t.Fatalf("got %v", err)
	}
	if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "handed-in" {
		t.Errorf("got %v, %q", err, token.AccessToken)
	}
	if _, err := c.LogOut(t.Context(), oauth.LogOutParams{}); err != nil {
		t.Fatal(err)
	}
	c.Userinfo(t.Context()) // this traps
	if st, err := c.Status(t.Context()); err != nil || st.Status != "not_authenticated" {
		t.Errorf("after logging out: %q, %v", st.Status, err)
	}
}

func TestWornInstanceIsLeftBetweenCommands(t *testing.T) {
	for _, row := range []struct {
		name  string
		store oauth.Store
	}{
		{"stored", &oauth.MemoryStore{}},
		{"in memory only: nothing is lost", brokenStore{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var events recorder
			e := &mortal{}
			c := open(t, e, &peer{}, oauth.Options{Store: row.store, OnEvent: events.on})
			setToken(t, c, oauth.Token{AccessToken: "kept", TokenType: "Bearer"})
			e.wear()
			read := func() {
				t.Helper()
				if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "kept" {
					t.Fatalf("got %v, %q", err, token.AccessToken)
				}
			}
			// The last command may still be storing in the background; the session moves then.
			eventually(t, "the session moved", func() bool { read(); return e.opened() > 1 })
			for range 3 {
				read()
			}
			if e.opened() != 2 {
				t.Errorf("opened %d times", e.opened())
			}
			if events.has("restarted") {
				t.Error("retiring is no event")
			}
		})
	}
}

func TestRefusedConfigurationNamesTheField(t *testing.T) {
	bad := config
	bad.TokenEndpoint = "http://as.example/token"
	_, err := oauth.Open(t.Context(), native(t), bad, oauth.Options{})
	var e *oauth.Error
	if !errors.As(err, &e) || e.Field != "token_endpoint" || e.Kind != "client" || !strings.HasPrefix(err.Error(), "oauth2: open: ") {
		t.Errorf("got %v", err)
	}
}

// brokenStore always fails.
type brokenStore struct{}

func (brokenStore) Load(context.Context, string) (string, string, bool, error) {
	return "", "", false, errors.New("test: no disk")
}

func (brokenStore) Store(context.Context, string, string, *string) (string, error) {
	return "", errors.New("test: no disk")
}
