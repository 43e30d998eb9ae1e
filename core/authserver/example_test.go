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

// A device without a browser of its own gets a token (RFC 8628): it shows a code, which its user
// enters and approves elsewhere.
func Example_deviceFlow() {
	store := authserver.NewMemoryStore()
	err := store.AddClient(authserver.Client{
		ClientID:   "tv",
		Name:       "Television",
		GrantTypes: []string{authserver.GrantDeviceCode},
		Scope:      "profile",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server, err := authserver.New(authserver.Config{
		Issuer: "https://login.example",
		Store:  store,
		Users:  map[string]authserver.User{"demo": {Password: "demo"}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var cookie string
	send := func(method, target string, form url.Values) authserver.Response {
		header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Cookie": {cookie}}
		return server.Handle(authserver.Request{Method: method, URL: target, Header: header, Body: []byte(form.Encode()), Now: now})
	}
	var answer struct {
		DeviceCode string `json:"device_code"`
		UserCode   string `json:"user_code"`
		Verify     string `json:"verification_uri"`
		Interval   int    `json:"interval"`
		Error      string `json:"error"`
		TokenType  string `json:"token_type"`
	}
	ask := func(endpoint string, form url.Values) {
		if err := json.Unmarshal(send("POST", endpoint, form).Body, &answer); err != nil {
			fmt.Println(err)
		}
	}

	// The device.
	ask("/device_authorization", url.Values{"client_id": {"tv"}})
	fmt.Println(answer.Verify, len(answer.UserCode), answer.Interval)
	poll := url.Values{"grant_type": {authserver.GrantDeviceCode}, "client_id": {"tv"}, "device_code": {answer.DeviceCode}}
	ask("/token", poll)
	fmt.Println(answer.Error)

	// The user, elsewhere: the code, a password, and consent.
	page := send("GET", "/device", nil)
	field := regexp.MustCompile(`(?s)action="([^"]+)".*name="interaction" value="([^"]+)"`)
	for _, step := range []url.Values{
		{"action": {"continue"}, "user_code": {answer.UserCode}},
		{"action": {"sign-in"}, "username": {"demo"}, "password": {"demo"}},
		{"action": {"approve"}},
	} {
		if set := page.Header.Get("Set-Cookie"); set != "" {
			cookie = strings.Split(set, ";")[0]
		}
		form := field.FindSubmatch(page.Body)
		step.Set("interaction", string(form[2]))
		page = send("POST", string(form[1]), step)
	}

	// The device, five seconds after it last asked.
	now = now.Add(5 * time.Second)
	ask("/token", poll)
	fmt.Println(answer.TokenType)

	// Output:
	// https://login.example/device 9 5
	// authorization_pending
	// Bearer
}
