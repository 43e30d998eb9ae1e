package authserver_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

func basic(id, secret string) http.Header {
	value := url.QueryEscape(id) + ":" + url.QueryEscape(secret)
	return http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(value))}}
}

const webSecret = "s3cret+/:é"

// A4
func TestA4AuthorizationCodeGrant(t *testing.T) {
	for _, row := range []struct {
		name   string
		client string
		query  url.Values
		header http.Header
		form   []string // changes to the token request
		scope  string
		fresh  bool
	}{
		{"public client gets all of its scope", "spa", request("spa"), nil, nil, "profile email notes.read", true},
		{"narrower scope", "spa", with(request("spa"), "scope", "email"), nil, nil, "email", true},
		{"client without the refresh grant", "codeonly", request("codeonly"), nil, nil, "profile", false},
		{"secret by Basic, form-encoded", "web", request("web"), basic("web", webSecret), []string{"client_id", ""}, "profile", true},
		{"client_id besides Basic", "web", request("web"), basic("web", webSecret), nil, "profile", true},
		{"secret in the body", "web", request("web"), nil, []string{"client_secret", webSecret}, "profile", true},
		{"no PKCE", "web", with(request("web"), "code_challenge", "", "code_challenge_method", ""), nil,
			[]string{"client_secret", webSecret, "code_verifier", ""}, "profile", true},
		{"redirect URI left out twice", "spa", with(request("spa"), "redirect_uri", ""), nil, []string{"redirect_uri", ""}, "profile email notes.read", true},
		{"redirect URI left out once", "spa", with(request("spa"), "redirect_uri", ""), nil, nil, "profile email notes.read", true},
		{"loopback port", "native", with(request("native"), "redirect_uri", "http://127.0.0.1:5/cb"), nil,
			[]string{"redirect_uri", "http://127.0.0.1:5/cb"}, "profile", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			r := b.postWith("/token", row.header, with(exchange(row.client, b.code(row.query)), row.form...)).must(t)
			if r.Type != "Bearer" || r.Expires != 600 || r.Scope != row.scope || (r.Refresh != "") != row.fresh {
				t.Errorf("%s", r.Body)
			}
			if r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Content-Type") != "application/json" {
				t.Error(r.Header)
			}
			token, ok := b.server.Authenticate(b.now, r.Access)
			if !ok || token.User != "first" || token.ClientID != row.client || token.Scope != row.scope || token.AccessToken != "" {
				t.Errorf("%v %+v", ok, token)
			}
			if b.works(r.Refresh) || b.works("") {
				t.Error("a refresh token passes for an access token")
			}
			if b.now = b.now.Add(10 * time.Minute); b.works(r.Access) {
				t.Error("an access token that does not expire")
			}
		})
	}
}

// A8: plain, if it is switched on, is enforced.
func TestA8ChallengeWithoutMethodIsPlain(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) { c.InsecurePlainPKCE = true })
	q := with(request("spa"), "code_challenge", verifier, "code_challenge_method", "")
	code := b.code(q)
	b.post("/token", with(exchange("spa", code), "code_verifier", "")).refused(t, 400, "invalid_grant")
	b.post("/token", with(exchange("spa", code), "code_verifier", challenge)).refused(t, 400, "invalid_grant")
	b.post("/token", exchange("spa", code)).must(t)
}

