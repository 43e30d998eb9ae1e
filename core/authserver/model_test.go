package authserver_test

import (
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A1
func TestA1CheckRedirectURI(t *testing.T) {
	public := authserver.Client{ClientID: "c", RedirectURIs: []string{
		"https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]:8080/cb?x=1", "http://localhost:9/cb", "com.example.app:/cb",
	}}
	confidential := public
	confidential.ClientSecret = "s"
	for _, row := range []struct {
		name string
		uri  string
		want bool
		// alone is the expected answer for a confidential client.
		alone bool
	}{
		{"exact", "https://app.example/cb", true, true},
		{"private-use scheme", "com.example.app:/cb", true, true},
		{"longer path", "https://app.example/cbx", false, false},
		{"below the path", "https://app.example/cb/x", false, false},
		{"query added", "https://app.example/cb?x=1", false, false},
		{"fragment added", "https://app.example/cb#x", false, false},
		{"other case", "https://APP.example/cb", false, false},
		{"default port spelled out", "https://app.example:443/cb", false, false},
		{"other scheme", "http://app.example/cb", false, false},
		{"suffix host", "https://app.example.evil.example/cb", false, false},
		{"user information", "https://app.example@evil.example/cb", false, false},
		{"path climbing", "https://app.example/x/../cb", false, false},
		{"empty", "", false, false},
		{"loopback with a port", "http://127.0.0.1:51004/cb", true, false},
		{"loopback without one", "http://127.0.0.1/cb", true, true},
		{"loopback, other port", "http://[::1]:1/cb?x=1", true, false},
		{"loopback, port left out", "http://[::1]/cb?x=1", true, false},
		{"loopback, other query", "http://[::1]:1/cb?x=2", false, false},
		{"loopback, other path", "http://127.0.0.1:51004/cb/", false, false},
		{"loopback, other address", "http://127.0.0.2:51004/cb", false, false},
		{"loopback, fragment", "http://127.0.0.1:51004/cb#f", false, false},
		{"loopback over https", "https://127.0.0.1:51004/cb", false, false},
		{"loopback, port 0", "http://127.0.0.1:0/cb", false, false},
		{"loopback, port too high", "http://127.0.0.1:65536/cb", false, false},
		{"loopback, port no number", "http://127.0.0.1:@evil.example/cb", false, false},
		{"loopback as user information", "http://127.0.0.1:80@evil.example/cb", false, false},
		{"loopback, unbracketed", "http://::1/cb?x=1", false, false},
		{"localhost is no address", "http://localhost:51004/cb", false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := public.CheckRedirectURI(row.uri); got != row.want {
				t.Errorf("public: %v", got)
			}
			if got := confidential.CheckRedirectURI(row.uri); got != row.alone {
				t.Errorf("confidential: %v", got)
			}
		})
	}
}

// A1
func TestA1CheckGrantAndResponseType(t *testing.T) {
	var silent authserver.Client
	both := authserver.Client{GrantTypes: codeAndFresh, ResponseTypes: []string{"code"}}
	for _, row := range []struct {
		name string
		got  bool
		want bool
	}{
		{"default grant", silent.CheckGrantType("authorization_code"), true},
		{"refresh is no default", silent.CheckGrantType("refresh_token"), false},
		{"named grant", both.CheckGrantType("refresh_token"), true},
		{"unnamed grant", both.CheckGrantType("password"), false},
		{"default response type", silent.CheckResponseType("code"), true},
		{"named response type", both.CheckResponseType("code"), true},
		{"other response type", both.CheckResponseType("token"), false},
		{"empty response type", silent.CheckResponseType(""), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.got != row.want {
				t.Error(row.got)
			}
		})
	}
}

