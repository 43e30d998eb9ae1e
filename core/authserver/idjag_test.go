package authserver_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	chat      = "https://chat.example"
	chatAPI   = "https://api.chat.example"
	typeJAG   = "urn:ietf:params:oauth:token-type:id-jag"
	typeID    = "urn:ietf:params:oauth:token-type:id_token"
	typeFresh = "urn:ietf:params:oauth:token-type:refresh_token"
)

// identityProvider is a bench whose server vouches for the client "wiki" at chat.
func identityProvider(t *testing.T, change ...func(*authserver.Config)) *bench {
	_, on := documentsOf(tool, toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", clientKeys))
	b := newBench(t, append([]func(*authserver.Config){on, func(c *authserver.Config) {
		c.CrossAppAccess = []authserver.CrossAppAccess{
			{ClientID: "wiki", Audience: chat, AudienceClientID: "wiki-at-chat", Resources: []string{chatAPI, chatAPI + "/files"}, Scope: "notes.read profile"},
			{ClientID: "wiki", Audience: "https://mail.example"},
			{ClientID: "unable", Audience: chat},
			{ClientID: "open", Audience: chat},
		}
	}}, change...)...)
	grants := append(codeAndFresh, authserver.GrantTokenExchange)
	for _, c := range []authserver.Client{
		{ClientID: "wiki", ClientSecret: "wiki", RedirectURIs: []string{appRedirect}, GrantTypes: grants, Scope: "openid profile"},
		{ClientID: "other", ClientSecret: "other", RedirectURIs: []string{appRedirect}, GrantTypes: grants, Scope: "openid profile"},
		{ClientID: "unable", ClientSecret: "unable", RedirectURIs: []string{appRedirect}, GrantTypes: codeAndFresh, Scope: "openid profile"},
		{ClientID: "open", RedirectURIs: []string{appRedirect}, GrantTypes: append(codeAndFresh, authserver.GrantJWTBearer), Scope: "openid profile"},
	} {
		if err := b.store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// signsIn returns what the client gets after the user has signed in.
func (b *bench) signsIn(clientID string) reply {
	b.t.Helper()
	query := with(request(clientID), "redirect_uri", appRedirect)
	return b.postWith("/token", basic(clientID, clientID), with(exchange(clientID, b.code(query)), "redirect_uri", appRedirect)).must(b.t)
}

// asksForJAG is a token exchange that requests an ID-JAG.
func asksForJAG(subject string, more ...string) url.Values {
	return with(url.Values{"grant_type": {authserver.GrantTokenExchange}, "requested_token_type": {typeJAG}, "audience": {chat},
		"subject_token": {subject}, "subject_token_type": {typeID}}, more...)
}

// partsOf returns the header and claims of a token without verifying it.
func partsOf(t *testing.T, token string) (header, claims map[string]any) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no token: %q", token)
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
	return header, claims
}

// chatServer is a bench whose server accepts ID-JAGs of idp's server and of https://idp.example,
// whose key is the clients' key.
func chatServer(t *testing.T, idp *bench, change ...func(*authserver.Config)) *bench {
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(idp.send("GET", "/jwks", nil, "").Body, &keys); err != nil {
		t.Fatal(err)
	}
	_, on := documentsOf(tool, toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", clientKeys, "grant_types", []string{authserver.GrantJWTBearer}))
	b := newBench(t, append([]func(*authserver.Config){on, func(c *authserver.Config) {
		c.Issuer, c.Resources = chat, []string{chatAPI, chatAPI + "/files"}
		c.Users = map[string]authserver.User{"uno": {Password: "x", Subject: "u-1"}, "due": {Password: "x"}}
		c.ACRValues = []string{"silver", "gold"}
		c.AuthorizationDetailsTypes = []string{"payment"}
		c.IdentityProviders = map[string]authserver.IdentityProvider{issuer: {Keys: keys},
			"https://idp.example": {Keys: clientKeys, Users: map[string]string{"u-1": "due", "gone": "nobody"}}}
	}}, change...)...)
	jwtBearer := []string{authserver.GrantJWTBearer, authserver.GrantRefreshToken}
	for _, c := range []authserver.Client{
		{ClientID: "wiki-at-chat", ClientSecret: "wiki-at-chat", GrantTypes: jwtBearer, Scope: "openid profile email notes.read"},
		{ClientID: "another", ClientSecret: "another", GrantTypes: jwtBearer, Scope: "profile"},
		{ClientID: "open", GrantTypes: jwtBearer, Scope: "profile"},
		{ClientID: "unable", ClientSecret: "unable", GrantTypes: codeAndFresh, RedirectURIs: []string{appRedirect}, Scope: "profile"},
	} {
		if err := b.store.AddClient(c); err != nil {
			t.Fatal(err)
		}
	}
	b.now = idp.now
	return b
}

func (b *bench) useJAG(header http.Header, assertion string, more ...string) reply {
	b.t.Helper()
	return b.postWith("/token", header, with(url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {assertion}}, more...))
}

// M128: cross-app access (draft-ietf-oauth-identity-assertion-authz-grant), with both servers in
// memory. The user signed in to the client at the identity provider, which vouches for both at the
// other server. The token there is for the user who has that subject, for the resource and scope of
// the ID-JAG, and there is no refresh token.
func TestM128CrossAppAccess(t *testing.T) {
	idp := identityProvider(t)
	server := chatServer(t, idp)
	meta := string(idp.send("GET", "/.well-known/oauth-authorization-server", nil, "").Body)
	metaThere := string(server.send("GET", "/.well-known/oauth-authorization-server", nil, "").Body)
	if !strings.Contains(meta, `"identity_chaining_requested_token_types_supported":["`+typeJAG+`"]`) || strings.Contains(meta, "authorization_grant_profiles") ||
		!strings.Contains(metaThere, `"authorization_grant_profiles_supported":["urn:ietf:params:oauth:grant-profile:id-jag"]`) || strings.Contains(metaThere, "identity_chaining") ||
		!strings.Contains(metaThere, authserver.GrantJWTBearer) || strings.Contains(metaThere, "idp.example") {
		t.Errorf("%s %s", meta, metaThere)
	}
	session := idp.signsIn("wiki")
	for _, row := range []struct {
		name, subject, kind string
		more                []string
		resource            any
		scope, scopeThere   string
		resources           []string
	}{
		{"ID token", session.IDToken, typeID, []string{"resource", chatAPI, "scope", "notes.read"}, chatAPI, "notes.read", "notes.read", []string{chatAPI}},
		{"refresh token", session.Refresh, typeFresh, []string{"resource", chatAPI, "scope", "notes.read"}, chatAPI, "notes.read", "notes.read", []string{chatAPI}},
		{"all that there is", session.IDToken, typeID, nil, []any{chatAPI, chatAPI + "/files"}, "notes.read profile", "notes.read profile", []string{chatAPI, chatAPI + "/files"}},
		{"the refresh token again", session.Refresh, typeFresh, nil, []any{chatAPI, chatAPI + "/files"}, "notes.read profile", "notes.read profile", []string{chatAPI, chatAPI + "/files"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(row.subject, append(row.more, "subject_token_type", row.kind)...)).must(t)
			var answer map[string]any
			if err := json.Unmarshal(r.Body, &answer); err != nil || answer["issued_token_type"] != typeJAG || r.Type != "N_A" || r.Expires != 300 || r.Scope != row.scope || len(answer) != 5 {
				t.Errorf("%s", r.Body)
			}
			header, claims := partsOf(t, r.Access)
			id, _ := claims["jti"].(string)
			want := map[string]any{"iss": issuer, "sub": "u-1", "aud": chat, "client_id": "wiki-at-chat", "jti": id, "iat": float64(idp.now.Unix()), "exp": float64(idp.now.Unix() + 300),
				"auth_time": float64(idp.now.Unix()), "scope": row.scope, "resource": row.resource}
			if header["typ"] != "oauth-id-jag+jwt" || header["alg"] != "ES256" || id == "" || !reflect.DeepEqual(claims, want) {
				t.Errorf("%v %v", header, claims)
			}
			there := server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), r.Access).must(t)
			token, ok := server.server.Authenticate(server.now, there.Access)
			if !ok || token.User != "uno" || token.ClientID != "wiki-at-chat" || token.Scope != row.scopeThere || !reflect.DeepEqual(token.Resources, row.resources) ||
				there.Refresh != "" || there.IDToken != "" || !token.AuthTime.Equal(idp.now) {
				t.Errorf("%+v %s", token, there.Body)
			}
			server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), r.Access).refused(t, 400, "invalid_grant")
		})
	}
	// The sign-in here continues as before: nothing was used up.
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {session.Refresh}}
	idp.postWith("/token", basic("wiki", "wiki"), form).must(t)
	if kept := idp.store.(*authserver.MemoryStore).Kept(); kept["tokens"] != 4 {
		t.Errorf("kept for ID-JAGs: %v", kept)
	}
	// If the client may see the email address, the ID-JAG contains it.
	mailer := authserver.Client{ClientID: "wiki", ClientSecret: "wiki", RedirectURIs: []string{appRedirect}, GrantTypes: append(codeAndFresh, authserver.GrantTokenExchange), Scope: "openid email"}
	if err := idp.store.AddClient(mailer); err != nil {
		t.Fatal(err)
	}
	_, claims := partsOf(t, idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(session.IDToken)).must(t).Access)
	if claims["email"] != "first@example.com" || claims["email_verified"] != true {
		t.Errorf("%v", claims)
	}
	// After a rotation here, what the old key signed is still valid there.
	before := idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(session.IDToken)).must(t)
	if err := idp.server.RotateSigningKey(idp.now, nil); err != nil {
		t.Fatal(err)
	}
	server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), before.Access).must(t)
	// The old key stays published while ID-JAGs that it signed are valid, even if tokens are
	// shorter.
	short := identityProvider(t, func(c *authserver.Config) { c.AccessTokenLifetime = time.Minute })
	if err := short.server.RotateSigningKey(short.now, nil); err != nil {
		t.Fatal(err)
	}
	short.now = short.now.Add(5*time.Minute - time.Second)
	if keys := string(short.send("GET", "/jwks", nil, "").Body); strings.Count(keys, `"kid"`) != 2 {
		t.Errorf("%s", keys)
	}
}

