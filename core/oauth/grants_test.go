package oauth_test

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// H1, H4, H5: endpoints that are configured without metadata, and every parameter: what the server
// gets, and what the caller gets of its answers.
func TestEndpointsAndGrants(t *testing.T) {
	var path string
	var form url.Values
	answer := respond(200, `{}`)
	p := &peer{replace: func(req *http.Request) (*http.Response, error) {
		raw, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		path = req.URL.Path
		form, err = url.ParseQuery(string(raw))
		return answer, err
	}}
	all := config
	all.ClientSecret, all.TokenEndpointAuthMethod, all.Scope = "secret", "client_secret_post", "read"
	all.IntrospectionEndpoint, all.EndSessionEndpoint = "https://as.example/introspect", "https://as.example/end"
	all.PushedAuthorizationRequestEndpoint = "https://as.example/par"
	c, err := oauth.Open(t.Context(), native(t), all, oauth.Options{HTTP: &http.Client{Transport: p}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	got := func(at string, want url.Values) {
		t.Helper()
		want.Set("client_id", "app")
		want.Set("client_secret", "secret")
		if path != at || form.Encode() != want.Encode() {
			t.Errorf("%s got %s", path, form.Encode())
		}
	}

	answer = respond(201, `{"request_uri":"urn:1","expires_in":60}`)
	if begun, err := c.Authorize(t.Context(), oauth.AuthorizeParams{}); err != nil || path != "/par" || begun.URL != "https://as.example/authorize?client_id=app&request_uri=urn%3A1" {
		t.Errorf("%v, %s, %v", err, path, begun)
	}
	answer = respond(201, `{}`)
	if _, err := c.Authorize(t.Context(), oauth.AuthorizeParams{}); !errors.Is(err, &oauth.Error{Kind: "server", Code: "bad_pushed_response"}) {
		t.Error(err)
	}

	answer = respond(200, `{"access_token":"own","token_type":"Bearer","expires_in":60}`)
	st, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{Scope: "write", Parameters: [][2]string{{"resource", "https://api.example/"}}})
	if err != nil || st.Status != "granted" || st.Scope != "write" {
		t.Errorf("%v, %+v", err, st)
	}
	got("/token", url.Values{"grant_type": {"client_credentials"}, "scope": {"write"}, "resource": {"https://api.example/"}})

	answer = respond(200, `{"access_token":"issued","issued_token_type":"urn:ietf:params:oauth:token-type:saml2","token_type":"N_A","expires_in":60}`)
	issued, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{
		SubjectToken: "theirs", SubjectTokenType: "urn:ietf:params:oauth:token-type:jwt", Audience: "backend", Resource: "https://b.example/", Scope: "less",
		RequestedTokenType: "urn:ietf:params:oauth:token-type:saml2", Parameters: [][2]string{{"actor_token", "mine"}},
	})
	if err != nil || issued.AccessToken != "issued" || issued.TokenType != "N_A" || issued.IssuedTokenType != "urn:ietf:params:oauth:token-type:saml2" || !issued.ExpiresAt.After(time.Now()) {
		t.Errorf("%v, %+v", err, issued)
	}
	got("/token", url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token": {"theirs"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
		"audience": {"backend"}, "resource": {"https://b.example/"}, "scope": {"less"}, "requested_token_type": {"urn:ietf:params:oauth:token-type:saml2"}, "actor_token": {"mine"},
	})

	answer = respond(200, `{"access_token":"by-another-grant","token_type":"Bearer","expires_in":60}`)
	granted, err := c.Grant(t.Context(), oauth.GrantParams{GrantType: "urn:x", Scope: "more", Parameters: [][2]string{{"pin", "1234"}}})
	if err != nil || granted.AccessToken != "by-another-grant" || granted.IssuedTokenType != "" {
		t.Errorf("%v, %+v", err, granted)
	}
	got("/token", url.Values{"grant_type": {"urn:x"}, "scope": {"more"}, "pin": {"1234"}})

	answer = respond(200, `{"active":true,"username":"x"}`)
	if claims, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: "other", TokenTypeHint: oauth.HintRefreshToken}); err != nil || string(claims) != `{"active":true,"username":"x"}` {
		t.Errorf("%v, %s", err, claims)
	}
	got("/introspect", url.Values{"token": {"other"}, "token_type_hint": {"refresh_token"}})
	answer = respond(200, `{}`)
	if _, err := c.Introspect(t.Context(), oauth.IntrospectParams{}); !errors.Is(err, &oauth.Error{Kind: "server", Code: "bad_introspection"}) || strings.Contains(err.Error(), "own") {
		t.Error(err)
	}
	got("/introspect", url.Values{"token": {"own"}, "token_type_hint": {"access_token"}})

	if _, err := c.LogoutToken(t.Context(), "e30.e30.e30"); !errors.Is(err, oauth.ErrIDTokenNotVerified) {
		t.Error(err)
	}
	out, err := c.LogOut(t.Context(), oauth.LogOutParams{PostLogoutRedirectURI: "https://app.example/bye", State: "s"})
	if err != nil || out.Revoked || out.URL != "https://as.example/end?client_id=app&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye&state=s" {
		t.Errorf("%v, %+v", err, out)
	}
}

