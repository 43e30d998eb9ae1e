package core

import (
	"fmt"
	"strings"
	"testing"
)

// lifeServer answers token requests with tokens of this lifetime, given as it is written in the
// answer.
func (s *scene) lifeServer(expiresIn string) {
	n := 0
	s.server = func(m msg) reply {
		n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":%s,"refresh_token":"refresh-%d"}`, n, expiresIn, n))
	}
}

// TestScenarioAboutToExpire: the rows of Q9.
func TestScenarioAboutToExpire(t *testing.T) {
	s := newScene(t, "About to expire fires a lead before the end: the set lead, or 10 s or 5 % of the life, the longer, where it is 0 or not below the life; never sooner than 2 s after the server gave the token.", "Q9", "X5")
	for _, row := range []struct {
		lead      int64
		expiresIn string
		wait      int64
	}{
		{18, "20", 2_000}, {0, "15", 5_000}, {0, "5", 2_000}, {10, "5", 2_000}, {1, "3", 2_000}, {1, "0", 0}, {1, "-5", 2_000}, {1, `"x"`, 0},
		{0, "3600", 3_420_000}, {0, "86400", 82_080_000}, {60, "3600", 3_540_000}, {60, "60", 50_000}, {0, "9007199254740991", 8_555_224_292_003_942},
		{9007199254740, "3600", 3_420_000},
	} {
		s.now, s.timers = 1_700_000_000_000, nil
		s.store, s.version = map[string]string{}, map[string]int{}
		s.lifeServer(row.expiresIn)
		s.open(with(fmt.Sprintf(`{"refresh_lead_ms":%d}`, row.lead*1000)))
		s.signIn()
		if row.wait == 0 {
			if len(s.timers) != 0 {
				t.Errorf("%d/%s: %v", row.lead, row.expiresIn, s.timers)
			}
			continue
		}
		if len(s.timers) != 1 || s.timers[0].ms != row.wait {
			t.Errorf("%d/%s: %v, want %d", row.lead, row.expiresIn, s.timers, row.wait)
			continue
		}
		s.eventNames()
		s.sent = nil
		s.pass(row.wait)
		s.wantEvents("about_to_expire") // only this event, and nothing else
		s.wantSent(0)
		if len(s.timers) != 0 {
			t.Errorf("%d/%s: looping: %v", row.lead, row.expiresIn, s.timers)
		}
	}
	for _, value := range []string{"-1", `"5"`, "true", "9007199254740993"} {
		if r := s.open(with(`{"refresh_lead_ms":` + value + `}`)); r.Str("error", "code") != "bad_value" || r.Str("error", "field") != "refresh_lead_ms" {
			t.Error(value, r.Raw)
		}
	}
	// Without the options there is no timer.
	s.timers = nil
	s.lifeServer("20")
	s.open(conf)
	s.signIn()
	if len(s.timers) != 0 {
		t.Error(s.timers)
	}
	// A token that the application brought may already be within its lead.
	s.now = 1_700_000_000_000
	s.open(with(`{"refresh_lead_ms":18000,"name":"brought"}`))
	s.eventNames()
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer","expires_in":15}`)
	s.wantEvents("status:granted granted about_to_expire")
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer","expires_at":1700000019000}`)
	s.wantEvents("granted")
	s.wantWait(1_000)
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer"}`)
	if len(s.timers) != 0 {
		t.Error("a token without end has a timer:", s.timers)
	}
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer","expires_in":600}`)
	s.ok("log_out")
	if len(s.timers) != 0 {
		t.Error("signed out, and still a timer:", s.timers)
	}
}

