package authserver_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

var (
	apiAsks = basic("api", "api")
	webAsks = basic("web", webSecret)
)

// A6: RFC 7662 section 2.2.
func TestA6Introspection(t *testing.T) {
	web := func(b *bench) reply {
		return b.post("/token", with(exchange("web", b.code(request("web"))), "client_secret", webSecret)).must(t)
	}
	access := func(b *bench) string { return web(b).Access }
	seconds := float64(start.Unix())
	active := map[string]any{
		"active": true, "scope": "profile", "client_id": "web", "username": "first", "token_type": "Bearer",
		"exp": seconds + 600, "iat": seconds, "sub": "u-1", "iss": issuer, "auth_time": seconds,
	}
	but := func(name string, value any) map[string]any {
		m := maps.Clone(active)
		if m[name] = value; value == nil {
			delete(m, name)
		}
		return m
	}
	inactive := map[string]any{"active": false}
	refresh := but("token_type", nil)
	delete(refresh, "auth_time")
	refresh["exp"] = seconds + authserver.DefaultRefreshTokenLifetime.Seconds()
	graced := func(c *authserver.Config) { c.RotationGrace = time.Minute }
	rotated := func(b *bench) string {
		r := web(b)
		b.refresh("web", r.Refresh, "client_secret", webSecret).must(t)
		return r.Refresh
	}
	for _, row := range []struct {
		name   string
		change func(*authserver.Config)
		asks   http.Header
		hint   string
		token  func(*bench) string
		want   map[string]any
	}{
		{"own access token", nil, webAsks, "", access, active},
		{"hint", nil, webAsks, "access_token", access, active},
		{"wrong hint", nil, webAsks, "refresh_token", access, active},
		{"unknown hint", nil, webAsks, "x", access, active},
		{"own refresh token", nil, webAsks, "refresh_token", func(b *bench) string { return web(b).Refresh }, refresh},
		{"rotated refresh token", nil, webAsks, "", rotated, inactive},
		{"rotated refresh token within the grace", graced, webAsks, "", func(b *bench) string {
			token := rotated(b)
			b.now = b.now.Add(time.Minute)
			return token
		}, refresh},
		{"rotated refresh token after the grace", graced, webAsks, "", func(b *bench) string {
			token := rotated(b)
			b.now = b.now.Add(time.Minute + 1)
			return token
		}, inactive},
		{"refresh token keeps its scope", nil, webAsks, "", func(b *bench) string {
			return b.post("/token", with(exchange("web", b.code(with(request("web"), "scope", "profile"))), "client_secret", webSecret)).must(t).Refresh
		}, refresh},
		{"access token at the resource server", nil, apiAsks, "", access, active},
		{"refresh token at the resource server", nil, apiAsks, "", func(b *bench) string { return web(b).Refresh }, inactive},
		{"access token of a user without a subject", nil, apiAsks, "", func(b *bench) string {
			page := b.submit(b.visit("GET", "/authorize?"+request("web").Encode(), nil), "sign-in", url.Values{"username": {"second"}, "password": {"two"}})
			u := location(t, b.submit(b.visit("GET", page.Header.Get("Location"), nil), "approve", nil))
			return b.post("/token", with(exchange("web", u.Query().Get("code")), "client_secret", webSecret)).must(t).Access
		}, func() map[string]any { m := but("sub", "second"); m["username"] = "second"; return m }()},
		{"A4 token of a client that acts for itself", nil, apiAsks, "", func(b *bench) string {
			return b.postWith("/token", basic("service", "svc"), url.Values{"grant_type": {"client_credentials"}}).must(t).Access
		}, map[string]any{"active": true, "scope": "notes.read profile", "client_id": "service", "token_type": "Bearer", "exp": seconds + 600, "iat": seconds, "iss": issuer}},
		{"A4 token of a device", nil, apiAsks, "", func(b *bench) string {
			d := b.device("radio")
			b.decide(d, "approve")
			return b.poll(d).must(t).Access
		}, func() map[string]any { m := but("auth_time", nil); m["client_id"] = "radio"; return m }()},
		{"access token of another client", nil, basic("service", "svc"), "", access, inactive},
		{"refresh token of another client", nil, basic("service", "svc"), "", func(b *bench) string { return web(b).Refresh }, inactive},
		{"unknown token", nil, apiAsks, "", func(*bench) string { return "x" }, inactive},
		{"code", nil, webAsks, "", func(b *bench) string { return b.code(request("web")) }, inactive},
		{"expired access token", nil, apiAsks, "", func(b *bench) string {
			token := access(b)
			b.now = b.now.Add(10 * time.Minute)
			return token
		}, inactive},
		{"expired refresh token", nil, webAsks, "", func(b *bench) string {
			token := web(b).Refresh
			b.now = b.now.Add(authserver.DefaultRefreshTokenLifetime)
			return token
		}, inactive},
		{"revoked access token", nil, apiAsks, "", func(b *bench) string {
			token := access(b)
			b.postWith("/revoke", webAsks, url.Values{"token": {token}})
			return token
		}, inactive},
		{"access token of a revoked grant", nil, apiAsks, "", func(b *bench) string {
			r := web(b)
			b.postWith("/revoke", webAsks, url.Values{"token": {r.Refresh}})
			return r.Access
		}, inactive},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			if row.change != nil {
				b = newBench(t, row.change)
			}
			r := b.postWith("/introspect", row.asks, with(url.Values{"token": {row.token(b)}}, "token_type_hint", row.hint))
			var got map[string]any
			if err := json.Unmarshal(r.Body, &got); err != nil || r.Status != http.StatusOK || r.Header.Get("Cache-Control") != "no-store" {
				t.Fatal(r.Status, r.Header, err)
			}
			if !reflect.DeepEqual(got, row.want) {
				t.Errorf("got %v\nwant %v", got, row.want)
			}
		})
	}
}

