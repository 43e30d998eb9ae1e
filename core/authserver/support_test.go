package authserver_test

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	issuer      = "https://login.example"
	appRedirect = "https://app.example/cb"
	// RFC 7636 appendix B.
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

var (
	start        = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	codeAndFresh = []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken}
)

// clientKey is the key with which clients sign.
var (
	clientKey = func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	}()
	clientKeys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}}
)

const longSecret = "a secret of more than 32 bytes, for HS256 and its like, in the clear"

// clients are registered at every bench.
var clients = []authserver.Client{
	{ClientID: "spa", Name: "Single <Page> App", RedirectURIs: []string{appRedirect}, GrantTypes: codeAndFresh, Scope: "profile email notes.read"},
	{ClientID: "web", ClientSecret: "s3cret+/:é", RedirectURIs: []string{"https://web.example/cb?keep=1", "https://web.example/other"}, GrantTypes: codeAndFresh, Scope: "profile"},
	{ClientID: "native", RedirectURIs: []string{"http://127.0.0.1/cb", "com.example.native:/cb"}, GrantTypes: codeAndFresh, Scope: "profile"},
	{ClientID: "codeonly", RedirectURIs: []string{"https://codeonly.example/cb"}, Scope: "profile"},
	{ClientID: "refreshonly", RedirectURIs: []string{"https://refreshonly.example/cb"}, GrantTypes: []string{authserver.GrantRefreshToken}},
	{ClientID: "strictpost", ClientSecret: "p", TokenEndpointAuthMethod: authserver.AuthMethodPost, RedirectURIs: []string{"https://strictpost.example/cb"}},
	{ClientID: "strictbasic", ClientSecret: "b", TokenEndpointAuthMethod: authserver.AuthMethodBasic, RedirectURIs: []string{"https://strictbasic.example/cb"}},
	{ClientID: "tv", Name: "The <Telly>", GrantTypes: []string{authserver.GrantDeviceCode, authserver.GrantRefreshToken}, Scope: "profile notes.read"},
	{ClientID: "radio", GrantTypes: []string{authserver.GrantDeviceCode}, Scope: "profile"},
	{ClientID: "service", ClientSecret: "svc", GrantTypes: []string{authserver.GrantClientCredentials, authserver.GrantRefreshToken, authserver.GrantDeviceCode}, Scope: "notes.read profile"},
	{ClientID: "api", ClientSecret: "api", GrantTypes: []string{authserver.GrantClientCredentials}, ResourceServer: true, Resources: []string{notes}},
	{ClientID: "oidc", RedirectURIs: []string{"https://oidc.example/cb"}, GrantTypes: append(codeAndFresh, authserver.GrantDeviceCode), Scope: "openid profile email"},
	{ClientID: "pushes", RedirectURIs: []string{"https://pushes.example/cb"},
		GrantTypes: codeAndFresh, Scope: "profile", RequirePushedAuthorizationRequests: true},
	{ClientID: "bound", RedirectURIs: []string{"https://bound.example/cb"},
		GrantTypes: append(codeAndFresh, authserver.GrantDeviceCode), Scope: "openid profile", DPoPBoundAccessTokens: true},
	{ClientID: "signs", TokenEndpointAuthMethod: "private_key_jwt", JWKS: clientKeys, RedirectURIs: []string{"https://signs.example/cb"},
		GrantTypes: append(codeAndFresh, authserver.GrantClientCredentials), Scope: "profile", RequireSignedRequestObject: true},
	{ClientID: "maybe", JWKS: clientKeys, RedirectURIs: []string{"https://maybe.example/cb"}, Scope: "openid profile"},
	{ClientID: "macs", TokenEndpointAuthMethod: "client_secret_jwt", ClientSecret: longSecret, JWKS: clientKeys,
		GrantTypes: []string{authserver.GrantClientCredentials}, Scope: "profile"},
	{ClientID: "told", RedirectURIs: []string{"https://told.example/cb"}, GrantTypes: codeAndFresh, Scope: "openid offline_access",
		PostLogoutRedirectURIs: []string{"https://told.example/bye?a=b", "com.example.told:/bye"}, BackchannelLogoutURI: "https://told.example/back"},
	{ClientID: "framed", RedirectURIs: []string{"https://framed.example/cb"}, GrantTypes: codeAndFresh, Scope: "openid",
		PostLogoutRedirectURIs: []string{"https://framed.example/bye"}, FrontchannelLogoutURI: "https://framed.example/front?a=b"},
	{ClientID: "downstream", ClientSecret: "down", ResourceServer: true, GrantTypes: []string{authserver.GrantTokenExchange},
		Resources: []string{mail}, ExchangeTargets: []string{notes}},
	{ClientID: "trusted", ClientSecret: "trusted", Scope: "openid profile",
		GrantTypes: []string{authserver.GrantPassword, authserver.GrantJWTBearer,
			authserver.GrantTokenExchange, authserver.GrantRefreshToken, authserver.GrantClientCredentials}},
	{ClientID: "sealed", RedirectURIs: []string{"https://sealed.example/cb"}, Scope: "openid email", UserinfoSignedResponseAlg: "ES256"},
	{ClientID: "front", RedirectURIs: []string{"https://front.example/cb?keep=1"}, GrantTypes: codeAndFresh, Scope: "openid profile email",
		ResponseTypes: []string{"code", "token", "id_token", "none", "id_token code", "code token", "token id_token", "code id_token token"}},
	{ClientID: "wide", RedirectURIs: []string{"https://wide.example/cb"}, GrantTypes: append(codeAndFresh, authserver.GrantDeviceCode), Scope: "profile unheard-of"},
}

