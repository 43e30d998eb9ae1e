package core

import (
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// TestInterplayPollStopKeepsBackOff: the server's Retry-After still counts after polling has ended
// (Q10).
func TestInterplayPollStopKeepsBackOff(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true,"device_authorization_endpoint":"https://as.example/device"}`))
	s.signIn()
	refreshes := 0
	s.server = func(m msg) reply {
		if m.Str("stage") == "device_authorization" {
			return jsonReply(200, rfc8628)
		}
		refreshes++
		return reply{raw: `"ok":{"status":429,"headers":[["retry-after","600"]],"body":{"text":""}}`}
	}
	s.pass(3_420_000)
	if refreshes != 1 {
		t.Fatal(refreshes)
	}
	for range 5 {
		s.ok("device_start")
		s.ok("poll_stop")
	}
	if refreshes != 1 {
		t.Error("sent although the server asked for 600 s:", refreshes)
	}
}

// TestInterplayCancelDeviceStart: a start that is cancelled while it is being stored begins no flow
// (Q30).
func TestInterplayCancelDeviceStart(t *testing.T) {
	s := quietScene(t)
	s.open(with(deviceConf))
	http := s.input(`"command":"device_start","id":100`)
	store := s.answer(http[0], jsonReply(200, rfc8628).member())
	s.settle(s.input(`"command":"cancel","id":101,"target":100`))
	s.events = nil
	s.settle(s.answer(store[0], s.storage(store[0])))
	if names := s.eventNames(); names != "" || len(s.timers) != 0 || s.store["oauth2.device"] != "" {
		t.Errorf("cancelled, and polling: %q %v %v", names, s.timers, s.store)
	}
}

// TestInterplayAboutToExpireTwice: about_to_expire is sent once per token (Q9).
func TestInterplayAboutToExpireTwice(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"refresh_lead_ms":60000,"device_authorization_endpoint":"https://as.example/device"}`))
	s.signIn()
	s.pass(3_540_000)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.ok("device_start")
	s.eventNames()
	s.ok("poll_stop")
	s.now += 86_400_000
	s.do("poll_start")
	if names := s.eventNames(); strings.Contains(names, "about_to_expire") {
		t.Error("said a second time, of a token that is expired:", names)
	}
}

// TestInterplayLogOutRefreshes: log_out does not request a new token first (Q10).
func TestInterplayLogOutRefreshes(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	s.open(with(`{"auto_refresh":true,"device_authorization_endpoint":"https://as.example/device"}`))
	s.signIn()
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.ok("device_start")
	s.now += 3_500_000 // no timer fired, because the device was asleep
	s.now -= 3_500_000
	s.tokenServer()
	// the alarm goes off while polling, and is held back
	for i, w := range s.timers {
		if w.ms > 3_000_000 {
			s.now = w.due
			s.fire(i)
			break
		}
	}
	s.sent = nil
	s.ok("log_out")
	for _, m := range s.sent {
		if m.Str("stage") == "refresh" {
			t.Error("log_out sends a refresh first:", m.Raw)
		}
	}
}

// TestInterplayStatusWhilePolling: a refresh that waited for the lock while polling began does not
// change the status (Q37).
func TestInterplayStatusWhilePolling(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	s.open(with(deviceConf))
	s.signIn()
	lock := s.input(`"command":"refresh","id":100`)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.ok("device_start")
	s.events = nil
	s.settle(lock)
	if names := s.eventNames(); strings.Contains(names, "status") {
		t.Error("Q37: status unchanged:", names)
	}
}

// TestInterplayExpiredDeviceDeleted: an expired flow is deleted although another instance wrote it
// (Q35).
func TestInterplayExpiredDeviceDeleted(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.open(with(deviceConf))
	s.ok("device_start")
	bytes := s.ok("export").Str("ok", "session")
	s.timers = nil
	s.open(with(deviceConf), `"session":`+quote(bytes))
	s.pass(1_800_000)
	if s.store["oauth2.device"] != "" {
		t.Error("a device code that ran out stays in the store:", s.store["oauth2.device"])
	}
}