// A6, A7: RFC 7662 sections 2.1 and 2.3.
func TestA6IntrospectionRefuses(t *testing.T) {
	for _, row := range []struct {
		name   string
		header http.Header
		form   url.Values
		status int
		code   string
	}{
		{"public client", nil, url.Values{"client_id": {"spa"}, "token": {"x"}}, 401, "invalid_client"},
		{"no client", nil, url.Values{"token": {"x"}}, 401, "invalid_client"},
		{"wrong secret", basic("api", "x"), url.Values{"token": {"x"}}, 401, "invalid_client"},
		{"access token instead of client authentication", http.Header{"Authorization": {"Bearer x"}}, url.Values{"token": {"x"}}, 401, "invalid_client"},
		{"confidential client without secret", nil, url.Values{"client_id": {"api"}, "token": {"x"}}, 401, "invalid_client"},
		{"no token", apiAsks, nil, 400, "invalid_request"},
		{"token twice", apiAsks, url.Values{"token": {"x", "y"}}, 400, "invalid_request"},
		{"media type", http.Header{"Content-Type": {"application/json"}}, url.Values{"token": {"x"}}, 400, "invalid_request"},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := newBench(t).postWith("/introspect", row.header, row.form)
			r.refused(t, row.status, row.code)
			if (r.Header.Get("WWW-Authenticate") != "") != (row.status == 401 && row.header != nil) {
				t.Error(r.Header)
			}
		})
	}
	t.Run("secret in the body", func(t *testing.T) {
		if r := newBench(t).post("/introspect", url.Values{"client_id": {"api"}, "client_secret": {"api"}, "token": {"x"}}); r.Status != 200 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
	})
	t.Run("A7 store busy", func(t *testing.T) {
		b := newBench(t, func(c *authserver.Config) { c.Store = brokenStore{Store: c.Store, token: authserver.ErrUnavailable} })
		b.postWith("/introspect", apiAsks, url.Values{"token": {"x"}}).refused(t, 503, "temporarily_unavailable")
	})
}
