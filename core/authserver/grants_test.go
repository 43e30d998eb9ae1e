package authserver_test

import (
	"crypto/elliptic"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	notes = "https://api.example/notes"
	mail  = "https://mail.example"
)

var trusted = basic("trusted", "trusted")

// everyGrant switches on all grants and two resources.
func everyGrant(c *authserver.Config) {
	c.InsecurePasswordGrant, c.TokenExchange = true, true
	c.AssertionIssuers = map[string]jose.JSONWebKeySet{"https://other.example": clientKeys}
	c.Resources = []string{notes, mail}
}

// A4: grants that are switched off are unknown, and not in the metadata.
func TestA4GrantsSwitchedOff(t *testing.T) {
	off, on := newBench(t), newBench(t, everyGrant)
	for _, grant := range []string{authserver.GrantPassword, authserver.GrantJWTBearer, authserver.GrantTokenExchange} {
		off.postWith("/token", trusted, url.Values{"grant_type": {grant}}).refused(t, 400, "unsupported_grant_type")
		on.postWith("/token", trusted, url.Values{"grant_type": {grant}}).refused(t, 400, "invalid_request")
		on.post("/token", url.Values{"grant_type": {grant}, "client_id": {"spa"}}).refused(t, 400, "unauthorized_client")
		for b, want := range map[*bench]bool{off: false, on: true} {
			if got := strings.Contains(string(b.send("GET", "/.well-known/openid-configuration", nil, "").Body), `"`+grant+`"`); got != want {
				t.Errorf("%s in the metadata: %v", grant, got)
			}
		}
	}
}

// A4: RFC 6749 section 4.3.
func TestA4PasswordGrant(t *testing.T) {
	b := newBench(t, everyGrant)
	form := url.Values{"grant_type": {"password"}, "username": {"first"}, "password": {"one"}}
	r := b.postWith("/token", trusted, form).must(t)
	if r.Refresh == "" || !b.works(r.Access) || b.claims(r.IDToken)["sub"] != "u-1" {
		t.Errorf("%s", r.Body)
	}
	b.postWith("/token", trusted, with(form, "password", "two")).refused(t, 400, "invalid_grant")
	b.postWith("/token", trusted, with(form, "username", "nobody")).refused(t, 400, "invalid_grant")
	b.postWith("/token", trusted, with(form, "password", "")).refused(t, 400, "invalid_request")
	b.postWith("/token", trusted, with(form, "scope", "email")).refused(t, 400, "invalid_scope")
	b.postWith("/token", basic("trusted", "x"), form).refused(t, 401, "invalid_client")
}

// A4, A7: RFC 7523 section 2.1, each rule of section 3.
func TestA4JWTBearer(t *testing.T) {
	b := newBench(t, everyGrant)
	now := b.now.Unix()
	signed := func(id string, more ...any) string {
		claims := map[string]any{"iss": "https://other.example", "sub": "u-1"}
		more = append([]any{"iss", claims["iss"], "sub", claims["sub"]}, more...)
		return signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion("", id, more...))
	}
	form := func(assertion string) url.Values {
		return url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {assertion}, "scope": {"profile"}}
	}
	r := b.postWith("/token", trusted, form(signed("1"))).must(t)
	if token, ok := b.server.Authenticate(b.now, r.Access); !ok || token.User != "first" || r.Refresh != "" || r.IDToken != "" {
		t.Errorf("%+v %s", token, r.Body)
	}
	b.postWith("/token", trusted, form(signed("", "jti", nil))).must(t)
	for name, assertion := range map[string]string{
		"replayed":         signed("1"),
		"another issuer":   signed("2", "iss", "https://evil.example"),
		"no such user":     signed("3", "sub", "u-2"),
		"no user":          signed("3", "sub", nil),
		"another audience": signed("4", "aud", "https://other.example"),
		"expired":          signed("5", "exp", now),
		"no expiry":        signed("6", "exp", nil),
		"another key":      signWith(t, jose.ES256, newECKey(t, elliptic.P256()), "JWT", false, b.assertion("", "7", "iss", "https://other.example", "sub", "u-1")),
		"an access token":  signWith(t, jose.ES256, clientKey, "at+jwt", false, b.assertion("", "8", "iss", "https://other.example", "sub", "u-1")),
		"no JWT":           "x",
	} {
		t.Run(name, func(t *testing.T) { b.postWith("/token", trusted, form(assertion)).refused(t, 400, "invalid_grant") })
	}
	b.postWith("/token", trusted, with(form(signed("9")), "scope", "email")).refused(t, 400, "invalid_scope")
	b.postWith("/token", trusted, form(signed("9"))).must(t) // the refusal did not use it up
}

