package authserver_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func TestConfigErrorsNameTheField(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*authserver.Config)
		field  string // empty: valid
	}{
		{"nothing wrong", func(*authserver.Config) {}, ""},
		{"http on loopback", func(c *authserver.Config) { c.Issuer = "http://127.0.0.1:8080" }, ""},
		{"http on localhost", func(c *authserver.Config) { c.Issuer = "http://localhost:8080/as" }, ""},
		{"http beyond loopback", func(c *authserver.Config) { c.Issuer = "http://login.example" }, "Issuer"},
		{"no issuer", func(c *authserver.Config) { c.Issuer = "" }, "Issuer"},
		{"no host", func(c *authserver.Config) { c.Issuer = "https://:80" }, "Issuer"},
		{"query", func(c *authserver.Config) { c.Issuer += "?a" }, "Issuer"},
		{"fragment", func(c *authserver.Config) { c.Issuer += "#" }, "Issuer"},
		{"final slash", func(c *authserver.Config) { c.Issuer += "/" }, "Issuer"},
		{"no store", func(c *authserver.Config) { c.Store = nil }, "Store"},
		{"no users", func(c *authserver.Config) { c.Users = nil }, "Users"},
		{"no password", func(c *authserver.Config) { c.Users = map[string]authserver.User{"first": {}} }, "Users"},
		{"scope grammar", func(c *authserver.Config) { c.Scopes = []authserver.Scope{{Name: "a b", Description: "x"}} }, "Scopes"},
		{"scope without words", func(c *authserver.Config) { c.Scopes = []authserver.Scope{{Name: "a"}} }, "Scopes"},
		{"negative code lifetime", func(c *authserver.Config) { c.CodeLifetime = -1 }, "CodeLifetime"},
		{"access lifetime below a second", func(c *authserver.Config) { c.AccessTokenLifetime = time.Millisecond }, "AccessTokenLifetime"},
		{"negative refresh lifetime", func(c *authserver.Config) { c.RefreshTokenLifetime = -1 }, "RefreshTokenLifetime"},
		{"negative device code lifetime", func(c *authserver.Config) { c.DeviceCodeLifetime = -1 }, "DeviceCodeLifetime"},
		{"device interval below a second", func(c *authserver.Config) { c.DeviceInterval = 1 }, "DeviceInterval"},
		{"device interval of a second and a half", func(c *authserver.Config) { c.DeviceInterval = 1500 * time.Millisecond }, "DeviceInterval"},
		{"negative grace", func(c *authserver.Config) { c.RotationGrace = -1 }, "RotationGrace"},
		{"negative nonce interval", func(c *authserver.Config) { c.DPoPNonceInterval = -1 }, "DPoPNonceInterval"},
		{"plain mutual TLS", func(c *authserver.Config) { c.MutualTLSOrigin = "http://mtls.login.example" }, "MutualTLSOrigin"},
		{"response type", func(c *authserver.Config) { c.InsecureResponseTypes = []string{"code tokens"} }, "InsecureResponseTypes"},
		{"relative resource", func(c *authserver.Config) { c.Resources = []string{"/notes"} }, "Resources"},
		{"class of two words", func(c *authserver.Config) { c.ACRValues = []string{"a b"} }, "ACRValues"},
		{"issuer of assertions without keys", func(c *authserver.Config) {
			c.AssertionIssuers = map[string]jose.JSONWebKeySet{"https://other.example": {}}
		}, "AssertionIssuers"},
		{"origin with a path", func(c *authserver.Config) { c.AllowedOrigins = []string{"https://a.example/"} }, "AllowedOrigins"},
		{"any origin as a star", func(c *authserver.Config) { c.AllowedOrigins = []string{"*"} }, "AllowedOrigins"},
		{"hint for nobody", func(c *authserver.Config) { c.DemoHint = &authserver.DemoHint{Username: "stranger"} }, "DemoHint"},
		{"hint with a wrong password", func(c *authserver.Config) {
			c.DemoHint = &authserver.DemoHint{Username: "first", Password: "x"}
		}, "DemoHint"},
		{"key on another curve", func(c *authserver.Config) {
			c.SigningKey = &ecdsa.PrivateKey{PublicKey: ecdsa.PublicKey{Curve: elliptic.P384()}}
		}, "SigningKey"},
		{"random source that ends", func(c *authserver.Config) { c.Rand = bytes.NewReader(nil) }, "Rand"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg := authserver.Config{Issuer: issuer, Store: authserver.NewMemoryStore(), Users: map[string]authserver.User{"first": {Password: "one"}}}
			row.change(&cfg)
			_, err := authserver.New(cfg)
			if row.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.HasPrefix(err.Error(), "authserver: Config."+row.field+": ") {
				t.Errorf("%v does not name %s", err, row.field)
			}
		})
	}
}

