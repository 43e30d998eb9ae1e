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
		if got := s.ok("status").Str("ok", "status"); got != status {
			t.Errorf("%s: %s", row.what, got)
		}
		s.ok("status")
		if n := s.count("expired"); n != map[bool]int{true: 1}[row.over] {
			t.Errorf("%s: told %d times", row.what, n)
		}
		// After a reload the result is the same.
		s.open(with(row.config))
		if got := s.ok("status").Str("ok", "status"); got != status {
			t.Errorf("%s, after a reload: %s", row.what, got)
		}
		if n := s.count("expired"); n != map[bool]int{true: 1}[row.over] {
			t.Errorf("%s, after a reload: told %d times", row.what, n)
		}
	}
	// A session that can be refreshed is granted, however old it is; a temporary failure changes
	// nothing.
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
	// A dead refresh token is not sent again, and a new sign-in replaces it.
	s.server = dead
	s.fails("server", "oauth_error", "token")
	s.wantEvents("status:refreshing status:not_authenticated expired server_error:invalid_grant request_failed:server")
	s.sent = nil
	s.fails("expired", "token_expired", "token")
	s.wantSent(0)
	s.server = good
	s.signIn()
	if got := s.ok("status").Str("ok", "status"); got != "granted" {
		t.Error(got)
	}
}

// TestScenarioClockSetBack: E2. A token that was issued while the clock was in the future is not
// valid until that future.
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
		s.ok("token") // the new one has a lifetime by the present clock
		s.wantSent(row.sent)
		s.now += row.life * 1000
		if row.sent == 0 {
			s.now += row.ahead
		}
		s.ok("token") // the old one is not valid for longer either
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

// count adds the events so far, and returns how many have that name.
func (s *scene) count(name string) (n int) {
	for _, e := range s.events {
		if e.Str("event") == name {
			n++
		}
	}
	s.events = nil
	return n
}

// TestScenarioClocksApart: E3. The clocks of user and server differ.
func TestScenarioClocksApart(t *testing.T) {
	s := newScene(t, "The times of ID and logout tokens are judged with clock_tolerance_ms, five minutes unless configured, apart from clock_skew_ms; where one fails, the error says by how much the clocks differ.", "E3", "Q12")
	for _, row := range []struct {
		what, config, claim string
		at                  int64 // s from now
		differ              int64 // ms; 0: it signs in
	}{
		{"the user's clock is 30 s slow", `{}`, "iat", 30, 0},
		{"five minutes", `{}`, "iat", 300, 0},
		{"more", `{}`, "iat", 301, 301_000},
		{"a year", `{}`, "iat", 31_536_000, 31_536_000_000},
		{"not valid before", `{}`, "nbf", 301, 301_000},
		{"signed in in the future", `{}`, "auth_time", 301, 301_000},
		{"signed in in a near future", `{}`, "auth_time", 30, 0},
		{"the user's clock is an hour fast", `{}`, "exp", -3_600, -3_600_000},
		{"fast, within the tolerance", `{}`, "exp", -299, 0},
		{"issued a week ago", `{}`, "iat", -604_800, -604_800_000},
		{"none is wanted", `{"clock_tolerance_ms":0}`, "iat", 1, 1_000},
		{"an hour is wanted", `{"clock_tolerance_ms":3600000}`, "iat", 3_600, 0},
		{"the refresh margin is another thing", `{"clock_skew_ms":0}`, "iat", 300, 0},
		{"the refresh margin is no tolerance", `{"clock_skew_ms":3600000}`, "iat", 301, 301_000},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		i := s.issuer()
		i.claims = map[string]any{row.claim: fmt.Sprint(s.now/1000 + row.at)}
		s.open(with(oidcConf, row.config))
		r := s.callback()
		want := ""
		if row.differ != 0 {
			want = fmt.Sprint(row.differ)
		}
		if r.Str("error", "clock_difference_ms") != want || (row.differ != 0) != (r.Str("error", "field") == row.claim) {
			t.Errorf("%s: %s", row.what, r.Raw)
		}
	}
	for _, bad := range []string{"-1", "3600001", `"5"`} {
		if r := s.open(with(`{"clock_tolerance_ms":` + bad + `}`)); r.Str("error", "field") != "clock_tolerance_ms" {
			t.Error(bad, r.Raw)
		}
	}
}

