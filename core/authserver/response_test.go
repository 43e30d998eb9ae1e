package authserver_test

import (
	"context"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// everyResponse switches on all response types.
func everyResponse(c *authserver.Config) {
	c.InsecureResponseTypes = []string{"token", "id_token", "none", "code id_token", "token code", "id_token token", "code id_token token"}
}

// consented goes through the pages up to the answer, in any mode.
func (b *bench) consented(query url.Values) authserver.Response {
	b.t.Helper()
	page := b.visit("GET", "/authorize?"+query.Encode(), nil)
	if shows(page, "login") {
		page = b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
	}
	return b.submit(page, "approve", nil)
}

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)

// answered reads an authorization response in the mode, which was sent to the address.
func answered(t *testing.T, resp authserver.Response, mode, address string) url.Values {
	t.Helper()
	if mode == "form_post" {
		to := actionAttribute.FindSubmatch(resp.Body)
		if resp.Status != http.StatusOK || to == nil || html.UnescapeString(string(to[1])) != address {
			t.Fatalf("no form for %s: %d %s", address, resp.Status, resp.Body)
		}
		values := url.Values{}
		for _, field := range hiddenField.FindAllSubmatch(resp.Body, -1) {
			values.Set(html.UnescapeString(string(field[1])), html.UnescapeString(string(field[2])))
		}
		return values
	}
	u := location(t, resp)
	encoded := u.Fragment
	switch {
	case mode == "query":
		encoded = strings.TrimPrefix(u.RawQuery, "keep=1&")
		if u.Fragment != "" {
			t.Errorf("a fragment: %s", u)
		}
	case !strings.HasPrefix(u.String(), address+"#"):
		t.Errorf("%s does not begin with %s", u, address)
	default:
		_, encoded, _ = strings.Cut(resp.Header.Get("Location"), "#")
	}
	values, err := url.ParseQuery(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// A5: each response type in its modes, according to OAuth 2.0 Multiple Response Type Encoding
// Practices and Form Post Response Mode.
func TestA5ResponseTypes(t *testing.T) {
	const address = "https://front.example/cb?keep=1"
	for _, row := range []struct {
		responseType, mode string // empty: not asked for
		want               string // the mode of the answer
	}{
		{"code", "", "query"}, {"code", "query", "query"}, {"code", "fragment", "fragment"}, {"code", "form_post", "form_post"},
		{"token", "", "fragment"}, {"token", "fragment", "fragment"}, {"token", "form_post", "form_post"},
		{"id_token", "", "fragment"}, {"id_token", "form_post", "form_post"},
		{"none", "", "query"}, {"none", "fragment", "fragment"}, {"none", "form_post", "form_post"},
		{"code id_token", "", "fragment"}, {"id_token code", "form_post", "form_post"}, {"code token", "", "fragment"},
		{"id_token token", "", "fragment"}, {"token id_token code", "", "fragment"},
	} {
		t.Run(row.responseType+" "+row.mode, func(t *testing.T) {
			b := newBench(t, everyResponse)
			query := with(request("front"), "response_type", row.responseType, "response_mode", row.mode, "nonce", "n", "scope", "openid profile")
			got := answered(t, b.consented(query), row.want, address)
			if got.Get("state") != "st&te" || got.Get("iss") != issuer || got.Has("error") || got.Has("refresh_token") {
				t.Errorf("%v", got)
			}
			for name, word := range map[string]string{"code": "code", "access_token": "token", "id_token": "id_token"} {
				if asked := strings.Contains(" "+row.responseType+" ", " "+word+" "); got.Has(name) != asked {
					t.Errorf("%s: %v, asked for %v", name, got.Has(name), asked)
				}
			}
			if access := got.Get("access_token"); access != "" && (!b.works(access) || got.Get("token_type") != "Bearer" || got.Get("expires_in") != "600") {
				t.Errorf("%v", got)
			}
			if got.Has("id_token") {
				checkFrontChannel(t, b, got)
			}
			if got.Has("code") {
				b.post("/token", exchange("front", got.Get("code"))).must(t)
			}
		})
	}
}

// checkFrontChannel verifies an ID token with go-oidc, and its hashes of code and access token.
func checkFrontChannel(t *testing.T, b *bench, got url.Values) {
	t.Helper()
	id, err := b.verifier("front").Verify(context.Background(), got.Get("id_token"))
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		CHash string `json:"c_hash"`
		Name  string
	}
	if err := id.Claims(&claims); err != nil || id.Nonce != "n" {
		t.Errorf("%v, nonce %q", err, id.Nonce)
	}
	if (id.AccessTokenHash != "") != got.Has("access_token") || (claims.CHash != "") != got.Has("code") {
		t.Errorf("at_hash %q, c_hash %q", id.AccessTokenHash, claims.CHash)
	}
	if got.Has("access_token") && id.VerifyAccessToken(got.Get("access_token")) != nil {
		t.Error("at_hash is wrong")
	}
	if got.Has("code") {
		// The hash is the same for a code, so go-oidc can check that too.
		id.AccessTokenHash = claims.CHash
		if id.VerifyAccessToken(got.Get("code")) != nil {
			t.Error("c_hash is wrong")
		}
	}
	if alone := !got.Has("access_token") && !got.Has("code"); (claims.Name != "") != alone {
		t.Errorf("name %q", claims.Name)
	}
}

// A5, A7: a response type that is switched off, or not allowed for this client or in this mode, is
// refused in the requested mode.
func TestA5ResponseTypeRefused(t *testing.T) {
	nonced := func(pairs ...string) url.Values {
		return with(with(request("front"), "nonce", "n", "scope", "openid"), pairs...)
	}
	off := func(*authserver.Config) {}
	for _, row := range []struct {
		name   string
		change func(*authserver.Config)
		query  url.Values
		mode   string
		want   string
	}{
		{"token not switched on", off, nonced("response_type", "token"), "fragment", "unsupported_response_type"},
		{"id_token not switched on", off, nonced("response_type", "id_token", "response_mode", "form_post"), "form_post", "unsupported_response_type"},
		{"none not switched on", off, nonced("response_type", "none"), "query", "unsupported_response_type"},
		{"hybrid not switched on", func(c *authserver.Config) { c.InsecureResponseTypes = []string{"token", "id_token"} },
			nonced("response_type", "code id_token"), "fragment", "unsupported_response_type"},
		{"a word twice", everyResponse, nonced("response_type", "code code"), "query", "unsupported_response_type"},
		{"client without it", everyResponse, with(request("spa"), "response_type", "token"), "fragment", "unauthorized_client"},
		{"token in the query", everyResponse, nonced("response_type", "token", "response_mode", "query"), "fragment", "invalid_request"},
		{"token in a signed query", everyResponse, nonced("response_type", "code id_token", "response_mode", "query.jwt"), "fragment", "invalid_request"},
		{"id_token without nonce", everyResponse, nonced("response_type", "id_token", "nonce", ""), "fragment", "invalid_request"},
		{"id_token without openid", everyResponse, nonced("response_type", "code id_token", "scope", "profile"), "fragment", "invalid_request"},
		{"hybrid without PKCE", everyResponse, nonced("response_type", "code id_token", "code_challenge", "", "code_challenge_method", ""), "fragment", "invalid_request"},
		{"form for a private-use scheme", off, with(request("native"), "redirect_uri", "com.example.native:/cb", "response_mode", "form_post"), "query", "invalid_request"},
		{"error in a form", off, with(request("spa"), "scope", "x", "response_mode", "form_post"), "form_post", "invalid_scope"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, row.change)
			got := answered(t, b.visit("GET", "/authorize?"+row.query.Encode(), nil), row.mode, row.query.Get("redirect_uri"))
			if got.Get("error") != row.want || got.Get("state") != "st&te" || got.Get("iss") != issuer || got.Has("id_token") || got.Has("access_token") {
				t.Errorf("%v, want %s", got, row.want)
			}
		})
	}
	// A token that must be bound to a key cannot come by a redirect.
	b := newBench(t, everyResponse)
	bound := authserver.Client{ClientID: "both", RedirectURIs: []string{appRedirect}, ResponseTypes: []string{"token"}, DPoPBoundAccessTokens: true}
	if err := b.store.(*authserver.MemoryStore).AddClient(bound); err != nil {
		t.Fatal(err)
	}
	query := url.Values{"client_id": {"both"}, "response_type": {"token"}}
	if got := answered(t, b.visit("GET", "/authorize?"+query.Encode(), nil), "fragment", appRedirect); got.Get("error") != "unauthorized_client" {
		t.Errorf("%v", got)
	}
}

