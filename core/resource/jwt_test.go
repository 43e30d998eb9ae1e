package resource

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioJwt: an access token of RFC 9068 is verified with the issuer's key. The keys are
// fetched once, and the result has claims, scheme and issuer.
func TestScenarioJwt(t *testing.T) {
	s := newScene(t, "a JWT access token is verified by the server's keys, which are fetched once", "R1").mustOpen(conf)
	m := s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`))
	s.allowed(m)
	if m.Str("ok", "claims", "sub") != "u1" || m.Str("ok", "scheme") != "Bearer" || m.Str("ok", "issuer") != asURL {
		t.Error(m.Raw)
	}
	s.allowed(s.check("POST", "/notes/1", "", "authorization", "bearer "+token(`{"jti":"t2"}`)))
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"aud":["x","https://api.example/notes"]}`)))
	if len(s.sent) != 1 {
		t.Errorf("%d requests", len(s.sent))
	}
}

// TestScenarioDiscovery: the server's metadata say where its keys are (RFC 8414), and are fetched
// once.
func TestScenarioDiscovery(t *testing.T) {
	s := newScene(t, "the keys are where the server's metadata say", "R1").mustOpen(with(`{"authorization_servers":[{"issuer":"https://as.example"}]}`))
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
	n := len(s.sent)
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
	if len(s.sent) != n {
		t.Error("asked again")
	}
}

// TestScenarioNoToken: a request without a token gets a challenge without an error. Several tokens,
// or one more in the query, are an invalid request (RFC 6750 section 3.1).
func TestScenarioNoToken(t *testing.T) {
	s := newScene(t, "no token, several, and in other places than the header", "R2", "R3").mustOpen(with(`{"scope":"read"}`))
	m := s.check("GET", "/notes", "")
	s.refused(m, 401, "", "missing_token")
	if m.Header("www-authenticate") != `Bearer scope="read", resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"|DPoP scope="read", algs="RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519", resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"` {
		t.Error(m.Header("www-authenticate"))
	}
	at := token(`{}`)
	s.refused(s.check("GET", "/notes", "", "authorization", "Basic dTpw"), 401, "", "missing_token")
	s.refused(s.check("GET", "/notes?access_token="+at, ""), 401, "", "missing_token")
	s.refused(s.check("GET", "/notes?a=b&access_token="+at, "", "authorization", "Bearer "+at), 400, "invalid_request", "several_tokens")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+at, "authorization", "Bearer "+at), 400, "invalid_request", "several_tokens")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+at+", Bearer "+at), 400, "invalid_request", "malformed_header")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer"), 400, "invalid_request", "malformed_header")
	if len(s.sent) != 0 {
		t.Error("a server was asked")
	}
}

// TestRefusedTokens: what makes an access token invalid, one by one (R4, R5).
func TestRefusedTokens(t *testing.T) {
	claims := func(changes string) string { return token(changes) }
	header := func(changes string) string { return jwt(change(tokenHeader, changes), tokenClaims) }
	unsigned := b64(`{"typ":"at+jwt","alg":"none"}`) + "." + b64(tokenClaims) + "."
	for _, row := range []struct{ name, token, reason string }{
		{"alg none", unsigned, "alg_not_allowed"},
		{"alg none with a signature", header(`{"alg":"none"}`), "alg_not_allowed"},
		{"alg nOnE", header(`{"alg":"nOnE"}`), "alg_not_allowed"},
		{"an HMAC of the public key", header(`{"alg":"HS256"}`), "alg_not_allowed"},
		{"no alg", header(`{"alg":null}`), "malformed"},
		{"an ID token", header(`{"typ":"JWT"}`), "wrong_type"},
		{"no type", header(`{"typ":null}`), "wrong_type"},
		{"a logout token", header(`{"typ":"logout+jwt"}`), "wrong_type"},
		{"a proof", header(`{"typ":"dpop+jwt"}`), "wrong_type"},
		{"another key type's algorithm", header(`{"alg":"ES256"}`), "unknown_key"},
		{"an unknown kid", header(`{"kid":"k2"}`), "unknown_key"},
		{"a kid that is a path", header(`{"kid":"../../dev/null"}`), "unknown_key"},
		{"a kid that is SQL", header(`{"kid":"' OR 1=1"}`), "unknown_key"},
		{"a critical member", header(`{"crit":["exp"]}`), "malformed"},
		{"b64", header(`{"b64":false,"crit":["b64"]}`), "malformed"},
		{"a key of its own, by jku", header(`{"jku":"https://evil.example/jwks","kid":"evil"}`), "unknown_key"},
		{"a key of its own, by x5u", header(`{"x5u":"https://evil.example/cert","kid":"evil"}`), "unknown_key"},
		{"a key of its own, within", header(`{"jwk":` + ecKey + `,"alg":"ES256","kid":null}`), "unknown_key"},
		{"the wrong signature", strings.TrimSuffix(claims(`{}`), "Z29vZA") + "YmFk", "bad_signature"},
		{"another issuer", claims(`{"iss":"https://evil.example"}`), "wrong_claim iss"},
		{"an issuer with a slash", claims(`{"iss":"https://as.example/"}`), "wrong_claim iss"},
		{"no issuer", claims(`{"iss":null}`), "wrong_claim iss"},
		{"another audience", claims(`{"aud":"https://other.example"}`), "wrong_claim aud"},
		{"a part of the audience", claims(`{"aud":"https://api.example"}`), "wrong_claim aud"},
		{"other audiences", claims(`{"aud":["a","b"]}`), "wrong_claim aud"},
		{"an audience that is a number", claims(`{"aud":1}`), "wrong_claim aud"},
		{"no audience", claims(`{"aud":null}`), "missing_claim aud"},
		{"expired", claims(`{"exp":1699999970}`), "expired exp"},
		{"exp as text", claims(`{"exp":"1700000600"}`), "wrong_claim exp"},
		{"exp below 0", claims(`{"exp":-1}`), "wrong_claim exp"},
		{"exp beyond all time", claims(`{"exp":1e300}`), "wrong_claim exp"},
		{"no exp", claims(`{"exp":null}`), "missing_claim exp"},
		{"not yet", claims(`{"nbf":1700000031}`), "not_yet nbf"},
		{"issued later", claims(`{"iat":1700000031}`), "not_yet iat"},
		{"no iat", claims(`{"iat":null}`), "missing_claim iat"},
		{"no client", claims(`{"client_id":null}`), "missing_claim client_id"},
		{"no subject", claims(`{"sub":null}`), "missing_claim sub"},
		{"no jti", claims(`{"jti":null}`), "missing_claim jti"},
		{"encrypted", b64(`{"alg":"dir","enc":"A256GCM"}`) + "..a.b.c", "malformed"},
		{"a claim twice", jwt(tokenHeader, `{"iss":"https://as.example","iss":"https://as.example"}`), "malformed"},
		{"claims that are an array", jwt(tokenHeader, `[]`), "malformed"},
		{"no JWT", "2YotnFZFEjr1zCsicMWpAA", "malformed"},
		{"padding", claims(`{}`) + "=", "malformed"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t).mustOpen(conf)
			s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
			s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+row.token), 401, "invalid_token", row.reason)
		})
	}
}