// A2, A7, A8
func TestA7TokenErrors(t *testing.T) {
	for _, row := range []struct {
		name   string
		client string
		form   []string // changes to a good token request
		header http.Header
		status int
		code   string
	}{
		{"no grant_type", "spa", []string{"grant_type", ""}, nil, 400, "invalid_request"},
		{"unknown grant_type", "spa", []string{"grant_type", "password"}, nil, 400, "unsupported_grant_type"},
		{"grant the client may not use", "codeonly", []string{"grant_type", "refresh_token", "refresh_token", "x"}, nil, 400, "unauthorized_client"},
		{"no code", "spa", []string{"code", ""}, nil, 400, "invalid_request"},
		{"unknown code", "spa", []string{"code", "x"}, nil, 400, "invalid_grant"},
		{"code of another client", "spa", []string{"client_id", "native"}, nil, 400, "invalid_grant"},
		{"A8 other redirect_uri of the client", "web", []string{"redirect_uri", "https://web.example/other", "client_secret", webSecret}, nil, 400, "invalid_grant"},
		{"A8 no redirect_uri", "spa", []string{"redirect_uri", ""}, nil, 400, "invalid_grant"},
		{"no code_verifier", "spa", []string{"code_verifier", ""}, nil, 400, "invalid_grant"},
		{"wrong code_verifier", "spa", []string{"code_verifier", challenge}, nil, 400, "invalid_grant"},
		{"no refresh_token", "spa", []string{"grant_type", "refresh_token"}, nil, 400, "invalid_request"},
		{"unknown refresh_token", "spa", []string{"grant_type", "refresh_token", "refresh_token", "x"}, nil, 400, "invalid_grant"},
		{"no client", "spa", []string{"client_id", ""}, nil, 401, "invalid_client"},
		{"unknown client", "spa", []string{"client_id", "nobody"}, nil, 401, "invalid_client"},
		{"confidential client without secret", "web", nil, nil, 401, "invalid_client"},
		{"public client with secret", "spa", []string{"client_secret", "x"}, nil, 401, "invalid_client"},
		{"wrong secret in the body", "web", []string{"client_secret", "x"}, nil, 401, "invalid_client"},
		{"wrong secret by Basic", "web", nil, basic("web", "x"), 401, "invalid_client"},
		{"empty secret by Basic", "spa", nil, basic("spa", ""), 401, "invalid_client"},
		{"Basic that is no base64", "web", nil, http.Header{"Authorization": {"Basic %"}}, 401, "invalid_client"},
		{"Basic without a colon", "web", nil, http.Header{"Authorization": {"Basic d2Vi"}}, 401, "invalid_client"},
		{"Basic not form-encoded", "web", nil, http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte("web:%zz"))}}, 401, "invalid_client"},
		{"another scheme", "spa", nil, http.Header{"Authorization": {"Bearer x"}}, 401, "invalid_client"},
		{"Basic for a client of post", "strictpost", nil, basic("strictpost", "p"), 401, "invalid_client"},
		{"post for a client of Basic", "strictbasic", []string{"client_secret", "b"}, nil, 401, "invalid_client"},
		{"two ways to authenticate", "web", []string{"client_secret", webSecret}, basic("web", webSecret), 400, "invalid_request"},
		{"two Authorization headers", "web", nil, http.Header{"Authorization": {"Basic x", "Basic y"}}, 400, "invalid_request"},
		{"another client_id than Basic's", "spa", nil, basic("web", webSecret), 400, "invalid_request"},
		{"no media type", "spa", nil, http.Header{"Content-Type": nil}, 400, "invalid_request"},
		{"JSON", "spa", nil, http.Header{"Content-Type": {"application/json"}}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			good := url.Values{"client_id": {row.client}, "grant_type": {"authorization_code"}}
			if clientHas(row.client, "authorization_code") {
				good = exchange(row.client, b.code(request(row.client)))
			}
			r := b.postWith("/token", row.header, with(good, row.form...))
			r.refused(t, row.status, row.code)
			_, triedBasic := row.header["Authorization"]
			if got := r.Header.Get("WWW-Authenticate"); (got != "") != (triedBasic && row.status == 401) {
				t.Errorf("WWW-Authenticate: %s", got)
			} else if got != "" && got != `Basic realm="`+issuer+`"` {
				t.Error(got)
			}
		})
	}
}

func clientHas(id, grant string) bool {
	for _, c := range clients {
		if c.ClientID == id {
			return c.CheckGrantType(grant)
		}
	}
	return false
}

