package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// S89: a token never has more than the user was asked for: a resource, an audience or a scope that
// the token request adds is refused or ignored, with every grant (RFC 8707 section 2.2, RFC 6749
// section 6).
func TestS89NothingIsAddedAtTheTokenEndpoint(t *testing.T) {
	narrow := func(query url.Values) url.Values { return with(query, "resource", mail, "scope", "profile") }
	code := func(b *bench) url.Values { return exchange("spa", b.code(narrow(request("spa")))) }
	refresh := func(b *bench) url.Values {
		r := b.post("/token", code(b)).must(b.t)
		return url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {r.Refresh}}
	}
	device := func(b *bench) url.Values {
		d := b.device("tv", "resource", mail, "scope", "profile")
		b.decide(d, "approve")
		return url.Values{"grant_type": {authserver.GrantDeviceCode}, "client_id": {"tv"}, "device_code": {d.DeviceCode}}
	}
	for _, row := range []struct {
		name string
		form func(*bench) url.Values
		more []string
		want string // the error; empty: a token as granted
	}{
		{"code, resource", code, []string{"resource", notes}, "invalid_target"},
		{"code, the issuer as resource", code, []string{"resource", issuer}, "invalid_target"},
		{"code, audience", code, []string{"audience", notes}, ""},
		{"code, scope", code, []string{"scope", "profile email"}, ""},
		{"refresh, resource", refresh, []string{"resource", notes}, "invalid_target"},
		{"refresh, audience", refresh, []string{"audience", notes}, ""},
		{"refresh, scope", refresh, []string{"scope", "profile email"}, "invalid_scope"},
		{"device, resource", device, []string{"resource", notes}, "invalid_target"},
		{"device, audience", device, []string{"audience", notes}, ""},
		{"device, scope", device, []string{"scope", "profile notes.read"}, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, everyGrant)
			r := b.post("/token", with(row.form(b), row.more...))
			if row.want != "" {
				r.refused(t, 400, row.want)
				return
			}
			token, ok := b.server.Authenticate(b.now, r.must(t).Access)
			if !ok || len(token.Resources) != 1 || token.Resources[0] != mail || token.Scope != "profile" {
				t.Errorf("%+v", token)
			}
		})
	}
}

// S89: a device asks the user about its resources and details, as a page does, and keeps them
// across refreshes.
func TestS89DeviceResources(t *testing.T) {
	b := newBench(t, everyGrant, func(c *authserver.Config) { c.AuthorizationDetailsTypes = []string{"payment"} })
	details := `[{"amount":1,"type":"payment"}]`
	d := b.device("tv", "resource", mail, "authorization_details", details)
	page := b.enter(d.UserCode)
	if body := string(page.Body); !strings.Contains(body, mail) || !strings.Contains(body, "payment") {
		t.Errorf("the user is not asked: %s", body)
	}
	b.submit(page, "approve", nil)
	b.poll(d, "authorization_details", `[{"type":"payment","amount":2}]`).refused(t, 400, "invalid_authorization_details")
	r := b.poll(d).must(t)
	for range 2 {
		token, ok := b.server.Authenticate(b.now, r.Access)
		if !ok || len(token.Resources) != 1 || token.Resources[0] != mail || token.AuthorizationDetails != details {
			t.Errorf("%+v", token)
		}
		r = b.refresh("tv", r.Refresh).must(t)
	}
	b.refresh("tv", r.Refresh, "resource", notes).refused(t, 400, "invalid_target")
	refused := b.post("/device_authorization", url.Values{"client_id": {"tv"}, "resource": {"https://evil.example"}})
	refused.refused(t, 400, "invalid_target")
}

// S90: introspection and userinfo reveal nothing about a token for another resource, whoever
// received it (RFC 7662 section 4, RFC 8707 section 2).
func TestS90OnlyTheAudienceSees(t *testing.T) {
	b := newBench(t, everyGrant)
	for _, row := range []struct {
		name     string
		resource string
		client   http.Header
		active   bool
	}{
		{"its resource server", notes, basic("api", "api"), true},
		{"another resource server", mail, basic("api", "api"), false},
		{"another resource server, which may exchange for it", notes, basic("downstream", "down"), false},
		{"a token for any resource", "", basic("api", "api"), true},
		{"no resource server", notes, basic("web", webSecret), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			token := b.post("/token", exchange("spa", b.code(with(request("spa"), "resource", row.resource)))).must(t)
			seen := b.postWith("/introspect", row.client, url.Values{"token": {token.Access}})
			var answer map[string]any
			if err := json.Unmarshal(seen.Body, &answer); err != nil || answer["active"] != row.active || !row.active && len(answer) != 1 {
				t.Errorf("%s", seen.Body)
			}
			want := 401
			if row.resource == "" {
				want = 200
			}
			if resp := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + token.Access}}, ""); resp.Status != want {
				t.Errorf("userinfo: %d", resp.Status)
			}
		})
	}
}

// S90: a client that anybody may register has no grant with which it gets tokens of users who were
// not asked, and no rights of a resource server (RFC 7591 section 5).
func TestS90OpenRegistrationHasUsersAsked(t *testing.T) {
	b := newBench(t, everyGrant, func(c *authserver.Config) { c.InsecureOpenRegistration = true })
	for _, grant := range []string{authserver.GrantPassword, authserver.GrantJWTBearer, authserver.GrantTokenExchange} {
		b.register("", `{"redirect_uris":["https://new.example/cb"],"grant_types":["`+grant+`"]}`).refused(t, 400, "invalid_client_metadata")
	}
	r := b.register("", `{"redirect_uris":["https://new.example/cb"],"resource_server":true,"exchange_targets":["`+notes+`"]}`)
	var made struct {
		ID string `json:"client_id"`
	}
	if err := json.Unmarshal(r.Body, &made); err != nil || r.Status != 201 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	if c, err := b.store.Client(made.ID); err != nil || c.ResourceServer || len(c.ExchangeTargets) != 0 {
		t.Errorf("%+v %v", c, err)
	}
}

// S90: another server's assertion is valid for its user, once, until it expires, and within what
// the client may ask for.
func TestS90AssertionsStayWithinTheClient(t *testing.T) {
	b := newBench(t, everyGrant)
	form := func(id string, more ...string) url.Values {
		assertion := signWith(t, "ES256", clientKey, "JWT", false, b.assertion("", id, "iss", "https://other.example", "sub", "u-1"))
		return with(url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {assertion}}, more...)
	}
	b.postWith("/token", trusted, form("1", "resource", "https://evil.example")).refused(t, 400, "invalid_target")
	b.postWith("/token", trusted, form("1", "scope", "notes.read")).refused(t, 400, "invalid_scope")
	b.postWith("/token", trusted, form("1")).must(t)
	b.now = b.now.Add(2 * time.Second)
	b.postWith("/token", trusted, form("1")).refused(t, 400, "invalid_grant")
}