// TestInterplayStoredInterval: an absurd interval in restored bytes does not cause a busy loop
// (X5).
func TestInterplayStoredInterval(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(400, `{"error":"slow_down"}`))
	s.open(with(deviceConf))
	s.ok("device_start")
	bytes := strings.Replace(s.ok("export").Str("ok", "session"), `\"interval_ms\":5000`, `\"interval_ms\":9223372036854775000`, 1)
	bytes = strings.Replace(bytes, `\"expires_at\":1700001800000`, `\"expires_at\":4000000000000`, 1)
	s.timers = nil
	s.open(with(deviceConf), `"session":`+quote(bytes))
	s.now += 10
	m := s.timers[0].m
	s.timers = nil
	s.now -= 1_000_000 // set back: the wait is over
	s.settle(s.answer(m, `"ok":{}`))
	if len(s.timers) != 1 || s.timers[0].ms < 5_000 {
		t.Error("polls after", s.timers[0].ms, "ms")
	}
}

// TestInterplayExportTooLarge: whatever device code the server sends, the exported bytes can be
// restored (Q36).
func TestInterplayExportTooLarge(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(`{"device_code":"`+strings.Repeat(`\"`, 200_000)+`","user_code":"A","verification_uri":"https://as.example/v","expires_in":600}`, jsonReply(400, pending))
	s.open(with(deviceConf))
	if r := s.do("device_start"); r.M["ok"] == nil {
		return
	}
	bytes := s.ok("export").Str("ok", "session")
	in := s.head() + `"kind":"client","config":` + with(deviceConf) + `,"session":` + quote(bytes) + `}`
	if h := s.engine.Open([]byte(in)); h == 0 {
		t.Error("cannot be restored:", len(in), string(s.engine.Effect(0)))
	}
	value := s.engine // and from the store
	_ = value
	load := s.head() + `"answer":"x:1","ok":{"value":` + quote(s.store["oauth2.device"]) + `,"version":"1"}}`
	if len(load) > link.MaxMessage {
		t.Error("what was stored cannot be loaded:", len(load))
	}
}

// TestInterplaySupersededStartKeepsRecord: of two starts with a failing store, the later one's
// record stays (Q30).
func TestInterplaySupersededStartKeepsRecord(t *testing.T) {
	s := quietScene(t)
	s.open(with(deviceConf))
	one := s.input(`"command":"device_start","id":100`)
	storeOne := s.answer(one[0], jsonReply(200, strings.Replace(rfc8628, "GmRh", "First", 1)).member())
	two := s.input(`"command":"device_start","id":101`)
	storeTwo := s.answer(two[0], jsonReply(200, rfc8628).member())
	again := s.answer(storeOne[0], `"failed":{"kind":"storage"}`)
	s.settle(storeTwo)
	s.settle(again)
	if r := s.ok("status"); r.Str("ok", "device", "polling") != "true" {
		t.Fatal(r.Raw)
	}
	if !strings.Contains(s.store["oauth2.device"], "GmRh") {
		t.Error("the flow that runs is not in the store any more:", s.store)
	}
}

// TestInterplayRestoreWithDue: bytes with a flow that polls and a token that is due cause no error
// (Q37).
func TestInterplayRestoreWithDue(t *testing.T) {
	s := quietScene(t)
	s.lifeServer("3600")
	conf := with(`{"auto_refresh":true,"device_authorization_endpoint":"https://as.example/device"}`)
	s.open(conf)
	s.signIn()
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.now += 3_400_000
	s.ok("device_start")
	bytes := s.ok("export").Str("ok", "session")
	s.timers = nil
	s.now += 60_000
	s.events = nil
	s.open(conf, `"session":`+quote(bytes))
	if names := s.eventNames(); strings.Contains(names, "request_failed") {
		t.Error(names)
	}
}

// TestInterplayConfiguredScopeParameter: a scope among the configured parameters counts for both
// kinds of authorization (Q4).
func TestInterplayConfiguredScopeParameter(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.open(with(`{"device_authorization_endpoint":"https://as.example/device","parameters":[["scope","from parameters"]]}`))
	a := authorizeURL(s).Query().Get("scope")
	s.ok("device_start")
	if d := s.sent[0].Form().Get("scope"); d != a {
		t.Errorf("authorize asks for %q, device_start for %q", a, d)
	}
}

