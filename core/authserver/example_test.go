package authserver_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A whole authorization code flow with PKCE, with no socket and no clock.
func Example() {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID:     "notes",
		Name:         "Notes",
		RedirectURIs: []string{"https://notes.example/callback"},
		GrantTypes:   []string{authserver.GrantAuthorizationCode, authserver.GrantRefreshToken},
		Scope:        "profile email",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := authserver.New(authserver.Config{
		Issuer: "https://login.example",
		Store:  store,
		Users:  map[string]authserver.User{"demo": {Password: "demo", Name: "Demo user"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	send := func(method, target string, form url.Values) authserver.Response {
		return server.Handle(authserver.Request{Method: method, URL: target, Header: header, Body: []byte(form.Encode()), Now: now})
	}

	// The verifier and challenge of RFC 7636 appendix B.
	page := "/authorize?" + url.Values{
		"response_type":         {"code"},
		"client_id":             {"notes"},
		"redirect_uri":          {"https://notes.example/callback"},
		"scope":                 {"profile"},
		"state":                 {"af0ifjsldkj"},
		"code_challenge":        {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
		"code_challenge_method": {"S256"},
	}.Encode()
	interaction := regexp.MustCompile(`name="interaction" value="([^"]+)"`)

	signIn := send("GET", page, nil)
	header.Set("Cookie", strings.Split(signIn.Header.Get("Set-Cookie"), ";")[0])
	signedIn := send("POST", page, url.Values{
		"interaction": {string(interaction.FindSubmatch(signIn.Body)[1])},
		"action":      {"sign-in"}, "username": {"demo"}, "password": {"demo"},
	})
	header.Set("Cookie", strings.Split(signedIn.Header.Get("Set-Cookie"), ";")[0])

	consent := send("GET", signedIn.Header.Get("Location"), nil)
	approved := send("POST", page, url.Values{
		"interaction": {string(interaction.FindSubmatch(consent.Body)[1])},
		"action":      {"approve"},
	})
	callback, err := url.Parse(approved.Header.Get("Location"))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer := callback.Query()
	fmt.Println(callback.Host, answer.Get("state"), answer.Get("iss"))

	token := send("POST", "/token", url.Values{
		"grant_type":    {"authorization_code"},
		"client_id":     {"notes"},
		"code":          {answer.Get("code")},
		"redirect_uri":  {"https://notes.example/callback"},
		"code_verifier": {"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"},
	})
	var granted struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal(token.Body, &granted); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(granted.TokenType, granted.ExpiresIn)

	t, ok := server.Authenticate(now.Add(time.Minute), granted.AccessToken)
	fmt.Println(t.User, t.Scope, ok)

	// Output:
	// notes.example af0ifjsldkj https://login.example
	// Bearer 600
	// demo profile true
}
