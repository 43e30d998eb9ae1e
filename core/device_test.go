package core

import (
	"fmt"
	"strings"
	"testing"
)

const (
	deviceConf   = `{"device_authorization_endpoint":"https://as.example/device"}`
	rfc8628      = `{"device_code":"GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS","user_code":"WDJB-MJHT","verification_uri":"https://example.com/device","verification_uri_complete":"https://example.com/device?user_code=WDJB-MJHT","expires_in":1800,"interval":5}`
	deviceCode   = "GmRhmhcxhwAzkoEqiMEg_DnyEysNkuNhszIySk9eS"
	pending      = `{"error":"authorization_pending"}`
	deviceTokens = `{"access_token":"access-1","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-1","scope":"read"}`
)

// deviceServer answers the device authorization request with start, and each poll with the next of
// polls, the last one repeatedly.
func (s *scene) deviceServer(start string, polls ...reply) {
	s.server = func(m msg) reply {
		switch {
		case strings.HasSuffix(m.Str("url"), "/device"):
			return jsonReply(200, start)
		case strings.HasSuffix(m.Str("url"), "/token"):
			r := polls[0]
			if len(polls) > 1 {
				polls = polls[1:]
			}
			return r
		}
		return reply{status: 200}
	}
}

func (s *scene) polls() (n int) {
	for _, m := range s.sent {
		if m.Str("stage") == "polling" {
			n++
		}
	}
	return n
}

// startDevice begins a flow and waits for it.
func (s *scene) startDevice() (wait string) {
	s.t.Helper()
	s.ok("device_start")
	s.eventNames()
	s.sent = nil
	wait, _ = s.start("device_wait")
	return wait
}

// TestScenarioDeviceRFC8628: the example of RFC 8628 section 3, and the order of Q32. It shows Q7.
func TestScenarioDeviceRFC8628(t *testing.T) {
	s := newScene(t, "The flow of RFC 8628: temporary credentials, the user's code, polling by itself an interval later, granted when the user said yes; ID tokens come with it too.",
		"Q30", "Q31", "Q32", "Q38", "Q5", "Q7", "Q1")
	s.deviceServer(rfc8628, jsonReply(400, pending), jsonReply(200, `{"access_token":"access-1","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-1","scope":"openid read","id_token":"e30.e30.c2ln"}`))
	s.open(with(`{"client_id":"1406020730","scope":"openid read","insecure_id_token_unverified":true,"device_authorization_endpoint":"https://as.example/device","parameters":[["audience","x"]]}`))
	id, left := s.start("device_start")
	if req := s.sent[0]; req.Str("body", "text") != "scope=openid+read&audience=x&client_id=1406020730" || req.Str("stage") != "device_authorization" {
		t.Error(req.Raw)
	}
	r := s.resultOf(id, left)
	if r.Str("ok", "user_code") != "WDJB-MJHT" || r.Str("ok", "verification_uri_complete") != "https://example.com/device?user_code=WDJB-MJHT" ||
		r.Str("ok", "expires_at") != fmt.Sprint(s.now+1800_000) || r.Str("ok", "interval_ms") != "5000" || r.Str("ok", "polling") != "true" {
		t.Error(r.Raw)
	}
	for _, e := range s.events {
		if strings.Contains(e.Raw, deviceCode) {
			t.Error("a secret in an event:", e.Raw)
		}
	}
	s.wantEvents("status:temporary_credentials_received device:false authorize_with_user_code device:true")
	if !strings.Contains(s.store["oauth2.device"], deviceCode) {
		t.Error("given out before it was stored")
	}
	wait, _ := s.start("device_wait")
	s.pass(4_999)
	s.wantSent(1)
	s.pass(1)
	s.wantSent(2)
	if got := s.sent[1].Str("body", "text"); got != "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code="+deviceCode+"&client_id=1406020730" {
		t.Error(got)
	}
	s.wantEvents("")
	if r := s.ok("status"); r.Str("ok", "device", "user_code") != "WDJB-MJHT" || r.Str("ok", "status") != "temporary_credentials_received" {
		t.Error(r.Raw)
	}
	left = s.pass(5_000)
	if r := s.resultOf(wait, left); r.Str("ok", "id_token") != "e30.e30.c2ln" || r.Str("ok", "scope") != "openid read" || r.Str("ok", "device") != "" {
		t.Error(r.Raw)
	}
	s.wantEvents("status:granted granted device:false")
	if s.store["oauth2.device"] != "" || !strings.Contains(s.store["oauth2.session"], "refresh-1") || len(s.timers) != 0 {
		t.Error(s.store, s.timers)
	}
	// A later device_wait gets the outcome.
	if r := s.ok("device_wait"); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.fails("client", "no_device_code", "poll_start")
	s.ok("poll_stop", `"forget":true`)
	s.fails("client", "no_device_code", "device_wait")

	// openid without an ID token is refused, as for a code.
	s.deviceServer(rfc8628, jsonReply(200, `{"access_token":"access-2","token_type":"Bearer","scope":"openid"}`))
	wait = s.startDevice()
	s.eventNames()
	if r := s.resultOf(wait, s.pass(5_000)); r.Str("error", "code") != "missing_id_token" || r.Str("error", "op") != "polling" {
		t.Error(r.Raw)
	}
	s.wantEvents("device:false status:granted request_failed:token_not_found")
	if strings.Contains(s.store["oauth2.session"], "access-2") {
		t.Error("stored before it was found bad")
	}
}