// bench is a server with one browser, and a clock that only the test moves.
type bench struct {
	t      testing.TB
	server *authserver.Server
	store  authserver.Store
	now    time.Time
	cookie string
	source string // the address that requests come from
}

func newBench(t testing.TB, change ...func(*authserver.Config)) *bench {
	t.Helper()
	store := authserver.NewMemoryStore()
	for _, c := range clients {
		if err := store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	cfg := authserver.Config{
		Issuer: issuer,
		Store:  store,
		Users: map[string]authserver.User{
			"first":  {Password: "one", Subject: "u-1", Name: "First <b>", Email: "first@example.com", EmailVerified: true},
			"second": {Password: "two"},
		},
		Scopes: []authserver.Scope{{Name: "notes.read", Description: "Read your notes"}, {Name: "offline_access", Description: "Go on after you sign out"}},
	}
	for _, f := range change {
		f(&cfg)
	}
	server, err := authserver.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &bench{t: t, server: server, store: cfg.Store, now: start}
}

func (b *bench) send(method, target string, header http.Header, body string) authserver.Response {
	return b.server.Handle(authserver.Request{Method: method, URL: target, Header: header, Body: []byte(body), Source: b.source, Now: b.now})
}

// visit sends a request of the browser and keeps its cookie.
func (b *bench) visit(method, target string, form url.Values) authserver.Response {
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if b.cookie != "" {
		h.Set("Cookie", b.cookie)
	}
	resp := b.send(method, target, h, form.Encode())
	if set := resp.Header.Get("Set-Cookie"); set != "" {
		b.cookie, _, _ = strings.Cut(set, ";")
	}
	return resp
}

var (
	actionAttribute  = regexp.MustCompile(`action="([^"]+)"`)
	interactionValue = regexp.MustCompile(`name="interaction" value="([^"]+)"`)
)

// submit presses a button of the page.
func (b *bench) submit(page authserver.Response, action string, more url.Values) authserver.Response {
	b.t.Helper()
	to, token := actionAttribute.FindSubmatch(page.Body), interactionValue.FindSubmatch(page.Body)
	if to == nil || token == nil {
		b.t.Fatalf("no form in %d %v %s", page.Status, page.Header, page.Body)
	}
	form := url.Values{"interaction": {string(token[1])}, "action": {action}}
	maps.Copy(form, more)
	return b.visit("POST", html.UnescapeString(string(to[1])), form)
}

var firstSignsIn = url.Values{"username": {"first"}, "password": {"one"}}

// approve goes through the pages until the client gets an answer.
func (b *bench) approve(query url.Values) *url.URL {
	b.t.Helper()
	return b.approveAt("", query)
}

// approveAt is approve at a server whose issuer has a path.
func (b *bench) approveAt(path string, query url.Values) *url.URL {
	b.t.Helper()
	page := b.visit("GET", path+"/authorize?"+query.Encode(), nil)
	if strings.Contains(string(page.Body), `data-testid="login"`) {
		page = b.submit(page, "sign-in", firstSignsIn)
		if page.Status != http.StatusSeeOther {
			b.t.Fatalf("sign-in: %d %s", page.Status, page.Body)
		}
		page = b.visit("GET", page.Header.Get("Location"), nil)
	}
	return location(b.t, b.submit(page, "approve", nil))
}

func (b *bench) code(query url.Values) string {
	b.t.Helper()
	return b.codeAt("", query)
}

func (b *bench) codeAt(path string, query url.Values) string {
	b.t.Helper()
	u := b.approveAt(path, query)
	code := u.Query().Get("code")
	if code == "" {
		b.t.Fatalf("no code in %s", u)
	}
	return code
}

// post calls an endpoint as a client without headers of its own.
func (b *bench) post(target string, form url.Values) reply {
	b.t.Helper()
	return b.postWith(target, nil, form)
}

func (b *bench) postWith(target string, header http.Header, form url.Values) reply {
	b.t.Helper()
	h := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	maps.Copy(h, header)
	return read(b.t, b.send("POST", target, h, form.Encode()))
}

// granted goes through a whole code flow.
func (b *bench) granted(clientID string) reply {
	b.t.Helper()
	q := request(clientID)
	return b.post("/token", exchange(clientID, b.code(q))).must(b.t)
}

func (b *bench) refresh(clientID, token string, more ...string) reply {
	b.t.Helper()
	return b.post("/token", with(url.Values{"grant_type": {"refresh_token"}, "client_id": {clientID}, "refresh_token": {token}}, more...))
}

func (b *bench) works(accessToken string) bool {
	_, ok := b.server.Authenticate(b.now, accessToken)
	return ok
}

type reply struct {
	authserver.Response
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Expires int    `json:"expires_in"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	IDToken string `json:"id_token"`
	Error   string `json:"error"`
}

func read(t testing.TB, resp authserver.Response) reply {
	t.Helper()
	r := reply{Response: resp}
	if len(resp.Body) > 0 {
		if err := json.Unmarshal(resp.Body, &r); err != nil {
			t.Fatalf("%v in %s", err, resp.Body)
		}
	}
	return r
}

func (r reply) must(t testing.TB) reply {
	t.Helper()
	if r.Status != http.StatusOK || r.Access == "" {
		t.Fatalf("no token: %d %s", r.Status, r.Body)
	}
	return r
}

// refused checks the status and the error code of an answer.
func (r reply) refused(t testing.TB, status int, code string) {
	t.Helper()
	if r.Status != status || r.Error != code {
		t.Errorf("got %d %s, want %d %s", r.Status, r.Body, status, code)
	}
	if r.Header.Get("Cache-Control") != "no-store" {
		t.Error("an error that may be stored")
	}
}

// request is an authorization request of one of the clients.
func request(clientID string) url.Values {
	q := url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "state": {"st&te"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for _, c := range clients {
		if c.ClientID == clientID {
			q.Set("redirect_uri", c.RedirectURIs[0])
		}
	}
	return q
}

func exchange(clientID, code string) url.Values {
	return url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "code": {code},
		"redirect_uri": request(clientID)["redirect_uri"], "code_verifier": {verifier},
	}
}

// with sets parameters, given as names and values. An empty value removes the parameter.
func with(v url.Values, pairs ...string) url.Values {
	if v = maps.Clone(v); v == nil {
		v = url.Values{}
	}
	for i := 0; i < len(pairs); i += 2 {
		if v.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			v.Del(pairs[i])
		}
	}
	return v
}

func location(t testing.TB, resp authserver.Response) *url.URL {
	t.Helper()
	u, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Status != http.StatusSeeOther || u.String() == "" {
		t.Fatalf("no redirect: %d %v %s", resp.Status, resp.Header, resp.Body)
	}
	return u
}

// brokenStore fails at the named operations.
type brokenStore struct {
	authserver.Store
	code, token, client error
}

func (s brokenStore) Code(d authserver.Digest) (authserver.CodeRecord, error) {
	r, err := s.Store.Code(d)
	return r, cmp.Or(s.code, err)
}

func (s brokenStore) Token(d authserver.Digest) (authserver.TokenRecord, error) {
	r, err := s.Store.Token(d)
	return r, cmp.Or(s.token, err)
}

func (s brokenStore) Client(id string) (authserver.Client, error) {
	r, err := s.Store.Client(id)
	return r, cmp.Or(s.client, err)
}
