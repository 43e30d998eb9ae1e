package core

import (
	"fmt"
	"strings"
	"testing"
)

// lost carries out a store effect and loses its answer.
func (s *scene) lost(m msg) []msg {
	s.t.Helper()
	if m.Str("kind") != "store" {
		s.t.Fatal("no store:", m.Raw)
	}
	s.storage(m)
	return s.answer(m, `"failed":{"kind":"timeout"}`)
}

// next returns the first effect of a kind.
func next(t *testing.T, kind string, effects []msg) msg {
	t.Helper()
	for _, m := range effects {
		if m.Str("kind") == kind {
			return m
		}
	}
	t.Fatalf("no %s among %v", kind, effects)
	return msg{}
}

// TestScenarioSignInOvertaken: a sign-in was stored, its answer was lost, and another instance
// continued from it before the retry.
func TestScenarioSignInOvertaken(t *testing.T) {
	s := newScene(t, "A sign-in whose store was carried out without an answer does not come back over what another instance made of it: its refresh is adopted, its sign-out stands.", "X9", "Q8")
	s.tokenServer()
	s.open(conf)
	first := s.handle
	s.open(conf)
	second := s.handle
	for _, row := range []struct{ name, command string }{{"refreshed", "refresh"}, {"signed out", "log_out"}} {
		s.use(first)
		u := authorizeURL(s)
		effects := s.input(fmt.Sprintf(`"command":"callback","id":%d,%s`, 900+first, callbackURL(u, "code=c")))
		effects = s.answer(effects[0], s.storage(effects[0])) // the delivery
		effects = s.answer(effects[0], s.server(effects[0]).member())
		again := s.lost(next(t, "store", effects))
		s.use(second)
		s.ok(row.command)
		stored, sent := s.store["oauth2.session"], len(s.sent)
		s.use(first)
		left := s.settle(again)
		if s.store["oauth2.session"] != stored {
			t.Errorf("%s: the older session came back: %s", row.name, s.store["oauth2.session"])
		}
		r := s.resultOf(fmt.Sprint(900+first), left)
		if row.command == "refresh" {
			if r.Str("ok", "status") != "granted" || s.ok("token").Str("ok", "access_token") != "access-2" {
				t.Error(r.Raw)
			}
		} else if r.Str("error", "code") != "signed_out" || len(s.sent) != sent+1 || s.sent[sent].Form().Get("token") != "refresh-3" {
			t.Error("not ended, or what came too late is left at the server:", r.Raw, s.sent[sent:])
		}
		s.use(second)
		s.ok("log_out")
		s.open(conf)
		first = s.handle
	}
}

// TestScenarioTwoDeliveries: one callback in two instances, with a store that fails in between.
func TestScenarioTwoDeliveries(t *testing.T) {
	s := newScene(t, "Two instances get the same callback: a store that failed is not taken for carried out because the other one wrote the same; our own lost answer is.", "Q22")
	s.tokenServer()
	s.open(conf)
	first := s.handle
	u := authorizeURL(s)
	s.open(conf)
	second := s.handle
	s.use(first)
	effects := s.input(`"command":"callback","id":900,` + callbackURL(u, "code=c"))
	again := s.answer(effects[0], `"failed":{"kind":"storage"}`)
	s.use(second)
	s.ok("callback", callbackURL(u, "code=c"))
	s.use(first)
	if r := s.resultOf("900", s.settle(again)); r.Str("ok", "handled_elsewhere") != "true" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	// Our write succeeded, its answer was lost, and another attempt was stored after it.
	u = authorizeURL(s)
	effects = s.input(`"command":"callback","id":901,` + callbackURL(u, "code=d"))
	again = s.lost(effects[0])
	s.use(second)
	s.ok("authorize")
	s.use(first)
	if r := s.resultOf("901", s.settle(again)); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.wantSent(2)
}

