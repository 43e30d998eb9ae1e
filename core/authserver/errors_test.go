package authserver_test

import (
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A7: every error of the list once, at the place where its rule says: its status, code, description
// and headers. No error may be cached.
func TestA7EveryError(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	as := func(user, password string) http.Header {
		h := maps.Clone(form)
		h.Set("Authorization", basic(user, password).Get("Authorization"))
		return h
	}
	busy := func(c *authserver.Config) { c.Store = brokenStore{Store: c.Store, client: authserver.ErrUnavailable} }
	broken := func(c *authserver.Config) { c.Store = brokenStore{Store: c.Store, client: errors.New("disk full")} }
	for _, row := range []struct {
		name           string
		change         func(*authserver.Config)
		method, target string
		header         http.Header
		body           string
		status         int
		code           string
		also           string // a header and how its value begins
	}{
		{"RFC 6749 5.2: a parameter is missing", nil, "POST", "/token", form, "client_id=spa", 400, "invalid_request", ""},
		{"RFC 6749 3.2: a parameter is repeated", nil, "POST", "/token", form, "client_id=spa&client_id=spa", 400, "invalid_request", ""},
		{"RFC 6749 5.2: the client that tried Basic is challenged", nil, "POST", "/token", as("web", "x"), "grant_type=refresh_token",
			401, "invalid_client", "WWW-Authenticate: Basic realm="},
		{"RFC 6749 5.2: an unknown client", nil, "POST", "/token", form, "grant_type=refresh_token&client_id=x", 401, "invalid_client", ""},
		{"RFC 6749 5.2: an unknown code", nil, "POST", "/token", form, "grant_type=authorization_code&client_id=spa&code=x", 400, "invalid_grant", ""},
		{"RFC 6749 5.2: an unknown refresh token", nil, "POST", "/token", form, "grant_type=refresh_token&client_id=spa&refresh_token=x", 400, "invalid_grant", ""},
		{"RFC 6749 5.2: scope beyond the client's", nil, "POST", "/token", as("service", "svc"), "grant_type=client_credentials&scope=email", 400, "invalid_scope", ""},
		{"RFC 6749 5.2: a grant that the client may not use", nil, "POST", "/token", form, "grant_type=refresh_token&client_id=codeonly", 400, "unauthorized_client", ""},
		{"RFC 6749 5.2: a grant that nobody may use", nil, "POST", "/token", form, "grant_type=password&client_id=spa", 400, "unsupported_grant_type", ""},
		{"RFC 9126 2.3: an unknown response type, pushed", nil, "POST", "/par", form, "client_id=spa&response_type=token", 400, "unsupported_response_type", ""},
		{"RFC 6749 3.1: plain http", nil, "POST", "http://login.example/token", form, "client_id=spa", 400, "insecure_transport", ""},
		{"RFC 9110 15.5.6: the method", nil, "GET", "/token", nil, "", 405, "invalid_request", "Allow: POST"},
		{"RFC 6749 4.1.2.1: the store is busy", busy, "POST", "/token", form, "grant_type=refresh_token&client_id=spa", 503, "temporarily_unavailable", ""},
		{"RFC 6749 4.1.2.1: the store is broken", broken, "POST", "/token", form, "grant_type=refresh_token&client_id=spa", 500, "server_error", ""},
		{"RFC 7662 2.3: introspection without authentication", nil, "POST", "/introspect", form, "client_id=spa&token=x", 401, "invalid_client", ""},
		{"RFC 8628 3.5: an unknown device code", nil, "POST", "/token", form,
			"grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id=tv&device_code=x", 400, "invalid_grant", ""},
		{"RFC 9449 5.2: no proof", nil, "POST", "/token", form, "grant_type=authorization_code&client_id=bound&code=x", 400, "invalid_dpop_proof", ""},
		{"no such endpoint", nil, "GET", "/nowhere", nil, "", 404, "invalid_request", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			if row.change != nil {
				b = newBench(t, row.change)
			}
			r := read(t, b.send(row.method, row.target, row.header, row.body))
			r.refused(t, row.status, row.code)
			name, value, _ := strings.Cut(row.also, ": ")
			if row.also != "" && !strings.HasPrefix(r.Header.Get(name), value) {
				t.Errorf("no %s in %v", row.also, r.Header)
			}
			if r.Header.Get("Location") != "" || strings.Contains(string(r.Body), "disk full") || !strings.Contains(string(r.Body), `"error_description":"`) {
				t.Errorf("%v %s", r.Header, r.Body)
			}
		})
	}

	b := newBench(t)
	code := b.code(request("spa"))
	b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {code}}).refused(t, 400, "unsupported_token_type")
	page := b.visit("GET", "/authorize?"+request("spa").Encode(), nil)
	if u := location(t, b.submit(page, "deny", nil)); u.Query().Get("error") != "access_denied" {
		t.Error(u)
	}
	for name, query := range map[string]url.Values{
		"client":       with(request("spa"), "client_id", "x"),
		"redirect URI": with(request("spa"), "redirect_uri", "https://app.example/cb/"),
	} {
		if resp := b.visit("GET", "/authorize?"+query.Encode(), nil); resp.Status != 400 || resp.Header.Get("Location") != "" {
			t.Errorf("a bad %s: %d %v", name, resp.Status, resp.Header)
		}
	}
}