// A5: the metadata say what is switched on.
func TestA5MetadataOfResponseTypes(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) {
		c.InsecureResponseTypes = []string{"id_token", "token id_token", "id_token"}
	})
	resp := b.send("GET", "/.well-known/openid-configuration", nil, "")
	if !strings.Contains(string(resp.Body), `"response_types_supported":["code","id_token","id_token token"]`) {
		t.Errorf("%s", resp.Body)
	}
}

// A5: the page of form_post can run and reach nothing that it does not need.
func TestA5FormPostPage(t *testing.T) {
	for _, row := range []struct{ client, redirect, source string }{
		{"spa", appRedirect, "https://app.example"},
		{"native", "http://127.0.0.1:50123/cb", "http://127.0.0.1:50123"},
	} {
		t.Run(row.client, func(t *testing.T) {
			b := newBench(t)
			resp := b.consented(with(request(row.client), "redirect_uri", row.redirect, "response_mode", "form_post"))
			csp := resp.Header.Get("Content-Security-Policy")
			if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "; form-action "+row.source) || !strings.Contains(csp, "; script-src 'sha256-") {
				t.Error(csp)
			}
			if !strings.Contains(string(resp.Body), "<script>document.forms[0].submit()</script>") || !shows(resp, "continue") {
				t.Errorf("%s", resp.Body)
			}
			if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "strict-origin" {
				t.Errorf("%v", resp.Header)
			}
		})
	}
}