// TestScenarioUntyped: servers that do not set the type at+jwt need the option for that (R6).
func TestScenarioUntyped(t *testing.T) {
	s := newScene(t, "tokens without a type of their own are taken where the configuration says so", "R6").mustOpen(with(`{"insecure_untyped_tokens":true,"audience":["notes"]}`))
	old := jwt(`{"alg":"RS256","typ":"JWT"}`, `{"iss":"https://as.example","sub":"u1","aud":"notes","azp":"app","exp":1700000600}`)
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+old))
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+jwt(`{"alg":"RS256","typ":"logout+jwt"}`, tokenClaims)), 401, "invalid_token", "wrong_type")
}

// TestScenarioRotation: for an unknown key the keys are fetched again, at most once a minute and
// once for all who wait. Older keys are fetched again after a check (R7, R8, R9).
func TestScenarioRotation(t *testing.T) {
	s := newScene(t, "a new key is found; made-up ones make no requests; old keys are read again", "R7", "R8", "R9").mustOpen(conf)
	first, second := "k1", "k2"
	s.server = func(m msg) string { return answer(200, `{"keys":[`+strings.Replace(rsaKey, "k1", first, 1)+`]}`) }
	of := func(kid string) string { return "Bearer " + jwt(change(tokenHeader, `{"kid":"`+kid+`"}`), tokenClaims) }
	var ids []int64
	for range 3 {
		ids = append(ids, s.begin("check", request("GET", "/notes", "", "authorization", of("k1"))))
	}
	s.settle()
	for _, id := range ids {
		s.allowed(s.results[id])
	}
	if len(s.sent) != 1 {
		t.Fatalf("%d requests for three checks", len(s.sent))
	}
	first = second
	s.refused(s.check("GET", "/notes", "", "authorization", of("made up")), 401, "invalid_token", "unknown_key")
	if len(s.sent) != 1 {
		t.Fatal("asked again at once")
	}
	s.now += 61_000
	ids = nil
	for range 2 {
		ids = append(ids, s.begin("check", request("GET", "/notes", "", "authorization", of("k2"))))
	}
	s.settle()
	for _, id := range ids {
		s.allowed(s.results[id])
	}
	for n := range 20 {
		s.now += 1_000
		s.refused(s.check("GET", "/notes", "", "authorization", of(fmt.Sprint("made up ", n))), 401, "invalid_token", "unknown_key")
	}
	if len(s.sent) != 2 {
		t.Fatalf("%d requests", len(s.sent))
	}
	s.now += 600_000
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+jwt(change(tokenHeader, `{"kid":"k2"}`), change(tokenClaims, `{"exp":1700009999}`))))
	if len(s.sent) != 3 {
		t.Errorf("%d requests: keys of ten minutes ago are read again", len(s.sent))
	}
}