// A4, A7, A8: RFC 8693 section 2.
func TestA4TokenExchange(t *testing.T) {
	b := newBench(t, everyGrant)
	down := basic("downstream", "down")
	user := b.post("/token", exchange("spa", b.code(with(request("spa"), "scope", "profile notes.read")))).must(t)
	form := func(more ...string) url.Values {
		return with(url.Values{"grant_type": {authserver.GrantTokenExchange}, "subject_token": {user.Access},
			"subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}}, more...)
	}
	b.now = b.now.Add(4 * time.Minute)
	r := b.postWith("/token", down, form("scope", "notes.read", "resource", notes)).must(t)
	token, ok := b.server.Authenticate(b.now, r.Access)
	if !ok || token.User != "first" || token.ClientID != "downstream" || r.Scope != "notes.read" || r.Expires != 360 || r.Refresh != "" ||
		!strings.Contains(string(r.Body), `"issued_token_type":"urn:ietf:params:oauth:token-type:access_token"`) || len(token.Resources) != 1 || token.Resources[0] != notes {
		t.Errorf("%+v %s", token, r.Body)
	}
	b.postWith("/token", down, form("audience", notes)).must(t)
	for _, row := range []struct {
		name   string
		client http.Header
		form   url.Values
		want   string
	}{
		{"client that it was not issued to", trusted, form(), "invalid_request"},
		{"no subject token", down, form("subject_token", ""), "invalid_request"},
		{"unknown token", down, form("subject_token", "x"), "invalid_request"},
		{"refresh token", down, form("subject_token", user.Refresh), "invalid_request"},
		{"another type", down, form("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"), "invalid_request"},
		{"another type wanted", down, form("requested_token_type", "urn:ietf:params:oauth:token-type:refresh_token"), "invalid_request"},
		{"actor", down, form("actor_token", "x"), "invalid_request"},
		{"more scope", down, form("scope", "email"), "invalid_scope"},
		{"unknown resource", down, form("resource", "https://evil.example"), "invalid_target"},
		{"unknown audience", down, form("audience", "somebody"), "invalid_target"},
	} {
		t.Run(row.name, func(t *testing.T) { b.postWith("/token", row.client, row.form).refused(t, 400, row.want) })
	}
	// Both tokens belong to the user's grant, which ends as a whole.
	b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {user.Refresh}})
	if b.works(r.Access) {
		t.Error("outlives the grant it came from")
	}

	p := b.prover()
	h := maps.Clone(trusted)
	maps.Copy(h, p.proof("POST", "/token"))
	bound := b.postWith("/token", h, url.Values{"grant_type": {"client_credentials"}}).must(t)
	b.postWith("/token", trusted, form("subject_token", bound.Access)).refused(t, 400, "invalid_request")
	maps.Copy(h, p.proof("POST", "/token"))
	b.postWith("/token", h, form("subject_token", bound.Access)).must(t)
}

// A4: RFC 8707: a token is for the requested resources, of those that were granted, and for no
// other.
func TestA4Resources(t *testing.T) {
	b := newBench(t, everyGrant)
	query := request("spa")
	query["resource"] = []string{notes, mail}
	form := with(exchange("spa", b.code(query)), "resource", notes)
	b.post("/token", with(form, "resource", "https://login.example")).refused(t, 400, "invalid_target")
	r := b.post("/token", form).must(t)
	open := func(resource, access string) bool {
		_, resp, ok := b.server.CheckAccess(authserver.Request{Method: "GET", URL: "/x", Header: http.Header{"Authorization": {"Bearer " + access}}, Now: b.now},
			authserver.Access{Resource: resource})
		if !ok && !strings.Contains(resp.Header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%v", resp.Header)
		}
		return ok
	}
	if !open(notes, r.Access) || open(mail, r.Access) || open("", r.Access) {
		t.Error("good for", open(notes, r.Access), open(mail, r.Access), open("", r.Access))
	}
	if resp := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + r.Access}}, ""); resp.Status != 401 {
		t.Errorf("userinfo: %d", resp.Status)
	}
	if seen := b.postWith("/introspect", apiAsks, url.Values{"token": {r.Access}}); !strings.Contains(string(seen.Body), `"aud":["`+notes+`"]`) {
		t.Errorf("%s", seen.Body)
	}
	both := b.refresh("spa", r.Refresh).must(t)
	if !open(notes, both.Access) || !open(mail, both.Access) {
		t.Error("a refresh gives less than was granted")
	}
	narrow := b.refresh("spa", both.Refresh, "resource", mail).must(t)
	if open(notes, narrow.Access) || !open(mail, narrow.Access) {
		t.Error("a refresh gives more than was asked for")
	}
	b.refresh("spa", narrow.Refresh, "resource", "https://evil.example").refused(t, 400, "invalid_target")
	if wide := b.refresh("spa", narrow.Refresh).must(t); !open(notes, wide.Access) {
		t.Error("what was granted has shrunk with the access token")
	}
	if u := location(t, b.visit("GET", "/authorize?"+with(request("spa"), "resource", "https://evil.example").Encode(), nil)); u.Query().Get("error") != "invalid_target" {
		t.Error(u)
	}
	own := b.post("/token", exchange("spa", b.code(with(request("spa"), "resource", issuer)))).must(t)
	if resp := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + own.Access}}, ""); resp.Status != 200 {
		t.Errorf("userinfo: %d", resp.Status)
	}
}