// A8: a replayed code revokes all that its request gave, also the token in the URL and an exchanged
// one.
func TestA8ReplayRevokesEverything(t *testing.T) {
	b := newBench(t, everyResponse, everyGrant)
	query := with(request("front"), "response_type", "code token", "scope", "profile")
	front := answered(t, b.consented(query), "fragment", "https://front.example/cb?keep=1")
	form := exchange("front", front.Get("code"))
	first := b.post("/token", form).must(t)
	second := b.refresh("front", first.Refresh).must(t)
	exchanged := b.postWith("/token", basic("downstream", "down"), url.Values{"grant_type": {authserver.GrantTokenExchange},
		"subject_token": {second.Access}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}).must(t)
	all := []string{front.Get("access_token"), first.Access, second.Access, exchanged.Access}
	for i, token := range all {
		if !b.works(token) {
			t.Fatal("no good from the start:", i)
		}
	}
	b.post("/token", form).refused(t, 400, "invalid_grant")
	for i, token := range all {
		if b.works(token) {
			t.Error("still good:", i)
		}
	}
	b.refresh("front", second.Refresh).refused(t, 400, "invalid_grant")
}

// A4, A8: a client of the FAPI 2.0 security profile with message signing goes through all of it:
// its keys, a signed and pushed request, a signed response, DPoP with nonces. Nobody else can use
// the code or the token.
func TestA4FAPI2(t *testing.T) {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{ClientID: "fapi", TokenEndpointAuthMethod: authserver.AuthMethodPrivateKeyJWT, JWKS: clientKeys,
		RedirectURIs: []string{"https://fapi.example/cb"}, GrantTypes: codeAndFresh, Scope: "openid profile",
		RequirePushedAuthorizationRequests: true, RequireSignedRequestObject: true, DPoPBoundAccessTokens: true})
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(c *authserver.Config) {
		c.Store, c.RequirePAR, c.RequirePKCE, c.DPoPNonceInterval = store, true, true, time.Minute
	})
	p := b.prover()
	nonce, n := "", 0
	// send retries with the nonce that the server gives, as a client does, with a new assertion.
	send := func(target string, form url.Values) (r reply) {
		for range 2 {
			n++
			assertion := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("fapi", strings.Repeat("n", n)))
			r = b.postWith(target, p.proof("POST", target, "nonce", nonce), asserting(form, assertion))
			if nonce = r.Header.Get("DPoP-Nonce"); r.Error != "use_dpop_nonce" {
				return r
			}
		}
		return r
	}
	query := with(request("spa"), "client_id", "fapi", "redirect_uri", "https://fapi.example/cb", "response_mode", "jwt", "scope", "openid profile")
	object := signWith(t, jose.ES256, clientKey, "oauth-authz-req+jwt", false, claimsOf(query, "nbf", b.now.Unix()))
	pushed := send("/par", url.Values{"request": {object}, "client_id": {"fapi"}})
	if pushed.Status != http.StatusCreated {
		t.Fatalf("%d %s", pushed.Status, pushed.Body)
	}
	_, uri, _ := strings.Cut(string(pushed.Body), `"request_uri":"`)
	uri, _, _ = strings.Cut(uri, `"`)
	page := b.open(url.Values{"client_id": {"fapi"}, "request_uri": {uri}})
	consent := b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
	response := b.claims(location(t, b.submit(consent, "approve", nil)).Query().Get("response"))
	code, _ := response["code"].(string)
	if response["iss"] != issuer || response["aud"] != "fapi" || response["state"] != "st&te" || code == "" {
		t.Fatalf("%v", response)
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://fapi.example/cb"}, "code_verifier": {verifier}}
	thief := b.prover()
	stolen := signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("fapi", "stolen"))
	b.postWith("/token", thief.proof("POST", "/token", "nonce", nonce), asserting(form, stolen)).refused(t, 400, "invalid_grant")
	token := send("/token", form).must(t)
	if token.Type != "DPoP" || b.works(token.Access) || b.claims(token.IDToken)["sub"] != "u-1" {
		t.Errorf("%s", token.Body)
	}
	if resp := b.send("GET", "/userinfo", p.resource("GET", "/userinfo", token.Access, "nonce", nonce), ""); resp.Status != 200 {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	if resp := b.send("GET", "/userinfo", thief.resource("GET", "/userinfo", token.Access, "nonce", nonce), ""); resp.Status != 401 {
		t.Errorf("the thief: %d", resp.Status)
	}
	send("/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token.Refresh}}).must(t)
}