// TestScenarioMarks: whose mark it is, and how old.
func TestScenarioMarks(t *testing.T) {
	s := newScene(t, "Without locks: two that wake in the same millisecond do not take each other's mark for their own; a second try under an old mark is as young as itself; the window holds within one attempt too.", "X8", "X9", "Q8")
	s.tokenServer()
	s.noLock = true
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.ok("status")
	s.sent = nil

	// Both have read the store; then both mark.
	read := func(handle int32, id int) msg {
		s.use(handle)
		effects := s.input(fmt.Sprintf(`"command":"refresh","id":%d`, id))
		effects = s.answer(effects[0], `"failed":{"kind":"unsupported"}`)
		effects = s.answer(effects[0], s.storage(effects[0]))
		return next(t, "store", effects)
	}
	a, b := read(first, 900), read(second, 901)
	server := s.server
	s.server = nil
	s.use(first)
	http := s.settle(s.answer(a, s.storage(a)))
	s.use(second)
	if r := s.resultOf("901", s.settle(s.answer(b, s.storage(b)))); r.Str("error", "code") != "refresh_in_progress" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	// No answer, twice; a hundred seconds later the request is tried again, and is under way.
	s.use(first)
	again := s.settle(s.answer(http[0], `"failed":{"kind":"timeout"}`))
	s.settle(s.answer(next(t, "http", again), `"failed":{"kind":"timeout"}`))
	s.now += 100_000
	_, under := s.start("refresh")
	s.wantSent(3)
	s.use(second)
	s.now += 1_000
	s.fails("client", "refresh_in_progress", "refresh")
	s.now -= 30_000 // the other's clock is behind
	s.fails("client", "refresh_in_progress", "refresh")
	s.now += 29_000
	s.use(first)
	s.server = server
	s.settle(s.answer(under[0], server(under[0]).member()))

	// A window that is shorter than the time-out.
	s.noLock = false
	s.open(with(`{"retry_window_ms":20000,"name":"short"}`))
	s.signIn()
	s.sent, s.server = nil, nil
	id, left := s.start("refresh")
	s.now += 30_000
	if r := s.resultOf(id, s.settle(s.answer(left[0], `"failed":{"kind":"timeout"}`))); r.Str("error", "code") != "timeout" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
}

// TestScenarioUnreadStore: a store that cannot be read.
func TestScenarioUnreadStore(t *testing.T) {
	s := newScene(t, "Where the store cannot be read, a refresh token goes out only if it is one that no store has; bytes handed in may be old.", "X9")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	bytes := s.ok("export").Str("ok", "session")
	s.ok("refresh")
	s.sent = nil
	s.open(conf, `"session":`+quote(bytes))
	s.broken = 1
	s.fails("storage", "storage", "refresh")
	s.wantSent(0)
	s.ok("refresh")
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error("not adopted:", r.Raw)
	}
	s.wantSent(0)
	// The successor from an otherwise useless answer is newer than bytes from before it.
	bytes = s.ok("export").Str("ok", "session")
	s.server = func(msg) reply { return jsonReply(200, `{"refresh_token":"next"}`) }
	s.fails("token_not_found", "missing_access_token", "refresh")
	s.open(conf, `"session":`+quote(bytes))
	s.tokenServer()
	s.sent = nil
	s.ok("refresh")
	if s.sent[0].Form().Get("refresh_token") != "next" {
		t.Error(s.sent[0].Raw)
	}
	// It could not be stored: that is reported, and the successor is kept.
	s.server = func(msg) reply {
		s.broken = 2
		return jsonReply(200, `{"refresh_token":"only-here"}`)
	}
	s.eventNames()
	s.do("refresh")
	if names := s.eventNames(); !strings.Contains(names, "not_persisted") || strings.Contains(names, " granted ") {
		t.Error(names)
	}
	s.tokenServer()
	s.sent = nil
	s.ok("refresh")
	if s.sent[0].Form().Get("refresh_token") != "only-here" {
		t.Error(s.sent[0].Raw)
	}
}

