// Package site has what agents sign in to and use, on loopback: core/authserver with rotating
// refresh tokens, an MCP server of the SDK whose tools need a token, and a user with a browser.
package site

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// ClientID is the client that the server knows, which has no secret. RedirectURI is its redirect
// URI.
const (
	ClientID    = "agents"
	RedirectURI = "http://127.0.0.1/cb"
	Scope       = "read"
	WriteScope  = "write"
)

// Options configure a site.
type Options struct {
	Lifetime, Grace time.Duration // of access tokens; how long a rotated refresh token is still accepted
	// Refreshing is called before each refresh is carried out, Answering after it, before the
	// answer is sent. If Answering returns false, the answer is lost.
	Refreshing func(agent string)
	Answering  func(agent string) bool
}

// A Refresh is one refresh request, as the server saw it.
type Refresh struct {
	Agent    string    // User-Agent header
	Token    string    // the first digits of the refresh token's digest
	Came     time.Time // when it came; Answered is when the server had carried it out
	Answered time.Time
	OK       bool
	Lost     bool // the answer was not sent
}

// A Site is a running site.
type Site struct {
	Issuer, Resource string // Resource is the URL of the MCP server
	API              string // a resource that is not an MCP server: it answers 200 to a valid token

	options Options
	server  *authserver.Server
	store   authserver.Store
	stop    []func() error

	mu        sync.Mutex
	refreshes []Refresh
}

// Start starts a site on two free ports.
func Start(o Options) (*Site, error) {
	s := &Site{options: o}
	issuer, err := s.listen(http.HandlerFunc(s.authorization))
	if err != nil {
		return nil, err
	}
	s.Issuer = issuer
	s.store = authserver.NewMemoryStore()
	if err := s.store.AddClient(authserver.Client{
		ClientID: ClientID, RedirectURIs: []string{RedirectURI}, Scope: Scope + " " + WriteScope,
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken},
	}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	var resource http.Handler
	origin, err := s.listen(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { resource.ServeHTTP(w, r) }))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Resource, s.API = origin+"/mcp", origin+"/mcp/api"
	s.server, err = authserver.New(authserver.Config{
		Issuer: issuer, Store: s.store, Users: map[string]authserver.User{"demo": {Password: "secret"}},
		Scopes:    []authserver.Scope{{Name: Scope, Description: "read"}, {Name: WriteScope, Description: "write"}},
		Resources: []string{s.Resource}, AccessTokenLifetime: o.Lifetime, RotationGrace: o.Grace,
	})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	resource = s.resource(origin)
	return s, nil
}

// Close stops it.
func (s *Site) Close() error {
	var err error
	for _, stop := range s.stop {
		err = errors.Join(err, stop())
	}
	return err
}

// Good reports whether a refresh token belongs to a grant that was not revoked.
func (s *Site) Good(refreshToken string) bool {
	t, err := s.store.Token(authserver.DigestOf(refreshToken))
	return err == nil && !t.Revoked
}

func (s *Site) listen(h http.Handler) (origin string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h}
	go server.Serve(l)
	s.stop = append(s.stop, server.Close)
	return "http://" + l.Addr().String(), nil
}

// Refreshes returns all refreshes until now.
func (s *Site) Refreshes() []Refresh {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Refresh(nil), s.refreshes...)
}

