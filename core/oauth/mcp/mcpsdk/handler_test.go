package mcpsdk_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp/mcpsdk/internal/site"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/oauthtest"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/redirect"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/store/filestore"
)

// world is a site, a directory, and a record of who agreed to what.
type world struct {
	*site.Site
	dir     string
	signIns atomic.Int32
	scopes  sync.Map // that were requested
}

func newWorld(t *testing.T, o site.Options) *world {
	t.Helper()
	s, err := site.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &world{Site: s, dir: t.TempDir() + "/agents"}
}

// signIn is a user with a browser, who returns to a loopback port.
func (w *world) signIn(ctx context.Context, s *mcp.SignIn) error {
	w.signIns.Add(1)
	w.scopes.Store(s.Scope, true)
	return redirect.Complete(ctx, s, redirect.Options{RedirectURI: site.RedirectURI}, func(url string) error {
		arrived, err := site.Browse(ctx, url)
		if err != nil {
			return err
		}
		res, err := http.Get(arrived)
		if err == nil {
			res.Body.Close()
		}
		return err
	})
}

// process opens a client as a separate process would.
func (w *world) process(t *testing.T, more oauth.Config) *mcp.Client {
	t.Helper()
	dir, err := filestore.Open(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := mcp.Open(t.Context(), new(core.Engine), mcp.Config{
		RedirectURI: site.RedirectURI, PrivateOrigins: []string{w.Issuer},
		Clients: []oauth.Config{{Issuer: w.Issuer, ClientID: site.ClientID}}, Client: more,
	}, oauth.Options{Store: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func connect(t *testing.T, url string, h *mcpsdk.Handler) (*sdk.ClientSession, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	s, err := sdk.NewClient(&sdk.Implementation{Name: "agent", Version: "1"}, nil).Connect(ctx, &sdk.StreamableClientTransport{Endpoint: url, OAuthHandler: h}, nil)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

func call(t *testing.T, s *sdk.ClientSession, tool string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), oauthtest.Patience)
	defer cancel()
	res, err := s.CallTool(ctx, &sdk.CallToolParams{Name: tool, Arguments: map[string]any{"text": tool}})
	if err != nil {
		return err
	}
	if text, ok := res.Content[0].(*sdk.TextContent); !ok || text.Text != tool {
		t.Errorf("%s: %v", tool, res.Content)
	}
	return nil
}

// TestHandler (M94): a client of the SDK gets a 401, its user signs in once, and another process
// with the same directory need not ask.
func TestHandler(t *testing.T) {
	w := newWorld(t, site.Options{Lifetime: time.Hour})
	for range 2 {
		s, err := connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{}), w.Resource, w.signIn))
		if err != nil {
			t.Fatal(err)
		}
		if err := call(t, s, "echo"); err != nil {
			t.Error(err)
		}
	}
	if n := w.signIns.Load(); n != 1 {
		t.Errorf("%d sign-ins", n)
	}
}

// TestHandlerRefreshes (M94): an expired token is refreshed once, by one of several processes, and
// nobody is asked.
func TestHandlerRefreshes(t *testing.T) {
	w := newWorld(t, site.Options{Lifetime: 2 * time.Second})
	var all []*sdk.ClientSession
	for range 3 {
		s, err := connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{}), w.Resource, w.signIn))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, s)
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, s := range all {
			if err := call(t, s, "echo"); err != nil {
				t.Fatal(err)
			}
		}
	}
	sent := map[string]bool{}
	for _, r := range w.Refreshes() {
		if !r.OK || sent[r.Token] {
			t.Errorf("%+v", r)
		}
		sent[r.Token] = true
	}
	if n := w.signIns.Load(); n != 1 || len(sent) < 2 {
		t.Errorf("%d sign-ins, %d refreshes", n, len(sent))
	}
}

// TestHandlerStepsUp (M94): for a tool that needs more scope, the user is asked once for all of it.
// Of many calls that need it at once, one asks.
func TestHandlerStepsUp(t *testing.T) {
	w := newWorld(t, site.Options{Lifetime: time.Hour})
	s, err := connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{}), w.Resource, w.signIn))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			if err := call(t, s, "write"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if err := call(t, s, "echo"); err != nil {
		t.Error(err)
	}
	if n := w.signIns.Load(); n != 2 {
		t.Errorf("%d sign-ins", n)
	}
	for _, scope := range []string{"read", "read write"} {
		if _, asked := w.scopes.Load(scope); !asked {
			t.Errorf("nobody was asked for %q", scope)
		}
	}
}

// TestHandlerWithoutSignIn (M94): if nobody may be asked, the error says that a sign-in is needed,
// and names the resource. So does the error of a failed sign-in.
func TestHandlerWithoutSignIn(t *testing.T) {
	w := newWorld(t, site.Options{Lifetime: time.Hour})
	_, err := connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{}), w.Resource, nil))
	if !errors.Is(err, mcp.ErrSignIn) || !strings.Contains(err.Error(), w.Resource) {
		t.Error(err)
	}
	no := errors.New("no browser here")
	_, err = connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{}), w.Resource, func(context.Context, *mcp.SignIn) error { return no }))
	if !errors.Is(err, no) {
		t.Error(err)
	}
}

// TestHandlerBound (M94): a token that is bound to a key is not sent as a bearer token.
func TestHandlerBound(t *testing.T) {
	w := newWorld(t, site.Options{Lifetime: time.Hour})
	_, err := connect(t, w.Resource, mcpsdk.New(w.process(t, oauth.Config{DPoP: true}), w.Resource, w.signIn))
	if !errors.Is(err, mcpsdk.ErrBound) {
		t.Error(err)
	}
}
