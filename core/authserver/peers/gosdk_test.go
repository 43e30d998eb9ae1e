package peers

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/auth/extauth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
	"golang.org/x/oauth2"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// documentURL is the client_id of the client. The test serves it.
const documentURL = "https://example.com/oauth/client.json"

// documentSite serves the client's metadata document. The certificate and the transport of httptest
// are for example.com.
func documentSite(t *testing.T, document map[string]any) func(*authserver.Config) {
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(site.Close)
	return func(c *authserver.Config) { c.ClientDocuments = authserver.GetClientDocuments(site.Client().Transport) }
}

// guard is the SDK's own check of requests at the resource.
func guard(l *login, resource string) func(http.Handler) http.Handler {
	verify := func(_ context.Context, token string, _ *http.Request) (*auth.TokenInfo, error) {
		t, ok := l.Authenticate(time.Now(), token)
		if !ok || !slices.Contains(t.Resources, resource) {
			return nil, auth.ErrInvalidToken
		}
		return &auth.TokenInfo{Scopes: strings.Fields(t.Scope), Expiration: t.IssuedAt.Add(t.ExpiresIn), UserID: t.User}, nil
	}
	return auth.RequireBearerToken(verify, &auth.RequireBearerTokenOptions{ResourceMetadataURL: authserver.ResourceMetadataURL(resource), Scopes: []string{"tools"}})
}

// checked is the authorization server's check of requests at the resource. The tool "write" needs
// more scope than the others.
func checked(l *login, resource string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, "no body", http.StatusBadRequest)
			return
		}
		want := authserver.Access{Resource: resource, Scope: "tools"}
		var message struct {
			Method string
			Params struct{ Name string }
		}
		if json.Unmarshal(body, &message) == nil && message.Method == "tools/call" && message.Params.Name == "write" {
			want.Scope = "tools write"
		}
		_, refusal, ok := l.CheckAccess(authserver.Request{Method: r.Method, URL: r.URL.RequestURI(), Header: r.Header, Now: time.Now()}, want)
		if !ok {
			for name, values := range refusal.Header {
				w.Header()[name] = values
			}
			w.WriteHeader(refusal.Status)
			w.Write(refusal.Body)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		next.ServeHTTP(w, r)
	})
}

// M140: the MCP SDK for Go signs in at core/authserver, by its metadata document and by dynamic
// registration. It starts from the 401 of an MCP server of the SDK, which has its own origin or the
// authorization server's. It refreshes, and steps up for a tool that needs more scope.
func TestM140GoSDKSignsIn(t *testing.T) {
	metadata := &oauthex.ClientRegistrationMetadata{ClientName: "Agent", RedirectURIs: []string{redirectURI}, GrantTypes: []string{"authorization_code", "refresh_token"},
		ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: "none"}
	document := map[string]any{"client_id": documentURL, "client_name": "Agent", "redirect_uris": []string{redirectURI},
		"grant_types": metadata.GrantTypes, "response_types": metadata.ResponseTypes, "token_endpoint_auth_method": "none"}
	identities := map[string]struct {
		config auth.AuthorizationCodeHandlerConfig
		on     func(*authserver.Config)
		asks   string // on the consent page
	}{
		"metadata document": {auth.AuthorizationCodeHandlerConfig{ClientIDMetadataDocumentConfig: &auth.ClientIDMetadataDocumentConfig{URL: documentURL}, DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: metadata}},
			documentSite(t, document), "<strong>example.com</strong>"},
		"dynamic registration": {auth.AuthorizationCodeHandlerConfig{ClientIDMetadataDocumentConfig: &auth.ClientIDMetadataDocumentConfig{URL: documentURL}, DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{Metadata: metadata}},
			func(c *authserver.Config) { c.InsecureOpenRegistration = true }, "Allow Agent?"},
	}
	for name, identity := range identities {
		t.Run(name+", MCP server elsewhere", func(t *testing.T) {
			resource := httptest.NewUnstartedServer(nil)
			at := "http://" + resource.Listener.Addr().String() + "/mcp"
			l := start(t, func(c *authserver.Config) { identity.on(c); c.Resources = []string{at} }, nil)
			mux := http.NewServeMux()
			mux.Handle("/mcp", guard(l, at)(tools()))
			mux.Handle("/.well-known/oauth-protected-resource/mcp", auth.ProtectedResourceMetadataHandler(&oauthex.ProtectedResourceMetadata{
				Resource: at, AuthorizationServers: []string{l.url}, ScopesSupported: []string{"tools"}}))
			resource.Config.Handler = mux
			resource.Start()
			t.Cleanup(resource.Close)
			u := newUser(t)
			session := connect(t, at, identity.config, u)
			call(t, session, "read")
			call(t, session, "write")
			if len(u.pages) != 1 || !strings.Contains(u.pages[0], identity.asks) || !strings.Contains(u.pages[0], "<code>"+at+"</code>") {
				t.Errorf("%d pages: %v", len(u.pages), u.pages)
			}
			if q := u.opened[0].Query(); q.Get("resource") != at || q.Get("scope") != "tools" || q.Get("code_challenge_method") != "S256" || (q.Get("client_id") == documentURL) != (name == "metadata document") {
				t.Errorf("%v", q)
			}
			if refreshes := l.tokenRequests("refresh_token"); len(refreshes) < 2 || refreshes[0].Get("refresh_token") == refreshes[1].Get("refresh_token") || l.Stats().RefreshReplays != 0 {
				t.Errorf("%d refreshes, %+v", len(refreshes), l.Stats())
			}
		})
		t.Run(name+", MCP server at its origin", func(t *testing.T) {
			var at string
			l := start(t, func(c *authserver.Config) { identity.on(c); at = c.Issuer + "/mcp"; c.Resources = []string{at} }, func(l *login, mux *http.ServeMux) {
				mux.Handle("/mcp", checked(l, at, tools()))
			})
			u := newUser(t)
			session := connect(t, at, identity.config, u)
			call(t, session, "read")
			if len(u.opened) != 1 || u.opened[0].Query().Get("scope") != "tools" {
				t.Fatalf("%v", u.opened)
			}
			call(t, session, "write")
			if len(u.opened) != 2 || !slices.Equal(slices.Sorted(strings.FieldsSeq(u.opened[1].Query().Get("scope"))), []string{"tools", "write"}) || !strings.Contains(u.pages[1], "Change things") {
				t.Fatalf("no step up: %v", u.opened)
			}
			call(t, session, "read")
			if len(u.opened) != 2 || len(l.tokenRequests("refresh_token")) == 0 {
				t.Errorf("%v, %d refreshes", u.opened, len(l.tokenRequests("refresh_token")))
			}
		})
	}
}

