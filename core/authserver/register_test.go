package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func (b *bench) register(token, body string) reply {
	b.t.Helper()
	h := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	return read(b.t, b.send("POST", "/register", h, body))
}

// A1: RFC 7591 section 3: a client that registered itself works like any other.
func TestA1Registration(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.InsecureOpenRegistration = true })
	type answer struct {
		ID       string `json:"client_id"`
		Secret   string `json:"client_secret"`
		IssuedAt int64  `json:"client_id_issued_at"`
		Expires  *int64 `json:"client_secret_expires_at"`
		Method   string `json:"token_endpoint_auth_method"`
		Scope    string
	}
	read := func(r reply) (a answer) {
		t.Helper()
		if err := json.Unmarshal(r.Body, &a); err != nil || r.Status != http.StatusCreated {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		return a
	}
	public := read(b.register("", `{"redirect_uris":["https://new.example/cb"],"token_endpoint_auth_method":"none","client_name":"New <one>",
		"grant_types":["authorization_code","refresh_token"],"scope":"profile"}`))
	if public.Secret != "" || public.Expires != nil || public.IssuedAt != b.now.Unix() || public.Method != "none" || public.Scope != "profile" {
		t.Errorf("%+v", public)
	}
	query := with(request("spa"), "client_id", public.ID, "redirect_uri", "https://new.example/cb")
	b.code(query)
	if page := b.visit("GET", "/authorize?"+query.Encode(), nil); !strings.Contains(string(page.Body), "New &lt;one&gt;") {
		t.Errorf("%s", page.Body)
	}
	token := b.post("/token", with(exchange(public.ID, b.code(query)), "redirect_uri", "https://new.example/cb")).must(t)
	if token.Refresh == "" || token.Scope != "profile" {
		t.Errorf("%s", token.Body)
	}

	standard := read(b.register("", `{"redirect_uris":["https://new.example/cb"]}`))
	if standard.Secret == "" || standard.Expires == nil || *standard.Expires != 0 || standard.Method != "client_secret_basic" || standard.ID == public.ID {
		t.Errorf("%+v", standard)
	}
	b.postWith("/token", basic(standard.ID, standard.Secret), url.Values{"grant_type": {"refresh_token"}}).refused(t, 400, "unauthorized_client")

	keys, err := json.Marshal(clientKeys)
	if err != nil {
		t.Fatal(err)
	}
	keyed := read(b.register("", `{"token_endpoint_auth_method":"private_key_jwt","grant_types":["client_credentials"],"scope":"profile","jwks":`+string(keys)+`}`))
	if keyed.Secret != "" {
		t.Errorf("%+v", keyed)
	}
	b.post("/token", asserting(url.Values{"grant_type": {"client_credentials"}}, signWith(t, "ES256", clientKey, "JWT", false, b.assertion(keyed.ID, "1")))).must(t)
}

