package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func testProvider(t *testing.T) http.Handler {
	t.Helper()
	h, err := newProvider(testIssuer, testPage, testLife)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

var interaction = regexp.MustCompile(`name="interaction" value="([^"]+)"`)

// tokenFor signs in as a person would and redeems the code.
func tokenFor(t *testing.T, h http.Handler, scope string) string {
	t.Helper()
	cookies := map[string]*http.Cookie{}
	send := func(method, target string, form url.Values) *http.Response {
		r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
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
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	authorize := testIssuer + "/authorize?" + url.Values{
		"response_type": {"code"}, "client_id": {clientID}, "redirect_uri": {testPage + "/"}, "scope": {scope}, "state": {"s"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}.Encode()
	answer := send(http.MethodGet, authorize, nil)
	for _, form := range []url.Values{
		{"action": {"sign-in"}, "username": {"demo"}, "password": {"demo"}},
		{"action": {"approve"}},
	} {
		page := body(t, answer)
		if answer.StatusCode == http.StatusSeeOther || answer.StatusCode == http.StatusFound {
			page = body(t, send(http.MethodGet, testIssuer+strings.TrimPrefix(answer.Header.Get("Location"), testIssuer), nil))
		}
		found := interaction.FindStringSubmatch(page)
		if found == nil {
			t.Fatalf("no form in %d %s", answer.StatusCode, page)
		}
		form.Set("interaction", html.UnescapeString(found[1]))
		answer = send(http.MethodPost, authorize, form)
	}
	back, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" {
		t.Fatalf("no code: %d %v", answer.StatusCode, answer.Header)
	}
	answer = send(http.MethodPost, testIssuer+"/token", url.Values{
		"grant_type": {"authorization_code"}, "client_id": {clientID}, "redirect_uri": {testPage + "/"},
		"code": {back.Query().Get("code")}, "code_verifier": {verifier},
	})
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil || token.AccessToken == "" {
		t.Fatalf("no token: %d %v", answer.StatusCode, err)
	}
	return token.AccessToken
}

func TestAPIAnswersToATokenWithItsScope(t *testing.T) {
	h := testProvider(t)
	good, narrow := tokenFor(t, h, notesScope), tokenFor(t, h, "profile")
	for _, row := range []struct {
		name, authorization string
		status              int
		challenge           string
	}{
		{"no token", "", 401, `Bearer realm="` + testIssuer + `"`},
		{"another scheme", "Basic ZGVtbzpkZW1v", 401, `Bearer realm="` + testIssuer + `"`},
		{"an unknown token", "Bearer unknown", 401, `Bearer realm="` + testIssuer + `", error="invalid_token"`},
		{"a token without the scope", "Bearer " + narrow, 403, `Bearer realm="` + testIssuer + `", error="insufficient_scope", scope="notes.read"`},
		{"a good token", "Bearer " + good, 200, ""},
		{"a good token, the scheme in lower case", "bearer " + good, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := get(h, testIssuer+notesPath, "Authorization", row.authorization)
			if r.StatusCode != row.status || r.Header.Get("WWW-Authenticate") != row.challenge {
				t.Fatalf("%d %q", r.StatusCode, r.Header.Get("WWW-Authenticate"))
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
			}
		})
	}
	t.Run("a preflight names what is allowed", func(t *testing.T) {
		r := httptest.NewRequest(http.MethodOptions, testIssuer+notesPath, nil)
		r.Header.Set("Origin", testPage)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Headers") != "Authorization" || w.Header().Get("Access-Control-Allow-Methods") != "GET" {
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