// connect opens a session of the SDK's client with the MCP server.
func connect(t *testing.T, at string, config auth.AuthorizationCodeHandlerConfig, u *user) *mcp.ClientSession {
	t.Helper()
	config.RedirectURL, config.AuthorizationCodeFetcher = redirectURI, u.fetchCode
	handler, err := auth.NewAuthorizationCodeHandler(&config)
	if err != nil {
		t.Fatal(err)
	}
	return connectWith(t, at, handler)
}

func connectWith(t *testing.T, at string, handler auth.OAuthHandler) *mcp.ClientSession {
	t.Helper()
	client := mcp.NewClient(&mcp.Implementation{Name: "agent", Version: "1"}, nil)
	session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: at, OAuthHandler: handler}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close() })
	return session
}

// M141: enterprise-managed authorization of the MCP SDK for Go (SEP-990). One core/authserver is
// the identity provider, another is the authorization server of the MCP server. The user signs in
// once at the provider and is asked nothing at the other.
func TestM141GoSDKCrossAppAccess(t *testing.T) {
	u := newUser(t)
	var at string
	idpStore := authserver.NewMemoryStore()
	addClient(t, idpStore, authserver.Client{ClientID: "agent", ClientSecret: "agent-secret", RedirectURIs: []string{redirectURI}, Scope: "openid",
		GrantTypes: []string{authserver.GrantAuthorizationCode, authserver.GrantTokenExchange}})
	// The two servers name each other, so the second one's address is needed first.
	other := httptest.NewUnstartedServer(nil)
	otherURL := "http://" + other.Listener.Addr().String()
	at = otherURL + "/mcp"
	idp := start(t, func(c *authserver.Config) {
		c.Store, c.AccessTokenLifetime = idpStore, 0
		c.CrossAppAccess = []authserver.CrossAppAccess{{ClientID: "agent", Audience: otherURL, AudienceClientID: "agent-there", Resources: []string{at}, Scope: "tools write"}}
	}, nil)
	resp, err := http.Get(idp.url + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var keys jose.JSONWebKeySet
	if err := json.NewDecoder(resp.Body).Decode(&keys); err != nil {
		t.Fatal(err)
	}
	store := authserver.NewMemoryStore()
	addClient(t, store, authserver.Client{ClientID: "agent-there", ClientSecret: "agent-there-secret", GrantTypes: []string{authserver.GrantJWTBearer}, Scope: "tools"})
	server, err := authserver.New(authserver.Config{Issuer: otherURL, Store: store, Resources: []string{at},
		Users: map[string]authserver.User{"al": {Password: "x"}}, Scopes: []authserver.Scope{{Name: "tools", Description: "Use the tools"}},
		IdentityProviders: map[string]authserver.IdentityProvider{idp.url: {Keys: keys, Users: map[string]string{"a-1": "al"}}}})
	if err != nil {
		t.Fatal(err)
	}
	l := &login{Server: server, url: otherURL}
	mux := http.NewServeMux()
	mux.Handle("/", server)
	mux.Handle("/mcp", checked(l, at, tools()))
	other.Config.Handler = mux
	other.Start()
	t.Cleanup(other.Close)

	secret := func(id string) *oauthex.ClientCredentials {
		return &oauthex.ClientCredentials{ClientID: id, ClientSecretAuth: &oauthex.ClientSecretAuth{ClientSecret: id + "-secret"}}
	}
	handler, err := extauth.NewEnterpriseHandler(&extauth.EnterpriseHandlerConfig{
		IdPIssuerURL: idp.url, IdPCredentials: secret("agent"), MCPAuthServerURL: otherURL, MCPResourceURI: at, MCPCredentials: secret("agent-there"), MCPScopes: []string{"tools"},
		IDTokenFetcher: func(ctx context.Context) (*oauth2.Token, error) {
			return extauth.PerformOIDCLogin(ctx, &extauth.OIDCLoginConfig{IssuerURL: idp.url, Credentials: secret("agent"), RedirectURL: redirectURI, Scopes: []string{"openid"}}, u.fetchCode)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	session := connectWith(t, at, handler)
	call(t, session, "read")
	if len(u.opened) != 1 || !strings.HasPrefix(u.opened[0].String(), idp.url) {
		t.Errorf("the user was sent to %v", u.opened)
	}
	// The client's registration there has no more scope, whatever the provider vouches for.
	if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "write", Arguments: map[string]any{"text": "x"}}); err == nil {
		t.Error("the tool write without its scope")
	}
}

func addClient(t *testing.T, store authserver.Store, client authserver.Client) {
	t.Helper()
	if err := store.AddClient(client); err != nil {
		t.Fatal(err)
	}
}
