package authserver_test

import (
	"net/http"
	"net/url"
	"testing"
)

// A6
func TestA6Revocation(t *testing.T) {
	for _, row := range []struct {
		name   string
		client string
		token  func(reply) string
		form   []string
		header http.Header
		status int
		code   string
		// access and refresh say which token still works.
		access, refresh bool
	}{
		{"access token", "spa", func(r reply) string { return r.Access }, nil, nil, 200, "", false, true},
		{"refresh token takes the access token along", "spa", func(r reply) string { return r.Refresh }, nil, nil, 200, "", false, false},
		{"wrong hint", "spa", func(r reply) string { return r.Access }, []string{"token_type_hint", "refresh_token"}, nil, 200, "", false, true},
		{"unknown hint", "spa", func(r reply) string { return r.Refresh }, []string{"token_type_hint", "x"}, nil, 200, "", false, false},
		{"unknown token", "spa", func(reply) string { return "x" }, nil, nil, 200, "", true, true},
		{"by Basic", "web", func(r reply) string { return r.Refresh }, []string{"client_id", ""}, basic("web", webSecret), 200, "", false, false},
		{"by body", "web", func(r reply) string { return r.Refresh }, []string{"client_secret", webSecret}, nil, 200, "", false, false},
		{"A7 wrong secret", "web", func(r reply) string { return r.Refresh }, nil, basic("web", "x"), 401, "invalid_client", true, true},
		{"A7 no secret", "web", func(r reply) string { return r.Refresh }, nil, nil, 401, "invalid_client", true, true},
		{"A7 token of another client", "spa", func(r reply) string { return r.Refresh }, []string{"client_id", "native"}, nil, 400, "invalid_grant", true, true},
		{"A7 no token", "spa", func(reply) string { return "" }, nil, nil, 400, "invalid_request", true, true},
		{"A7 media type", "spa", func(r reply) string { return r.Refresh }, nil, http.Header{"Content-Type": {"text/plain"}}, 400, "invalid_request", true, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t)
			secret := []string{}
			if row.client == "web" {
				secret = []string{"client_secret", webSecret}
			}
			granted := b.post("/token", with(exchange(row.client, b.code(request(row.client))), secret...)).must(t)
			form := with(url.Values{"client_id": {row.client}, "token": {row.token(granted)}}, row.form...)
			for range 2 { // a second time has the same result
				r := b.postWith("/revoke", row.header, form)
				if r.Status != row.status || r.Error != row.code {
					t.Errorf("%d %s", r.Status, r.Body)
				}
			}
			if b.works(granted.Access) != row.access {
				t.Error("access token")
			}
			if (b.refresh(row.client, granted.Refresh, secret...).Status == 200) != row.refresh {
				t.Error("refresh token")
			}
		})
	}
}

// A7
func TestA7UnsupportedTokenType(t *testing.T) {
	b := newBench(t)
	code := b.code(request("spa"))
	b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {code}}).refused(t, 400, "unsupported_token_type")
	if r := b.post("/revoke", url.Values{"client_id": {"native"}, "token": {code}}); r.Status != 200 {
		t.Errorf("another client learns of the code: %d %s", r.Status, r.Body)
	}
	b.post("/token", exchange("spa", code)).must(t)
}

func TestStats(t *testing.T) {
	b := newBench(t)
	r := b.refresh("spa", b.granted("spa").Refresh)
	b.refresh("spa", "x")
	b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {r.Access}})
	b.post("/revoke", url.Values{"client_id": {"spa"}, "token": {"x"}})
	got := b.server.Stats()
	if got.TokenRequests["authorization_code"] != 1 || got.TokenRequests["refresh_token"] != 2 || got.Revocations != 1 || got.RefreshReplays+got.CodeReplays != 0 {
		t.Errorf("%+v", got)
	}
}