// A parameter that the client sets itself, and a missing token, are refused before anything is
// sent.
func TestGrantsThatAreRefused(t *testing.T) {
	p := &peer{}
	c := open(t, native(t), p, oauth.Options{})
	for name, row := range map[string]struct {
		call func() error
		want oauth.Error
	}{
		"client credentials without a secret": {func() error {
			_, err := c.ClientCredentials(t.Context(), oauth.ClientCredentialsParams{})
			return err
		}, oauth.Error{Kind: "client", Code: "missing", Field: "client_secret"}},
		"another grant": {func() error {
			_, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{SubjectToken: "t", Parameters: [][2]string{{"grant_type", "password"}}})
			return err
		}, oauth.Error{Kind: "client", Code: "protected_parameter", Field: "parameters"}},
		"exchange of nothing": {func() error {
			_, err := c.TokenExchange(t.Context(), oauth.TokenExchangeParams{})
			return err
		}, oauth.Error{Kind: "client", Code: "not_signed_in"}},
		"introspection without an endpoint": {func() error {
			_, err := c.Introspect(t.Context(), oauth.IntrospectParams{Token: "t"})
			return err
		}, oauth.Error{Kind: "client", Code: "missing", Field: "introspection_endpoint"}},
		"a state that is not ASCII": {func() error {
			_, err := c.LogOut(t.Context(), oauth.LogOutParams{State: "ü"})
			return err
		}, oauth.Error{Kind: "client", Code: "bad_value", Field: "state"}},
	} {
		err := row.call()
		if e, ok := errors.AsType[*oauth.Error](err); !ok || !errors.Is(err, &row.want) || e.Field != row.want.Field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if p.count() != 0 {
		t.Errorf("%d requests", p.count())
	}
}

// M53, M58: a grant whose token becomes the session, and an identity from another server that
// becomes one.
func TestGrantsThatAreKept(t *testing.T) {
	var forms []url.Values
	p := &peer{replace: func(req *http.Request) (*http.Response, error) {
		raw, _ := io.ReadAll(req.Body)
		form, err := url.ParseQuery(string(raw))
		forms = append(forms, form)
		if req.URL.Host == "idp.example" {
			return respond(200, `{"access_token":"jag","issued_token_type":"`+string(oauth.TokenTypeIDJAG)+`","token_type":"N_A"}`), err
		}
		return respond(200, `{"access_token":"a`+strconv.Itoa(len(forms))+`","token_type":"Bearer","expires_in":60}`), err
	}}
	all := config
	all.Issuer = "https://as.example"
	all.IdentityProvider = &oauth.Config{TokenEndpoint: "https://idp.example/token", ClientID: "there", ClientSecret: "secret", TokenEndpointAuthMethod: oauth.AuthClientSecretPost}
	c, err := oauth.Open(t.Context(), native(t), all, oauth.Options{HTTP: &http.Client{Transport: p}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	held := func(st oauth.Status, err error, want string) {
		t.Helper()
		if token, tokenErr := c.Token(t.Context()); err != nil || st.Status != "granted" || tokenErr != nil || token.AccessToken != want {
			t.Errorf("%v %v: %+v", err, tokenErr, st)
		}
	}
	st, err := c.GrantSession(t.Context(), oauth.GrantParams{GrantType: "urn:x", Parameters: [][2]string{{"pin", "1"}}})
	held(st, err, "a1")
	st, err = c.CrossAppAccess(t.Context(), oauth.CrossAppAccessParams{SubjectToken: "id", Scope: "chat", Parameters: [][2]string{{"actor_token", "x"}}})
	held(st, err, "a3")
	if f := forms[1]; f.Get("client_id") != "there" || f.Get("subject_token") != "id" || f.Get("subject_token_type") != string(oauth.TokenTypeIDToken) || f.Get("audience") != "https://as.example" || f.Get("actor_token") != "x" || f.Get("requested_token_type") != string(oauth.TokenTypeIDJAG) {
		t.Error(f)
	}
	st, err = c.CrossAppAccess(t.Context(), oauth.CrossAppAccessParams{SubjectToken: "s", SubjectTokenType: oauth.TokenTypeSAML2, Audience: "https://other.example"})
	held(st, err, "a5")
	if f := forms[3]; f.Get("subject_token_type") != string(oauth.TokenTypeSAML2) || f.Get("audience") != "https://other.example" {
		t.Error(f)
	}
}
