package oauth_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// E62: inside a cluster the token endpoint, the keys and the API have http URLs with internal
// names, while the browser goes to the public https address, which is the issuer.
func TestSplitHorizon(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var nonce string
	var seen []string
	answer := func(w http.ResponseWriter, body string) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, body)
	}
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		seen = append(seen, "http://"+req.Host+req.URL.Path+" "+req.Header.Get("Authorization"))
		switch req.URL.Path {
		case "/realms/x/.well-known/openid-configuration":
			answer(w, `{"issuer":"https://sso.example/realms/x","authorization_endpoint":"https://sso.example/realms/x/auth","token_endpoint":"http://keycloak:8080/realms/x/token","jwks_uri":"http://keycloak:8080/realms/x/certs"}`)
		case "/realms/x/certs":
			point, err := key.PublicKey.Bytes()
			if err != nil {
				t.Error(err)
				return
			}
			answer(w, fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":"1","x":%q,"y":%q}]}`, encode(point[1:33]), encode(point[33:])))
		case "/realms/x/token":
			now := time.Now().Unix()
			claims := fmt.Sprintf(`{"iss":"https://sso.example/realms/x","sub":"jane","aud":"app","exp":%d,"iat":%d,"nonce":%q}`, now+300, now, nonce)
			answer(w, fmt.Sprintf(`{"access_token":"inner","token_type":"Bearer","expires_in":300,"id_token":%q}`, sign(t, key, claims)))
		case "/v1/things":
			answer(w, `{}`)
		default:
			http.NotFound(w, req)
		}
	}))
	defer inside.Close()
	// Only the names of the cluster resolve, to this address.
	var dialed []string
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialed = append(dialed, addr)
		if addr != "keycloak:8080" && addr != "api:9000" {
			return nil, errors.New("no such name: " + addr)
		}
		return new(net.Dialer).DialContext(ctx, network, inside.Listener.Addr().String())
	}}
	defer transport.CloseIdleConnections()
	config := oauth.Config{
		Issuer: "https://sso.example/realms/x", Discovery: true, MetadataURL: "http://keycloak:8080/realms/x/.well-known/openid-configuration",
		ClientID: "app", RedirectURI: "https://app.example/cb", Scope: "openid", TokenDestinations: []string{"http://api:9000/v1"},
		InsecureHTTPOrigins: []string{"http://keycloak:8080", "http://api:9000"},
	}
	c, err := oauth.Open(t.Context(), native(t), config, oauth.Options{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	a, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(a.URL)
	if err != nil || u.Scheme+"://"+u.Host != "https://sso.example" {
		t.Fatal(a.URL, err)
	}
	nonce = u.Query().Get("nonce")
	status, err := c.Callback(t.Context(), "https://app.example/cb?code=c&iss=https%3A%2F%2Fsso.example%2Frealms%2Fx&state="+a.State)
	if err != nil || !strings.Contains(string(status.Claims), `"iss":"https://sso.example/realms/x"`) {
		t.Fatalf("%v, %s", err, status.Claims)
	}
	h := &http.Client{Transport: c.Transport(transport)}
	res, err := h.Get("http://api:9000/v1/things")
	if err != nil || res.StatusCode != 200 || seen[len(seen)-1] != "http://api:9000/v1/things Bearer inner" {
		t.Errorf("%v, %q", err, seen)
	}
	for _, foreign := range []string{"http://api:9001/v1/things", "http://keycloak:8080/v1/things", "http://api:9000/v2"} {
		if _, err := h.Get(foreign); !errors.Is(err, &oauth.Error{Kind: "client", Code: "resource_not_allowed"}) {
			t.Errorf("%s: %v", foreign, err)
		}
	}
	if len(seen) != 4 || strings.Contains(fmt.Sprint(dialed), "sso.example") {
		t.Errorf("%q, %q", seen, dialed)
	}
	config.InsecureHTTPOrigins = nil
	if _, err := oauth.Open(t.Context(), native(t), config, oauth.Options{}); !errors.Is(err, &oauth.Error{Kind: "client", Code: "not_https"}) {
		t.Errorf("without the member: %v", err)
	}
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes a JWS with ES256.
func sign(t *testing.T, key *ecdsa.PrivateKey, claims string) string {
	t.Helper()
	input := encode([]byte(`{"alg":"ES256","kid":"1"}`)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Error(err)
		return ""
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + encode(signature)
}

// E63: response hooks change answers, and all checks apply to the changed answers.
func TestResponseHooks(t *testing.T) {
	p := &peer{replace: func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/userinfo" {
			res := respond(200, "")
			res.Body = http.NoBody
			res.Header["X-Bytes"] = []string{"a", "b"}
			return res, nil
		}
		res := respond(200, `{"data":{"token":"a1"}}`)
		res.Header.Set("Content-Type", "text/html")
		return res, nil
	}}
	var stages []string
	type hook = func(context.Context, oauth.Stage, oauth.Response) (oauth.Response, error)
	c := open(t, native(t), p, oauth.Options{Hooks: oauth.Hooks{Response: map[oauth.Stage]hook{
		"token": func(_ context.Context, stage oauth.Stage, r oauth.Response) (oauth.Response, error) {
			stages = append(stages, fmt.Sprint(stage, " ", r.Status, " ", r.Body))
			var inner struct{ Data struct{ Token string } }
			if err := json.Unmarshal([]byte(r.Body), &inner); err != nil {
				return r, err
			}
			return oauth.Response{Status: 200, Headers: [][2]string{{"content-type", "application/json"}}, Body: `{"access_token":"` + inner.Data.Token + `","token_type":"Bearer","refresh_token":"r"}`}, nil
		},
		"refresh": func(context.Context, oauth.Stage, oauth.Response) (oauth.Response, error) {
			return oauth.Response{}, errors.New("no")
		},
		"userinfo": func(_ context.Context, _ oauth.Stage, r oauth.Response) (oauth.Response, error) {
			r.Body = "\xff\xfe"
			stages = append(stages, fmt.Sprint(r.Headers))
			return r, nil
		},
	}}})
	if _, err := c.Exchange(t.Context(), oauth.ExchangeParams{Code: "x"}); err != nil {
		t.Fatal(err)
	}
	if token, err := c.Token(t.Context()); err != nil || token.AccessToken != "a1" || stages[0] != `token 200 {"data":{"token":"a1"}}` {
		t.Errorf("%v, %+v, %q", err, token, stages)
	}
	if _, err := c.Refresh(t.Context()); !errors.Is(err, &oauth.Error{Kind: "client", Code: "hook_failed"}) {
		t.Errorf("a hook that fails: %v", err)
	}
	if _, err := c.Userinfo(t.Context()); !errors.Is(err, &oauth.Error{Kind: "server", Code: "bad_encoding"}) || !strings.Contains(stages[1], "{x-bytes a}") && !strings.Contains(stages[1], "[x-bytes a]") {
		t.Errorf("bytes: %v, %q", err, stages)
	}
	bad := oauth.Options{Hooks: oauth.Hooks{Response: map[oauth.Stage]hook{"discovery": nil}}}
	if _, err := oauth.Open(t.Context(), native(t), config, bad); !errors.Is(err, &oauth.Error{Kind: "client", Code: "bad_value"}) {
		t.Errorf("metadata: %v", err)
	}
}

// E60 and E64: a client is opened with a Registration as it is, and Status.Unverified has the
// additional parameters of a callback.
func TestRegistrationOpens(t *testing.T) {
	p := &peer{replace: func(req *http.Request) (*http.Response, error) {
		if req.URL.Path == "/register" {
			return respond(201, `{"client_id":"new","client_secret":"S-E-C","client_secret_expires_at":0,"client_id_issued_at":1,"redirect_uris":["https://app.example/cb"],"scope":null,"x":[1]}`), nil
		}
		if user, secret, _ := req.BasicAuth(); user != "new" || secret != "S-E-C" {
			return respond(401, `{"error":"invalid_client"}`), nil
		}
		return respond(200, `{"access_token":"a","token_type":"Bearer"}`), nil
	}}
	opts := oauth.Options{HTTP: &http.Client{Transport: p}}
	c, err := oauth.Open(t.Context(), native(t), oauth.Config{RegistrationEndpoint: "https://as.example/register", ClientMetadata: map[string]any{}}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Register(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	registered, err := oauth.Open(t.Context(), native(t), oauth.Config{
		AuthorizationEndpoint: "https://as.example/authorize", TokenEndpoint: "https://as.example/token", Registration: r, CallbackParameters: []string{"user"},
	}, opts)
	if err != nil {
		t.Fatal(err)
	}
	defer registered.Close()
	a, err := registered.Authorize(t.Context(), oauth.AuthorizeParams{AppState: "page"})
	if err != nil {
		t.Fatal(err)
	}
	status, err := registered.Callback(t.Context(), "https://app.example/cb?code=c&user=%7B%22name%22%3A%22Zo%C3%AB%22%7D&other=1&state="+a.State)
	if err != nil || status.AppState != "page" || len(status.Unverified) != 1 || status.Unverified["user"] != `{"name":"Zoë"}` {
		t.Errorf("%v, %+v", err, status)
	}
	if text, err := json.Marshal(r); err != nil || !bytes.Equal(text, r.Raw) {
		t.Errorf("%v, %s", err, text)
	}
	if text, err := json.Marshal(oauth.Registration{}); err != nil || string(text) != "null" {
		t.Errorf("%v, %s", err, text)
	}
}

// E50 and E52: the text of an error says which member is meant, what was expected and what came.
func TestConfigurationErrorTexts(t *testing.T) {
	for _, row := range []struct {
		config oauth.Config
		want   string
	}{
		{oauth.Config{ClientID: "c", Issuer: "https://as.example"}, "oauth2: open: missing: discovery: expected discovery: true, or authorization_endpoint and token_endpoint, came issuer without endpoints"},
		{oauth.Config{ClientID: "c", TokenEndpoint: "http://as.example/token"}, "oauth2: open: not https: token_endpoint: expected https, or http on loopback, came http://as.example/token"},
		{oauth.Config{ClientID: "c", PKCEVerifierLength: 1}, "oauth2: open: bad value: pkce_verifier_length: expected 43 to 128, came 1"},
		{oauth.Config{ClientID: "c", ClientSecret: "s3cret\n"}, "oauth2: open: bad value: client_secret: expected printable ASCII"},
	} {
		_, err := oauth.Open(t.Context(), native(t), row.config, oauth.Options{})
		if err == nil || err.Error() != row.want {
			t.Errorf("%v\nwant %s", err, row.want)
		}
	}
}
