package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"strings"
	"testing"
)

// TestKeptOfAnAnswer (S15): what a session stores of token answers is limited. Below the limits all
// of it is stored. Above one the command fails, nothing is stored, and the session stays unchanged.
func TestKeptOfAnAnswer(t *testing.T) {
	of := func(n int, piece string) string { return strings.Repeat(piece, n/len(piece)) }
	for _, row := range []struct {
		name, members string
		large         bool
	}{
		{"many small members", `,"x":[` + of(15<<10, "1,") + `1]`, false},
		{"a member above the bound", `,"x":[` + of(17<<10, "1,") + `1]`, true},
		{"escapes, as they are stored", `,"x":["` + of(17<<10, `\n`) + `"]`, true},
		{"members above it together", `,"x":"` + of(9<<10, "x") + `","y":"` + of(9<<10, "y") + `"`, true},
		{"a long name", `,"` + of(17<<10, "x") + `":0`, true},
		{"30 levels", `,"x":` + of(30, "[") + of(30, "]"), false},
		{"31 levels", `,"x":` + of(31, "[") + of(31, "]"), true},
		{"a refresh token of 150 KiB", `,"refresh_token":"` + of(150<<10, "r") + `"`, false},
		{"a refresh token above the bound", `,"refresh_token":"` + of(200<<10, "r") + `"`, true},
		{"a scope above it", `,"scope":"` + of(200<<10, "a ") + `a"`, true},
		{"tokens above it together", `,"refresh_token":"` + of(100<<10, "r") + `","scope":"` + of(100<<10, "a ") + `a"`, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.tokenServer()
			s.open(conf)
			s.signIn()
			before := s.store["oauth2.session"]
			s.server = func(m msg) reply {
				return jsonReply(200, `{"access_token":"new","token_type":"Bearer"`+row.members+`}`)
			}
			r := s.do("exchange", `"code":"c"`)
			if got := r.Str("error", "code") == "too_large" && r.Str("error", "kind") == "server"; got != row.large {
				t.Fatalf("too large: %t, %.200s", got, r.Raw)
			}
			if row.large && s.store["oauth2.session"] != before {
				t.Errorf("stored: %.200s", s.store["oauth2.session"])
			}
			want := "new"
			if row.large {
				want = "access-1"
			}
			if got := s.ok("token").Str("ok", "access_token"); got != want {
				t.Errorf("the session has %s", got)
			}
		})
	}
}

// TestRefreshAnswerTooLarge (S15): if the rest of an answer is too large, its refresh token is
// kept, because the old one is used up.
func TestRefreshAnswerTooLarge(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.server = func(m msg) reply {
		return jsonReply(200, `{"access_token":"new","token_type":"Bearer","refresh_token":"successor","x":"`+strings.Repeat("x", 17<<10)+`"}`)
	}
	s.fails("server", "too_large", "refresh")
	if !strings.Contains(s.store["oauth2.session"], `"refresh_token":"successor"`) {
		t.Errorf("stored: %.300s", s.store["oauth2.session"])
	}
}

// TestAnswerLongerThanAsked (S16): a body beyond max_body is too large, even if the host lets it
// through.
func TestAnswerLongerThanAsked(t *testing.T) {
	for stage, most := range map[string]int{"token": wire.MaxBody, "discovery": wire.MaxDocument} {
		s := quietScene(t)
		s.open(with(`{"discovery":true,"token_endpoint":null}`))
		s.server = func(m msg) reply {
			if m.Str("stage") == stage {
				return jsonReply(200, `{"x":"`+strings.Repeat("x", most)+`"}`)
			}
			return jsonReply(200, `{"issuer":"https://as.example","token_endpoint":"https://as.example/token"}`)
		}
		s.fails("server", "too_large", "exchange", `"code":"c"`)
	}
}

// TestParametersAreCounted (S17): more than 256 parameters are refused, wherever they come from.
func TestParametersAreCounted(t *testing.T) {
	list := func(n int) string { return `"parameters":[["code","c"]` + strings.Repeat(`,["a","b"]`, n-1) + `]` }
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.fails("callback_not_verified", "missing_state", "callback", list(256))
	s.fails("callback_not_verified", "unreadable", "callback", list(257))
	s.fails("callback_not_verified", "missing_state", "callback", `"url":"https://client.example/cb?`+strings.Repeat("a&", 256)+`"`)
	s.fails("callback_not_verified", "unreadable", "callback", `"url":"https://client.example/cb?`+strings.Repeat("a&", 257)+`"`)
	s.fails("client", "bad_value", "authorize", list(257))
	s.server = func(msg) reply { return reply{status: 200, ctype: "text/plain", body: strings.Repeat("a&", 257)} }
	s.fails("server", "bad_form", "exchange", `"code":"c"`)
	if r := s.open(with(`{"` + list(257)[1:] + `}`)); r.Str("error", "field") != "parameters" {
		t.Error(r.Raw)
	}
	if r := s.open(with(`{"resource":["https://a.example"` + strings.Repeat(`,"https://a.example"`, 256) + `]}`)); r.Str("error", "field") != "resource" {
		t.Error(r.Raw)
	}
}

// TestSecretInALongError (S18): a long secret is recognized by its beginning, in a text of any
// length.
func TestSecretInALongError(t *testing.T) {
	secret := strings.Repeat("s", 40) + strings.Repeat("e", 4000)
	s := quietScene(t)
	s.server = func(msg) reply {
		return jsonReply(400, `{"error":"invalid_request","error_description":"`+strings.Repeat("x", 490)+secret[:100]+`"}`)
	}
	s.open(with(`{"client_secret":"` + secret + `"}`))
	if r := s.fails("server", "oauth_error", "exchange", `"code":"c"`); r.Str("error", "error_description") != "(redacted)" {
		t.Error(r.Raw)
	}
}