// TestScenarioExtendUnderLock: the long-lived token is merged into the newest session.
func TestScenarioExtendUnderLock(t *testing.T) {
	s := newScene(t, "extend works on what is stored, under the lock: another's rotation is not undone, and who signed out meanwhile stays so.", "H7", "X9")
	s.tokenServer()
	config := with(`{"long_lived_grant_type":"long_lived"}`)
	s.open(config)
	first := s.handle
	s.signIn()
	s.open(config)
	s.ok("refresh")
	s.use(first)
	s.ok("extend")
	if got := s.sent[2].Form(); got.Get("long_lived") != "access-2" || !strings.Contains(s.store["oauth2.session"], "refresh-3") {
		t.Error(got, s.store)
	}
	server := s.server
	s.server = nil
	id, left := s.start("extend")
	out, _ := s.start("log_out")
	s.server = server
	left = s.settle(s.answer(left[0], server(left[0]).member()))
	s.resultOf(id, left)
	s.resultOf(out, left)
	if s.store["oauth2.session"] != "" {
		t.Error("signed out, and back again:", s.store)
	}
	s.fails("client", "no_token", "extend")
}

// TestScenarioSignInOverOldSession: the store failed for a sign-in, and another instance continued
// the previous session.
func TestScenarioSignInOverOldSession(t *testing.T) {
	s := newScene(t, "A sign-in that could not be stored at first does not yield to the older session, however new its token: that is another sign-in. Bytes hold against the store only until something was stored.", "X9", "H10")
	s.tokenServer()
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	effects := s.input(`"command":"set_token","id":900,"token":{"access_token":"brought","token_type":"Bearer","refresh_token":"brought-refresh"}`)
	again := s.answer(effects[0], `"failed":{"kind":"storage"}`)
	s.use(second)
	s.now += 1000
	s.ok("refresh")
	s.use(first)
	s.resultOf("900", s.settle(again))
	if !strings.Contains(s.store["oauth2.session"], "brought-refresh") {
		t.Error("the sign-in was given up for an older session:", s.store["oauth2.session"])
	}
	bytes := s.ok("export").Str("ok", "session")
	s.open(conf, `"session":`+quote(bytes))
	third := s.handle
	s.signIn()
	s.use(second)
	s.ok("log_out")
	s.use(third)
	s.sent = nil
	s.fails("client", "signed_out", "refresh")
	s.wantSent(0)
}

// TestScenarioPollBehindItsHook: polling is stopped while a hook of the poll runs.
func TestScenarioPollBehindItsHook(t *testing.T) {
	s := newScene(t, "A poll whose hook is still running when polling is stopped is not sent; started again, it is sent when it is due.", "Q36", "Q3")
	s.open(with(`{"device_authorization_endpoint":"https://as.example/device","parameter_hooks":["polling"]}`))
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.startDevice()
	hook := s.pass(5_000)[0]
	s.ok("poll_stop")
	s.ok("poll_start")
	s.settle(s.answer(hook, `"ok":{"parameters":[["device_code","x"]]}`))
	if s.polls() != 0 {
		t.Error("sent after the stop")
	}
	s.wantWait(5_000)
	s.hook = func(m msg) string { return `"ok":{"parameters":` + m.Str("parameters") + `}` }
	s.pass(5_000)
	if s.polls() != 1 {
		t.Error(s.polls())
	}
}

// TestScenarioStoreDownForLong: two refreshes while the store accepts nothing.
func TestScenarioStoreDownForLong(t *testing.T) {
	s := newScene(t, "A store that was down over two refreshes comes back: what it holds is older than what is held here, and is not taken for newer.", "X9")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	server := s.server
	for range 2 {
		s.server = func(m msg) reply {
			s.broken = 2
			return server(m)
		}
		s.ok("refresh")
	}
	s.server = server
	s.sent = nil
	s.ok("refresh")
	if got := s.sent[0].Form().Get("refresh_token"); got != "refresh-3" {
		t.Error("an old token goes out:", got)
	}
	if s.sent = nil; !strings.Contains(s.store["oauth2.session"], "refresh-4") {
		t.Error(s.store)
	}
}