// TestScenarioDeviceResponse: Q33.
func TestScenarioDeviceResponse(t *testing.T) {
	s := newScene(t, "What the device authorization endpoint may answer: missing members, the drafts' spelling, intervals of every kind, addresses that must not become a link.", "Q33", "Q31", "X5", "Q2", "Q3")
	s.open(with(deviceConf))
	full := map[string]string{"device_code": `"dev-1"`, "user_code": `"ABCD"`, "verification_uri": `"https://as.example/v"`, "expires_in": `600`}
	body := func(change string) string {
		var b strings.Builder
		for _, name := range []string{"device_code", "user_code", "verification_uri", "expires_in"} {
			if !strings.Contains(change, `"`+name+`"`) {
				fmt.Fprintf(&b, "%q:%s,", name, full[name])
			}
		}
		return "{" + b.String() + change + "}"
	}
	for _, row := range []struct{ name, want, body string }{
		{"no device_code", "token_not_found missing_device_code", body(`"device_code":""`)},
		{"no user_code", "token_not_found missing_user_code", body(`"user_code":null`)},
		{"no verification_uri", "token_not_found missing_verification_uri", body(`"verification_uri":""`)},
		{"expires_in 0", "token_not_found missing_expires_in", body(`"expires_in":0`)},
		{"expires_in negative", "token_not_found missing_expires_in", body(`"expires_in":-5`)},
		{"expires_in not there", "token_not_found missing_expires_in", body(`"expires_in":null`)},
		{"script as address", "server bad_device_response", body(`"verification_uri":"javascript:alert(1)"`)},
		{"plain http", "server bad_device_response", body(`"verification_uri":"http://as.example/v"`)},
		{"control character in the code", "server bad_device_response", body(`"user_code":"AB\u001b[2J"`)},
		{"an error", "server oauth_error", `{"error":"invalid_scope"}`},
		{"HTML", "server bad_json", `<p>`},
	} {
		s.server = func(msg) reply { return jsonReply(200, row.body) }
		r := s.do("device_start")
		if got := r.Str("error", "kind") + " " + r.Str("error", "code"); got != row.want || r.Str("error", "op") != "device_start" || strings.Contains(r.Raw, "dev-1") {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		if names := s.eventNames(); !strings.HasSuffix(names, "request_failed:"+strings.Fields(row.want)[0]) || strings.Contains(names, "status") || len(s.timers) != 0 {
			t.Errorf("%s: %s, %v", row.name, names, s.timers)
		}
	}
	for _, row := range []struct {
		name, body string
		wait       int64
		member     string
	}{
		{"no interval", body(`"x":1`), 5_000, ""},
		{"interval 0", body(`"interval":0`), 5_000, ""},
		{"interval negative", body(`"interval":-1`), 5_000, ""},
		{"interval as text", body(`"interval":"7"`), 7_000, ""},
		{"interval 1", body(`"interval":1`), 1_000, ""},
		{"interval longer than the codes live", body(`"interval":9007199254740991`), 600_000, ""},
		{"expires_in 2^53", body(`"expires_in":9007199254740992,"interval":2147483648`), 2_147_483_648_000, ""},
		{"the drafts' spelling", body(`"verification_uri":null,"verification_url":"https://www.google.com/device"`), 5_000, "https://www.google.com/device"},
		{"a complete address that is none", body(`"verification_uri_complete":"data:text/html,x"`), 5_000, "https://as.example/v"},
	} {
		s.server = func(msg) reply { return jsonReply(200, row.body) }
		r := s.ok("device_start")
		if len(s.timers) != 1 || s.timers[0].ms != row.wait || row.member != "" && r.Str("ok", "verification_uri") != row.member || r.Str("ok", "verification_uri_complete") != "" {
			t.Errorf("%s: %v %s", row.name, s.timers, r.Raw)
		}
	}
	s.fails("client", "bad_value", "device_start", `"scope":"a  b"`)
	s.fails("client", "bad_value", "device_start", `"parameters":[["client_id","x"]]`)
	s.open(conf)
	s.eventNames()
	if r := s.fails("client", "missing", "device_start"); r.Str("error", "field") != "device_authorization_endpoint" {
		t.Error(r.Raw)
	}
	s.wantEvents("request_failed:client")
	s.open(with(`{"device_authorization_endpoint":"https://as.example/device","token_endpoint":null}`))
	s.fails("client", "missing", "device_start")
	s.fails("client", "missing", "poll_start")
}

// TestScenarioPolling: Q34, the possible answers to a poll, each with the wait that follows.
func TestScenarioPolling(t *testing.T) {
	s := newScene(t, "Answers to polls: pending goes on, slow_down adds 5 s for good, a time-out doubles the interval, what passes is waited out (Retry-After too), a failed connection backs off and polling goes on, anything else ends.",
		"Q34", "Q36", "X5", "Q2", "Q43", "E90")
	s.open(with(deviceConf))
	after := func(status int, value string) reply {
		return reply{raw: fmt.Sprintf(`"ok":{"status":%d,"headers":[["content-type","text/html"],["retry-after",%q]],"body":{"text":"<p>"}}`, status, value)}
	}
	for _, row := range []struct {
		name   string
		polls  []reply
		waits  []int64 // 0: polling has ended
		ends   string
		events string
		again  bool // polling can be resumed
	}{
		{"pending", []reply{jsonReply(400, pending)}, []int64{5_000, 5_000, 5_000}, "", "", true},
		{"pending under another status", []reply{jsonReply(428, pending), jsonReply(200, pending), jsonReply(500, pending)}, []int64{5_000, 5_000, 5_000}, "", "", true},
		{"slow_down twice", []reply{jsonReply(400, `{"error":"slow_down"}`), jsonReply(400, `{"error":"slow_down"}`), jsonReply(400, pending)}, []int64{10_000, 15_000, 15_000, 15_000}, "", "device:true device:true", true},
		{"time-out", []reply{{failed: "timeout"}, {failed: "timeout"}, jsonReply(400, pending)}, []int64{10_000, 20_000, 20_000}, "", "device:true device:true", true},
		{"503 in HTML", []reply{{status: 503, ctype: "text/html", body: "<p>"}, jsonReply(400, pending)}, []int64{5_000, 5_000}, "", "", true},
		{"429 with seconds", []reply{after(429, "30"), jsonReply(400, pending)}, []int64{30_000, 5_000}, "", "", true},
		{"429 with fewer seconds than the interval", []reply{after(429, "1")}, []int64{5_000}, "", "", true},
		{"503 with a date", []reply{after(503, "Tue, 14 Nov 2023 22:14:25 GMT")}, []int64{60_000}, "", "", true},
		{"429 with nonsense", []reply{after(429, "soon"), after(429, "-3"), after(429, "Tue, 14 Foo 2023 22:14:25 GMT")}, []int64{5_000, 5_000, 5_000}, "", "", true},
		{"a portal's HTML", []reply{{status: 200, ctype: "text/html", body: "<p>Sign in to the Wi-Fi"}}, []int64{5_000}, "", "", true},
		{"access_denied", []reply{jsonReply(400, `{"error":"access_denied"}`)}, []int64{0}, "server oauth_error", "device:false status:not_authenticated server_error:access_denied request_failed:server", false},
		{"expired_token", []reply{jsonReply(400, `{"error":"expired_token"}`)}, []int64{0}, "expired device_code_expired", "device:false status:not_authenticated server_error:expired_token request_failed:expired", false},
		{"invalid_grant", []reply{jsonReply(400, `{"error":"invalid_grant"}`)}, []int64{0}, "server oauth_error", "device:false status:not_authenticated server_error:invalid_grant request_failed:server", false},
		{"invalid_client", []reply{jsonReply(401, `{"error":"invalid_client"}`)}, []int64{0}, "server oauth_error", "device:false server_error:invalid_client request_failed:server", true},
		{"403 in JSON without an error (a firewall's)", []reply{jsonReply(403, `{"message":"Forbidden"}`), jsonReply(400, pending)}, []int64{5_000, 5_000}, "", "", true},
		{"403 with an error in another form", []reply{jsonReply(403, `{"error":{"message":"no such code"}}`)}, []int64{0}, "server http_error", "device:false request_failed:server", true},
		{"404 in JSON", []reply{jsonReply(404, `{}`)}, []int64{0}, "server http_error", "device:false request_failed:server", true},
		{"redirect", []reply{{failed: "redirect"}}, []int64{0}, "server redirect", "device:false request_failed:server", true},
		{"503 and temporarily_unavailable", []reply{jsonReply(503, `{"error":"temporarily_unavailable"}`), jsonReply(400, pending)}, []int64{5_000, 5_000}, "", "", true},
		{"429 and temporarily_unavailable", []reply{jsonReply(429, `{"error":"temporarily_unavailable"}`)}, []int64{5_000}, "", "", true},
		{"500 and server_error", []reply{jsonReply(500, `{"error":"server_error"}`)}, []int64{5_000}, "", "", true},
		{"500 and slow_down", []reply{jsonReply(500, `{"error":"slow_down"}`)}, []int64{10_000}, "", "device:true", true},
		{"429 and a word of a gateway's (Auth0)", []reply{jsonReply(429, `{"error":"too_many_requests"}`), jsonReply(400, pending)}, []int64{5_000, 5_000}, "", "", true},
		{"500 and a framework's words (Spring)", []reply{jsonReply(500, `{"status":500,"error":"Internal Server Error","path":"/token"}`)}, []int64{5_000}, "", "", true},
		{"504 in a form", []reply{{status: 504, ctype: "application/x-www-form-urlencoded", body: "error=upstream+timeout"}}, []int64{5_000}, "", "", true},
		{"400 and temporarily_unavailable", []reply{jsonReply(400, `{"error":"temporarily_unavailable"}`)}, []int64{5_000}, "", "", true},
		{"503 and invalid_client", []reply{jsonReply(503, `{"error":"invalid_client"}`)}, []int64{0}, "server oauth_error", "device:false server_error:invalid_client request_failed:server", true},
		{"400 and server_error", []reply{jsonReply(400, `{"error":"server_error"}`)}, []int64{0}, "server oauth_error", "device:false status:not_authenticated server_error:server_error request_failed:server", false},
		{"500 and access_denied", []reply{jsonReply(500, `{"error":"access_denied"}`)}, []int64{0}, "server oauth_error", "device:false status:not_authenticated server_error:access_denied request_failed:server", false},
		{"no connection", []reply{{failed: "network"}, {failed: "network"}, {failed: "network"}, jsonReply(400, pending)}, []int64{5_000, 10_000, 20_000, 5_000}, "", "request_failed:network request_failed:network request_failed:network", true},
		{"not sent", []reply{{failed: "unsent"}}, []int64{5_000}, "", "request_failed:network", true},
		{"given up by the host", []reply{{failed: "aborted"}}, []int64{5_000}, "", "request_failed:network", true},
		{"no access token", []reply{jsonReply(200, `{"token_type":"Bearer"}`)}, []int64{0}, "token_not_found missing_access_token", "device:false status:not_authenticated request_failed:token_not_found", false},
	} {
		s.now = 1_700_000_000_000
		s.deviceServer(rfc8628, row.polls...)
		wait := s.startDevice()
		var left []msg
		for _, ms := range row.waits {
			left = s.pass(s.timers[0].ms)
			if ms == 0 && len(s.timers) != 0 || ms != 0 && (len(s.timers) != 1 || s.timers[0].ms != ms) {
				t.Fatalf("%s: timers %v, want %d ms", row.name, s.timers, ms)
			}
		}
		if got := s.polls(); got != len(row.waits) {
			t.Errorf("%s: %d polls", row.name, got)
		}
		if got := s.eventNames(); got != row.events {
			t.Errorf("%s: events %q", row.name, got)
		}
		if row.ends != "" {
			r := s.resultOf(wait, left)
			if got := r.Str("error", "kind") + " " + r.Str("error", "code"); got != row.ends || r.Str("error", "op") != "polling" || strings.Contains(r.Raw, deviceCode) || !row.again && r.Str("error", "retryable") != "false" {
				t.Errorf("%s: %s", row.name, r.Raw)
			}
		} else if len(left) != 0 {
			t.Errorf("%s: %v", row.name, left)
		}
		if r := s.do("poll_start"); (r.Str("ok", "polling") == "true") != row.again || !row.again && r.Str("error", "code") != "no_device_code" {
			t.Errorf("%s: started again: %s", row.name, r.Raw)
		}
		s.ok("poll_stop", `"forget":true`)
		s.eventNames()
	}
}

// TestScenarioDeviceExpiry: Q35, with sleep, throttled timers and a clock that is set back.
func TestScenarioDeviceExpiry(t *testing.T) {
	s := newScene(t, "Codes that run out between polls end the flow with no further poll; a late timer (sleep, a throttled tab) polls once or finds them expired; an early one, and a clock set back, are put right.", "Q35", "Q36")
	short := strings.Replace(rfc8628, `"expires_in":1800`, `"expires_in":12`, 1)
	s.deviceServer(short, jsonReply(400, pending))
	s.open(with(deviceConf))
	wait := s.startDevice()
	s.pass(10_000)
	if s.polls() != 2 {
		t.Error(s.polls())
	}
	s.wantWait(2_000) // to the end of the codes, not to the next poll
	r := s.resultOf(wait, s.pass(2_000))
	if r.Str("error", "kind") != "expired" || r.Str("error", "code") != "device_code_expired" || s.polls() != 2 || len(s.timers) != 0 {
		t.Error(r.Raw, s.polls())
	}
	s.wantEvents("device:false status:not_authenticated request_failed:expired")
	if s.store["oauth2.device"] != "" {
		t.Error(s.store)
	}

	// Asleep until after the expiry: no poll.
	wait = s.startDevice()
	s.now += 3_600_000
	if r := s.resultOf(wait, s.fire(0)); r.Str("error", "code") != "device_code_expired" || s.polls() != 0 {
		t.Error(r.Raw, s.polls())
	}
	s.eventNames()
	// Asleep or throttled for less: one poll, and not all that were missed.
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.startDevice()
	s.now += 600_000
	s.fire(0)
	if s.polls() != 1 {
		t.Error(s.polls())
	}
	s.wantWait(5_000)
	// The timer was too early: it is set again, for the rest.
	s.now += 4_990
	s.fire(0)
	if s.polls() != 1 {
		t.Error("polled early")
	}
	s.wantWait(10)
	// The clock was set back by a day while the timer ran: the wait is over.
	s.now -= 86_400_000
	s.fire(0)
	if s.polls() != 2 {
		t.Error("a clock that was set back stops the polling")
	}
	s.wantWait(5_000)
	// Stopped, and expired before it is resumed.
	s.ok("poll_stop")
	s.eventNames()
	s.now += 2 * 86_400_000
	s.fails("expired", "device_code_expired", "poll_start")
	s.wantEvents("device:false status:not_authenticated request_failed:expired")
	s.fails("client", "no_device_code", "poll_start")
	if s.polls() != 2 {
		t.Error(s.polls())
	}
}

// TestScenarioPollStop: Q36.
func TestScenarioPollStop(t *testing.T) {
	s := newScene(t, "Polling stops and starts again without a new authorization: an answer under way is discarded, the grown interval stays, a token that comes too late is revoked and the code is spent.", "Q36", "Q30", "Q31")
	s.open(with(deviceConf))
	s.deviceServer(rfc8628, jsonReply(400, `{"error":"slow_down"}`), jsonReply(400, pending))
	wait := s.startDevice()
	s.pass(5_000)
	s.eventNames()
	if r := s.ok("poll_start"); r.Str("ok", "polling") != "true" || len(s.timers) != 1 {
		t.Error("started twice:", r.Raw, s.timers)
	}
	s.wantEvents("")
	s.ok("poll_stop")
	s.wantEvents("device:false")
	s.ok("poll_stop")
	s.wantEvents("")
	s.pass(60_000)
	if s.polls() != 1 || len(s.timers) != 0 {
		t.Error("polled while stopped:", s.polls(), s.timers)
	}
	if !strings.Contains(s.store["oauth2.device"], `"interval_ms":10000`) {
		t.Error("the grown interval is not kept:", s.store["oauth2.device"])
	}
	s.ok("poll_start")
	s.wantEvents("device:true")
	s.wantWait(10_000)

	// An answer from before the stop is ignored, whatever it says, and a later poll waits for it.
	server := s.server
	s.server = nil
	http := s.pass(10_000)[0]
	s.ok("poll_stop")
	s.eventNames()
	if left := s.settle(s.answer(http, jsonReply(400, `{"error":"access_denied"}`).member())); len(left) != 0 {
		t.Error(left)
	}
	s.wantEvents("")
	s.ok("poll_start")
	http = s.pass(10_000)[0]
	s.ok("poll_stop")
	s.ok("poll_start")
	if left := s.pass(10_000); len(left) != 0 {
		t.Error("two polls at once:", left)
	}
	s.eventNames()
	// Polling was resumed before the answer came, so the answer counts.
	if r := s.resultOf(wait, s.settle(s.answer(http, jsonReply(200, deviceTokens).member()))); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.wantEvents("status:granted granted device:false")
	if len(s.timers) != 0 {
		t.Error(s.timers)
	}

	// A success that was discarded: the token is revoked, and the code is used up.
	s.server = server
	s.ok("log_out")
	wait = s.startDevice()
	s.server = nil
	http = s.pass(5_000)[0]
	s.ok("poll_stop")
	s.eventNames()
	s.sent = nil
	s.server = func(m msg) reply { return reply{status: 200} }
	left := s.settle(s.answer(http, jsonReply(200, deviceTokens).member()))
	if len(s.sent) != 1 || s.sent[0].Str("url") != "https://as.example/revoke" || s.sent[0].Form().Get("token") != "refresh-1" {
		t.Error("not revoked:", s.sent)
	}
	if r := s.resultOf(wait, left); r.Str("error", "code") != "no_device_code" {
		t.Error(r.Raw)
	}
	s.wantEvents("device:false status:not_authenticated")
	s.fails("client", "no_device_code", "poll_start")
	if s.store["oauth2.session"] != "" || s.store["oauth2.device"] != "" {
		t.Error(s.store)
	}

	// A new start resets everything of the earlier one: its waiters, its timer, and the answer to
	// its poll.
	s.deviceServer(rfc8628, jsonReply(400, pending))
	wait = s.startDevice()
	s.server = nil
	http = s.pass(5_000)[0]
	s.deviceServer(strings.Replace(rfc8628, "WDJB", "NEXT", 1), jsonReply(400, pending))
	id, left := s.start("device_start")
	if r := s.resultOf(wait, left); r.Str("error", "kind") != "cancelled" {
		t.Error(r.Raw)
	}
	if r := s.resultOf(id, left); r.Str("ok", "user_code") != "NEXT-MJHT" {
		t.Error(r.Raw)
	}
	s.sent = nil
	s.settle(s.answer(http, jsonReply(200, deviceTokens).member()))
	if len(s.sent) != 1 || s.sent[0].Str("stage") != "revocation" || len(s.timers) != 1 {
		t.Error(s.sent, s.timers)
	}
	if r := s.ok("status"); r.Str("ok", "device", "user_code") != "NEXT-MJHT" || r.Str("ok", "status") != "temporary_credentials_received" {
		t.Error(r.Raw)
	}
	// Two starts at once: the later one counts.
	s.server = nil
	a, left := s.start("device_start")
	b, more := s.start("device_start")
	s.deviceServer(rfc8628, jsonReply(400, pending))
	left = append(s.settle(s.answer(left[0], jsonReply(200, rfc8628).member())), s.settle(s.answer(more[0], jsonReply(200, rfc8628).member()))...)
	if r := s.resultOf(a, left); r.Str("error", "kind") != "cancelled" {
		t.Error(r.Raw)
	}
	if r := s.resultOf(b, left); r.M["ok"] == nil || len(s.timers) != 1 {
		t.Error(r.Raw)
	}
	// Cancelled while it is being stored.
	s.ok("poll_stop", `"forget":true`)
	effects := s.input(`"command":"device_start","id":900`)
	effects = s.answer(effects[0], jsonReply(200, rfc8628).member())
	s.input(`"command":"cancel","id":901,"target":900`)
	s.settle(s.answer(effects[0], s.storage(effects[0])))
	if r := s.ok("status"); len(s.timers) != 0 || r.Str("ok", "status") != "not_authenticated" || s.store["oauth2.device"] != "" {
		t.Error(r.Raw, s.timers, s.store)
	}
	s.ok("device_start")
	s.ok("log_out")
	if len(s.timers) != 0 || s.store["oauth2.device"] != "" {
		t.Error("signed out, and still polling:", s.timers, s.store)
	}
}

// TestScenarioDeviceSurvives: an unfinished flow, and another instance.
func TestScenarioDeviceSurvives(t *testing.T) {
	s := newScene(t, "A flow in its middle survives: from the store with polling stopped, from exported bytes as it was; a host without timers, a store that fails, and another tab's flow are said.", "Q36", "Q31", "Q30")
	s.deviceServer(rfc8628, jsonReply(400, `{"error":"slow_down"}`), jsonReply(400, pending), jsonReply(200, deviceTokens))
	s.open(with(deviceConf))
	s.startDevice()
	s.pass(5_000)
	bytes := s.ok("export").Str("ok", "session")
	s.timers = nil
	s.eventNames()

	s.open(with(deviceConf)) // another page with the same store
	s.wantEvents("status:temporary_credentials_received device:false")
	if r := s.ok("status"); r.Str("ok", "device", "user_code") != "WDJB-MJHT" || r.Str("ok", "device", "polling") != "false" {
		t.Error(r.Raw)
	}
	s.ok("poll_start")
	s.wantWait(10_000)
	wait, _ := s.start("device_wait")
	s.pass(10_000)
	s.timers = nil
	_ = wait

	s.eventNames()
	s.open(with(deviceConf), `"session":`+quote(bytes))
	s.wantEvents("status:temporary_credentials_received device:true")
	s.wantWait(10_000)
	wait, _ = s.start("device_wait")
	if r := s.resultOf(wait, s.pass(10_000)); r.Str("ok", "status") != "granted" || s.store["oauth2.device"] != "" {
		t.Error(r.Raw, s.store)
	}
	// Expired codes do not count as a flow.
	s.now += 3_600_000
	s.eventNames()
	s.open(with(deviceConf), `"session":`+quote(bytes))
	s.wantEvents("")

	// A store that fails prevents no sign-in.
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.broken = 2
	s.ok("device_start")
	s.wantEvents("not_persisted status:temporary_credentials_received device:false authorize_with_user_code device:true")
	// A host without timers.
	m := s.timers[0].m
	s.timers = nil
	s.settle(s.answer(m, `"failed":{"kind":"unsupported"}`))
	s.wantEvents("device:false request_failed:client")
	s.ok("poll_stop", `"forget":true`)

	// Another instance began its own flow: ours does not delete it.
	s.ok("device_start")
	first := s.handle
	s.open(with(deviceConf))
	s.deviceServer(strings.Replace(rfc8628, "GmRh", "Other", 1), jsonReply(400, pending))
	s.ok("device_start")
	s.use(first)
	s.ok("poll_stop", `"forget":true`)
	if !strings.Contains(s.store["oauth2.device"], "Other") {
		t.Error(s.store)
	}
}

// TestScenarioRefreshWhilePolling: Q37.
func TestScenarioRefreshWhilePolling(t *testing.T) {
	s := newScene(t, "While polling a refresh is refused and the status stays; what is held is still handed out, and comes back as granted when the flow ends without a token.", "Q37", "Q8", "Q23")
	s.tokenServer()
	s.open(with(deviceConf))
	s.signIn()
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.eventNames()
	s.ok("device_start")
	s.eventNames()
	s.sent = nil
	s.fails("client", "polling", "refresh")
	s.wantEvents("request_failed:client")
	s.fails("client", "polling", "token", `"force":true`)
	s.eventNames()
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
		t.Error(r.Raw)
	}
	if r := s.ok("status"); r.Str("ok", "status") != "temporary_credentials_received" || r.Str("ok", "refreshable") != "false" {
		t.Error(r.Raw)
	}
	s.wantSent(0)
	s.ok("poll_stop", `"forget":true`)
	s.wantEvents("device:false status:granted")
	s.tokenServer()
	s.ok("refresh")
	s.wantEvents("status:refreshing status:granted granted")
}