// authorization is the authorization server. It finishes a request even if the client is gone.
func (s *Site) authorization(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	own := r.WithContext(context.Background())
	own.Body = io.NopCloser(strings.NewReader(string(raw)))
	form, _ := url.ParseQuery(string(raw))
	if r.URL.Path != "/token" || form.Get("grant_type") != "refresh_token" {
		s.server.ServeHTTP(w, own)
		return
	}
	sum := sha256.Sum256([]byte(form.Get("refresh_token")))
	one := Refresh{Agent: r.UserAgent(), Token: hex.EncodeToString(sum[:6]), Came: time.Now()}
	if s.options.Refreshing != nil {
		s.options.Refreshing(one.Agent)
	}
	rec := httptest.NewRecorder()
	s.server.ServeHTTP(rec, own)
	one.Answered, one.OK = time.Now(), rec.Code == http.StatusOK
	one.Lost = s.options.Answering != nil && !s.options.Answering(one.Agent)
	s.mu.Lock()
	s.refreshes = append(s.refreshes, one)
	s.mu.Unlock()
	if one.Lost {
		panic(http.ErrAbortHandler)
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

type say struct {
	Text string `json:"text"`
}

// resource is the MCP server, with a tool that needs the scope write.
func (s *Site) resource(origin string) http.Handler {
	server := mcp.NewServer(&mcp.Implementation{Name: "site", Version: "1"}, nil)
	tool := func(_ context.Context, _ *mcp.CallToolRequest, in say) (*mcp.CallToolResult, any, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: in.Text}}}, nil, nil
	}
	mcp.AddTool(server, &mcp.Tool{Name: "echo"}, tool)
	mcp.AddTool(server, &mcp.Tool{Name: "write"}, tool)
	streams := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, &mcp.StreamableHTTPOptions{Stateless: true})
	metadata := origin + "/.well-known/oauth-protected-resource/mcp"
	guard := func(scope string, next http.Handler) http.Handler {
		return auth.RequireBearerToken(s.verify, &auth.RequireBearerTokenOptions{Scopes: []string{scope}, ResourceMetadataURL: metadata})(next)
	}
	// The SDK's own answer for missing scope has no error, which RFC 6750 section 3.1 requires.
	reading, writing := guard(Scope, streams), guard(Scope, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(auth.TokenInfoFromContext(r.Context()).Scopes, WriteScope) {
			w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer error=%q, scope=%q, resource_metadata=%q", "insufficient_scope", WriteScope, metadata))
			w.WriteHeader(http.StatusForbidden)
			return
		}
		streams.ServeHTTP(w, r)
	}))
	mux := http.NewServeMux()
	mux.HandleFunc("/mcp", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if strings.Contains(string(body), `"name":"write"`) {
			writing.ServeHTTP(w, r)
		} else {
			reading.ServeHTTP(w, r)
		}
	})
	mux.Handle("/mcp/api", guard(Scope, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })))
	mux.HandleFunc("/.well-known/oauth-protected-resource/mcp", func(w http.ResponseWriter, _ *http.Request) {
		resp := s.server.ResourceMetadata(authserver.Access{Resource: s.Resource, Scope: Scope})
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.Write(resp.Body)
	})
	return mux
}

func (s *Site) verify(_ context.Context, token string, r *http.Request) (*auth.TokenInfo, error) {
	t, _, ok := s.server.CheckAccess(authserver.Request{
		Method: r.Method, URL: r.URL.RequestURI(), Header: http.Header{"Authorization": {"Bearer " + token}}, Now: time.Now(),
	}, authserver.Access{Resource: s.Resource})
	if !ok {
		return nil, auth.ErrInvalidToken
	}
	return &auth.TokenInfo{Scopes: strings.Fields(t.Scope), Expiration: t.IssuedAt.Add(t.ExpiresIn), UserID: t.User}, nil
}

var formOf = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">.*name="interaction" value="([^"]+)"`)

// Browse does what a user does with an authorization URL: signs in and allows what is requested. It
// returns the URL at which the browser arrives.
func Browse(ctx context.Context, authorization string) (arrived string, err error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if isReply(r.URL) {
			arrived = r.URL.String()
			return http.ErrUseLastResponse
		}
		return nil
	}}
	var form url.Values
	at := authorization
	for _, next := range []url.Values{{"action": {"sign-in"}, "username": {"demo"}, "password": {"secret"}}, {"action": {"approve"}}, nil} {
		method, body := http.MethodPost, strings.NewReader(form.Encode())
		if form == nil {
			method = http.MethodGet
		}
		r, err := http.NewRequestWithContext(ctx, method, at, body)
		if err != nil {
			return "", err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := browser.Do(r)
		if err != nil {
			return "", err
		}
		page, err := io.ReadAll(res.Body)
		res.Body.Close()
		if next == nil || err != nil {
			break
		}
		found := formOf.FindSubmatch(page)
		if found == nil {
			return "", fmt.Errorf("no form: %s, %s", res.Status, page)
		}
		form = next
		action, err := res.Request.URL.Parse(html.UnescapeString(string(found[1])))
		if err != nil {
			return "", err
		}
		at = action.String()
		form.Set("interaction", string(found[2]))
	}
	if arrived == "" {
		return "", errors.New("the browser did not come back")
	}
	return arrived, nil
}

// isReply reports whether u is the redirect URI, on any port (RFC 8252 section 7.3).
func isReply(u *url.URL) bool { return u.Hostname() == "127.0.0.1" && u.Path == "/cb" }