// M129: an identity provider vouches only for clients in its configuration, only for a user who
// signed in to this client, only within its configuration, and never at itself.
func TestM129RefusedIDJAGs(t *testing.T) {
	idp := identityProvider(t)
	mine, others := idp.signsIn("wiki"), idp.signsIn("other")
	plain := idp.post("/token", exchange("spa", idp.code(request("spa")))).must(t)
	noOpenID := idp.postWith("/token", basic("wiki", "wiki"), with(exchange("wiki", idp.code(with(request("wiki"), "redirect_uri", appRedirect, "scope", "profile"))), "redirect_uri", appRedirect)).must(t)
	forged := func(typ string, change ...any) string {
		claims := map[string]any{"iss": issuer, "sub": "u-1", "aud": "wiki", "iat": idp.now.Unix(), "exp": idp.now.Unix() + 60}
		for i := 0; i < len(change); i += 2 {
			claims[change[i].(string)] = change[i+1]
		}
		return signWith(t, jose.ES256, clientKey, typ, false, claims)
	}
	jag := idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(mine.IDToken)).must(t).Access
	for _, row := range []struct {
		name, client string
		form         url.Values
		status       int
		want         string
	}{
		{"another audience", "wiki", asksForJAG(mine.IDToken, "audience", "https://evil.example"), 400, "invalid_target"},
		{"no audience", "wiki", asksForJAG(mine.IDToken, "audience", ""), 400, "invalid_target"},
		{"two audiences", "wiki", url.Values{"grant_type": {authserver.GrantTokenExchange}, "requested_token_type": {typeJAG}, "audience": {chat, "https://mail.example"}, "subject_token": {mine.IDToken}, "subject_token_type": {typeID}}, 400, "invalid_target"},
		{"the audience with a slash", "wiki", asksForJAG(mine.IDToken, "audience", chat+"/"), 400, "invalid_target"},
		{"this server as audience", "wiki", asksForJAG(mine.IDToken, "audience", issuer), 400, "invalid_target"},
		{"a resource beyond", "wiki", asksForJAG(mine.IDToken, "resource", "https://evil.example"), 400, "invalid_target"},
		{"a resource where there is none", "wiki", asksForJAG(mine.IDToken, "audience", "https://mail.example", "resource", chatAPI), 400, "invalid_target"},
		{"a scope beyond", "wiki", asksForJAG(mine.IDToken, "scope", "notes.read email"), 400, "invalid_scope"},
		{"a scope where there is none", "wiki", asksForJAG(mine.IDToken, "audience", "https://mail.example", "scope", "profile"), 400, "invalid_scope"},
		{"a scope that is none", "wiki", asksForJAG(mine.IDToken, "scope", `a"b`), 400, "invalid_scope"},
		{"details", "wiki", asksForJAG(mine.IDToken, "authorization_details", `[{"type":"x"}]`), 400, "invalid_authorization_details"},
		{"an actor", "wiki", asksForJAG(mine.IDToken, "actor_token", mine.IDToken, "actor_token_type", typeID), 400, "invalid_request"},
		{"a client that is not named", "other", asksForJAG(others.IDToken), 400, "invalid_target"},
		{"a client without the grant", "unable", asksForJAG(mine.IDToken), 400, "unauthorized_client"},
		{"the ID token of another client", "wiki", asksForJAG(others.IDToken), 400, "invalid_grant"},
		{"the refresh token of another client", "wiki", asksForJAG(others.Refresh, "subject_token_type", typeFresh), 400, "invalid_grant"},
		{"a refresh token without openid", "wiki", asksForJAG(noOpenID.Refresh, "subject_token_type", typeFresh), 400, "invalid_grant"},
		{"a refresh token as ID token", "wiki", asksForJAG(mine.Refresh), 400, "invalid_grant"},
		{"an access token as refresh token", "wiki", asksForJAG(mine.Access, "subject_token_type", typeFresh), 400, "invalid_grant"},
		{"an access token", "wiki", asksForJAG(mine.Access, "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), 400, "invalid_request"},
		{"an ID-JAG as ID token", "wiki", asksForJAG(jag), 400, "invalid_grant"},
		{"a SAML assertion", "wiki", asksForJAG("x", "subject_token_type", "urn:ietf:params:oauth:token-type:saml2"), 400, "invalid_request"},
		{"no subject token", "wiki", asksForJAG(""), 400, "invalid_request"},
		{"no type of the subject token", "wiki", asksForJAG(mine.IDToken, "subject_token_type", ""), 400, "invalid_request"},
		{"no JWT", "wiki", asksForJAG("x"), 400, "invalid_grant"},
		{"signed by somebody else", "wiki", asksForJAG(forged("JWT")), 400, "invalid_grant"},
		{"an ID token for an access token", "wiki", asksForJAG(mine.IDToken, "requested_token_type", ""), 400, "invalid_request"},
		{"an access token where that is off", "wiki", asksForJAG(plain.Access, "requested_token_type", "", "subject_token_type", "urn:ietf:params:oauth:token-type:access_token"), 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			idp.postWith("/token", basic(row.client, row.client), row.form).refused(t, row.status, row.want)
		})
	}
	idp.post("/token", with(asksForJAG(mine.IDToken), "client_id", "open")).refused(t, 400, "unauthorized_client")
	idp.post("/token", with(asksForJAG(mine.IDToken), "client_id", "wiki")).refused(t, 401, "invalid_client")
	assertion := signWith(t, jose.ES256, clientKey, "JWT", false, idp.assertion(tool, "1"))
	idp.post("/token", asserting(asksForJAG(mine.IDToken), assertion)).refused(t, 400, "unauthorized_client")
	// Expired tokens do not count.
	idp.now = idp.now.Add(10 * time.Minute)
	idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(mine.IDToken)).refused(t, 400, "invalid_grant")
	idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(mine.Refresh, "subject_token_type", typeFresh)).must(t)
	idp.postWith("/token", basic("wiki", "wiki"), url.Values{"grant_type": {"refresh_token"}, "refresh_token": {mine.Refresh}}).must(t)
	idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(mine.Refresh, "subject_token_type", typeFresh)).refused(t, 400, "invalid_grant")
	for _, row := range []struct {
		name   string
		change func(*authserver.Config)
	}{
		{"itself", func(c *authserver.Config) {
			c.CrossAppAccess = []authserver.CrossAppAccess{{ClientID: "wiki", Audience: issuer}}
		}},
		{"nobody", func(c *authserver.Config) { c.CrossAppAccess = []authserver.CrossAppAccess{{ClientID: "wiki"}} }},
		{"no client", func(c *authserver.Config) { c.CrossAppAccess = []authserver.CrossAppAccess{{Audience: chat}} }},
		{"no scope", func(c *authserver.Config) {
			c.CrossAppAccess = []authserver.CrossAppAccess{{ClientID: "wiki", Audience: chat, Scope: "a  b"}}
		}},
		{"no resource", func(c *authserver.Config) {
			c.CrossAppAccess = []authserver.CrossAppAccess{{ClientID: "wiki", Audience: chat, Resources: []string{""}}}
		}},
		{"trust in itself", func(c *authserver.Config) {
			c.IdentityProviders = map[string]authserver.IdentityProvider{issuer: {Keys: clientKeys}}
		}},
		{"trust without keys", func(c *authserver.Config) {
			c.IdentityProviders = map[string]authserver.IdentityProvider{chat: {}}
		}},
		{"trust by keys that nobody reads", func(c *authserver.Config) {
			c.IdentityProviders = map[string]authserver.IdentityProvider{chat: {JWKSURI: chat + "/jwks"}}
		}},
		{"trust by keys in two places", func(c *authserver.Config) {
			c.ClientDocuments = func(string) (authserver.Response, error) { return authserver.Response{}, nil }
			c.IdentityProviders = map[string]authserver.IdentityProvider{chat: {JWKSURI: chat + "/jwks", Keys: clientKeys}}
		}},
		{"trust by a private key", func(c *authserver.Config) {
			c.IdentityProviders = map[string]authserver.IdentityProvider{chat: {Keys: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey}}}}}
		}},
	} {
		cfg := authserver.Config{Issuer: issuer, Store: authserver.NewMemoryStore(), Users: map[string]authserver.User{"u": {Password: "p"}}}
		row.change(&cfg)
		if _, err := authserver.New(cfg); err == nil || !strings.Contains(err.Error(), "CrossAppAccess") && !strings.Contains(err.Error(), "IdentityProviders") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

// M130: every kind of wrong ID-JAG is refused. A valid one gives no more than it contains, the
// request asks for, and the client is registered for.
func TestM130TakenIDJAGs(t *testing.T) {
	server := chatServer(t, identityProvider(t))
	now := server.now.Unix()
	n := 0
	claims := func(more ...any) map[string]any {
		n++
		c := map[string]any{"iss": "https://idp.example", "sub": "u-1", "aud": chat, "client_id": "wiki-at-chat", "jti": fmt.Sprint("j", n), "iat": now, "exp": now + 300}
		for i := 0; i < len(more); i += 2 {
			if c[more[i].(string)] = more[i+1]; more[i+1] == nil {
				delete(c, more[i].(string))
			}
		}
		return c
	}
	jag := func(more ...any) string {
		return signWith(t, jose.ES256, clientKey, "oauth-id-jag+jwt", false, claims(more...))
	}
	secret := signWith(t, jose.HS256, []byte(longSecret), "oauth-id-jag+jwt", false, claims())
	unsigned := strings.Split(jag(), ".")
	for _, row := range []struct {
		name, assertion string
		more            []string
		want            string // the error; empty: a token
		scope           string
		resources       []string
	}{
		{"good, which says nothing of scope", jag(), nil, "", "openid profile email notes.read", nil},
		{"a scope", jag("scope", "notes.read"), nil, "", "notes.read", nil},
		{"no scope at all", jag("scope", ""), nil, "", "", nil},
		{"a scope that the client does not have", jag("scope", "notes.read offline_access unheard-of"), nil, "", "notes.read", nil},
		{"less than the scope", jag("scope", "notes.read profile"), []string{"scope", "profile"}, "", "profile", nil},
		{"more than the scope", jag("scope", "notes.read"), []string{"scope", "profile"}, "invalid_scope", "", nil},
		{"more than no scope", jag("scope", ""), []string{"scope", "profile"}, "invalid_scope", "", nil},
		{"a resource", jag("resource", chatAPI), nil, "", "openid profile email notes.read", []string{chatAPI}},
		{"resources", jag("resource", []string{chatAPI, "https://unheard-of.example", chatAPI + "/files"}, "scope", "profile"), nil, "", "profile", []string{chatAPI, chatAPI + "/files"}},
		{"one of the resources", jag("resource", []string{chatAPI, chatAPI + "/files"}, "scope", "profile"), []string{"resource", chatAPI + "/files"}, "", "profile", []string{chatAPI + "/files"}},
		{"a resource asked for", jag("scope", "profile"), []string{"resource", chatAPI}, "", "profile", []string{chatAPI}},
		{"another resource asked for", jag("resource", chatAPI), []string{"resource", chatAPI + "/files"}, "invalid_target", "", nil},
		{"a resource that nobody knows", jag("resource", "https://unheard-of.example"), nil, "invalid_target", "", nil},
		{"a resource that nobody knows asked for", jag(), []string{"resource", "https://unheard-of.example"}, "invalid_target", "", nil},
		{"an empty resource", jag("resource", ""), nil, "invalid_target", "", nil},
		{"audience in a list", jag("aud", []string{chat}, "scope", "profile"), nil, "", "profile", nil},
		{"a clock a little fast", jag("iat", now+30, "nbf", now+30, "scope", "profile"), nil, "", "profile", nil},
		{"claims that nobody knows", jag("scope", "profile", "tenant", "x", "act", map[string]any{"sub": "y"}), nil, "", "profile", nil},
		{"typ with its prefix", signWith(t, jose.ES256, clientKey, "application/oauth-id-jag+jwt", false, claims("scope", "profile")), nil, "", "profile", nil},
		{"no JWT", "x", nil, "invalid_grant", "", nil},
		{"nothing", "", nil, "invalid_request", "", nil},
		{"typ JWT", signWith(t, jose.ES256, clientKey, "JWT", false, claims()), nil, "invalid_grant", "", nil},
		{"typ of an access token", signWith(t, jose.ES256, clientKey, "at+jwt", false, claims()), nil, "invalid_grant", "", nil},
		{"typ of a client's assertion", signWith(t, jose.ES256, clientKey, "client-authentication+jwt", false, claims()), nil, "invalid_grant", "", nil},
		{"signed with a secret", secret, nil, "invalid_grant", "", nil},
		{"not signed", unsigned[0] + "." + unsigned[1] + ".", nil, "invalid_grant", "", nil},
		{"signed by another provider", jag("iss", issuer), nil, "invalid_grant", "", nil},
		{"another issuer", jag("iss", "https://evil.example"), nil, "invalid_grant", "", nil},
		{"an issuer with a slash", jag("iss", "https://idp.example/"), nil, "invalid_grant", "", nil},
		{"this server as issuer", jag("iss", chat), nil, "invalid_grant", "", nil},
		{"no issuer", jag("iss", nil), nil, "invalid_grant", "", nil},
		{"another audience", jag("aud", "https://mail.example"), nil, "invalid_grant", "", nil},
		{"the token endpoint as audience", jag("aud", chat+"/token"), nil, "invalid_grant", "", nil},
		{"the audience with a slash", jag("aud", chat+"/"), nil, "invalid_grant", "", nil},
		{"two audiences", jag("aud", []string{chat, "https://mail.example"}), nil, "invalid_grant", "", nil},
		{"the audience twice", jag("aud", []string{chat, chat}), nil, "invalid_grant", "", nil},
		{"an empty list of audiences", jag("aud", []string{}), nil, "invalid_grant", "", nil},
		{"no audience", jag("aud", nil), nil, "invalid_grant", "", nil},
		{"another client", jag("client_id", "another"), nil, "invalid_grant", "", nil},
		{"no client", jag("client_id", nil), nil, "invalid_grant", "", nil},
		{"a list of clients", jag("client_id", []string{"wiki-at-chat"}), nil, "invalid_grant", "", nil},
		{"no sub", jag("sub", nil), nil, "invalid_grant", "", nil},
		{"an empty sub", jag("sub", ""), nil, "invalid_grant", "", nil},
		{"a user whom the provider is not trusted for", jag("sub", "uno"), nil, "invalid_grant", "", nil},
		{"a user who is gone", jag("sub", "gone"), nil, "invalid_grant", "", nil},
		{"no jti", jag("jti", nil), nil, "invalid_grant", "", nil},
		{"an empty jti", jag("jti", ""), nil, "invalid_grant", "", nil},
		{"a number as jti", jag("jti", 5), nil, "invalid_grant", "", nil},
		{"no exp", jag("exp", nil), nil, "invalid_grant", "", nil},
		{"over", jag("exp", now), nil, "invalid_grant", "", nil},
		{"good for days", jag("exp", now+86400), nil, "invalid_grant", "", nil},
		{"good for ever", jag("exp", 1e300), nil, "invalid_grant", "", nil},
		{"text as exp", jag("exp", "soon"), nil, "invalid_grant", "", nil},
		{"no iat", jag("iat", nil), nil, "invalid_grant", "", nil},
		{"from the future", jag("iat", now+90), nil, "invalid_grant", "", nil},
		{"not yet", jag("nbf", now+90), nil, "invalid_grant", "", nil},
		{"a list as scope", jag("scope", []string{"profile"}), nil, "invalid_grant", "", nil},
		{"a scope that is none", jag("scope", `a"b`), nil, "invalid_grant", "", nil},
		{"an object as resource", jag("resource", map[string]any{}), nil, "invalid_grant", "", nil},
		{"details", jag("scope", "profile", "authorization_details", []any{map[string]any{"type": "payment", "amount": 1}}), nil, "", "profile", nil},
		{"details that nobody knows", jag("authorization_details", []any{map[string]any{"type": "x"}}), nil, "invalid_authorization_details", "", nil},
		{"details that are no list", jag("authorization_details", "x"), nil, "invalid_authorization_details", "", nil},
		{"other details asked for", jag("authorization_details", []any{map[string]any{"type": "payment", "amount": 1}}), []string{"authorization_details", `[{"type":"payment","amount":2}]`}, "invalid_authorization_details", "", nil},
		{"bound to a key", jag("cnf", map[string]any{"jkt": "x"}), nil, "invalid_grant", "", nil},
		{"bound to a certificate", jag("cnf", map[string]any{"x5t#S256": "x"}), nil, "invalid_grant", "", nil},
		{"bound to nothing", jag("cnf", map[string]any{}), nil, "invalid_grant", "", nil},
		{"bound to a key as a whole", jag("cnf", map[string]any{"jwk": map[string]any{}}), nil, "invalid_grant", "", nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), row.assertion, row.more...)
			if row.want != "" {
				r.refused(t, 400, row.want)
				return
			}
			r.must(t)
			token, ok := server.server.Authenticate(server.now, r.Access)
			if !ok || token.User != "due" || token.Scope != row.scope || !reflect.DeepEqual(token.Resources, row.resources) || r.Refresh != "" || token.ACR != "" {
				t.Errorf("%+v", token)
			}
		})
	}
	// A client that lacks the grant, the secret or the right cannot use one.
	mine := func(clientID string) string { return jag("client_id", clientID) }
	server.useJAG(nil, mine("open"), "client_id", "open").refused(t, 400, "unauthorized_client")
	server.useJAG(basic("unable", "unable"), mine("unable")).refused(t, 400, "unauthorized_client")
	server.useJAG(basic("wiki-at-chat", "wrong"), jag()).refused(t, 401, "invalid_client")
	server.useJAG(basic("another", "another"), jag()).refused(t, 400, "invalid_grant")
	// An ID-JAG whose request was refused may be sent again. A used one may not, not even in
	// another spelling or later.
	once := jag("scope", "profile")
	server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), once, "scope", "email").refused(t, 400, "invalid_scope")
	server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), once).must(t)
	same := signWith(t, jose.ES256, clientKey, "oauth-id-jag+jwt", false, claims("jti", fmt.Sprint("j", n)))
	for _, again := range []string{once, same} {
		server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), again).refused(t, 400, "invalid_grant")
	}
	// A class of sign-in that the server knows is adopted.
	gold := server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), jag("acr", "gold", "auth_time", now-60)).must(t)
	if token, _ := server.server.Authenticate(server.now, gold.Access); token.ACR != "gold" || token.AuthTime.Unix() != now-60 {
		t.Errorf("%+v", token)
	}
	// The client has the same name at all servers: the URL of its document.
	proof := signWith(t, jose.ES256, clientKey, "JWT", false, server.assertion(tool, "1", "aud", chat))
	server.post("/token", asserting(url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {jag("client_id", tool, "scope", "profile")}}, proof)).must(t)
	server.now = server.now.Add(4 * time.Minute)
	server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), once).refused(t, 400, "invalid_grant")
}