// TestScenarioDeviceHooks: Q3 at the two stages of this flow.
func TestScenarioDeviceHooks(t *testing.T) {
	s := newScene(t, "Hooks of device authorization and polling change parameters and the whole request; one that fails ends the start, and stops the polling.", "Q3", "H8", "Q5")
	s.open(with(`{"device_authorization_endpoint":"https://as.example/device","parameter_hooks":["device_authorization","polling"],"request_hooks":["polling"]}`))
	s.deviceServer(rfc8628, jsonReply(400, pending), jsonReply(200, `{"access_token":"a","token_type":"Bearer"}`))
	seen := ""
	s.hook = func(m msg) string {
		seen += m.Str("hook") + ":" + m.Str("stage") + " "
		if m.Str("hook") == "request" {
			return `"ok":{"request":` + strings.Replace(m.Str("request"), `"accept"`, `"x-trace","1"],["accept"`, 1) + `}`
		}
		return `"ok":{"parameters":` + strings.Replace(strings.TrimSuffix(m.Str("parameters"), "]"), "read write", "less", 1) + `,["tv","1"]]}`
	}
	s.ok("device_start")
	wait, _ := s.start("device_wait")
	if got := s.sent[0].Form(); got.Get("scope") != "less" || got.Get("tv") != "1" {
		t.Error(s.sent[0].Raw)
	}
	s.pass(5_000)
	if got := s.sent[1]; got.Form().Get("tv") != "1" || got.Header("x-trace") != "1" {
		t.Error(got.Raw)
	}
	if seen != "parameters:device_authorization parameters:polling request:polling " {
		t.Error(seen)
	}
	if r := s.resultOf(wait, s.pass(5_000)); r.Str("ok", "scope") != "less" || r.Str("ok", "requested_scope") != "less" {
		t.Error(r.Raw)
	}
	s.hook = func(msg) string { return `"failed":{"kind":"internal"}` }
	s.fails("client", "hook_failed", "device_start")
	s.eventNames()
}