// A7
func TestA7RequestsThatCannotBeRead(t *testing.T) {
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=UTF-8"}}
	for _, row := range []struct {
		name         string
		method, url  string
		body         string
		status       int
		code, allows string
	}{
		{"A7 method not allowed at the token endpoint", "GET", "/token", "", 405, "invalid_request", "POST"},
		{"A7 method not allowed at the introspection endpoint", "GET", "/introspect", "", 405, "invalid_request", "POST"},
		{"A7 method not allowed at the device authorization endpoint", "GET", "/device_authorization", "", 405, "invalid_request", "POST"},
		{"A7 method not allowed at the verification page", "OPTIONS", "/device", "", 405, "invalid_request", "GET, HEAD, POST"},
		{"A7 method not allowed at the revocation endpoint", "PUT", "/revoke", "", 405, "invalid_request", "POST"},
		{"A7 method not allowed at the metadata", "POST", "/.well-known/oauth-authorization-server", "", 405, "invalid_request", "GET, HEAD"},
		{"A7 method not allowed at the authorization endpoint", "OPTIONS", "/authorize", "", 405, "invalid_request", "GET, HEAD, POST"},
		{"no endpoint", "GET", "/nowhere", "", 404, "invalid_request", ""},
		{"no URL", "GET", "%", "", 400, "invalid_request", ""},
		{"A7 insecure_transport", "POST", "http://login.example/token", "", 400, "insecure_transport", ""},
		{"secure transport", "POST", "https://login.example/token", "", 401, "invalid_client", ""},
		{"parameter twice", "POST", "/token", "client_id=spa&client_id=spa", 400, "invalid_request", ""},
		{"parameter twice, once empty", "POST", "/token", "client_id=spa&scope=&scope=a", 400, "invalid_request", ""},
		{"body that cannot be read", "POST", "/token", "client_id=%zz", 400, "invalid_request", ""},
		{"parameters in the query do not count", "POST", "/token?client_id=spa&grant_type=refresh_token", "", 401, "invalid_client", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := read(t, newBench(t).send(row.method, row.url, form, row.body))
			r.refused(t, row.status, row.code)
			if r.Header.Get("Allow") != row.allows {
				t.Error(r.Header.Get("Allow"))
			}
		})
	}
	t.Run("no time", func(t *testing.T) {
		b := newBench(t)
		b.now = time.Time{}
		read(t, b.send("POST", "/token", form, "")).refused(t, 500, "server_error")
	})
}

// A7: an error of the store becomes one of the protocol, without its text.
func TestA7StoreTroubles(t *testing.T) {
	trouble := errors.New("password of the database is hunter2")
	for _, row := range []struct {
		name   string
		breaks func(*brokenStore)
		status int
		code   string
	}{
		{"client, busy", func(s *brokenStore) { s.client = authserver.ErrUnavailable }, 503, "temporarily_unavailable"},
		{"client", func(s *brokenStore) { s.client = trouble }, 500, "server_error"},
		{"code", func(s *brokenStore) { s.code = trouble }, 500, "server_error"},
		{"token", func(s *brokenStore) { s.token = trouble }, 500, "server_error"},
	} {
		t.Run(row.name, func(t *testing.T) {
			store := &brokenStore{}
			b := newBench(t, func(c *authserver.Config) { store.Store = c.Store; c.Store = store })
			r := b.granted("spa")
			code := b.code(request("spa"))
			row.breaks(store)
			var got reply
			if store.code != nil {
				got = b.post("/token", exchange("spa", code))
			} else {
				got = b.refresh("spa", r.Refresh)
			}
			got.refused(t, row.status, row.code)
			if b.works(r.Access) != (store.token == nil) {
				t.Error("Authenticate")
			}
		})
	}
}

// A2, A8: a code counts once. If it is used again, what it was exchanged for is revoked.
func TestA8CodeReplay(t *testing.T) {
	for _, row := range []struct {
		name    string
		wait    time.Duration
		form    []string // changes to the second request
		revokes bool
	}{
		{"at once", 0, nil, true},
		{"after the code's lifetime", 5 * time.Minute, nil, true},
		{"without what binds it", 0, []string{"code_verifier", challenge}, false},
		{"by another client", 0, []string{"client_id", "native"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			request := exchange("spa", b.code(request("spa")))
			first := b.post("/token", request).must(t)
			second := b.refresh("spa", first.Refresh).must(t)
			b.now = b.now.Add(row.wait)
			b.post("/token", with(request, row.form...)).refused(t, 400, "invalid_grant")
			if b.works(first.Access) == row.revokes || b.works(second.Access) == row.revokes {
				t.Error("access tokens")
			}
			if (b.refresh("spa", second.Refresh).Status == 200) == row.revokes {
				t.Error("refresh token")
			}
			if got := b.server.Stats().CodeReplays; (got == 1) != row.revokes {
				t.Errorf("%d replays", got)
			}
		})
	}
}

