package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func testProvider(t *testing.T) http.Handler {
	t.Helper()
	h, err := newProvider(testIssuer, testPage, testLife)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// proofKey makes DPoP proofs (RFC 9449 section 4.2).
type proofKey struct{ *ecdsa.PrivateKey }

func newProofKey(t *testing.T) proofKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return proofKey{key}
}

func (k proofKey) proof(t *testing.T, method, url, token string) string {
	t.Helper()
	claims := map[string]any{"htm": method, "htu": url, "iat": time.Now().Unix(), "jti": rand.Text()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.PrivateKey}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// tokenFor signs in like a user and redeems the code.
func tokenFor(t *testing.T, h http.Handler, key proofKey, scope string) string {
	t.Helper()
	cookies := map[string]*http.Cookie{}
	send := func(method, target string, form url.Values, header http.Header) *http.Response {
		r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
		maps.Copy(r.Header, header)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookies[c.Name] = c
		}
		return w.Result()
	}
	proof := func(path string) http.Header {
		return http.Header{"Dpop": {key.proof(t, http.MethodPost, testIssuer+path, "")}}
	}
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	pushed := send(http.MethodPost, testIssuer+"/par", url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {testPage + "/"}, "scope": {scope}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}, proof("/par"))
	var request struct {
		URI string `json:"request_uri"`
	}
	if err := json.NewDecoder(pushed.Body).Decode(&request); err != nil || request.URI == "" {
		t.Fatalf("not pushed: %d %v", pushed.StatusCode, err)
	}
	answer := send(http.MethodGet, testIssuer+"/authorize?"+url.Values{"client_id": {clientID}, "request_uri": {request.URI}}.Encode(), nil, nil)
	var address string
	for _, form := range []url.Values{
		{"action": {"sign-in"}, "username": {"demo"}, "password": {"demo"}},
		{"action": {"approve"}},
	} {
		if answer.StatusCode != http.StatusSeeOther {
			t.Fatalf("no page: %d %s", answer.StatusCode, body(t, answer))
		}
		address = testIssuer + answer.Header.Get("Location")
		page := body(t, send(http.MethodGet, address, nil, nil))
		found := interaction.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no form in %d %s", answer.StatusCode, page)
		}
		form.Set("interaction", html.UnescapeString(found[1]))
		answer = send(http.MethodPost, address, form, nil)
	}
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %d %v", answer.StatusCode, answer.Header)
	}
	answer = send(http.MethodPost, testIssuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "redirect_uri": {testPage + "/"},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier},
	}, proof("/token"))
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.AccessToken == "" {
		t.Fatalf("no token: %d %v", answer.StatusCode, err)
	}
	return token.AccessToken
}

// A4: the token is accepted with its scope and a proof of its key; the secret also needs a recent
// sign-in.
func TestAPIAnswersToATokenWithItsScope(t *testing.T) {
	h, key, other := testProvider(t), newProofKey(t), newProofKey(t)
	good, narrow := tokenFor(t, h, key, notesScope), tokenFor(t, h, key, "profile")
	stale := testLife
	stale.fresh = time.Nanosecond
	later, err := newProvider(testIssuer, testPage, stale)
	if err != nil {
		t.Fatal(err)
	}
	aged := tokenFor(t, later, key, notesScope)
	needed := []string{"Bearer ", "DPoP "}
	for _, row := range []struct {
		name, scheme, token string
		key                 proofKey
		h                   http.Handler
		path                string
		status              int
		challenges          []string
	}{
		{"no token", "", "", key, h, notesPath, 401, needed},
		{"another scheme", "Basic", "ZGVtbzpkZW1v", key, h, notesPath, 401, needed},
		{"an unknown token", "DPoP", "unknown", key, h, notesPath, 401, []string{`error="invalid_token"`}},
		{"a token without its key", "Bearer", good, key, h, notesPath, 401, []string{`error="invalid_token"`}},
		{"a token with another key", "DPoP", good, other, h, notesPath, 401, []string{`error="invalid_token"`}},
		{"a token without the scope", "DPoP", narrow, key, h, notesPath, 403, []string{`error="insufficient_scope"`}},
		{"a sign-in of long ago", "DPoP", aged, key, later, secretPath, 401, []string{`error="insufficient_user_authentication"`}},
		{"a sign-in of a moment ago", "DPoP", good, key, h, secretPath, 200, nil},
		{"a good token", "DPoP", good, key, h, notesPath, 200, nil},
		{"a good token, the scheme in lower case", "dpop", good, key, h, notesPath, 200, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			header := []string{"DPoP", row.key.proof(t, http.MethodGet, testIssuer+row.path, row.token)}
			if row.scheme != "" {
				header = append(header, "Authorization", row.scheme+" "+row.token)
			}
			r := get(row.h, testIssuer+row.path, header...)
			challenges := r.Header.Values("WWW-Authenticate")
			if r.StatusCode != row.status || len(challenges) != len(row.challenges) {
				t.Fatalf("%d %q", r.StatusCode, challenges)
			}
			for i, want := range row.challenges {
				metadata := `resource_metadata="` + testIssuer + `/.well-known/oauth-protected-resource/api"`
				if !strings.Contains(challenges[i], want) || !strings.Contains(challenges[i], metadata) {
					t.Errorf("%q, want %s", challenges[i], want)
				}
			}
			text := body(t, r)
			if !json.Valid([]byte(text)) || r.Header.Get("Content-Type") != "application/json" || r.Header.Get("Cache-Control") != "no-store" {
				t.Fatalf("%v %s", r.Header, text)
			}
			if strings.Contains(text, good) {
				t.Fatal("the answer repeats the token")
			}
			if row.status == 200 && !strings.Contains(text, `"user":"demo"`) {
				t.Fatal(text)
			}
		})
	}
}

