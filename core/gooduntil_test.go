package core

import (
	"fmt"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// goodUntil returns until when a host may cache a result; 0: not at all.
func goodUntil(m msg) (until int64) {
	ok, _ := m.M["ok"].(map[string]any)
	fmt.Sscan(fmt.Sprint(ok["good_until"]), &until)
	return until
}

// TestScenarioGoodUntil: an answer says until when it may be cached: until the next look, or the
// time of the refresh (E100).
func TestScenarioGoodUntil(t *testing.T) {
	s := newScene(t, "The answers to token and prepare say until when they may be held: to the next look at the store, or to the refresh, whichever comes first.", "E100")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	for _, wait := range []int64{0, 400, 599, 1, 3_588_000, 999} {
		s.now += wait
		s.ok("token")
		s.ok("prepare", `"url":"https://api.example/v1/x"`)
	}
	s.wantSent(1)
	s.now += 2
	s.ok("token")
	s.wantSent(2)
}

// TestGoodUntil: up to the millisecond before good_until the same command has the same answer and
// no other effect; then it reads or sends something (E100).
func TestGoodUntil(t *testing.T) {
	const never = link.MaxTime
	for _, row := range []struct {
		name     string
		answer   string // of the token endpoint, in addition to the access token
		notified bool
		config   string
		wait     int64 // after the sign-in
		set      func(s *scene)
		want     int64 // from the time of the command
		early    bool  // it could be cached for longer
	}{
		{name: "the next look", answer: `"expires_in":3600`, wait: 300, want: 700},
		{name: "a look that is due", answer: `"expires_in":3600`, wait: 1_000, want: 1_000},
		{name: "the refresh comes first", answer: `"expires_in":3600`, wait: 3_589_500, want: 500},
		{name: "a short life", answer: `"expires_in":1`, wait: 10, want: 740},
		{name: "told of changes", answer: `"expires_in":3600`, notified: true, wait: 10_000, want: 3_580_000},
		{name: "told, and no end", answer: `"scope":"a"`, notified: true, wait: 10_000, want: never},
		{name: "no end", answer: `"scope":"a"`, wait: 200, want: 800},
		{name: "another skew", answer: `"expires_in":3600`, notified: true, config: `{"clock_skew_ms":60000}`, wait: 0, want: 3_540_000},
		{name: "a clock set back a little", answer: `"expires_in":3600`, notified: true, wait: -5_000, want: 3_590_000, early: true},
		{name: "a look that failed", answer: `"expires_in":3600`, wait: 1_500, set: func(s *scene) { s.broken = 1 }, want: 1_000},
	} {
		for _, command := range []string{"token", "prepare"} {
			name := row.name + ", " + command
			s := quietScene(t)
			s.server = func(msg) reply {
				return jsonReply(200, `{"access_token":"a","token_type":"Bearer","refresh_token":"r",`+row.answer+`}`)
			}
			config := conf
			if row.config != "" {
				config = with(row.config)
			}
			s.open(config, fmt.Sprintf(`"notified":%t`, row.notified))
			s.signIn()
			s.now += row.wait
			if row.set != nil {
				row.set(s)
			}
			ask := func() msg { return s.ok(command, `"url":"https://api.example/v1/x"`) }
			until := goodUntil(ask())
			if want := row.want + s.now; row.want == never && until != never || row.want != never && until != want {
				t.Errorf("%s: good until %d, want %d", name, until-s.now, row.want)
			}
			if until == never {
				continue
			}
			from := len(s.rec.Lines)
			for _, now := range []int64{s.now, (s.now + until) / 2, until - 1} {
				s.now = now
				if ask(); len(s.rec.Lines) != from+2 {
					t.Errorf("%s: effects %d ms before: %q", name, until-now, s.rec.Lines[from:])
				}
				from = len(s.rec.Lines)
			}
			s.now = until
			if ask(); len(s.rec.Lines) <= from+2 && !row.early {
				t.Errorf("%s: nothing is read or sent at good_until: %q", name, s.rec.Lines[from:])
			}
		}
	}
}

// TestNotGoodUntil: an answer that is valid once, or that is returned although it should be
// refreshed, must not be cached (E100).
func TestNotGoodUntil(t *testing.T) {
	for _, row := range []struct {
		name, config, command, answer string
		set                           func(s *scene)
	}{
		{"a proof of possession", `{"dpop":true}`, "prepare", `"token_type":"DPoP"`, func(*scene) {}},
		{"another one wanted each time", `{}`, "token", `"token_type":"Bearer","refresh_token":"r"`, nil},
		{"to be renewed, and the server is away", `{}`, "token", `"token_type":"Bearer","refresh_token":"r"`, func(s *scene) {
			s.now += 3_595_000
			s.server = func(msg) reply { return reply{failed: "network"} }
		}},
		{"to be renewed, and the server asked to wait", `{}`, "prepare", `"token_type":"Bearer","refresh_token":"r"`, func(s *scene) {
			s.now += 3_595_000
			s.server = func(msg) reply {
				return reply{raw: `"ok":{"status":429,"headers":[["retry-after","60"]],"body":{"text":""}}`}
			}
		}},
		{"and nothing to renew it with", `{}`, "token", `"token_type":"Bearer"`, func(s *scene) { s.now += 3_599_000 }},
	} {
		s := quietScene(t)
		s.server = func(msg) reply { return jsonReply(200, `{"access_token":"a","expires_in":3600,`+row.answer+`}`) }
		s.open(with(row.config), `"notified":true`)
		s.signIn()
		if row.set != nil {
			row.set(s)
		}
		more := `"url":"https://api.example/v1/x"`
		if row.set == nil {
			more = `"force":true`
		}
		if m := s.ok(row.command, more); goodUntil(m) != 0 {
			t.Errorf("%s: %s", row.name, m.Raw)
		}
	}
}