// A1, A7: RFC 7591 section 3.2.2.
func TestA7RegistrationErrors(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.RegistrationToken = "sesame" })
	const good = `"redirect_uris":["https://new.example/cb"]`
	b.register("", "{"+good+"}").refused(t, 401, "invalid_token")
	b.register("other", "{"+good+"}").refused(t, 401, "invalid_token")
	if r := b.register("sesame", "{"+good+"}"); r.Status != http.StatusCreated {
		t.Errorf("%d %s", r.Status, r.Body)
	}
	for _, row := range []struct{ name, body, want string }{
		{"no JSON", "x", "invalid_client_metadata"},
		{"another type", `{"redirect_uris":"x"}`, "invalid_client_metadata"},
		{"no redirect URI", `{}`, "invalid_redirect_uri"},
		{"script", `{"redirect_uris":["javascript:alert(1)"]}`, "invalid_redirect_uri"},
		{"http beyond loopback", `{"redirect_uris":["http://new.example/cb"]}`, "invalid_redirect_uri"},
		{"keys to fetch", `{` + good + `,"jwks_uri":"https://new.example/jwks"}`, "invalid_client_metadata"},
		{"unknown method", `{` + good + `,"token_endpoint_auth_method":"x"}`, "invalid_client_metadata"},
		{"method without keys", `{` + good + `,"token_endpoint_auth_method":"private_key_jwt"}`, "invalid_client_metadata"},
		{"certificates where there are none", `{` + good + `,"tls_client_certificate_bound_access_tokens":true}`, "invalid_client_metadata"},
		{"grant that is switched off", `{` + good + `,"grant_types":["password"]}`, "invalid_client_metadata"},
		{"response type that is switched off", `{` + good + `,"response_types":["token"]}`, "invalid_client_metadata"},
		{"public client of its own account", `{` + good + `,"token_endpoint_auth_method":"none","grant_types":["client_credentials"]}`, "invalid_client_metadata"},
		{"unknown scope", `{` + good + `,"scope":"everything"}`, "invalid_client_metadata"},
		{"unknown algorithm", `{` + good + `,"userinfo_signed_response_alg":"none"}`, "invalid_client_metadata"},
	} {
		t.Run(row.name, func(t *testing.T) { b.register("sesame", row.body).refused(t, 400, row.want) })
	}
	off := newBench(t)
	if resp := off.send("POST", "/register", http.Header{"Content-Type": {"application/json"}}, "{"+good+"}"); resp.Status != http.StatusNotFound {
		t.Errorf("switched off: %d", resp.Status)
	}
	for b, want := range map[*bench]bool{b: true, off: false} {
		if got := strings.Contains(string(b.send("GET", "/.well-known/openid-configuration", nil, "").Body), `"registration_endpoint"`); got != want {
			t.Errorf("in the metadata: %v", got)
		}
	}
}

// M143: a client that anybody may register can ask users for more than it registered for, as MCP
// clients do when they step up. Without a user, or if registration requires a token, it is limited
// to what it registered for.
func TestM143StepUpBeyondRegistration(t *testing.T) {
	const metadata = `{"redirect_uris":["https://new.example/cb"],"scope":"profile","grant_types":["authorization_code","client_credentials","` + authserver.GrantDeviceCode + `"]}`
	for _, row := range []struct {
		name   string
		token  string
		change func(*authserver.Config)
		more   bool
	}{
		{"open registration", "", func(c *authserver.Config) { c.InsecureOpenRegistration = true }, true},
		{"registration with a token", "x", func(c *authserver.Config) { c.RegistrationToken = "x" }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, row.change)
			var made struct {
				ID     string `json:"client_id"`
				Secret string `json:"client_secret"`
				Scope  string `json:"scope"`
			}
			if r := b.register(row.token, metadata); json.Unmarshal(r.Body, &made) != nil || made.Scope != "profile" {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			ask := func(scope string) url.Values {
				return b.approve(with(request("spa"), "client_id", made.ID, "redirect_uri", "https://new.example/cb", "scope", scope)).Query()
			}
			device := func(scope string) int {
				return b.postWith("/device_authorization", basic(made.ID, made.Secret), url.Values{"scope": {scope}}).Status
			}
			own := func(scope string) int {
				return b.postWith("/token", basic(made.ID, made.Secret), url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}).Status
			}
			if q := ask("profile"); q.Get("code") == "" {
				t.Errorf("%v", q)
			}
			form := with(exchange("spa", ask("").Get("code")), "client_id", "", "redirect_uri", "https://new.example/cb")
			if r := b.postWith("/token", basic(made.ID, made.Secret), form).must(t); r.Scope != "profile" {
				t.Errorf("asked for nothing: %q", r.Scope)
			}
			want := map[bool]int{true: 200, false: 400}[row.more]
			if got := device("profile notes.read"); got != want || own("notes.read") != 400 || own("profile") != 200 || device("unheard-of") != 400 {
				t.Errorf("device: %d", got)
			}
			if row.more {
				if q := ask("profile notes.read"); q.Get("code") == "" {
					t.Errorf("%v", q)
				}
				return
			}
			query := with(request("spa"), "client_id", made.ID, "redirect_uri", "https://new.example/cb", "scope", "profile notes.read")
			if q := location(t, b.visit("GET", "/authorize?"+query.Encode(), nil)).Query(); q.Get("error") != "invalid_scope" {
				t.Errorf("%v", q)
			}
		})
	}
}
