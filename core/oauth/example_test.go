package oauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// server plays an authorization server: it gives the same answer to every token request.
type server struct{}

func (server) RoundTrip(req *http.Request) (*http.Response, error) {
	body := `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"Bearer","expires_in":3600,"scope":"read"}`
	if req.URL.Path == "/device_authorization" {
		body = `{"device_code":"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS","user_code":"WDJB-MJHT","verification_uri":"https://as.example/device","expires_in":1800,"interval":1}`
	}
	return &http.Response{
		StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}, nil
}

// A sign-in with the authorization code grant, with the engine in native Go. Package wasm has the
// same example with the module.
func Example() {
	ctx := context.Background()
	client, err := oauth.Open(ctx, new(core.Engine), oauth.Config{
		ClientID:              "s6BhdRkqt3",
		AuthorizationEndpoint: "https://as.example/authorize",
		TokenEndpoint:         "https://as.example/token",
		RedirectURI:           "https://client.example/cb",
		Scope:                 "read",
		TokenDestinations:     []string{"https://api.example/"},
	}, oauth.Options{HTTP: &http.Client{Transport: server{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	// AppState is what the application needs when the user returns.
	begun, err := client.Authorize(ctx, oauth.AuthorizeParams{AppState: "/where/the/user/was"})
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := url.Parse(begun.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(page.Host, page.Query().Get("scope"), page.Query().Get("code_challenge_method"))

	// The browser returns to the redirect URI.
	done, err := client.Callback(ctx, "https://client.example/cb?code=SplxlOBeZQQYbYS6WxSbIA&state="+begun.State)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(done.Status.Status, done.AppState)

	header, err := client.Prepare(ctx, "GET", "https://api.example/items")
	fmt.Println(header.Get("Authorization"), err)
	_, err = client.Prepare(ctx, "GET", "https://elsewhere.example/items")
	fmt.Println(err)

	// Output:
	// as.example read S256
	// granted /where/the/user/was
	// Bearer 2YotnFZFEjr1zCsicMWpAA <nil>
	// oauth2: prepare: resource not allowed: url: expected a URL under one of token_destinations, came https://elsewhere.example/items
}

// A program without a browser: the user decides on another device (RFC 8628).
func ExampleClient_DeviceAuthorize() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := oauth.Open(ctx, new(core.Engine), oauth.Config{
		ClientID:                    "1406020730",
		DeviceAuthorizationEndpoint: "https://as.example/device_authorization",
		TokenEndpoint:               "https://as.example/token",
	}, oauth.Options{HTTP: &http.Client{Transport: server{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	device, err := client.DeviceAuthorize(ctx, oauth.DeviceParams{Scope: "read"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("Go to %s and enter %s.\n", device.VerificationURI, device.UserCode)
	status, err := client.DeviceWait(ctx)
	fmt.Println(status.Status, err)

	// Output:
	// Go to https://as.example/device and enter WDJB-MJHT.
	// granted <nil>
}

// An http.Client that adds the token, but only for the configured resources.
func ExampleClient_Transport() {
	ctx := context.Background()
	client, err := oauth.Open(ctx, new(core.Engine), oauth.Config{
		ClientID: "s6BhdRkqt3", TokenEndpoint: "https://as.example/token", TokenDestinations: []string{"https://api.example/"},
	}, oauth.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	token := oauth.Token{AccessToken: "mF_9.B5f-4.1JqM", TokenType: "Bearer"}
	if _, err := client.SetToken(ctx, token); err != nil {
		fmt.Println(err)
		return
	}

	api := &http.Client{Transport: client.Transport(printing{})}
	if _, err := api.Get("https://api.example/items"); err != nil {
		fmt.Println(err)
	}
	if _, err := api.Get("https://elsewhere.example/items"); err != nil {
		fmt.Println(err)
	}

	// Output:
	// https://api.example/items Bearer mF_9.B5f-4.1JqM
	// Get "https://elsewhere.example/items": oauth2: prepare: resource not allowed: url: expected a URL under one of token_destinations, came https://elsewhere.example/items
}

type printing struct{}

func (printing) RoundTrip(req *http.Request) (*http.Response, error) {
	fmt.Println(req.URL, req.Header.Get("Authorization"))
	return server{}.RoundTrip(req)
}

// A client that has a key in place of a secret, and access tokens that are useless without the
// session's own key.
func Example_keys() {
	ctx := context.Background()
	key, err := oauth.GenerateKey(oauth.ES256) // or a device's crypto.Signer; the server must know the public key
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := oauth.Open(ctx, new(core.Engine), oauth.Config{
		ClientID: "s6BhdRkqt3", TokenEndpoint: "https://as.example/token", TokenDestinations: []string{"https://api.example/"},
		TokenEndpointAuthMethod: oauth.AuthPrivateKeyJWT, ClientKeyID: "2026-11",
		DPoP: true,
	}, oauth.Options{ClientKey: key, HTTP: &http.Client{Transport: careful{}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	status, err := client.ClientCredentials(ctx, oauth.ClientCredentialsParams{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(status.TokenType)

	api := &http.Client{Transport: client.Transport(careful{})}
	res, err := api.Get("https://api.example/payments")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	if challenge := oauth.ChallengeOf(res); challenge != nil {
		// With these in the next AuthorizeParams, the user signs in again in a way that the
		// resource accepts.
		fmt.Println(res.StatusCode, challenge.Error, challenge.ACRValues)
	}

	// Output:
	// DPoP
	// a proof for GET of the payments
	// 401 insufficient_user_authentication phr
}

// careful plays a server that accepts proofs, and a resource that requires a stronger sign-in.
type careful struct{}

func (careful) RoundTrip(req *http.Request) (*http.Response, error) {
	res := &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}}
	body := `{"access_token":"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU","token_type":"DPoP","expires_in":2677}`
	if req.URL.Path == "/payments" {
		if claims, _, err := proofOf(req); err == nil {
			fmt.Println("a proof for", claims["htm"], "of the payments")
		}
		res.StatusCode, body = 401, ""
		res.Header.Set("WWW-Authenticate", `DPoP error="insufficient_user_authentication", acr_values="phr"`)
	}
	res.Body = io.NopCloser(strings.NewReader(body))
	return res, nil
}