// TestScenarioDown: if a server cannot be reached, that says nothing about the token: the answer is
// 503, with the time of a retry (R10).
func TestScenarioDown(t *testing.T) {
	s := newScene(t, "keys or metadata that cannot be had are no verdict on the token", "R10").mustOpen(with(`{"authorization_servers":[{"issuer":"https://as.example"}]}`))
	s.server = func(m msg) string { return `"failed":{"kind":"network"}` }
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 503, "", "network")
	n := len(s.sent)
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 503, "", "network")
	if len(s.sent) != n {
		t.Error("asked again at once")
	}
	s.now += 2_001
	s.server = func(m msg) string {
		if strings.HasSuffix(m.Str("url"), "jwks") {
			return `"failed":{"kind":"timeout"}`
		}
		return publish(m)
	}
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 503, "", "timeout")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)), 503, "", "network")
	s.now += 10_000
	s.server = publish
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
}

// TestScenarioSeveralServers: the token names its issuer, and only that server's keys count (R11).
func TestScenarioSeveralServers(t *testing.T) {
	s := newScene(t, "a token is held to the keys of its own issuer", "R11").mustOpen(with(`{"authorization_servers":[{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks"},{"issuer":"https://two.example","jwks_uri":"https://two.example/jwks"}]}`))
	s.server = func(m msg) string {
		if strings.HasPrefix(m.Str("url"), "https://two.example") {
			return answer(200, `{"keys":[`+strings.Replace(rsaKey, "k1", "two", 1)+`]}`)
		}
		return publish(m)
	}
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{}`)))
	s.allowed(s.check("GET", "/notes", "", "authorization", "Bearer "+jwt(change(tokenHeader, `{"kid":"two"}`), change(tokenClaims, `{"iss":"https://two.example"}`))))
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"iss":"https://two.example"}`)), 401, "invalid_token", "unknown_key")
}

// TestScenarioNeeds: scope, and how and when the user authenticated, for every request or for one,
// with the challenge that says what is required (R12, R13, R14).
func TestScenarioNeeds(t *testing.T) {
	s := newScene(t, "scope, acr and max_age, and the challenges of RFC 6750 and RFC 9470", "R12", "R13", "R14").mustOpen(with(`{"scope":"read"}`))
	at := "Bearer " + token(`{"acr":"silver","auth_time":1699999900}`)
	s.allowed(s.check("GET", "/notes", "", "authorization", at))
	m := s.check("DELETE", "/notes", `"scope":"read delete"`, "authorization", at)
	s.refused(m, 403, "insufficient_scope", "insufficient_scope scope")
	if !strings.Contains(m.Header("www-authenticate"), `scope="read delete"`) {
		t.Error(m.Header("www-authenticate"))
	}
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"scope":"reader"}`)), 403, "insufficient_scope", "insufficient_scope scope")
	s.refused(s.check("GET", "/notes", "", "authorization", "Bearer "+token(`{"scope":null}`)), 403, "insufficient_scope", "insufficient_scope scope")
	s.allowed(s.check("GET", "/notes", `"acr_values":"gold silver"`, "authorization", at))
	m = s.check("GET", "/notes", `"acr_values":"gold","max_age":60`, "authorization", at)
	s.refused(m, 401, "insufficient_user_authentication", "wrong_claim acr")
	if !strings.Contains(m.Header("www-authenticate"), `acr_values="gold", max_age="60"`) {
		t.Error(m.Header("www-authenticate"))
	}
	s.allowed(s.check("GET", "/notes", `"max_age":100`, "authorization", at))
	s.refused(s.check("GET", "/notes", `"max_age":60`, "authorization", at), 401, "insufficient_user_authentication", "wrong_claim auth_time")
	s.refused(s.check("GET", "/notes", `"max_age":60`, "authorization", "Bearer "+token(`{}`)), 401, "insufficient_user_authentication", "wrong_claim auth_time")
	if m := s.check("GET", "/notes", `"scope":"a  b"`, "authorization", at); m.Str("error", "field") != "scope" {
		t.Error(m.Raw)
	}
}

// TestScenarioMetadata: the document of RFC 9728, and its address (R15).
func TestScenarioMetadata(t *testing.T) {
	s := newScene(t, "what the resource says of itself", "R15").mustOpen(with(`{"scope":"read","dpop":"required","certificates":true,"dpop_algorithms":["ES256"],"metadata":{"resource_name":"Notes"}}`))
	id := s.begin("metadata", "")
	if m := s.results[id]; m.Str("ok", "url") != "https://api.example/.well-known/oauth-protected-resource/notes" ||
		m.Str("ok", "metadata") != `{"authorization_servers":["https://as.example"],"bearer_methods_supported":["header"],"dpop_bound_access_tokens_required":true,"dpop_signing_alg_values_supported":["ES256"],"resource":"https://api.example/notes","resource_name":"Notes","scopes_supported":["read"],"tls_client_certificate_bound_access_tokens":true}` {
		t.Error(m.Raw)
	}
}
