package core

import (
	"fmt"
	"strings"
	"testing"
)

const extendConf = `{"long_lived_grant_type":"fb_exchange_token"}`

// finish answers what is left by stage, the newest first, until only results are left.
func (s *scene) finish(left []msg, replies map[string]reply) (results []msg) {
	for len(left) > 0 {
		m := left[len(left)-1]
		left = left[:len(left)-1]
		if m.Str("kind") != "http" {
			results = append(results, m)
			continue
		}
		left = append(left, s.settle(s.answer(m, replies[m.Str("stage")].member()))...)
	}
	return results
}

var extendReplies = map[string]reply{
	"token":      jsonReply(200, `{"access_token":"long-1","token_type":"Bearer","expires_in":5000000}`),
	"refresh":    jsonReply(200, `{"access_token":"access-2","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-2"}`),
	"revocation": {status: 200},
}

// TestInterplayExtendKeepsRotatedRefreshToken: a refresh and extend at once: the rotated refresh
// token stays (X9).
func TestInterplayExtendKeepsRotatedRefreshToken(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(extendConf))
	s.signIn() // access-1, refresh-1
	s.server = nil
	_, left := s.start("refresh")
	_, more := s.start("extend")
	s.finish(append(left, more...), extendReplies)
	if !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error("the rotated refresh token is lost:", s.store["oauth2.session"])
	}
	_, left = s.start("refresh")
	if got := left[0].Form().Get("refresh_token"); got != "refresh-2" {
		t.Error("a spent refresh token goes out:", got)
	}
}

// TestInterplayExtendTwoTabs: extend works on what another tab stored (X9).
func TestInterplayExtendTwoTabs(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(extendConf))
	a := s.handle
	s.signIn()
	s.open(with(extendConf))
	s.ok("refresh") // tab B: refresh-2
	s.use(a)
	s.server = func(msg) reply {
		return jsonReply(200, `{"access_token":"long-1","token_type":"Bearer","expires_in":5000000}`)
	}
	s.ok("extend")
	if !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error("the other tab's refresh token is lost:", s.store["oauth2.session"])
	}
}

// TestInterplayExtendAfterLogOut: a user who signs out while extend is under way stays signed out.
func TestInterplayExtendAfterLogOut(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(extendConf))
	s.signIn()
	s.server = nil
	_, left := s.start("extend")
	_, more := s.start("log_out")
	s.finish(append(left, more...), extendReplies)
	if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" || s.store["oauth2.session"] != "" {
		t.Error("signed in again after log_out:", r.Raw, s.store)
	}
}

// TestInterplayExtendRedacts: an error that repeats the token which was sent does not show it (X6).
func TestInterplayExtendRedacts(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(extendConf))
	s.signIn()
	s.server = nil
	_, left := s.start("extend")
	_, more := s.start("refresh")
	results := s.finish(append(left, more...), map[string]reply{
		"token": jsonReply(400, `{"error":"invalid_grant","error_description":"bad token access-1"}`), "refresh": extendReplies["refresh"]})
	if strings.Contains(fmt.Sprint(results), "access-1") {
		t.Error("a token in an error:", results)
	}
}

// TestInterplayAutoRefreshKeepsRetryAfter: the Retry-After of a refresh by hand also counts for the
// automatic one (Q10).
func TestInterplayAutoRefreshKeepsRetryAfter(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.now += 3_400_000
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.do("refresh")
	s.sent = nil
	s.pass(100_000) // the alarm fires 20 s later
	s.wantSent(0)
}

// TestInterplayResendKeepsRetryAfter: after 503 with Retry-After the same request is not sent again
// at once.
func TestInterplayResendKeepsRetryAfter(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.sent = nil
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":503,"headers":[["retry-after","120"]],"body":{"text":""}}`}
	}
	s.do("refresh")
	s.wantSent(1)
}

