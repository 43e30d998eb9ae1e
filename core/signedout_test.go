package core

import (
	"strings"
	"testing"
)

// TestScenarioSignOutDuringSignIn (E137): whoever signs out stays signed out, whatever was under
// way. What came later counts.
func TestScenarioSignOutDuringSignIn(t *testing.T) {
	s := newScene(t, "A sign-in that is under way when the user signs out: its tokens are revoked, its command fails with signed_out, and nobody is signed in. A later sign-in counts.",
		"E137")
	s.open(with())
	u := s.authorize()
	s.signOutDuring("callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
	s.signOutDuring("exchange", `"code":"SplxlOBeZQQYbYS6WxSbIA"`)
	s.tokenServer()
	s.signIn()
	if got := s.ok("status").Str("ok", "status"); got != "granted" {
		t.Error("a sign-in after the sign-out:", got)
	}
}

// TestScenarioSignOutDuringGrant (E137): the same for a grant without a user.
func TestScenarioSignOutDuringGrant(t *testing.T) {
	s := newScene(t, "A grant of the client itself that is under way when log_out comes: its token is revoked, and the session stays empty.", "E137")
	s.open(with(`{"client_secret":"sec"}`))
	s.signOutDuring("client_credentials")
}

// signOutDuring begins a sign-in, signs out while the server answers, and checks what is left.
func (s *scene) signOutDuring(name string, params ...string) {
	s.t.Helper()
	s.server = nil
	id, left := s.start(name, params...)
	s.ok("log_out")
	revoked := ""
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/revoke") {
			revoked += m.Raw
			return reply{status: 200}
		}
		return jsonReply(200, `{"access_token":"access-late","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-late"}`)
	}
	var results []msg
	for _, m := range left {
		if m.Str("kind") == "http" {
			results = append(results, s.settle(s.answer(m, s.server(m).member()))...)
		}
	}
	if r := s.resultOf(id, results); r.Str("error", "code") != "signed_out" {
		s.t.Errorf("%s: %s", name, r.Raw)
	}
	if !strings.Contains(revoked, "refresh-late") {
		s.t.Errorf("%s: its tokens are not revoked: %q", name, revoked)
	}
	if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" || s.store["oauth2.session"] != "" {
		s.t.Errorf("%s: signed in again after log_out: %s %v", name, r.Raw, s.store)
	}
}