// A2
func TestA2CodeExpires(t *testing.T) {
	b := newBench(t)
	code := b.code(request("spa"))
	b.now = b.now.Add(time.Minute)
	b.post("/token", exchange("spa", code)).refused(t, 400, "invalid_grant")
}

// A4: a refresh rotates the token, and the scope can only become smaller (RFC 6749 section 6).
func TestA4RefreshScope(t *testing.T) {
	for _, row := range []struct {
		name, ask, want string // no want: invalid_scope
	}{
		{"none named", "", "profile email notes.read"},
		{"all of it", "profile email notes.read", "profile email notes.read"},
		{"less", "email", "email"},
		{"more", "email notes.write", ""},
		{"something else", "notes.write", ""},
		{"bad grammar", "email  profile", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			first := b.granted("spa")
			r := b.refresh("spa", first.Refresh, "scope", row.ask)
			if row.want == "" {
				r.refused(t, 400, "invalid_scope")
				b.refresh("spa", first.Refresh).must(t) // the refusal used nothing up
				return
			}
			if r.must(t); r.Scope != row.want || r.Refresh == first.Refresh || r.Refresh == "" || r.Access == first.Access {
				t.Errorf("%s", r.Body)
			}
			// The refresh token keeps its scope; the access token has the requested scope.
			if again := b.refresh("spa", r.Refresh).must(t); again.Scope != first.Scope {
				t.Errorf("%s", again.Body)
			}
		})
	}
}

// A3, A4
func TestA4RefreshTokenIsTheClientsAndExpires(t *testing.T) {
	b := newBench(t)
	first := b.granted("spa")
	b.refresh("native", first.Refresh).refused(t, 400, "invalid_grant")
	b.refresh("spa", first.Access).refused(t, 400, "invalid_grant")
	b.now = b.now.Add(authserver.DefaultRefreshTokenLifetime - 1)
	second := b.refresh("spa", first.Refresh).must(t)
	b.now = b.now.Add(authserver.DefaultRefreshTokenLifetime)
	b.refresh("spa", second.Refresh).refused(t, 400, "invalid_grant")
}

// A8
func TestA8RefreshReplay(t *testing.T) {
	for _, row := range []struct {
		name    string
		grace   time.Duration
		wait    time.Duration
		revokes bool
	}{
		{"no grace", 0, 0, true},
		{"within the grace", 10 * time.Second, 10 * time.Second, false},
		{"after the grace", 10 * time.Second, 10*time.Second + 1, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) { c.RotationGrace = row.grace })
			other := b.granted("spa") // another grant, which the replay does not revoke
			first := b.granted("spa")
			second := b.refresh("spa", first.Refresh).must(t)
			b.now = b.now.Add(row.wait)
			again := b.refresh("spa", first.Refresh)
			if row.revokes {
				again.refused(t, 400, "invalid_grant")
				b.refresh("spa", second.Refresh).refused(t, 400, "invalid_grant")
				if b.works(first.Access) || b.works(second.Access) {
					t.Error("an access token outlives its family")
				}
			} else {
				if again.must(t); again.Refresh == second.Refresh {
					t.Error("the same successor twice")
				}
				third := b.refresh("spa", second.Refresh).must(t)
				fourth := b.refresh("spa", again.Refresh).must(t)
				// The grace period counts from the first use. A use after it ends both branches.
				b.now = b.now.Add(1)
				b.refresh("spa", first.Refresh).refused(t, 400, "invalid_grant")
				b.refresh("spa", third.Refresh).refused(t, 400, "invalid_grant")
				b.refresh("spa", fourth.Refresh).refused(t, 400, "invalid_grant")
				if b.works(third.Access) || b.works(fourth.Access) {
					t.Error("an access token outlives its family")
				}
			}
			if !b.works(other.Access) {
				t.Error("another grant is revoked")
			}
			if got := b.server.Stats().RefreshReplays; got != 1 {
				t.Errorf("%d replays", got)
			}
		})
	}
}