// TestScenarioAutoRefresh: Q10.
func TestScenarioAutoRefresh(t *testing.T) {
	s := newScene(t, "Automatic refresh on that event, only with a refresh token; what fails in passing is tried again with growing waits or Retry-After; sleep, early timers and a clock set back are put right.", "Q9", "Q10", "Q8", "X5")
	s.lifeServer("3600")
	good := s.server
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.wantWait(3_420_000)
	s.eventNames()
	s.pass(3_420_000)
	s.wantEvents("about_to_expire status:refreshing status:granted granted")
	s.wantWait(3_420_000)
	if s.sent[1].Form().Get("refresh_token") != "refresh-1" {
		t.Error(s.sent[1].Raw)
	}
	// Too early: a timer for the rest. Late, after sleep: at once.
	s.sent = nil
	s.now += 1_000_000
	s.fire(0)
	s.wantWait(2_420_000)
	s.wantSent(0)
	s.now += 9_000_000
	s.fire(0)
	s.wantSent(1)
	s.wantWait(3_420_000)
	// Set back to before the timer was set.
	s.now -= 86_400_000
	s.fire(0)
	s.wantSent(2)
	s.wantWait(3_420_000)

	// After a temporary failure: 2 s, 4 s … 5 min, or what the server asks for.
	s.server = func(msg) reply { return reply{status: 503, ctype: "text/html", body: "<p>"} }
	s.eventNames()
	s.pass(3_420_000)
	s.wantEvents("about_to_expire status:refreshing status:granted request_failed:server")
	for _, ms := range []int64{2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 128_000, 256_000, 300_000, 300_000} {
		s.wantWait(ms)
		s.pass(ms)
	}
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.pass(300_000)
	s.wantWait(600_000)
	s.server = good
	s.eventNames()
	s.pass(600_000)
	s.wantEvents("status:refreshing status:granted granted")
	s.wantWait(3_420_000)

	// After a stop by hand or by another flow, the server's Retry-After still counts.
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.pass(3_420_000)
	s.sent = nil
	s.ok("poll_stop")
	s.do("refresh")
	s.wantSent(1)
	s.pass(599_000)
	s.wantSent(1)
	s.server = good
	s.pass(1_000)
	s.wantSent(2)
	s.wantWait(3_420_000)

	// A refresh by hand meanwhile: one timer, for the new token.
	s.ok("refresh")
	s.wantWait(3_420_000)
	// A permanent failure is not retried.
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.sent = nil
	s.eventNames()
	s.pass(3_420_000)
	s.pass(180_001)
	s.wantSent(1)
	s.wantEvents("about_to_expire status:refreshing status:granted server_error:invalid_grant request_failed:server status:not_authenticated expired")
	if len(s.timers) != 0 {
		t.Error("tried again for nothing:", s.timers)
	}
	// Without a refresh token there is only the event.
	s.server = func(msg) reply {
		return jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":60}`)
	}
	s.signIn()
	s.sent = nil
	s.eventNames()
	s.pass(50_000)
	s.wantEvents("about_to_expire")
	s.wantSent(0)

	// The timer is set again for a session from the store and from bytes. What is due happens at
	// once.
	s.server = good
	s.signIn()
	bytes := s.ok("export").Str("ok", "session")
	s.timers = nil
	s.now += 1_000_000
	s.open(with(`{"auto_refresh":true}`))
	s.wantWait(2_420_000)
	s.timers = nil
	s.open(with(`{"auto_refresh":true}`), `"session":`+quote(bytes))
	s.wantWait(2_420_000)
	s.timers = nil
	s.now += 3_000_000
	s.sent = nil
	s.open(with(`{"auto_refresh":true}`))
	s.wantSent(1)
	s.wantWait(3_420_000)
	// A host without timers refreshes on demand.
	m := s.timers[0].m
	s.timers = nil
	s.eventNames()
	s.settle(s.answer(m, `"failed":{"kind":"unsupported"}`))
	s.wantEvents("")
	s.now += 3_600_000
	s.ok("token")
	s.wantSent(2)
}

// TestScenarioTwoTabsAutoRefresh: both wake at the same time.
func TestScenarioTwoTabsAutoRefresh(t *testing.T) {
	s := newScene(t, "Two tabs are woken at the same time: one refreshes, the other adopts; tokens that live two seconds are refreshed every two seconds, not oftener.", "Q9", "Q10", "X8", "X9")
	s.lifeServer("60")
	s.open(with(`{"auto_refresh":true}`))
	one := s.handle
	s.signIn()
	s.open(with(`{"auto_refresh":true}`))
	two := s.handle
	if len(s.timers) != 2 {
		t.Fatal(s.timers)
	}
	s.sent = nil
	s.use(one)
	s.now += 50_000
	s.fire(0)
	s.wantSent(1)
	s.use(two)
	s.eventNames()
	s.fire(0)
	s.wantSent(1)
	s.wantEvents("about_to_expire granted changed:refreshed")
	if len(s.timers) != 2 || s.timers[1].ms != 50_000 {
		t.Error(s.timers)
	}
	s.timers = nil
	s.lifeServer("2")
	s.use(one)
	s.signIn()
	s.sent = nil
	s.pass(60_000)
	s.wantSent(30)
}