// TestScenarioTrustedAudiences: E5 (OpenID Connect Core section 3.1.3.7, 3, with errata 2).
func TestScenarioTrustedAudiences(t *testing.T) {
	s := newScene(t, "An ID token for several audiences needs no azp where the others are among trusted_audiences; with azp it has to name this client.", "E5", "X7")
	for _, row := range []struct {
		what, config, aud, azp, field string
	}{
		{"trusted", `{"trusted_audiences":["api","b"]}`, `["s6BhdRkqt3","api"]`, "", ""},
		{"both trusted", `{"trusted_audiences":["api","b"]}`, `["b","s6BhdRkqt3","api"]`, "", ""},
		{"one that is not", `{"trusted_audiences":["api"]}`, `["s6BhdRkqt3","api","c"]`, "", "aud"},
		{"none is trusted", `{}`, `["s6BhdRkqt3","api"]`, "", "aud"},
		{"azp names this client", `{}`, `["s6BhdRkqt3","api"]`, `"s6BhdRkqt3"`, ""},
		{"azp names another", `{"trusted_audiences":["api"]}`, `["s6BhdRkqt3","api"]`, `"api"`, "azp"},
		{"this client is not among them", `{"trusted_audiences":["api"]}`, `["api"]`, "", "aud"},
		{"no text", `{"trusted_audiences":["api"]}`, `["s6BhdRkqt3",7]`, "", "aud"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		i := s.issuer()
		i.claims = map[string]any{"aud": row.aud}
		if row.azp != "" {
			i.claims["azp"] = row.azp
		}
		s.open(with(oidcConf, row.config))
		if r := s.callback(); r.Str("error", "field") != row.field {
			t.Errorf("%s: %s", row.what, r.Raw)
		}
	}
	if r := s.open(with(`{"trusted_audiences":"api"}`)); r.Str("error", "field") != "trusted_audiences" {
		t.Error(r.Raw)
	}
}

// TestScenarioStrayReply: E6, E7, E8. Replies that do not belong to an attempt.
func TestScenarioStrayReply(t *testing.T) {
	s := newScene(t, "A reply without a state, or with another, is refused; what it says of an error is told, marked as unverified, and is no event of the server's. What a new sign-in mends says begin_again.", "E6", "Q22")
	s.open(conf)
	for _, row := range []struct{ query, code, err, descr, unverified string }{
		{"error=invalid_scope&error_description=no%20such%20scope", "missing_state", "invalid_scope", "no such scope", "true"},
		{"error=access_denied&state=other", "wrong_state", "access_denied", "", "true"},
		{"code=c", "missing_state", "", "", ""},
		{"code=c&state=other", "wrong_state", "", "", ""},
		{"error=x%0Ay%1B%5B31m&state=", "missing_state", "xy[31m", "", "true"},
		{"error=server_error&error_description=" + "%D0%BD%D0%B5%D1%82%20%E2%80%AE%C2%85", "missing_state", "server_error", "нет ", "true"},
	} {
		s.eventNames()
		r := s.fails("callback_not_verified", row.code, "callback", `"url":"https://client.example/cb?`+row.query+`"`)
		if r.Str("error", "error") != row.err || r.Str("error", "error_description") != row.descr || r.Str("error", "unverified") != row.unverified || r.Str("error", "begin_again") != "true" {
			t.Errorf("%s: %s", row.query, r.Raw)
		}
		s.wantEvents("request_failed:callback_not_verified")
	}
	// The registered URI with a different slash or case.
	for _, url := range []string{"https://client.example/cb/", "https://client.example/CB", "https://client.example/Cb/"} {
		u := authorizeURL(s)
		at := fmt.Sprintf(`"url":"%s?code=c&state=%s"`, url, u.Query().Get("state"))
		if r := s.ok("matches", at); r.Str("ok", "matches") != "true" {
			t.Error(r.Raw)
		}
		r := s.fails("callback_not_verified", "wrong_redirect_uri", "callback", at)
		if r.Str("error", "expected") != "https://client.example/cb" || r.Str("error", "came") != url {
			t.Error(r.Raw)
		}
	}
}

// TestScenarioAttemptLife: E9. How long a sign-in may take, and how many may be under way.
func TestScenarioAttemptLife(t *testing.T) {
	s := newScene(t, "attempt_life_ms and max_attempts are members; an attempt that is over says begin_again.", "E9")
	s.tokenServer()
	for _, row := range []struct {
		config string
		after  int64
		code   string
	}{
		{`{}`, 600_000, ""}, {`{}`, 660_000, "attempt_expired"}, {`{"attempt_life_ms":3600000}`, 660_000, ""}, {`{"attempt_life_ms":1000}`, 1_001, "attempt_expired"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		s.open(with(row.config))
		u := authorizeURL(s)
		s.now += row.after
		r := s.do("callback", fmt.Sprintf(`"url":"https://client.example/cb?code=c&state=%s"`, u.Query().Get("state")))
		if r.Str("error", "code") != row.code || row.code != "" && r.Str("error", "begin_again") != "true" {
			t.Errorf("%s after %d ms: %s", row.config, row.after, r.Raw)
		}
	}
	s.store, s.version = map[string]string{}, map[string]int{}
	s.open(with(`{"max_attempts":2}`))
	first := authorizeURL(s)
	authorizeURL(s)
	authorizeURL(s)
	s.fails("callback_not_verified", "wrong_state", "callback", fmt.Sprintf(`"url":"https://client.example/cb?code=c&state=%s"`, first.Query().Get("state")))
	for _, bad := range []string{`"max_attempts":0`, `"max_attempts":65`, `"attempt_life_ms":999`, `"attempt_life_ms":86400001`, `"attempt_life_ms":"1"`} {
		if r := s.open(with(`{` + bad + `}`)); r.Str("error", "code") != "bad_value" {
			t.Error(bad, r.Raw)
		}
	}
}

// TestScenarioScopeArray: E10.
func TestScenarioScopeArray(t *testing.T) {
	s := newScene(t, "A scope that is an array of texts is read as those scopes; what is no text in it is left out.", "E10", "Q5")
	for _, row := range []struct{ value, want string }{
		{`["read","write"]`, "read write"}, {`["read"]`, "read"}, {`[]`, "read write"}, {`[""]`, "read write"}, {`["a",7,"b"]`, "a b"}, {`{"a":1}`, "read write"}, {`"x y"`, "x y"}, {`null`, "read write"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		s.server = func(msg) reply {
			return jsonReply(200, `{"access_token":"a","token_type":"Bearer","scope":`+row.value+`}`)
		}
		s.open(conf)
		s.signIn()
		if r := s.ok("status"); r.Str("ok", "scope") != row.want {
			t.Errorf("%s: %s", row.value, r.Raw)
		}
	}
}

// TestScenarioLostPolls: E11. The network goes and comes back.
func TestScenarioLostPolls(t *testing.T) {
	s := newScene(t, "Polls that get no answer go on by themselves, each later, until the code ends; poll_start says that the network is back, and the next poll comes an interval after the last.", "E11", "Q34", "Q36")
	s.deviceServer(rfc8628, reply{failed: "network"}, reply{failed: "unsent"}, reply{failed: "network"}, reply{failed: "network"}, jsonReply(400, pending))
	s.open(with(deviceConf))
	s.startDevice()
	for _, ms := range []int64{5_000, 5_000, 10_000, 20_000} {
		s.wantWait(ms)
		s.pass(ms)
	}
	s.wantWait(40_000)
	s.pass(2_000)
	s.ok("poll_start")
	s.wantWait(3_000)
	s.pass(3_000)
	s.wantWait(5_000) // answered: the normal interval again
	s.ok("poll_start")
	s.wantWait(5_000)
	// For longer than the code is valid.
	s.server = func(msg) reply { return reply{failed: "network"} }
	for range 20 {
		s.pass(300_000)
	}
	if r := s.ok("status"); r.Str("ok", "device") != "" || len(s.timers) != 0 {
		t.Error(r.Raw, s.timers)
	}
}
