package wasm_test

import (
	"cmp"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/presets"
	"github.com/oauth2-wasm/oauth2-wasm/wasm"
)

// An imitation is a provider's side of the conversation. Its answers are listed by method and URL,
// so a preset must know the real URLs. Of several answers each is used once, and the last one from
// then on. ID-TOKEN in an answer stands for a signed ID token, and KEY-SET for its key.
type imitation struct {
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]answer
	seen    []*http.Request // with parsed forms
	server  *httptest.Server

	signer *signer
	claims map[string]any // of ID tokens, with the nonce of the last authorization request
}

type answer struct {
	status      int    // 0: 200
	contentType string // "": JSON
	body        string
}

// openIDMetadata are the metadata of an issuer with any endpoints.
const openIDMetadata = `{"issuer":"https://op.example","authorization_endpoint":"https://op.example/auth","token_endpoint":"https://op.example/token",
	"userinfo_endpoint":"https://op.example/me","jwks_uri":"https://op.example/jwks","response_types_supported":["code"]}`

const formEncoded = "application/x-www-form-urlencoded; charset=utf-8"

func imitate(t *testing.T, answers map[string][]answer) *imitation {
	i := &imitation{t: t, answers: map[string][]answer{"GET https://op.example/.well-known/openid-configuration": {{body: openIDMetadata}}}, signer: newSigner(t), claims: map[string]any{}}
	maps.Copy(i.answers, answers)
	i.server = httptest.NewServer(i)
	t.Cleanup(i.server.Close)
	return i
}

// RoundTrip sends a request for the provider's host to the imitation, otherwise unchanged.
func (i *imitation) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		i.t.Errorf("not over TLS: %s", r.URL)
	}
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	r.URL.Scheme, r.URL.Host = "http", strings.TrimPrefix(i.server.URL, "http://")
	return http.DefaultTransport.RoundTrip(r)
}

func (i *imitation) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		i.t.Error(err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := r.Method + " https://" + r.Host + r.URL.RequestURI()
	i.seen = append(i.seen, r)
	list := i.answers[key]
	if len(list) == 0 {
		i.t.Errorf("asked for %s", key)
		http.NotFound(w, r)
		return
	}
	if len(list) > 1 {
		i.answers[key] = list[1:]
	}
	w.Header().Set("Content-Type", cmp.Or(list[0].contentType, "application/json; charset=utf-8"))
	w.WriteHeader(cmp.Or(list[0].status, 200))
	w.Write([]byte(strings.NewReplacer("ID-TOKEN", i.signer.sign(i.t, i.claims), "KEY-SET", i.signer.keySet(i.t)).Replace(list[0].body)))
}

// requests returns the requests to a URL, without its query.
func (i *imitation) requests(address string) (found []*http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, r := range i.seen {
		if "https://"+r.Host+r.URL.Path == address {
			found = append(found, r)
		}
	}
	return found
}

// given are the variables that have no default.
var given = map[string]map[string]string{"okta": {"domain": "dev-1.okta.com"}, "shopify": {"shop": "my-shop"}}

func preset(t *testing.T, name string, variables map[string]string) oauth.Config {
	t.Helper()
	if variables == nil {
		variables = given[name]
	}
	config, err := presets.Config(name, variables)
	if err != nil {
		t.Fatal(err)
	}
	config.ClientID, config.ClientSecret, config.RedirectURI = "app", "secret", "https://app.example/cb"
	if name == "openid" {
		config.Issuer = "https://op.example"
	}
	return config
}

func openPreset(t *testing.T, config oauth.Config, i *imitation) *oauth.Client {
	t.Helper()
	c, err := wasm.Open(t.Context(), config, wasm.Options{Client: oauth.Options{HTTP: &http.Client{Transport: i}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// signInWith does the code flow up to the token request. It adds an issuer to the response if the
// provider promises one.
func (i *imitation) signInWith(t *testing.T, c *oauth.Client, config oauth.Config, issuer string) (oauth.CallbackResult, error) {
	t.Helper()
	begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(begun.URL)
	if err != nil {
		t.Fatal(err)
	}
	if nonce := u.Query().Get("nonce"); nonce != "" {
		i.claims["nonce"] = nonce
	}
	response := url.Values{"code": {"code-1"}, "state": {begun.State}}
	if issuer != "" {
		response.Set("iss", issuer)
	}
	return c.Callback(t.Context(), config.RedirectURI+"?"+response.Encode())
}

// checkClient checks how a request authenticates the client (H1).
func checkClient(t *testing.T, r *http.Request, basic bool) {
	t.Helper()
	id, secret, ok := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if ok != basic || basic && r.PostForm.Has("client_secret") || id != "app" || secret != "secret" {
		t.Errorf("client authentication at %s: %v, %v", r.Host, r.Header, r.PostForm)
	}
}
