package core

import (
	"fmt"
	"testing"
)

// TestScenarioExpired: E1. A session says whether it can be used.
func TestScenarioExpired(t *testing.T) {
	s := newScene(t, "An access token that is over and cannot be refreshed is no grant: the status changes, expired tells it once, also after a reload; the store is looked at before.", "E1", "Q8")
	const year = 365 * 24 * 3_600_000
	dead := func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	for _, row := range []struct {
		what, config, token string
		wait                int64
		over                bool
		server              func(msg) reply
	}{
		{"the refresh token is dead", `{}`, `"expires_in":3600,"refresh_token":"r"`, 8 * 3_600_000, true, dead},
		{"there is no refresh token", `{}`, `"expires_in":3600`, 3_600_001, true, nil},
		{"the provider has no refresh", `{"refresh_endpoint":"none"}`, `"expires_in":3600,"refresh_token":"r"`, 3_600_001, true, nil},
		{"the clock was set back by a year", `{}`, `"expires_in":300`, -year, true, nil},
		{"at its last millisecond", `{}`, `"expires_in":3600`, 3_600_000, false, nil},
		{"its end is not known", `{}`, `"scope":"read"`, year, false, nil},
		{"another computer's clock is a little behind", `{}`, `"expires_in":3600`, -60_000, false, nil},
	} {
		s.now, s.store, s.version = 1_700_000_000_000, map[string]string{}, map[string]int{}
		s.server = func(msg) reply { return jsonReply(200, `{"access_token":"a","token_type":"Bearer",`+row.token+`}`) }
		s.open(with(row.config))
		s.signIn()
		s.now += row.wait
		s.server = row.server
		s.eventNames()
		status := "granted"
		if row.over {
			status = "not_authenticated"
			s.do("token")
		} else {
			s.ok("token")
		}
		if got := s.ok("status").str("ok", "status"); got != status {
			t.Errorf("%s: %s", row.what, got)
		}
		s.ok("status")
		if n := s.count("expired"); n != map[bool]int{true: 1}[row.over] {
			t.Errorf("%s: told %d times", row.what, n)
		}
		// After a reload it is the same.
		s.open(with(row.config))
		if got := s.ok("status").str("ok", "status"); got != status {
			t.Errorf("%s, after a reload: %s", row.what, got)
		}
		if n := s.count("expired"); n != map[bool]int{true: 1}[row.over] {
			t.Errorf("%s, after a reload: told %d times", row.what, n)
		}
	}
	// What can be refreshed is granted, however old; a failure in passing changes nothing.
	s.now, s.store, s.version = 1_700_000_000_000, map[string]string{}, map[string]int{}
	s.tokenServer()
	good := s.server
	s.open(conf)
	s.signIn()
	s.now += 8 * 3_600_000
	s.server = func(msg) reply { return jsonReply(429, `{}`) }
	s.eventNames()
	s.fails("server", "http_error", "token")
	s.wantEvents("status:refreshing status:granted request_failed:server")
	// A dead one is not sent again, and a new sign-in ends the matter.
	s.server = dead
	s.fails("server", "oauth_error", "token")
	s.wantEvents("status:refreshing status:not_authenticated expired server_error:invalid_grant request_failed:server")
	s.sent = nil
	s.fails("expired", "token_expired", "token")
	s.wantSent(0)
	s.server = good
	s.signIn()
	if got := s.ok("status").str("ok", "status"); got != "granted" {
		t.Error(got)
	}
}

// TestScenarioClockSetBack: E2. A token got while the clock stood in the future is not good until that future.
func TestScenarioClockSetBack(t *testing.T) {
	s := newScene(t, "The clock was ahead at sign-in and is set right: how much of the token's life is left is not known, so it is refreshed, by a timer too.", "E2", "Q9")
	for _, row := range []struct {
		ahead, life int64
		sent        int
	}{
		{365 * 24 * 3_600_000, 300, 1}, {3_600_000, 300, 1}, {76_000, 300, 1}, {301_000, 3_600, 1}, {20_000, 20, 1},
		{9_000, 20, 0}, {60_000, 3_600, 0}, {75_000, 300, 0},
	} {
		s.store, s.version, s.now = map[string]string{}, map[string]int{}, 1_700_000_000_000+row.ahead
		s.lifeServer(fmt.Sprint(row.life))
		s.open(conf)
		s.signIn()
		s.now = 1_700_000_000_000
		s.sent = nil
		s.ok("token")
		s.wantSent(row.sent)
		s.ok("token") // the new one has a life by the clock as it is
		s.wantSent(row.sent)
		s.now += row.life * 1000
		if row.sent == 0 {
			s.now += row.ahead
		}
		s.ok("token") // and the old one is no longer good either
		s.wantSent(row.sent + 1)
	}
	s.timers, s.store, s.version, s.now = nil, map[string]string{}, map[string]int{}, 1_800_000_000_000
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.now = 1_700_000_000_000
	s.timers, s.sent = nil, nil
	s.open(with(`{"auto_refresh":true}`))
	s.wantWait(2_000)
	s.pass(2_000)
	s.wantSent(1)
	s.wantWait(3_420_000)
}

// count takes the events so far, and tells how many have that name.
func (s *scene) count(name string) (n int) {
	for _, e := range s.events {
		if e.str("event") == name {
			n++
		}
	}
	s.events = nil
	return n
}