// A5: JARM: the response is a token of the server for the client, in every mode, for errors too.
func TestA5SignedResponses(t *testing.T) {
	for _, row := range []struct {
		name  string
		query url.Values
		mode  string
		want  string
	}{
		{"jwt, code", with(request("front"), "response_mode", "jwt"), "query", "code"},
		{"query.jwt", with(request("front"), "response_mode", "query.jwt"), "query", "code"},
		{"fragment.jwt", with(request("front"), "response_mode", "fragment.jwt"), "fragment", "code"},
		{"form_post.jwt", with(request("front"), "response_mode", "form_post.jwt"), "form_post", "code"},
		{"jwt, token", with(request("front"), "response_mode", "jwt", "response_type", "token"), "fragment", "access_token"},
		{"error", with(request("front"), "response_mode", "jwt", "prompt", "none"), "query", "error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, everyResponse)
			var resp authserver.Response
			if row.want == "error" {
				resp = b.visit("GET", "/authorize?"+row.query.Encode(), nil)
			} else {
				resp = b.consented(row.query)
			}
			got := answered(t, resp, row.mode, "https://front.example/cb?keep=1")
			if len(got) != 1 {
				t.Fatalf("%v", got)
			}
			claims := b.claims(got.Get("response"))
			if claims["iss"] != issuer || claims["aud"] != "front" || claims["state"] != "st&te" || claims["exp"] != float64(start.Add(time.Minute).Unix()) {
				t.Errorf("%v", claims)
			}
			if s, _ := claims[row.want].(string); s == "" {
				t.Errorf("no %s in %v", row.want, claims)
			}
		})
	}
}

// claims returns the claims of a token of any kind that the server signed.
func (b *bench) claims(token string) map[string]any {
	b.t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		b.t.Fatalf("%v: %q", err, token)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(b.send("GET", "/jwks", nil, "").Body, &set); err != nil {
		b.t.Fatal(err)
	}
	keys := set.Key(jws.Signatures[0].Protected.KeyID)
	if len(keys) != 1 {
		b.t.Fatalf("%d keys", len(keys))
	}
	payload, err := jws.Verify(keys[0])
	if err != nil {
		b.t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		b.t.Fatal(err)
	}
	return claims
}
