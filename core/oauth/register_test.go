package oauth_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// From the challenge of an unknown resource to a client of its authorization server (RFC 9728
// section 5, RFC 7591 section 3), by a client that has no client_id yet.
func TestDiscoveryFromAResource(t *testing.T) {
	var sent, authorization string
	answer := func(*http.Request) *http.Response { return respond(500, "") }
	p := &peer{replace: func(req *http.Request) (*http.Response, error) {
		sent = req.Method + " " + req.URL.String()
		if req.Body != nil {
			raw, err := io.ReadAll(req.Body)
			if err != nil {
				return nil, err
			}
			sent += " " + string(raw)
		}
		authorization = req.Header.Get("Authorization")
		return answer(req), nil
	}}
	c, err := oauth.Open(t.Context(), native(t), oauth.Config{
		RegistrationEndpoint: "https://as.example/register",
		ClientMetadata:       map[string]any{"client_name": "Notes", "redirect_uris": []string{"https://app.example/cb"}},
	}, oauth.Options{HTTP: &http.Client{Transport: p}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	const metadata = `{"resource":"https://api.example/v1","authorization_servers":["https://as.example","https://other.example"],"scopes_supported":["read"],"x":1}`
	answer = func(*http.Request) *http.Response { return respond(200, metadata) }
	for _, row := range []struct{ given, asked string }{
		{"", "GET https://api.example/.well-known/oauth-protected-resource/v1/x"},
		{"https://api.example/meta", "GET https://api.example/meta"},
	} {
		m, err := c.ResourceMetadata(t.Context(), "https://api.example/v1/x", row.given)
		if err != nil || sent != row.asked || m.Resource != "https://api.example/v1" || string(m.Raw) != metadata ||
			fmt.Sprint(m.AuthorizationServers, m.ScopesSupported) != "[https://as.example https://other.example] [read]" {
			t.Errorf("%v, %s, %+v", err, sent, m)
		}
	}
	if _, err := c.ResourceMetadata(t.Context(), "https://evil.example/v1/x", ""); !errors.Is(err, &oauth.Error{Kind: "server", Code: "wrong_resource"}) {
		t.Errorf("of another resource: %v", err)
	}
	answer = func(*http.Request) *http.Response {
		return respond(200, `{"resource":"https://api.example/v1","authorization_servers":"https://as.example"}`)
	}
	if _, err := c.ResourceMetadata(t.Context(), "https://api.example/v1/x", ""); !errors.Is(err, oauth.ErrServer) {
		t.Errorf("of another form: %v", err)
	}

	const client = `{"client_id":"new","client_secret":"S-E-C","client_secret_expires_at":1800000000,"grant_types":["authorization_code"]}`
	answer = func(*http.Request) *http.Response { return respond(201, client) }
	r, err := c.Register(t.Context(), "initial")
	if err != nil || r.ClientID != "new" || r.ClientSecret != "S-E-C" || r.ClientSecretExpiresAt.Unix() != 1_800_000_000 || string(r.Raw) != client {
		t.Errorf("%v, %+v", err, r)
	}
	if sent != `POST https://as.example/register {"client_name":"Notes","redirect_uris":["https://app.example/cb"]}` || authorization != "Bearer initial" {
		t.Errorf("%s, %s", sent, authorization)
	}
	for _, shown := range []string{fmt.Sprint(r), fmt.Sprintf("%+v", r), fmt.Sprintf("%#v", r)} {
		if strings.Contains(shown, "S-E-C") {
			t.Errorf("shows the secret: %s", shown)
		}
	}
	answer = func(*http.Request) *http.Response {
		return respond(201, `{"client_id":"new","client_secret_expires_at":0}`)
	}
	if r, err := c.Register(t.Context(), ""); err != nil || !r.ClientSecretExpiresAt.IsZero() || r.ClientSecret != "" || authorization != "" {
		t.Errorf("%v, %+v, %s", err, r, authorization)
	}
	answer = func(*http.Request) *http.Response {
		return respond(201, `{"client_id":"new","client_secret_expires_at":"never"}`)
	}
	if _, err := c.Register(t.Context(), ""); !errors.Is(err, &oauth.Error{Kind: "server", Code: "bad_registration"}) {
		t.Errorf("of another form: %v", err)
	}
	answer = func(*http.Request) *http.Response { return respond(400, `{"error":"invalid_client_metadata"}`) }
	if e, ok := errors.AsType[*oauth.Error](func() error { _, err := c.Register(t.Context(), ""); return err }()); !ok || e.OAuthError != "invalid_client_metadata" {
		t.Errorf("refused: %v", e)
	}
	if _, err := c.Authorize(t.Context(), oauth.AuthorizeParams{}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "missing"}) {
		t.Errorf("without a client_id: %v", err)
	}
}

// The request contains every member of AuthorizeParams, under its name in OAuth and OpenID Connect.
func TestAuthorizeParams(t *testing.T) {
	own := config
	own.Resource = []string{"https://api.example/v1", "urn:other"}
	c, err := oauth.Open(t.Context(), native(t), own, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	age := time.Duration(0)
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{
		Scope: "openid read", Prompt: "login consent", LoginHint: "a@b", IDTokenHint: "x.y.z", UILocales: "de en", MaxAge: &age, ACRValues: "gold", ResponseMode: "form_post",
		Claims: map[string]any{"id_token": map[string]any{"acr": nil}}, AuthorizationDetails: []any{map[string]string{"type": "payment"}},
		InsecureNonce: "n-0S6", Parameters: [][2]string{{"display", "page"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"prompt": "login consent", "login_hint": "a@b", "id_token_hint": "x.y.z", "ui_locales": "de en", "max_age": "0", "acr_values": "gold", "response_mode": "form_post",
		"claims": `{"id_token":{"acr":null}}`, "authorization_details": `[{"type":"payment"}]`, "nonce": "n-0S6", "display": "page", "scope": "openid read",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if fmt.Sprint(q["resource"]) != "[https://api.example/v1 urn:other]" {
		t.Errorf("%v", q["resource"])
	}
}

// The front-channel logout URI as a handler: only the named session ends, and the answer reveals
// nothing.
func TestServeFrontChannelLogout(t *testing.T) {
	own := config
	own.InsecureIDTokenUnverified = true
	c, err := oauth.Open(t.Context(), native(t), own, oauth.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	setToken(t, c, oauth.Token{AccessToken: "a0", TokenType: "Bearer"})
	for _, row := range []struct {
		method, query string
		status        int
	}{
		{"GET", "?iss=https://as.example&sid=s", 200}, // an ID token that was not verified names no session
		{"GET", "", 200},
		{"GET", "?sid=s&sid=t", 400},
		{"POST", "?iss=https://as.example&sid=s", 405},
	} {
		w := httptest.NewRecorder()
		c.ServeFrontChannelLogout(w, httptest.NewRequest(row.method, "/logout"+row.query, nil))
		if w.Code != row.status || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s %s: %d %v", row.method, row.query, w.Code, w.Header())
		}
	}
	if st, err := c.Status(t.Context()); err != nil || st.Status != "granted" {
		t.Errorf("%v, %+v", err, st)
	}
	if done, err := c.FrontChannelLogout(t.Context(), "https://app.example/logout?iss=https://as.example&sid=s"); done || err != nil {
		t.Error(done, err)
	}
}