// TestScenarioRetryAfter: a server that asks to wait.
func TestScenarioRetryAfter(t *testing.T) {
	s := newScene(t, "Retry-After stands in the error; until then a token that still holds is handed out and an expired one is retry_later, with nothing sent; an explicit refresh is sent.", "Q8", "H5", "Q2")
	s.tokenServer()
	good := s.server
	s.open(conf)
	s.signIn()
	s.now += 3_595_000
	busy := func(value string) {
		s.server = func(msg) reply {
			return reply{raw: fmt.Sprintf(`"ok":{"status":503,"headers":[["date","x"],["retry-after",%q]],"body":{"text":"x"}}`, value)}
		}
	}
	busy("20")
	if r := s.fails("server", "http_error", "refresh"); r.Str("error", "retry_after_ms") != "20000" || r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.sent = nil
	s.ok("token")
	s.now += 6_000
	if r := s.fails("client", "retry_later", "token"); r.Str("error", "retry_after_ms") != "14000" || r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.fails("client", "retry_later", "prepare", `"url":"https://api.example/v1/x"`)
	s.wantSent(0)
	s.fails("server", "http_error", "refresh")
	s.wantSent(1)
	s.server = good
	s.now += 20_000
	s.ok("token")
	for _, row := range []struct{ value, ms string }{
		{"0", ""}, {"-1", ""}, {"99999999999", "3600000"}, {"9007199254740993", "3600000"}, {"Sun, 06 Nov 1994 08:49:37 GMT", ""}, {"soon", ""}, {"", ""},
		{"Thu, 01 Jan 1970 00:00:00 GMT", ""}, {"Fri, 29 Feb 2024 12:00:05 GMT", "5000"}, {"Fri, 29 Feb 2024 12:xx:05 GMT", ""},
	} {
		s.now = 1_709_208_000_000 // 2024-02-29T12:00:00Z
		busy(row.value)
		if r := s.do("refresh"); r.Str("error", "retry_after_ms") != row.ms {
			t.Errorf("%q: %s", row.value, r.Raw)
		}
	}
	// If the clock was set back far, the wait is not longer than a server can ask for.
	busy("60")
	s.do("refresh")
	s.now -= 86_400_000
	s.server = good
	s.ok("token", `"force":true`)
}

// TestScenarioClockSkew: one setting.
func TestScenarioClockSkew(t *testing.T) {
	s := newScene(t, "clock_skew_ms is how long before its end a token is not handed out any more, at most a quarter of its life; expired itself stays strict.", "H6", "Q4")
	for _, row := range []struct {
		skew      string
		life, ok  int64
		refreshed int64
	}{{"60000", 3_600, 3_539_999, 3_540_000}, {"0", 3_600, 3_599_999, 3_600_000}, {"60000", 40, 29_999, 30_000}} {
		s.store, s.version = map[string]string{}, map[string]int{}
		s.lifeServer(fmt.Sprint(row.life))
		s.open(with(`{"clock_skew_ms":` + row.skew + `}`))
		s.signIn()
		s.sent = nil
		start := s.now
		s.now = start + row.ok
		s.ok("token")
		s.wantSent(0)
		s.now = start + row.refreshed
		if r := s.ok("status"); r.Str("ok", "expired") != "false" {
			t.Error(r.Raw)
		}
		s.ok("token")
		s.wantSent(1)
	}
	if r := s.open(with(`{"clock_skew_ms":-1}`)); r.Str("error", "field") != "clock_skew_ms" {
		t.Error(r.Raw)
	}
}

// TestScenarioRejectedToken: the engine decides for every host what to do after a 401.
func TestScenarioRejectedToken(t *testing.T) {
	s := newScene(t, "A token that a resource rejected is made new before the next try; one that has been replaced meanwhile is not refreshed again.", "Q13", "X9")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.sent = nil
	const url = `"url":"https://api.example/v1/x"`
	if r := s.ok("answered", url, `"status":401,"headers":[],"sent":"Bearer access-1"`); r.Str("ok", "headers") != `[["authorization","Bearer access-2"]]` || r.Str("ok", "retried") != "token" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	if r := s.ok("answered", url, `"status":401,"headers":[],"sent":"Bearer access-1"`); r.Str("ok", "headers") != `[["authorization","Bearer access-2"]]` || r.Str("ok", "retried") != "token" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	// After the first refusal another token is used; the second one is passed on.
	if r := s.ok("answered", url, `"status":401,"headers":[],"sent":"Bearer access-2","retried":"token"`); r.Str("ok") != "{}" {
		t.Error(r.Raw)
	}
	if r := s.ok("answered", url, `"status":403,"headers":[],"sent":"Bearer access-2"`); r.Str("ok") != "{}" {
		t.Error(r.Raw)
	}
	s.fails("client", "resource_not_allowed", "answered", `"url":"https://evil.example/"`, `"status":401,"headers":[],"sent":"Bearer access-2"`)
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.eventNames()
	if r := s.ok("answered", url, `"status":401,"headers":[],"sent":"Bearer access-2"`); r.Str("ok") != "{}" {
		t.Error(r.Raw)
	}
	if got := s.eventNames(); !strings.Contains(got, "request_failed:server") {
		t.Error(got)
	}
	if strings.Contains(fmt.Sprint(s.events), "access-2") {
		t.Error(s.events)
	}
}