// TestInterplayTwoTabsBackOff: two tabs and a server that is down: each waits longer and longer,
// and no event granted comes (X8, Q10).
func TestInterplayTwoTabsBackOff(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	one := s.handle
	s.signIn()
	s.open(with(`{"auto_refresh":true}`))
	two := s.handle
	s.server = func(msg) reply { return reply{status: 503, ctype: "text/html", body: "<p>"} }
	s.sent, s.events = nil, nil
	end := s.now + 3_420_000 + 3_600_000
	for s.now < end {
		// the next timer of both
		next := 0
		for i := range s.timers {
			if s.timers[i].due < s.timers[next].due {
				next = i
			}
		}
		if len(s.timers) == 0 {
			t.Fatal("no timer")
		}
		s.now = max(s.now, s.timers[next].due)
		// handle by epoch
		s.handle = one
		if !strings.HasPrefix(s.timers[next].m.Str("id"), epochOf(s, one)) {
			s.handle = two
		}
		s.fire(next)
	}
	granted := 0
	for _, e := range s.events {
		if e.Str("event") == "granted" {
			granted++
		}
	}
	// One tab alone sends 8 requests until it waits 5 min, and then 12 an hour.
	if len(s.sent) > 100 || granted > 2 {
		t.Errorf("%d requests in an hour to a server that is down, %d granted events with nothing new", len(s.sent), granted)
	}
}

func epochOf(s *scene, h int32) string {
	epoch, _, _ := strings.Cut(s.engine.open[h-1].ID(0), ":")
	return epoch
}

// TestInterplayAlarmAfterFailedRefresh: a sign-in that is stored while a refresh waits has its
// alarm, whatever happens to the refresh (Q9).
func TestInterplayAlarmAfterFailedRefresh(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	u := authorizeURL(s)
	// The callback up to the store of its tokens.
	var hold msg
	todo := s.input(`"command":"callback","id":100,` + callbackURL(u, "code=c"))
	for len(todo) > 0 {
		m := todo[0]
		todo = todo[1:]
		if m.Str("kind") == "store" && shortKey(m.Str("key")) == "oauth2.session" {
			hold = m
			continue
		}
		switch m.Str("kind") {
		case "http":
			todo = append(todo, s.answer(m, s.server(m).member())...)
		case "store", "load":
			todo = append(todo, s.answer(m, s.storage(m))...)
		}
	}
	s.input(`"command":"token","id":101,"force":true`) // waits for its turn
	s.server = func(msg) reply { return reply{failed: "unsent"} }
	s.settle(s.answer(hold, s.storage(hold)))
	if r := s.ok("status"); r.Str("ok", "status") != "granted" {
		t.Fatal(r.Raw)
	}
	if len(s.timers) != 1 {
		t.Error("granted, and no alarm for its end:", s.timers)
	}
}

// TestInterplayRetryLaterLooks: Retry-After does not hide what another tab stored meanwhile.
func TestInterplayRetryLaterLooks(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	good := s.server
	s.open(conf)
	one := s.handle
	s.signIn()
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","3600"]],"body":{"text":""}}`}
	}
	s.now += 3_599_000
	s.do("refresh")
	s.now += 60_000
	s.server = good
	s.open(conf)
	s.ok("refresh")
	s.use(one)
	if r := s.do("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error("there is a good token in the store:", r.Raw)
	}
}

// TestInterplayAlarmAfterClockSetBack: after a clock was wrong at sign-in, no alarm waits longer
// than the token's lifetime (Q9).
func TestInterplayAlarmAfterClockSetBack(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.timers = nil
	s.now -= 365 * 86_400_000
	s.open(with(`{"auto_refresh":true}`))
	if len(s.timers) != 1 || s.timers[0].ms > 3_600_000 {
		t.Error("waits longer than the token lives:", s.timers[0].ms)
	}
}