// A4: RFC 9396: the request's details are shown to the user, and are in the token and in its
// introspection.
func TestA4AuthorizationDetails(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.AuthorizationDetailsTypes = []string{"payment"} })
	details := `[ {"type": "payment", "amount": 9007199254740993, "to": "<me>"} ]`
	want := []any{map[string]any{"type": "payment", "amount": json.Number("9007199254740993"), "to": "<me>"}}
	of := func(r reply) string {
		var answer struct {
			Details json.RawMessage `json:"authorization_details"`
		}
		if err := json.Unmarshal(r.Body, &answer); err != nil {
			t.Fatal(err)
		}
		return string(answer.Details)
	}
	query := with(request("spa"), "authorization_details", details)
	b.code(request("spa"))
	if page := b.visit("GET", "/authorize?"+query.Encode(), nil); !strings.Contains(string(page.Body), "9007199254740993") {
		t.Errorf("not on the page: %s", page.Body)
	}
	form := exchange("spa", b.code(query))
	b.post("/token", with(form, "authorization_details", `[{"type":"payment","amount":1}]`)).refused(t, 400, "invalid_authorization_details")
	r := b.post("/token", with(form, "authorization_details", details)).must(t)
	canonical, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	refreshed := b.refresh("spa", r.Refresh).must(t)
	seen := b.postWith("/introspect", apiAsks, url.Values{"token": {refreshed.Access}})
	for name, got := range map[string]string{"token": of(r), "refresh": of(refreshed), "introspection": of(seen)} {
		if got != string(canonical) {
			t.Errorf("%s: %s, want %s", name, got, canonical)
		}
	}
	for _, bad := range []string{`{}`, `[]`, `[{}]`, `[{"type":"transfer"}]`, `[{"type":"payment"}] x`, `x`, `[1]`} {
		u := location(t, b.visit("GET", "/authorize?"+with(request("spa"), "authorization_details", bad).Encode(), nil))
		if u.Query().Get("error") != "invalid_authorization_details" {
			t.Errorf("%s: %s", bad, u)
		}
	}
}

// A4: acr_values require a sign-in of a class (OpenID Connect Core section 3.1.2.1) and max_age a
// recent one. The resource can check both (RFC 9470).
func TestA4StepUp(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.ACRValues = []string{"silver", "gold"} })
	first := b.post("/token", exchange("oidc", b.code(request("oidc")))).must(t)
	if acr := b.claims(first.IDToken)["acr"]; acr != "silver" {
		t.Errorf("acr %v", acr)
	}
	check := func(access string, want authserver.Access) (authserver.Response, bool) {
		_, resp, ok := b.server.CheckAccess(authserver.Request{Method: "GET", URL: "/x", Header: http.Header{"Authorization": {"Bearer " + access}}, Now: b.now}, want)
		return resp, ok
	}
	gold := authserver.Access{ACRValues: []string{"gold", "platinum"}, MaxAge: time.Minute}
	resp, ok := check(first.Access, gold)
	if challenge := resp.Header.Get("WWW-Authenticate"); ok || resp.Status != 401 || !strings.Contains(challenge, `error="insufficient_user_authentication"`) ||
		!strings.Contains(challenge, `acr_values="gold platinum"`) || !strings.Contains(challenge, `max_age="60"`) {
		t.Errorf("%v %d %s", ok, resp.Status, challenge)
	}
	query := with(request("oidc"), "acr_values", "platinum gold")
	if u := location(t, b.visit("GET", "/authorize?"+with(query, "prompt", "none").Encode(), nil)); u.Query().Get("error") != "login_required" {
		t.Error(u)
	}
	if page := b.visit("GET", "/authorize?"+query.Encode(), nil); !shows(page, "login") {
		t.Fatalf("the user need not sign in: %d", page.Status)
	}
	stepped := b.post("/token", exchange("oidc", b.code(query))).must(t)
	if acr := b.claims(stepped.IDToken)["acr"]; acr != "gold" {
		t.Errorf("acr %v", acr)
	}
	if resp, ok := check(stepped.Access, gold); !ok {
		t.Errorf("%v", resp.Header)
	}
	if seen := b.postWith("/introspect", apiAsks, url.Values{"token": {stepped.Access}}); !strings.Contains(string(seen.Body), `"acr":"gold"`) {
		t.Errorf("%s", seen.Body)
	}
	if acr := b.claims(b.refresh("oidc", stepped.Refresh).must(t).IDToken)["acr"]; acr != "gold" {
		t.Errorf("refreshed: %v", acr)
	}
	if page := b.visit("GET", "/authorize?"+with(request("oidc"), "acr_values", "silver").Encode(), nil); shows(page, "login") {
		t.Error("a stronger sign-in is not good enough")
	}
	b.now = b.now.Add(time.Minute + time.Second)
	if _, ok := check(stepped.Access, gold); ok {
		t.Error("a sign-in of long ago is good enough")
	}
	u := location(t, b.visit("GET", "/authorize?"+with(request("oidc"), "acr_values", "platinum").Encode(), nil))
	if u.Query().Get("error") != "unmet_authentication_requirements" {
		t.Error(u)
	}
}
