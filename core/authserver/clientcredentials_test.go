package authserver_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// A4, A7: RFC 6749 section 4.4.
func TestA4ClientCredentials(t *testing.T) {
	for _, row := range []struct {
		name   string
		header http.Header
		form   []string
		status int
		code   string
		scope  string
	}{
		{"all of its scope", basic("service", "svc"), nil, 200, "", "notes.read profile"},
		{"secret in the body", nil, []string{"client_id", "service", "client_secret", "svc"}, 200, "", "notes.read profile"},
		{"narrower scope", basic("service", "svc"), []string{"scope", "profile"}, 200, "", "profile"},
		{"client without scope", basic("api", "api"), nil, 200, "", ""},
		{"A7 scope beyond the client's", basic("service", "svc"), []string{"scope", "email"}, 400, "invalid_scope", ""},
		{"A7 wrong secret", basic("service", "x"), nil, 401, "invalid_client", ""},
		{"A7 no secret", nil, []string{"client_id", "service"}, 401, "invalid_client", ""},
		{"A7 confidential client without the grant", basic("web", webSecret), nil, 400, "unauthorized_client", ""},
		{"A7 public client", nil, []string{"client_id", "spa"}, 400, "unauthorized_client", ""},
		{"A7 public client that a store lets have the grant", nil, []string{"client_id", "careless"}, 400, "unauthorized_client", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := newBench(t, func(c *authserver.Config) { c.Store = carelessStore{c.Store} })
			r := b.postWith("/token", row.header, with(url.Values{"grant_type": {"client_credentials"}}, row.form...))
			if row.status != http.StatusOK {
				r.refused(t, row.status, row.code)
				return
			}
			if r.must(t); r.Scope != row.scope || r.Refresh != "" || r.Type != "Bearer" || r.Expires != 600 {
				t.Errorf("%s", r.Body)
			}
			if token, ok := b.server.Authenticate(b.now, r.Access); !ok || token.User != "" || token.Scope != row.scope {
				t.Errorf("%v %+v", ok, token)
			}
			// It has no user.
			if resp := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + r.Access}}, ""); resp.Status != http.StatusUnauthorized {
				t.Errorf("%d %s", resp.Status, resp.Body)
			}
		})
	}
}

// A6: such a token can be revoked like any other, and nothing else is revoked with it.
func TestA6ClientCredentialsRevocation(t *testing.T) {
	b := newBench(t)
	ask := func() reply {
		return b.postWith("/token", basic("service", "svc"), url.Values{"grant_type": {"client_credentials"}}).must(t)
	}
	first, second := ask(), ask()
	b.postWith("/revoke", basic("service", "svc"), url.Values{"token": {first.Access}})
	if b.works(first.Access) || !b.works(second.Access) {
		t.Error("the wrong token ended")
	}
}

// carelessStore holds a client that Client.Validate refuses.
type carelessStore struct{ authserver.Store }

func (s carelessStore) Client(id string) (authserver.Client, error) {
	if id == "careless" {
		return authserver.Client{ClientID: id, GrantTypes: []string{authserver.GrantClientCredentials}}, nil
	}
	return s.Store.Client(id)
}