// TestInterplayAutoRefreshPortal: a captive portal's page in place of the token endpoint is a
// temporary failure (Q10).
func TestInterplayAutoRefreshPortal(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.server = func(msg) reply { return reply{status: 200, ctype: "text/html", body: "<p>Sign in to the Wi-Fi"} }
	s.pass(3_420_000)
	if len(s.timers) != 1 {
		t.Error("never tried again")
	}
}

// TestInterplayRevokeEndsRetries: a retry that was planned before the access token was revoked gets
// a new token, once (Q10).
func TestInterplayRevokeEndsRetries(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	good := s.server
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	s.server = nil
	// the alarm's refresh is out; revoke waits behind it
	refresh := s.pass(3_420_000)
	_, _ = s.start("revoke", `"token":"access_token"`)
	s.server = good
	bad := func(m msg) reply {
		if m.Str("stage") == "revocation" {
			return reply{status: 200}
		}
		return reply{failed: "unsent"}
	}
	s.server = bad
	s.settle(s.answer(refresh[0], `"failed":{"kind":"unsent"}`))
	if len(s.timers) != 0 {
		t.Error("no access token is wanted, and a refresh is due:", s.timers)
	}
}

// TestInterplayNumberAsError: a number as error in a 200 is no claim (H7).
func TestInterplayNumberAsError(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.server = func(msg) reply { return jsonReply(200, `{"message":"Unauthorized","error":401}`) }
	if r := s.do("userinfo"); r.M["ok"] != nil {
		t.Error("an error as claims:", r.Raw)
	}
}

// TestInterplayMatchesAndCallback: callback accepts what matches reports as a response (Q41).
func TestInterplayMatchesAndCallback(t *testing.T) {
	for _, row := range []struct{ registered, got string }{
		{"https://client.example/cb", "HTTPS://Client.Example:443/cb?code=c&state=STATE"},
		{"com.example.app:/oauth?tenant=1", "COM.example.app:/oauth?code=c&state=STATE&tenant=1"},
	} {
		s := quietScene(t)
		s.tokenServer()
		s.open(with(`{"redirect_uri":` + quote(row.registered) + `}`))
		got := `"url":` + quote(strings.Replace(row.got, "STATE", s.ok("authorize").Str("ok", "state"), 1))
		a, b := s.ok("matches", got), s.do("callback", got)
		if (a.Str("ok", "matches") == "true") != (b.M["ok"] != nil) {
			t.Error(row.got, a.Raw, b.Raw)
		}
	}
}

// TestInterplayRejectedKeepsRetryAfter: a resource that keeps answering 401 causes no refresh while
// the server has asked to wait (Q13).
func TestInterplayRejectedKeepsRetryAfter(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.sent = nil
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	for range 5 {
		s.do("answered", `"url":"https://api.example/v1/x"`, `"status":401,"headers":[],"sent":"Bearer access-1"`)
	}
	s.wantSent(1)
}

// TestInterplayFingerprintVariables: with one issuer and a token endpoint for each tenant, one
// tenant's bytes are not accepted for another (H7).
func TestInterplayFingerprintVariables(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	tenant := func(name string) string {
		return with(`{"variables":{"t":"` + name + `"},"token_endpoint":"https://{t}.as.example/token","token_destinations":["https://{t}.as.example/api"]}`)
	}
	s.open(tenant("a"))
	s.signIn()
	bytes := s.ok("export").Str("ok", "session")
	if r := s.open(tenant("b"), `"session":`+quote(bytes)); r.Str("error", "code") != "wrong_configuration" {
		r := s.ok("prepare", `"url":"https://b.as.example/api/x"`)
		t.Error("a's token goes to b:", r.Raw)
	}
}