// M130: the keys of a provider are read from its address, and again when it signs with a new key.
// While its site is down, the client is told to retry later, and its ID-JAG stays valid.
func TestM130KeysOfProviders(t *testing.T) {
	const keysAt = issuer + "/jwks"
	idp := identityProvider(t)
	site, on := documentsOf()
	publish := func() { site.put(keysAt, string(idp.send("GET", "/jwks", nil, "").Body)) }
	server := chatServer(t, idp, on, func(c *authserver.Config) {
		c.IdentityProviders = map[string]authserver.IdentityProvider{issuer: {JWKSURI: keysAt}}
	})
	session := idp.signsIn("wiki")
	jag := func() string {
		return idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(session.IDToken)).must(t).Access
	}
	use := func(assertion string) reply {
		return server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), assertion)
	}
	first := jag()
	site.down = errors.New("no route")
	use(first).refused(t, 503, "temporarily_unavailable")
	site.down = nil
	publish()
	use(first).must(t)
	use(jag()).must(t)
	if err := idp.server.RotateSigningKey(idp.now, nil); err != nil {
		t.Fatal(err)
	}
	publish()
	second := jag()
	use(second).refused(t, 400, "invalid_grant") // less than a minute after the last read
	server.now, idp.now = server.now.Add(time.Minute), idp.now.Add(time.Minute)
	use(second).must(t)
	if n := site.readsOf(keysAt); n != 3 {
		t.Errorf("read %d times", n)
	}
}

