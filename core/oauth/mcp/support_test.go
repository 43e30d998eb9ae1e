package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/mcp"
)

// A world is a resource and its authorization server, both on loopback.
type world struct {
	t        *testing.T
	api, as  *httptest.Server
	resource string

	mu       sync.Mutex
	need     map[string]string // the scope that a path needs
	tokens   map[string]string // the scope by access token
	refresh  map[string]string // the scope by refresh token
	clients  map[string]bool   // registered
	n        int
	document bool // the server supports client ID metadata documents
	asked    []string
	forms    []url.Values
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, need: map[string]string{"/mcp": "read"}, tokens: map[string]string{}, refresh: map[string]string{}, clients: map[string]bool{}}
	w.api = httptest.NewServer(http.HandlerFunc(w.serveAPI))
	w.as = httptest.NewServer(http.HandlerFunc(w.serveAS))
	t.Cleanup(w.api.Close)
	t.Cleanup(w.as.Close)
	w.resource = w.api.URL + "/mcp"
	return w
}

func reply(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	json.NewEncoder(rw).Encode(v)
}

func (w *world) serveAPI(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if r.URL.Path == "/.well-known/oauth-protected-resource/mcp" {
		reply(rw, 200, map[string]any{"resource": w.resource, "authorization_servers": []string{w.as.URL}, "scopes_supported": []string{"read"}})
		return
	}
	w.asked = append(w.asked, r.Method+" "+r.URL.Path)
	scope, ok := w.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	need := w.need[r.URL.Path]
	about := fmt.Sprintf(`Bearer resource_metadata="%s/.well-known/oauth-protected-resource/mcp", scope="%s"`, w.api.URL, need)
	switch {
	case !ok:
		rw.Header().Set("WWW-Authenticate", about)
		rw.WriteHeader(401)
	case !strings.Contains(" "+scope+" ", " "+need+" "):
		rw.Header().Set("WWW-Authenticate", about+`, error="insufficient_scope"`)
		rw.WriteHeader(403)
	default:
		fmt.Fprint(rw, "welcome")
	}
}

func (w *world) serveAS(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.as.URL
	switch r.URL.Path {
	case "/.well-known/oauth-authorization-server":
		reply(rw, 200, map[string]any{"issuer": at, "authorization_endpoint": at + "/authorize", "token_endpoint": at + "/token", "registration_endpoint": at + "/register",
			"code_challenge_methods_supported": []string{"S256"}, "authorization_response_iss_parameter_supported": true, "client_id_metadata_document_supported": w.document})
	case "/register":
		w.n++
		id := fmt.Sprint("client-", w.n)
		w.clients[id] = true
		reply(rw, 201, map[string]any{"client_id": id})
	case "/authorize":
		q := r.URL.Query()
		if q.Get("resource") != w.resource || q.Get("code_challenge") == "" {
			w.t.Errorf("authorization request %s", r.URL)
		}
		to, _ := url.Parse(q.Get("redirect_uri"))
		to.RawQuery = url.Values{"code": {q.Get("scope")}, "state": {q.Get("state")}, "iss": {at}}.Encode()
		http.Redirect(rw, r, to.String(), http.StatusFound)
	case "/token":
		r.ParseForm()
		w.forms = append(w.forms, r.PostForm)
		if !w.document && !w.clients[r.PostForm.Get("client_id")] {
			reply(rw, 401, map[string]any{"error": "invalid_client"})
			return
		}
		scope, ok := r.PostForm.Get("code"), true
		if token := r.PostForm.Get("refresh_token"); token != "" {
			scope, ok = w.refresh[token]
			delete(w.refresh, token)
		}
		if !ok || r.PostForm.Get("resource") != w.resource {
			reply(rw, 400, map[string]any{"error": "invalid_grant"})
			return
		}
		w.n++
		access, refresh := fmt.Sprint("access-", w.n), fmt.Sprint("refresh-", w.n)
		w.tokens[access], w.refresh[refresh] = scope, scope
		reply(rw, 200, map[string]any{"access_token": access, "token_type": "Bearer", "expires_in": 3600, "refresh_token": refresh, "scope": scope})
	default:
		reply(rw, 404, map[string]any{})
	}
}

// config is a client that registers itself, or has a document if the server supports that.
func (w *world) config() mcp.Config {
	return mcp.Config{RedirectURI: "http://127.0.0.1:1/cb", ClientID: "https://app.example/client.json", ClientMetadata: json.RawMessage(`{"client_name":"Test"}`), PrivateOrigins: []string{w.as.URL}}
}

func (w *world) open(store oauth.Store) *mcp.Client {
	w.t.Helper()
	c, err := mcp.Open(w.t.Context(), new(core.Engine), w.config(), oauth.Options{Store: store})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// browse is the user's browser. It returns the URL at which it arrives.
func browse(t *testing.T, at string) string {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := c.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.Header.Get("Location")
}

// agree signs in with a user who agrees at once, and counts the sign-ins.
func agree(t *testing.T, n *int) func(context.Context, *mcp.SignIn) error {
	return func(ctx context.Context, s *mcp.SignIn) error {
		*n++
		begun, err := s.Begin(ctx, "")
		if err != nil {
			return err
		}
		return s.Finish(ctx, browse(t, begun.URL))
	}
}