// TestInterplayEmailsAreAList: e-mail addresses come from a list, not from an error's body or
// another object (H7).
func TestInterplayEmailsAreAList(t *testing.T) {
	for _, emails := range []reply{jsonReply(403, `{"x":{"email":"other@example.com","verified":true}}`), jsonReply(200, `{"x":{"email":"other@example.com","verified":true}}`), jsonReply(401, `{"error":"invalid_token"}`)} {
		s := quietScene(t)
		s.tokenServer()
		s.open(with(`{"profile":{"emails_endpoint":"https://as.example/emails"}}`))
		s.signIn()
		s.server = func(m msg) reply {
			if strings.HasSuffix(m.Str("url"), "emails") {
				return emails
			}
			return jsonReply(200, `{"sub":"1"}`)
		}
		if r := s.do("profile"); strings.Contains(r.Raw, "other@") || emails.status == 401 && r.M["ok"] != nil {
			t.Error(r.Raw)
		}
	}
}

// TestInterplaySuccessEndsBackOff: a successful answer to any command resets the back-off and the
// server's Retry-After (Q10).
func TestInterplaySuccessEndsBackOff(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	good := s.server
	s.open(with(`{"auto_refresh":true}`))
	s.signIn()
	down := func(msg) reply { return reply{status: 503, ctype: "text/html", body: "x"} }
	s.server = down
	s.pass(3_420_000 + 2_000 + 4_000)
	s.wantWait(8_000)
	s.server = good
	s.pass(8_000)
	s.server = down
	s.pass(3_420_000)
	s.wantWait(2_000)
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.do("refresh")
	s.server = good
	s.signIn()
	s.sent = nil
	s.now += 3_600_001
	s.ok("token")
	s.wantSent(1)
	// The wait is measured by a clock that may be set back.
	s.server = func(msg) reply {
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.now += 3_600_001
	s.do("refresh")
	s.server = good
	s.now -= 7_200_002
	const url = `"url":"https://api.example/v1/x"`
	headers := s.ok("prepare", url).M["ok"].(map[string]any)["headers"].([]any)
	s.sent = nil
	s.ok("answered", url, `"status":401,"headers":[],"sent":`+quote(headers[0].([]any)[1].(string)))
	s.wantSent(1)
}

// TestInterplayUserinfoGivenUp: a command that is cancelled while the token is fetched sends
// nothing more.
func TestInterplayUserinfoGivenUp(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(conf)
	s.signIn()
	s.now += 3_600_001
	server := s.server
	s.server = nil
	id, left := s.start("userinfo")
	s.ok("cancel", `"target":`+id)
	s.sent = nil
	s.settle(s.answer(left[0], server(left[0]).member()))
	s.wantSent(0)
}

// TestInterplayLaterSignInWins: while a refresh went out, another tab signed in, and the store
// could not be read when that came to light. So the new tokens are only in memory. The next look
// adopts the sign-in, although this clock is ahead, and says that the tokens are newer (X9).
func TestInterplayLaterSignInWins(t *testing.T) {
	const ahead = 30_000
	s := quietScene(t)
	s.tokenServer()
	s.open(with(`{}`))
	a := s.handle
	s.signIn() // access-1
	s.open(with(`{}`))
	b := s.handle
	s.use(a)
	s.now += ahead
	server := s.server
	s.server = nil
	_, left := s.start("refresh")
	http := next(t, "http", left)
	s.server, s.held = server, false // tab B has the lock of another process
	s.use(b)
	s.now -= ahead
	s.signIn() // access-2
	s.use(a)
	s.now += ahead
	s.held = true
	store := next(t, "store", s.answer(http, server(http).member())) // access-3
	load := next(t, "load", s.answer(store, `"failed":{"kind":"conflict"}`))
	s.settle(s.answer(load, `"failed":{"kind":"storage"}`))
	if names := s.eventNames(); !strings.Contains(names, "not_persisted") {
		t.Fatal(names)
	}
	s.now += 5_000
	if got := s.ok("token").Str("ok", "access_token"); got != "access-2" {
		t.Error("not the later sign-in:", got)
	}
	s.ok("refresh")
	if got := next(t, "http", s.sent[len(s.sent)-1:]).Form().Get("refresh_token"); got != "refresh-2" {
		t.Error("refreshed:", got)
	}
}