// M130: a provider's identifiers are counted: at most Limits.Identifiers at one time.
func TestM130IdentifiersAreBounded(t *testing.T) {
	server := chatServer(t, identityProvider(t), func(c *authserver.Config) { c.Limits.Identifiers.Owner = 5 })
	taken := 0
	for i := range 30 {
		r := server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), signWith(t, jose.ES256, clientKey, "oauth-id-jag+jwt", false, map[string]any{
			"iss": "https://idp.example", "sub": "u-1", "aud": chat, "client_id": "wiki-at-chat", "jti": fmt.Sprint(i), "iat": server.now.Unix(), "exp": server.now.Unix() + 300}))
		if r.Status == 200 {
			taken++
		} else if r.Status != 429 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
	}
	if taken < 5 || taken > 10 {
		t.Errorf("%d taken", taken)
	}
}

// M131: an ID-JAG that was requested with a DPoP proof is bound to its key. It works only with
// another proof of that key, and the token is bound to the key, too.
func TestM131BoundIDJAGs(t *testing.T) {
	idp := identityProvider(t)
	server := chatServer(t, idp)
	session := idp.signsIn("wiki")
	p, other := idp.prover(), idp.prover()
	with := func(client string, proof http.Header) http.Header {
		h := maps.Clone(basic(client, client))
		maps.Copy(h, proof)
		return h
	}
	bound := func() string {
		r := idp.postWith("/token", with("wiki", p.proof("POST", "/token")), asksForJAG(session.IDToken)).must(t)
		_, claims := partsOf(t, r.Access)
		if cnf, _ := claims["cnf"].(map[string]any); r.Type != "N_A" || cnf["jkt"] != p.jkt() {
			t.Errorf("%s %v", r.Type, claims)
		}
		return r.Access
	}
	atChat := func(p *prover) http.Header {
		return with("wiki-at-chat", p.proof("POST", "/token", "htu", chat+"/token"))
	}
	jag := bound()
	server.useJAG(basic("wiki-at-chat", "wiki-at-chat"), jag).refused(t, 400, "invalid_grant")
	server.useJAG(atChat(other), jag).refused(t, 400, "invalid_grant")
	server.useJAG(with("wiki-at-chat", p.proof("POST", "/token")), jag).refused(t, 400, "invalid_dpop_proof")
	r := server.useJAG(atChat(p), jag).must(t)
	if r.Type != "DPoP" || server.works(r.Access) {
		t.Errorf("%s", r.Body)
	}
	// With an ID-JAG that is not bound, the token is bound to the key of the request's proof.
	free := idp.postWith("/token", basic("wiki", "wiki"), asksForJAG(session.IDToken)).must(t)
	if r := server.useJAG(atChat(other), free.Access).must(t); r.Type != "DPoP" {
		t.Errorf("%s", r.Body)
	}
	// A successful request uses up its proof.
	proof := with("wiki", p.proof("POST", "/token"))
	idp.postWith("/token", proof, asksForJAG(session.IDToken)).must(t)
	idp.postWith("/token", proof, asksForJAG(session.IDToken)).refused(t, 400, "invalid_dpop_proof")
}
