package authserver_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// atOnce posts the same form to the token endpoint 50 times at once, and gives the answers that have a token.
func (b *bench) atOnce(form url.Values) (given []reply) {
	b.t.Helper()
	replies := make([]authserver.Response, 50)
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	var ready, ended sync.WaitGroup
	ready.Add(1)
	for i := range replies {
		ended.Go(func() {
			ready.Wait()
			replies[i] = b.send("POST", "/token", header, form.Encode())
		})
	}
	ready.Done()
	ended.Wait()
	for _, resp := range replies {
		r := read(b.t, resp)
		switch {
		case r.Status == http.StatusOK && r.Access != "":
			given = append(given, r)
		case r.Error != "invalid_grant":
			b.t.Errorf("%d %s", r.Status, r.Body)
		}
	}
	return given
}

// TestRaces: what is good once is good once, 50 times at once too, and that it came again ends what came of it (RFC 6749 section 4.1.2, RFC 9700 section 4.14.2; S119).
func TestRaces(t *testing.T) {
	t.Run("a code", func(t *testing.T) {
		b := newBench(t)
		given := b.atOnce(exchange("spa", b.code(request("spa"))))
		if len(given) != 1 || b.works(given[0].Access) {
			t.Errorf("%d of 50 have a token, and it is still good", len(given))
		}
	})
	t.Run("a refresh token", func(t *testing.T) {
		b := newBench(t)
		first := b.granted("spa")
		given := b.atOnce(url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {first.Refresh}})
		if len(given) != 1 || b.works(given[0].Access) || b.works(first.Access) {
			t.Errorf("%d of 50 have a token, and the grant goes on", len(given))
		}
		b.refresh("spa", given[0].Refresh).refused(t, 400, "invalid_grant")
	})
	t.Run("a code of others", func(t *testing.T) {
		b := newBench(t)
		code := b.code(request("spa"))
		for name, form := range map[string]url.Values{
			"another client":       with(exchange("spa", code), "client_id", "oidc"),
			"another redirect URI": with(exchange("spa", code), "redirect_uri", "https://app.example/cb2"),
			"another verifier":     with(exchange("spa", code), "code_verifier", strings.Repeat("v", 43)),
			"no verifier":          with(exchange("spa", code), "code_verifier", ""),
		} {
			if r := b.post("/token", form); r.Status == http.StatusOK {
				t.Errorf("%s: %s", name, r.Body)
			}
		}
	})
}