func TestMetadata(t *testing.T) {
	for _, row := range []struct {
		name, issuer, path string
	}{
		{"at the root", issuer, "/.well-known/oauth-authorization-server"},
		{"issuer with a path", issuer + "/as", "/.well-known/oauth-authorization-server/as"},
		{"relative to the issuer", issuer + "/as", "/as/.well-known/oauth-authorization-server"},
		{"of OpenID Connect", issuer + "/as", "/as/.well-known/openid-configuration"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) { c.Issuer = row.issuer })
			resp := b.send("GET", row.path, nil, "")
			var got map[string]any
			if err := json.Unmarshal(resp.Body, &got); err != nil || resp.Status != 200 {
				t.Fatal(resp.Status, err)
			}
			list := func(s ...any) []any { return s }
			auth := list("none", "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt")
			algs := list("ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512", "EdDSA")
			assertionAlgs := slices.Concat(algs, list("HS256", "HS384", "HS512"))
			want := map[string]any{
				"issuer":                                         row.issuer,
				"authorization_endpoint":                         row.issuer + "/authorize",
				"device_authorization_endpoint":                  row.issuer + "/device_authorization",
				"pushed_authorization_request_endpoint":          row.issuer + "/par",
				"require_pushed_authorization_requests":          false,
				"dpop_signing_alg_values_supported":              algs,
				"token_endpoint":                                 row.issuer + "/token",
				"revocation_endpoint":                            row.issuer + "/revoke",
				"introspection_endpoint":                         row.issuer + "/introspect",
				"userinfo_endpoint":                              row.issuer + "/userinfo",
				"scopes_supported":                               list("openid", "profile", "email", "notes.read", "offline_access"),
				"jwks_uri":                                       row.issuer + "/jwks",
				"subject_types_supported":                        list("public"),
				"id_token_signing_alg_values_supported":          list("ES256"),
				"response_types_supported":                       list("code"),
				"response_modes_supported":                       list("query", "fragment", "form_post", "jwt", "query.jwt", "fragment.jwt", "form_post.jwt"),
				"userinfo_signing_alg_values_supported":          list("ES256"),
				"introspection_signing_alg_values_supported":     list("ES256"),
				"authorization_signing_alg_values_supported":     list("ES256"),
				"grant_types_supported":                          list("authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"),
				"code_challenge_methods_supported":               list("S256"),
				"token_endpoint_auth_methods_supported":          auth,
				"revocation_endpoint_auth_methods_supported":     auth,
				"introspection_endpoint_auth_methods_supported":  auth[1:],
				"authorization_response_iss_parameter_supported": true,
				"end_session_endpoint":                           row.issuer + "/logout",
				"frontchannel_logout_supported":                  true,
				"frontchannel_logout_session_supported":          true,
				"backchannel_logout_supported":                   false,
				"backchannel_logout_session_supported":           false,

				"token_endpoint_auth_signing_alg_values_supported":         assertionAlgs,
				"revocation_endpoint_auth_signing_alg_values_supported":    assertionAlgs,
				"introspection_endpoint_auth_signing_alg_values_supported": assertionAlgs,

				"request_parameter_supported":                 true,
				"request_uri_parameter_supported":             false,
				"request_object_signing_alg_values_supported": algs,
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %v\nwant %v", got, want)
			}
		})
	}
}

func TestMetadataSaysPlainOnlyWhereSwitchedOn(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.InsecurePlainPKCE = true })
	if resp := b.send("GET", "/.well-known/oauth-authorization-server", nil, ""); !strings.Contains(string(resp.Body), `["S256","plain"]`) {
		t.Errorf("%s", resp.Body)
	}
}

// A4, A5: the metadata name an optional feature exactly if it is switched on.
func TestA4MetadataSaysWhatIsOn(t *testing.T) {
	for _, row := range []struct {
		part   string
		change func(*authserver.Config)
	}{
		{`"require_pushed_authorization_requests":true`, func(c *authserver.Config) { c.RequirePAR = true }},
		{`"mtls_endpoint_aliases":{`, func(c *authserver.Config) { c.MutualTLSOrigin = "https://mtls.login.example" }},
		{`"self_signed_tls_client_auth"`, func(c *authserver.Config) { c.MutualTLSOrigin = issuer }},
		{`"backchannel_logout_supported":true`, func(c *authserver.Config) { c.BackchannelLogout = func(string, string) {} }},
		{`"acr_values_supported":["silver","gold"]`, func(c *authserver.Config) { c.ACRValues = []string{"silver", "gold"} }},
		{`"protected_resources":["https://api.example/notes"]`, func(c *authserver.Config) { c.Resources = []string{notes} }},
		{`"authorization_details_types_supported":["payment"]`, func(c *authserver.Config) { c.AuthorizationDetailsTypes = []string{"payment"} }},
		{`"registration_endpoint":"https://login.example/register"`, func(c *authserver.Config) { c.RegistrationToken = "x" }},
		{`"registration_endpoint":"https://login.example/register"`, func(c *authserver.Config) { c.InsecureOpenRegistration = true }},
		{`"response_types_supported":["code","none"]`, func(c *authserver.Config) { c.InsecureResponseTypes = []string{"none"} }},
		{`"client_id_metadata_document_supported":true`, func(c *authserver.Config) {
			c.ClientDocuments = func(string) (authserver.Response, error) { return authserver.Response{}, nil }
		}},
		{`"password"`, func(c *authserver.Config) { c.InsecurePasswordGrant = true }},
	} {
		t.Run(row.part, func(t *testing.T) {
			for b, want := range map[*bench]bool{newBench(t): false, newBench(t, row.change): true} {
				if got := strings.Contains(string(b.send("GET", "/.well-known/openid-configuration", nil, "").Body), row.part); got != want {
					t.Errorf("%v, want %v", got, want)
				}
			}
		})
	}
}
