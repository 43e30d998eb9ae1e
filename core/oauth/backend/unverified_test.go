package backend_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// E65: additional parameters of a sign-in, listed by name, are handed to the page once, and are
// sealed until then.
func TestUnverifiedOnce(t *testing.T) {
	s := newSite(t, func(s *site, _ *authserver.Config, _ *authserver.Client) {
		s.config.Client.CallbackParameters = []string{"user"}
	})
	b := s.browser()
	back := b.approve("/auth/login")
	res, body := b.do(b.request("GET", back+"&other=1&user="+url.QueryEscape(`{"name":"Zoë"}`), nil))
	s.want(res, body, 303, "")
	res, body = b.call("GET", "/auth/session", nil)
	s.want(res, body, 200, `"unverified":{"user":"{\"name\":\"Zoë\"}"}`)
	res, body = b.call("GET", "/auth/session", nil)
	if s.want(res, body, 200, `"sub":"demo"`); strings.Contains(body, "unverified") {
		t.Error(body)
	}
}