// A4: the API's metadata says whose tokens it accepts (RFC 9728), at the URL that its refusals
// name.
func TestAPIMetadata(t *testing.T) {
	r := get(testProvider(t), testIssuer+"/.well-known/oauth-protected-resource/api")
	var m struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	if err := json.Unmarshal([]byte(body(t, r)), &m); err != nil || r.StatusCode != http.StatusOK {
		t.Fatal(r.StatusCode, err)
	}
	if m.Resource != testIssuer+"/api" || len(m.Servers) != 1 || m.Servers[0] != testIssuer || len(m.Scopes) != 1 || m.Scopes[0] != notesScope {
		t.Errorf("%+v", m)
	}
}

func TestAPIIsOpenToThePageOnly(t *testing.T) {
	h := testProvider(t)
	for _, row := range []struct{ name, origin, allowed string }{
		{"the page", testPage, testPage},
		{"another origin", "http://localhost:9999", ""},
		{"no origin", "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, method := range []string{http.MethodGet, http.MethodOptions} {
				r := httptest.NewRequest(method, testIssuer+notesPath, nil)
				r.Header.Set("Origin", row.origin)
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				header := w.Result().Header
				if header.Get("Access-Control-Allow-Origin") != row.allowed || header.Get("Vary") != "Origin" || header.Get("Access-Control-Allow-Credentials") != "" {
					t.Errorf("%s: %v", method, header)
				}
				if readable := header.Get("Access-Control-Expose-Headers"); (readable == "WWW-Authenticate, DPoP-Nonce") != (row.allowed != "") {
					t.Errorf("%s: %q", method, readable)
				}
			}
		})
	}
	t.Run("a preflight names what is allowed", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodOptions, testIssuer+notesPath, nil)
		r.Header.Set("Origin", testPage)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Headers") != "Authorization, DPoP" || w.Header().Get("Access-Control-Allow-Methods") != "GET" {
			t.Fatal(w.Code, w.Header())
		}
	})
	t.Run("another method", func(t *testing.T) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, testIssuer+notesPath, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Fatal(w.Code)
		}
	})
}

// D11: an error page of the server that cannot send the user back by a redirect URI links to the
// registered home page of the client, and nowhere else.
func TestErrorPagesLeadBack(t *testing.T) {
	h := testProvider(t)
	for _, row := range []struct {
		name, query string
		back        bool
	}{
		{"a reference that is used up or never was", "client_id=demo&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Agone", true},
		{"a redirect URI that is not registered", "client_id=demo&response_type=code&redirect_uri=https%3A%2F%2Fevil.example%2F", true},
		{"no redirect URI at all", "client_id=demo&response_type=code", true},
		{"a client without a home page", "client_id=terminal&response_type=code&redirect_uri=https%3A%2F%2Fevil.example%2F", false},
		{"an unknown client", "client_id=https%3A%2F%2Fevil.example%2F&response_type=code", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := get(h, testIssuer+"/authorize?"+row.query)
			page := body(t, r)
			if r.StatusCode < 400 || strings.Contains(page, "evil.example") {
				t.Fatal(r.StatusCode, page)
			}
			if strings.Contains(page, `<a href="`+testPage+`/" data-testid="back">Go back to the demo page</a>`) != row.back {
				t.Error(page)
			}
		})
	}
	for _, uri := range []string{"javascript:alert(1)", "//host", "data:text/html,x", "https:", "ftp://host/"} {
		if err := (authserver.Client{ClientID: "a", URI: uri}).Validate(); err == nil {
			t.Errorf("%s is taken", uri)
		}
	}
}