// TestInterplayPollStopWhileStarting: after poll_stop during a start, the flow begins without
// polling (Q36).
func TestInterplayPollStopWhileStarting(t *testing.T) {
	s := quietScene(t)
	s.open(with(deviceConf))
	http := s.input(`"command":"device_start","id":100`)
	s.ok("poll_stop")
	s.settle(s.answer(http[0], jsonReply(200, rfc8628).member()))
	if len(s.timers) != 0 {
		t.Error("poll_stop said polling is off, and it begins")
	}
}

// TestInterplayPollingHookFails: a polling hook that fails stops the polling, which can be resumed
// (Q3).
func TestInterplayPollingHookFails(t *testing.T) {
	s := quietScene(t)
	s.open(with(`{"device_authorization_endpoint":"https://as.example/device","parameter_hooks":["polling"]}`))
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.hook = func(msg) string { return `"failed":{"kind":"internal"}` }
	wait := s.startDevice()
	if r := s.resultOf(wait, s.pass(5_000)); r.Str("error", "code") != "hook_failed" || len(s.timers) != 0 {
		t.Error(r.Raw)
	}
	s.ok("poll_start")
}

// TestInterplayRefreshAfterPolling: a token that was due while polling is refreshed when polling
// ends (Q10, Q37).
func TestInterplayRefreshAfterPolling(t *testing.T) {
	for _, end := range []string{`"poll_stop"`, `"poll_stop","forget":true`} {
		s := quietScene(t)
		s.lifeServer("3600")
		tokens := s.server
		s.open(with(`{"auto_refresh":true,"device_authorization_endpoint":"https://as.example/device"}`))
		s.signIn()
		s.server = func(m msg) reply {
			switch m.Str("stage") {
			case "device_authorization":
				return jsonReply(200, rfc8628)
			case "polling":
				return jsonReply(400, pending)
			}
			return tokens(m)
		}
		s.pass(3_419_000)
		s.ok("device_start")
		s.sent = nil
		s.pass(2_000)
		s.wantSent(0)
		s.settle(s.input(`"id":900,"command":` + end))
		if len(s.sent) != 1 || s.sent[0].Str("stage") != "refresh" {
			t.Error(end, s.sent)
		}
	}
}

// TestInterplayStartAgainWhileStored: a new flow begins while the tokens of the old one are being
// stored: they are granted, and the new flow continues (Q30).
func TestInterplayStartAgainWhileStored(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(200, deviceTokens))
	s.open(with(deviceConf))
	s.startDevice()
	server := s.server
	s.server = nil
	http := s.pass(5_000)[0]
	hold := next(t, "store", s.answer(http, server(http).member()))
	s.server = server
	s.ok("device_start")
	s.settle(s.answer(hold, s.storage(hold)))
	if r := s.ok("status"); r.Str("ok", "status") != "granted" || r.Str("ok", "device", "polling") != "true" || s.store["oauth2.device"] == "" {
		t.Error(r.Raw, s.store)
	}
}

// TestInterplayEndWhileStarting: poll_stop with forget, log_out and cancel during the request for
// the codes: no flow begins (Q30).
func TestInterplayEndWhileStarting(t *testing.T) {
	for _, end := range []string{`"poll_stop","forget":true`, `"log_out"`, `"cancel","target":1`} {
		s := quietScene(t)
		s.open(with(deviceConf))
		id, left := s.start("device_start")
		s.input(`"id":900,"command":` + end)
		effects := s.settle(s.answer(left[0], jsonReply(200, rfc8628).member()))
		if r := s.ok("status"); r.Str("ok", "device") != "" || r.Str("ok", "status") != "not_authenticated" || len(s.timers) != 0 || s.store["oauth2.device"] != "" {
			t.Error(end, r.Raw, s.timers, s.store)
		}
		if !strings.HasPrefix(end, `"cancel"`) {
			if r := s.resultOf(id, effects); r.Str("error", "kind") != "cancelled" {
				t.Error(end, r.Raw)
			}
		}
	}
	s := quietScene(t)
	s.open(with(deviceConf))
	_, left := s.start("device_start")
	if effects := s.input(`"id":900,"command":"cancel","target":1`); effects[0].Str("kind") != "http-cancel" || effects[0].Str("target") != left[0].Str("id") {
		t.Error("the request is not withdrawn:", effects)
	}
}

