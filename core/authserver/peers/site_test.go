package peers

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// redirectURI is where answers go. Nobody listens there, because the test plays the browser.
const redirectURI = "http://127.0.0.1:7777/callback"

// login is an authorization server on loopback that records the requests to its token endpoint.
type login struct {
	*authserver.Server
	url  string
	http *httptest.Server

	mu    sync.Mutex
	forms []url.Values
}

// start serves the server, and what else is at its origin.
func start(t *testing.T, change func(*authserver.Config), more func(l *login, mux *http.ServeMux)) *login {
	t.Helper()
	mux := http.NewServeMux()
	l := &login{http: httptest.NewUnstartedServer(mux)}
	l.url = "http://" + l.http.Listener.Addr().String()
	cfg := authserver.Config{
		Issuer: l.url,
		Store:  authserver.NewMemoryStore(),
		Users:  map[string]authserver.User{"alice": {Password: "secret", Subject: "a-1"}},
		Scopes: []authserver.Scope{{Name: "tools", Description: "Use the tools"}, {Name: "write", Description: "Change things"}},
		// Shorter than the margin at which the client's library refreshes, so it refreshes before
		// each request.
		AccessTokenLifetime: 9 * time.Second,
	}
	change(&cfg)
	server, err := authserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	l.Server = server
	if more != nil {
		more(l, mux)
	}
	mux.Handle("/", server)
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		form, _ := url.ParseQuery(string(body))
		l.mu.Lock()
		l.forms = append(l.forms, form)
		l.mu.Unlock()
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		server.ServeHTTP(w, r)
	})
	l.http.Start()
	t.Cleanup(l.http.Close)
	return l
}

// tokenRequests returns the token requests with the grant type.
func (l *login) tokenRequests(grantType string) (forms []url.Values) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range l.forms {
		if f.Get("grant_type") == grantType {
			forms = append(forms, f)
		}
	}
	return forms
}

// user is a user with a browser, who signs in and allows everything. asked holds the consent pages
// and the addresses to which clients sent the user.
type user struct {
	browser *http.Client
	pages   []string
	opened  []*url.URL
}

func newUser(t *testing.T) *user {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	leave := func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), redirectURI) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &user{browser: &http.Client{Jar: jar, CheckRedirect: leave}}
}

var (
	action      = regexp.MustCompile(`action="([^"]+)"`)
	interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)
)

// fetchCode gets a code for the SDK.
func (u *user) fetchCode(_ context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	opened, err := url.Parse(args.URL)
	if err != nil {
		return nil, err
	}
	u.opened = append(u.opened, opened)
	resp, err := u.browser.Get(args.URL)
	for range 5 {
		if err != nil {
			return nil, err
		}
		body, err2 := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err2 != nil {
			return nil, err2
		}
		if left := resp.Header.Get("Location"); left != "" {
			to, err := url.Parse(left)
			if err != nil {
				return nil, err
			}
			q := to.Query()
			return &auth.AuthorizationResult{Code: q.Get("code"), State: q.Get("state"), Iss: q.Get("iss")}, nil
		}
		page := string(body)
		to, token := action.FindStringSubmatch(page), interaction.FindStringSubmatch(page)
		if to == nil || token == nil {
			return nil, errors.New("no form in " + page)
		}
		form := url.Values{"interaction": {token[1]}, "action": {"approve"}}
		if strings.Contains(page, `data-testid="login"`) {
			form = url.Values{"interaction": {token[1]}, "action": {"sign-in"}, "username": {"alice"}, "password": {"secret"}}
		} else {
			u.pages = append(u.pages, page)
		}
		resp, err = u.browser.PostForm(resp.Request.URL.Scheme+"://"+resp.Request.URL.Host+html.UnescapeString(to[1]), form)
	}
	return nil, errors.New("no end of pages")
}

// tools is an MCP server of the SDK with two tools.
func tools() http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	type input struct {
		Text string `json:"text"`
	}
	for _, name := range []string{"read", "write"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(_ context.Context, _ *mcp.CallToolRequest, in input) (*mcp.CallToolResult, any, error) {
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: name + " " + in.Text}}}, nil, nil
		})
	}
	return mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
}

// call calls the tool and wants its answer.
func call(t *testing.T, session *mcp.ClientSession, tool string) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: tool, Arguments: map[string]any{"text": "x"}})
	if err != nil || len(result.Content) != 1 || result.Content[0].(*mcp.TextContent).Text != tool+" x" {
		t.Fatalf("%s: %+v, %v", tool, result, err)
	}
}