// A1
func TestA1ClientValidate(t *testing.T) {
	for _, row := range []struct {
		name   string
		client authserver.Client
		field  string // empty: valid
	}{
		{"public", authserver.Client{ClientID: "c", RedirectURIs: []string{"https://a.example/", "http://localhost:1/", "a.b:/x"}}, ""},
		{"no id", authserver.Client{}, "ClientID"},
		{"control character in the id", authserver.Client{ClientID: "a\nb"}, "ClientID"},
		{"secret without method", authserver.Client{ClientID: "c", ClientSecret: "s", TokenEndpointAuthMethod: "none"}, "ClientSecret"},
		{"method without secret", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "client_secret_post"}, "ClientSecret"},
		{"unknown method", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "tls"}, "TokenEndpointAuthMethod"},
		{"private_key_jwt without keys", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "private_key_jwt"}, "JWKS"},
		{"private_key_jwt with a secret", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "private_key_jwt", ClientSecret: "s", JWKS: clientKeys}, "ClientSecret"},
		{"private_key_jwt", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "private_key_jwt", JWKS: clientKeys, ResourceServer: true}, ""},
		{"private keys", authserver.Client{ClientID: "c", JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey}}}}, "JWKS"},
		{"a secret as a key", authserver.Client{ClientID: "c", JWKS: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: make([]byte, 32)}}}}, "JWKS"},
		{"client_secret_jwt with a short secret", authserver.Client{ClientID: "c", TokenEndpointAuthMethod: "client_secret_jwt", ClientSecret: "short"}, "ClientSecret"},
		{"request objects without keys", authserver.Client{ClientID: "c", RequireSignedRequestObject: true}, "JWKS"},
		{"relative address after signing out", authserver.Client{ClientID: "c", PostLogoutRedirectURIs: []string{"/"}}, "PostLogoutRedirectURIs"},
		{"back channel beyond http", authserver.Client{ClientID: "c", BackchannelLogoutURI: "a.b:/x"}, "BackchannelLogoutURI"},
		{"front channel without TLS", authserver.Client{ClientID: "c", FrontchannelLogoutURI: "http://a.example/"}, "FrontchannelLogoutURI"},
		{"unknown grant", authserver.Client{ClientID: "c", GrantTypes: []string{"implicit"}}, "GrantTypes"},
		{"unknown response type", authserver.Client{ClientID: "c", ResponseTypes: []string{"tokens"}}, "ResponseTypes"},
		{"client_credentials without a secret", authserver.Client{ClientID: "c", GrantTypes: []string{"client_credentials"}}, "GrantTypes"},
		{"every grant with a secret", authserver.Client{ClientID: "c", ClientSecret: "s", ResourceServer: true, GrantTypes: []string{
			"authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"}}, ""},
		{"resource server without a secret", authserver.Client{ClientID: "c", ResourceServer: true}, "ResourceServer"},
		{"relative redirect", authserver.Client{ClientID: "c", RedirectURIs: []string{"/cb"}}, "RedirectURIs"},
		{"fragment", authserver.Client{ClientID: "c", RedirectURIs: []string{"https://a.example/#"}}, "RedirectURIs"},
		{"user information", authserver.Client{ClientID: "c", RedirectURIs: []string{"https://u@a.example/"}}, "RedirectURIs"},
		{"no host", authserver.Client{ClientID: "c", RedirectURIs: []string{"https:///cb"}}, "RedirectURIs"},
		{"http beyond loopback", authserver.Client{ClientID: "c", RedirectURIs: []string{"http://a.example/"}}, "RedirectURIs"},
		{"script", authserver.Client{ClientID: "c", RedirectURIs: []string{"javascript:alert(1)"}}, "RedirectURIs"},
		{"line break", authserver.Client{ClientID: "c", RedirectURIs: []string{"https://a.example/\r\nX: y"}}, "RedirectURIs"},
		{"scope grammar", authserver.Client{ClientID: "c", Scope: "a  b"}, "Scope"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := authserver.NewMemoryStore().AddClient(row.client)
			if row.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "authserver: Client."+row.field+": ") {
				t.Errorf("%v does not name %s", err, row.field)
			}
		})
	}
}

// A2, A8
func TestA2CheckCodeChallenge(t *testing.T) {
	plain := strings.Repeat("p", 43)
	for _, row := range []struct {
		name                        string
		challenge, method, verifier string
		want                        bool
	}{
		{"S256", challenge, "S256", verifier, true},
		{"S256, other verifier", challenge, "S256", plain, false},
		{"S256, challenge as verifier", challenge, "S256", challenge, false},
		{"S256, no verifier", challenge, "S256", "", false},
		{"plain", plain, "plain", plain, true},
		{"plain, other verifier", plain, "plain", verifier, false},
		{"no method is plain", plain, "", plain, true},
		{"no method is not S256", challenge, "", verifier, false},
		{"no method is not no PKCE", plain, "", "", false},
		{"unknown method", plain, "S512", plain, false},
		{"verifier of 42", plain[:42], "plain", plain[:42], false},
		{"verifier of 128", strings.Repeat("p", 128), "plain", strings.Repeat("p", 128), true},
		{"verifier of 129", strings.Repeat("p", 129), "plain", strings.Repeat("p", 129), false},
		{"verifier grammar", plain[:42] + "+", "plain", plain[:42] + "+", false},
		{"no challenge, no verifier", "", "", "", true},
		{"no challenge, verifier", "", "", verifier, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := authserver.AuthorizationCode{CodeChallenge: row.challenge, CodeChallengeMethod: row.method}
			if got := c.CheckCodeChallenge(row.verifier); got != row.want {
				t.Error(got)
			}
		})
	}
}

// A2, A3
func TestA2A3Expiry(t *testing.T) {
	code := authserver.AuthorizationCode{AuthTime: start.Add(-time.Hour), IssuedAt: start, ExpiresIn: time.Minute}
	token := authserver.Token{IssuedAt: start, ExpiresIn: time.Minute, RefreshTokenExpiresIn: time.Hour}
	for _, row := range []struct {
		name string
		got  func(time.Time) bool
		at   time.Duration
		want bool
	}{
		{"code before", code.IsExpired, time.Minute - 1, false},
		{"code on time", code.IsExpired, time.Minute, true},
		{"access token before", token.IsExpired, time.Minute - 1, false},
		{"access token on time", token.IsExpired, time.Minute, true},
		{"refresh token before", token.RefreshTokenExpired, time.Hour - 1, false},
		{"refresh token on time", token.RefreshTokenExpired, time.Hour, true},
		{"no refresh token", authserver.Token{IssuedAt: start, ExpiresIn: time.Hour}.RefreshTokenExpired, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := row.got(start.Add(row.at)); got != row.want {
				t.Error(got)
			}
		})
	}
}

// A3
func TestA3HasScope(t *testing.T) {
	token := authserver.Token{Scope: "notes.read profile"}
	for name, want := range map[string]bool{"profile": true, "notes": false, "notes.read": true, "": false, "notes.read profile": false} {
		if token.HasScope(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}