// TestInterplayDeviceCodeInErrors: an error that repeats the device code does not show it (X6,
// Q34).
func TestInterplayDeviceCodeInErrors(t *testing.T) {
	s := quietScene(t)
	repeats := jsonReply(400, `{"error":"invalid_client","error_description":"no `+deviceCode+`"}`)
	s.deviceServer(rfc8628, repeats)
	s.open(with(deviceConf))
	wait := s.startDevice()
	if r := s.resultOf(wait, s.pass(5_000)); r.Str("error", "error_description") != "(redacted)" {
		t.Error(r.Raw)
	}
	s.server = func(msg) reply {
		return jsonReply(200, `{"device_code":"`+deviceCode+`","error":"x","error_description":"no `+deviceCode+`"}`)
	}
	s.do("device_start")
	for _, e := range s.events {
		if strings.Contains(e.Raw, deviceCode) {
			t.Error(e.Raw)
		}
	}
}

// TestInterplayDiscardedWithoutRefreshToken: a token that comes too late and has no refresh token
// is revoked as an access token (Q36).
func TestInterplayDiscardedWithoutRefreshToken(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.open(with(deviceConf))
	s.startDevice()
	s.server = nil
	http := s.pass(5_000)[0]
	s.ok("poll_stop")
	s.server = func(msg) reply { return reply{status: 200} }
	s.sent = nil
	s.settle(s.answer(http, jsonReply(200, `{"access_token":"late","token_type":"Bearer"}`).member()))
	if len(s.sent) != 1 || s.sent[0].Form().Get("token") != "late" || s.sent[0].Form().Get("token_type_hint") != "access_token" {
		t.Error(s.sent)
	}
}

// TestInterplayDeviceStoreUnread: a flow that cannot be read is reported, and its own parameters
// replace the configured ones (Q31, Q4).
func TestInterplayDeviceStoreUnread(t *testing.T) {
	s := quietScene(t)
	in := s.head() + `"kind":"client","config":` + with(`{"device_authorization_endpoint":"https://as.example/device","parameters":[["audience","a"],["x","1"]]}`) + `}`
	s.handle = s.engine.Open([]byte(in))
	load := s.drain()[0]
	for range 2 { // the session, under the old key and the new one
		load = s.answer(load, `"ok":{"version":""}`)[0]
	}
	s.answer(load, `"failed":{"kind":"storage"}`)
	s.wantEvents("request_failed:storage")
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.ok("device_start", `"parameters":[["audience","b"]]`)
	if got := s.sent[0].Str("body", "text"); got != "scope=read+write&x=1&audience=b&client_id=s6BhdRkqt3" {
		t.Error(got)
	}
}

// TestInterplayExpiredDeviceFromBytes: the key of a flow that ran out before its bytes were opened
// is deleted (Q35).
func TestInterplayExpiredDeviceFromBytes(t *testing.T) {
	s := quietScene(t)
	s.deviceServer(rfc8628, jsonReply(400, pending))
	conf := with(`{"dpop":true,"device_authorization_endpoint":"https://as.example/device"}`)
	s.open(conf)
	s.ok("device_start")
	s.pass(6_000) // the first poll makes the key
	if len(s.keys) != 1 {
		t.Fatal(s.keys)
	}
	bytes := s.ok("export").Str("ok", "session")
	s.timers = nil
	s.now += 1_800_000
	s.open(conf, `"session":`+quote(bytes))
	if len(s.keys) != 0 || s.store["oauth2.device"] != "" {
		t.Error("left over:", s.keys, s.store["oauth2.device"])
	}
}
