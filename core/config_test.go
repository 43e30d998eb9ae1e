package core

import (
	"strings"
	"testing"
)

// TestScenarioMeantMembers: E50, an unknown member is refused, and the error says which one was
// probably meant.
func TestScenarioMeantMembers(t *testing.T) {
	s := newScene(t, "A misspelt member is refused with the name that was probably meant; what resembles nothing is refused without one.", "E50")
	for _, row := range []struct{ name, meant string }{
		{"clientId", "client_id"}, {"clientID", "client_id"}, {"client-id", "client_id"}, {"cleint_id", "client_id"},
		{"clientSecret", "client_secret"}, {"secret", "client_secret"},
		{"redirectUri", "redirect_uri"}, {"redirect_url", "redirect_uri"}, {"redirectURL", "redirect_uri"}, {"callbackURL", "redirect_uri"}, {"redirect_uris", "redirect_uri"},
		{"scopes", "scope"}, {"Scope", "scope"}, {"scop", "scope"},
		{"authority", "issuer"}, {"issuerUrl", "issuer"}, {"issuer_uri", "issuer"}, {"isuer", "issuer"},
		{"authorizationEndpoint", "authorization_endpoint"}, {"authorizationURL", "authorization_endpoint"}, {"authorize_url", "authorization_endpoint"}, {"authUrl", "authorization_endpoint"},
		{"tokenUrl", "token_endpoint"}, {"token_uri", "token_endpoint"}, {"userinfo_url", "userinfo_endpoint"}, {"jwksUri", "jwks_uri"}, {"jwks", "jwks_uri"}, {"metadataUrl", "metadata_url"},
		{"endSessionEndpoint", "end_session_endpoint"}, {"deviceAuthorizationEndpoint", "device_authorization_endpoint"}, {"token_endpoint_auth_metod", "token_endpoint_auth_method"},
		{"dicovery", "discovery"}, {"autoRefresh", "auto_refresh"}, {"refreshLeadMs", "refresh_lead_ms"}, {"clock_skew", "clock_skew_ms"}, {"tokenDestinations", "token_destinations"},
		{"client_id_issued_at", "registration"}, {"grant_types", "registration"},
		{"storage", ""}, {"x", ""}, {"", ""}, {strings.Repeat("client_id", 20), ""},
	} {
		r := s.open(with(`{` + quote(row.name) + `:"x"}`))
		if r.Str("error", "code") != "unknown_member" || r.Str("error", "field") != row.name || r.Str("error", "expected") != row.meant || r.Str("error", "came") != "" {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	for _, row := range []struct{ name, meant string }{{"emailVerified", "email_verified"}, {"endpoints", "endpoint"}, {"e-mail", "email"}, {"emailsUrl", "emails_endpoint"}, {"ID", "id"}, {"phone", ""}} {
		r := s.open(with(`{"profile":{` + quote(row.name) + `:"x"}}`))
		if r.Str("error", "code") != "unknown_member" || r.Str("error", "field") != "profile" || r.Str("error", "expected") != row.meant || r.Str("error", "came") != row.name {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
}

// TestScenarioWrongValues: E52, an error says what was expected and what came. It shows nothing
// that may be secret.
func TestScenarioWrongValues(t *testing.T) {
	s := newScene(t, "A refused value comes with what was expected and what came, without secrets and queries of URLs.", "E52")
	for _, row := range []struct{ members, field, expected, came string }{
		{`{"client_id":7}`, "client_id", "a text", "7"},
		{`{"scope":["a"]}`, "scope", "a text", "an array"},
		{`{"scope":"a  b"}`, "scope", "scopes with one space", "a  b"},
		{`{"issuer":{"x":"secret"}}`, "issuer", "a text", "an object"},
		{`{"token_endpoint":"http://as.example/token"}`, "token_endpoint", "https, or http on loopback", "http://as.example/token"},
		{`{"token_endpoint":"/token"}`, "token_endpoint", "an absolute URL", "/token"},
		{`{"redirect_uri":"app.example/cb?key=1"}`, "redirect_uri", "an absolute URL", "app.example/cb"},
		{`{"discovery":"true"}`, "discovery", "true or false, no text", "true"},
		{`{"clock_skew_ms":"5"}`, "clock_skew_ms", "a whole number from 0, no text", "5"},
		{`{"clock_tolerance_ms":3600001}`, "clock_tolerance_ms", "0 to 3600000", "3600001"},
		{`{"max_attempts":65}`, "max_attempts", "1 to 64", "65"},
		{`{"pkce_verifier_length":42}`, "pkce_verifier_length", "43 to 128", "42"},
		{`{"nonce":"off"}`, "nonce", "automatic or enabled", "off"},
		{`{"pushed_authorization_requests":"yes"}`, "pushed_authorization_requests", "off, offered or required", "yes"},
		{`{"token_endpoint_auth_method":"digest"}`, "token_endpoint_auth_method", "client_secret_basic", "digest"},
		{`{"id_token_signed_response_alg":["HS256"]}`, "id_token_signed_response_alg", "RS256", "HS256"},
		{`{"request_hooks":["discovery"]}`, "request_hooks", "authorization token", "discovery"},
		{`{"response_hooks":["jwks"]}`, "response_hooks", "token refresh", "jwks"},
		{`{"token_destinations":"https://api.example"}`, "token_destinations", "an array", "https://api.example"},
		{`{"token_destinations":["https://api.example/?a=b"]}`, "token_destinations", "without query", "https://api.example/"},
		{`{"insecure_http_origins":["http://keycloak:8080/"]}`, "insecure_http_origins", "http://HOST", "http://keycloak:8080/"},
		{`{"insecure_http_origins":["https://keycloak"]}`, "insecure_http_origins", "http://HOST", "https://keycloak"},
		{`{"parameters":[["state","x"]]}`, "parameters", "", "state"},
		{`{"scope":"openid"}`, "jwks_uri", "discovery or jwks_uri", "scope openid"},
		{`{"issuer":null,"jwks_uri":"https://as.example/jwks"}`, "issuer", "issuer", "jwks_uri"},
		{`{"token_endpoint_auth_method":"private_key_jwt"}`, "client_key", "client_key", "private_key_jwt"},
		{`{"token_endpoint_auth_method":"client_secret_post"}`, "client_secret", "client_secret", "client_secret_post"},
		// These are not shown.
		{`{"client_secret":"s3cret\u0001"}`, "client_secret", "printable ASCII", ""},
		{`{"client_secret":["s3cret"]}`, "client_secret", "a text", "an array"},
		{`{"client_key":"-----BEGIN\n"}`, "client_key", "printable ASCII", ""},
		{`{"token_endpoint":"https://user:s3cret@as.example/token"}`, "token_endpoint", "without user", ""},
		{`{"token_endpoint":"http://as.example/token?key=s3cret"}`, "token_endpoint", "https", "http://as.example/token"},
		{`{"parameters":"s3cret"}`, "parameters", "[[name, value]", ""},
	} {
		r := s.open(with(row.members))
		if r.Str("error", "field") != row.field || !strings.Contains(r.Str("error", "expected"), row.expected) || r.Str("error", "came") != row.came || strings.Contains(r.Raw, "s3cret") {
			t.Errorf("%s: %s", row.members, r.Raw)
		}
	}
}

// TestScenarioOutOfReach: E51, if a client names its server but can reach none of its endpoints,
// open refuses it, and the error says what to add. A client that can do anything at all is
// accepted.
func TestScenarioOutOfReach(t *testing.T) {
	s := newScene(t, "A client that cannot reach its server is refused when it is opened; one that can do anything opens.", "E51")
	for _, row := range []struct{ config, field string }{
		{`{"client_id":"c","issuer":"https://as.example"}`, "discovery"},
		{`{"client_id":"c","issuer":"https://as.example","redirect_uri":"https://client.example/cb","scope":"openid","token_destinations":["https://api.example"]}`, "discovery"},
		{`{"client_id":"c","issuer":"https://as.example","refresh_endpoint":"none"}`, "discovery"},
		{`{"client_id":"c","issuer":"https://as.example","metadata_url":"https://as.example/meta"}`, "discovery"},
		{`{"client_metadata":{},"issuer":"https://as.example"}`, "discovery"},
		{`{"client_id":"c","discovery":true}`, "issuer"},
		{`{"client_id":"c","metadata_url":"https://as.example/meta"}`, "issuer"},
		{`{"client_id":"c","token_endpoint":"https://as.example/token","jwks_uri":"https://as.example/jwks"}`, "issuer"},
		{`{"issuer":"https://as.example","discovery":true}`, "client_id"},
	} {
		r := s.open(row.config)
		if r.Str("error", "code") != "missing" || r.Str("error", "field") != row.field || r.Str("error", "expected") == "" {
			t.Errorf("%s: %s", row.config, r.Raw)
		}
	}
	for _, good := range []string{
		`{"client_id":"c","token_destinations":["https://api.example"]}`, // a token that was obtained elsewhere
		`{"client_metadata":{}}`, // a resource's metadata
		`{"client_id":"c","issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize"}`,
		`{"client_id":"c","issuer":"https://as.example","introspection_endpoint":"https://as.example/introspect"}`,
		`{"client_id":"c","issuer":"https://as.example","jwks_uri":"https://as.example/jwks"}`, // logout tokens
		`{"client_id":"c","issuer":"https://as.example","profile":{"endpoint":"https://as.example/me"}}`,
		`{"client_id":"c","token_endpoint":"https://as.example/token"}`,
		`{"client_id":"c","issuer":"https://as.example","discovery":true}`,
	} {
		if r := s.open(good); r.Raw != "" {
			t.Errorf("%s: %s", good, r.Raw)
		}
	}
}
