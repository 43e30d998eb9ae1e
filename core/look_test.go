package core

import (
	"fmt"
	"strings"
	"testing"
)

// pair opens two instances with one store and one configuration, the first signed in, and returns
// their handles.
func pair(s *scene, config string, rest ...string) (one, two int32) {
	s.t.Helper()
	s.open(config)
	one = s.handle
	s.signIn()
	s.open(config, rest...)
	two = s.handle
	s.events, s.sent = nil, nil
	return one, two
}

// loads counts the loads of the session since line from.
func (s *scene) loads(from int) (n int) {
	for _, line := range s.rec.Lines[from:] {
		if strings.HasPrefix(line, "< ") && strings.Contains(line, `"kind":"load"`) && strings.Contains(line, `.session"`) {
			n++
		}
	}
	return n
}

// TestScenarioChanges: what one instance does, the other's status shows, and an event reports the
// kind of change (E23).
func TestScenarioChanges(t *testing.T) {
	s := newScene(t, "Sign-out, sign-in, another account, a refresh and a revoked access token at one instance: the other's status is the store's truth, and an event says what changed.", "E23")
	s.tokenServer()
	one, two := pair(s, with(`{"auto_refresh":true}`))
	for _, row := range []struct {
		name, status, events string
		do                   func()
		timers               int
	}{
		{"a refresh", "granted", "granted changed:refreshed", func() { s.ok("refresh") }, 1},
		{"a sign-in over it", "granted", "granted changed:other_account", func() { s.signIn() }, 1},
		{"a sign-out", "not_authenticated", "status:not_authenticated changed:signed_out", func() { s.ok("log_out") }, 0},
		{"a sign-in", "granted", "status:granted granted changed:signed_in", func() { s.signIn() }, 1},
		{"a mark, and no answer", "granted", "", func() {
			server := s.server
			s.server = func(msg) reply { return reply{failed: "unsent"} }
			s.do("refresh")
			s.server = server
		}, 1},
		{"a revoked access token", "not_authenticated", "status:not_authenticated changed:", func() { s.ok("revoke", `"token":"access_token"`) }, 0},
		{"a new one", "granted", "status:granted granted changed:refreshed", func() { s.ok("refresh") }, 1},
	} {
		s.use(one)
		row.do()
		s.timers, s.events = nil, nil
		s.use(two)
		s.now += 10
		if r := s.ok("status"); r.Str("ok", "status") != row.status {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		if got := s.eventNames(); got != row.events {
			t.Errorf("%s: events %q, want %q", row.name, got, row.events)
		}
		if running := len(s.timers); running > row.timers {
			t.Errorf("%s: %d timers run", row.name, running)
		}
	}
}

// TestTokenLooksOnceASecond: a command that returns a token reads the store if the last look was a
// second ago, and never if the host reports changes (E24).
func TestTokenLooksOnceASecond(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(s *scene)
	}{
		{"token", func(s *scene) { s.do("token") }},
		{"prepare", func(s *scene) { s.do("prepare", `"url":"https://api.example/v1/x"`) }},
		{"userinfo", func(s *scene) { s.do("userinfo") }},
		{"token_exchange", func(s *scene) { s.do("token_exchange") }},
	} {
		for _, notified := range []bool{false, true} {
			s := quietScene(t)
			s.tokenServer()
			one, two := pair(s, conf, fmt.Sprintf(`"notified":%t`, notified))
			s.handle = two
			want := 5
			if notified {
				want = 0
			}
			from := len(s.rec.Lines)
			for range 50 {
				s.now += 100
				row.do(s)
			}
			if n := s.loads(from); n != want {
				t.Errorf("%s, notified %t: %d loads in 5 s, want %d", row.name, notified, n, want)
			}
			s.handle = one
			s.ok("log_out")
			s.now += 1_000
			s.handle, s.sent = two, nil
			if notified {
				s.ok("look")
			}
			row.do(s)
			if len(s.sent) != 0 {
				t.Errorf("%s, notified %t: the revoked token was sent: %s", row.name, notified, s.sent[0].Raw)
			}
		}
	}
}

// TestScenarioHints: one hint causes one look, many hints one a second, and the last look comes
// after the last hint (E25).
func TestScenarioHints(t *testing.T) {
	s := newScene(t, "Hints that another writer changed the store: the key is watched, and however many come, there is one look a second.", "E25")
	s.tokenServer()
	one, two := pair(s, conf, `"notified":true`)
	watched := 0
	for _, line := range s.rec.Lines {
		if strings.Contains(line, `"watch":true`) {
			watched++
		}
	}
	if watched != 1 {
		t.Errorf("watched %d times", watched)
	}
	s.use(two)
	from := len(s.rec.Lines)
	for range 20 {
		s.ok("look")
	}
	if n := s.loads(from); n != 1 || len(s.timers) != 1 {
		t.Errorf("%d loads and %d timers after many hints", n, len(s.timers))
	}
	s.use(one)
	s.ok("log_out") // after the look, and its hint among the many
	s.use(two)
	s.events = nil
	from = len(s.rec.Lines)
	s.ok("look")
	s.pass(999)
	s.wantEvents("")
	s.pass(1)
	s.wantEvents("status:not_authenticated changed:signed_out")
	if n := s.loads(from); n != 1 || len(s.timers) != 0 {
		t.Errorf("%d loads and %d timers", n, len(s.timers))
	}
}

// TestManyHints: a thousand hints a second, for a minute, cause one look a second, and the memory
// for them does not grow (E25).
func TestManyHints(t *testing.T) {
	for _, row := range []struct {
		name string
		set  func(s *scene)
	}{
		{"a store that answers", func(*scene) {}},
		{"a store that fails", func(s *scene) { s.broken = 1 << 30 }},
		{"a clock set back", func(s *scene) { s.now -= 3_600_000 }},
	} {
		s := quietScene(t)
		s.tokenServer()
		_, two := pair(s, conf, `"notified":true`)
		s.handle = two
		row.set(s)
		from := len(s.rec.Lines)
		for range 6_000 {
			s.pass(10)
			s.ok("look")
			s.rec.Lines = append(s.rec.Lines[:from:from], only(s.rec.Lines[from:], ".session")...)
		}
		if n := s.loads(from); n < 55 || n > 62 {
			t.Errorf("%s: %d loads in a minute", row.name, n)
		}
	}
	// A store that never answers is asked once.
	s := quietScene(t)
	s.tokenServer()
	_, two := pair(s, conf, `"notified":true`)
	s.handle = two
	asked := 0
	for range 3_000 {
		s.now += 20
		for _, m := range s.input(fmt.Sprintf(`"command":"look","id":%d`, s.rec.Inputs+1_000)) {
			switch m.Str("kind") {
			case "load":
				asked++
			case "timer":
				s.timers = append(s.timers, timer{m, s.now + 1_000, 1_000})
			}
		}
		for len(s.timers) > 0 && s.timers[0].due <= s.now {
			m := s.timers[0].m
			s.timers = s.timers[1:]
			s.answer(m, `"ok":{}`)
		}
	}
	if l := s.engine.open[two-1]; asked != 1 || l.Awaited() > 2 {
		t.Errorf("asked %d times, %d answers are awaited", asked, l.Awaited())
	}
}

func only(lines []string, part string) (kept []string) {
	for _, l := range lines {
		if strings.Contains(l, part) {
			kept = append(kept, l)
		}
	}
	return kept
}

// TestStatusOfABadStore: status reports the held session if the store fails, is slow or never
// answers. All callers at the same time share a look (E26).
func TestStatusOfABadStore(t *testing.T) {
	begin := func() *scene {
		s := quietScene(t)
		s.tokenServer()
		_, two := pair(s, conf)
		s.handle = two
		return s
	}
	s := begin()
	s.broken = 1
	if r := s.ok("status"); r.Str("ok", "status") != "granted" {
		t.Error("a store that fails:", r.Raw)
	}
	s.wantEvents("request_failed:storage")

	// A hundred at once: the first look began before, so the others share the next.
	s = begin()
	ask := func(id int) (load, patience msg, results int) {
		for _, m := range s.input(fmt.Sprintf(`"command":"status","id":%d`, 1_000+id)) {
			switch m.Str("kind") {
			case "load":
				load = m
			case "timer":
				patience = m
			case "result":
				results++
			}
		}
		return load, patience, results
	}
	load, _, _ := ask(0)
	for id := range 99 {
		if l, _, n := ask(id + 1); l.Raw != "" || n != 0 {
			t.Fatalf("the status asked for as number %d does not wait for a look: %s", id+2, l.Raw)
		}
	}
	from, results := len(s.rec.Lines), 0
	for _, m := range s.settle(s.answer(load, s.storage(load))) {
		if m.Str("kind") == "result" {
			results++
		}
	}
	if results != 100 || s.loads(from) != 1 {
		t.Errorf("%d results, %d more loads", results, s.loads(from))
	}

	// The store hangs: a second later the held session is reported, then at once; when the store
	// answers later, that counts.
	s = begin()
	load, patience, _ := ask(0)
	s.now += 1_000
	if left := s.answer(patience, `"ok":{}`); len(left) != 1 || left[0].Str("ok", "status") != "granted" {
		t.Error("a store that hangs:", left)
	}
	if l, _, n := ask(1); n != 1 || l.Raw != "" {
		t.Error("it hangs still:", n, l.Raw)
	}
	s.events = nil
	s.settle(s.answer(load, `"ok":{"version":"9"}`))
	s.wantEvents("status:not_authenticated changed:signed_out")

	// Without timers it waits.
	s = begin()
	load, patience, _ = ask(0)
	if left := s.answer(patience, `"failed":{"kind":"unsupported"}`); len(left) != 0 {
		t.Error("without timers:", left)
	}
	if left := s.settle(s.answer(load, s.storage(load))); len(left) != 1 {
		t.Error("without timers:", left)
	}
}

// TestStatusWhileItChanges: while the instance itself refreshes, status answers at once, and the
// look does not disturb the refresh (E26).
func TestStatusWhileItChanges(t *testing.T) {
	s := quietScene(t)
	s.tokenServer()
	_, two := pair(s, conf)
	s.handle = two
	server := s.server
	s.server = nil
	id, left := s.start("refresh")
	if r := s.ok("status"); r.Str("ok", "status") != "refreshing" {
		t.Error(r.Raw)
	}
	s.ok("look")
	s.server = server
	if r := s.resultOf(id, s.settle(left)); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
}

// TestEndedElsewhere: an instance whose session another one ended, or replaced, deletes and revokes
// nothing of the other's (E27).
func TestEndedElsewhere(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(s *scene)
		keys int
	}{
		{"signed out", func(s *scene) { s.ok("log_out") }, 0},
		{"signed in anew", func(s *scene) { s.signIn() }, 1},
		{"refreshed", func(s *scene) { s.ok("refresh") }, 1},
	} {
		s := quietScene(t)
		n := 0
		s.server = func(m msg) reply {
			n++
			return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"DPoP","expires_in":3600,"refresh_token":"refresh-%d"}`, n, n))
		}
		one, two := pair(s, with(`{"dpop":true}`))
		s.handle = two
		s.ok("token")
		s.handle = one
		row.do(s)
		s.handle, s.sent = two, nil
		s.ok("status")
		s.ok("look")
		s.pass(5_000)
		if len(s.keys) != row.keys || len(s.sent) != 0 {
			t.Errorf("%s: keys %v, sent %d", row.name, s.keys, len(s.sent))
		}
		s.handle = one
		if r := s.do("token"); (r.M["ok"] != nil) != (row.keys == 1) {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
}

// TestScenarioHandledElsewhere: for a reply that was redeemed before, nothing is sent. If that led
// to a session, or there is a later one, that is the result (E28).
func TestScenarioHandledElsewhere(t *testing.T) {
	s := newScene(t, "A reply that another instance redeemed: its session is the result, with what authorize was given as state; without a session that is younger than the attempt it is an error.", "E28")
	s.tokenServer()
	s.open(conf)
	s.open(conf)
	one, two := s.handle-1, s.handle
	s.use(one)
	u := s.authorize()
	params := callbackURL(u, "code=c")
	again := func(name, code string) msg {
		t.Helper()
		s.sent = nil
		r := s.do("callback", params)
		if r.Str("error", "code") != code || len(s.sent) != 0 {
			t.Errorf("%s: %s, sent %d", name, r.Raw, len(s.sent))
		}
		if elsewhere := r.Str("ok", "handled_elsewhere"); (elsewhere == "true") != (code == "") {
			t.Errorf("%s: %s", name, r.Raw)
		}
		return r
	}
	// The first delivery is under way; the existing session is an older one and not its result.
	s.use(two)
	s.signIn()
	s.now += 5
	u = s.authorize() // begun after that session
	params = callbackURL(u, "code=c")
	s.use(one)
	server := s.server
	s.server = nil
	id, left := s.start("callback", params)
	s.use(two)
	s.server = server
	if r := again("under way", "already_used"); !strings.Contains(r.Str("error", "came"), "handled elsewhere") || r.Str("error", "begin_again") != "true" {
		t.Error(r.Raw)
	}
	s.use(one)
	again("under way here", "already_used")
	s.resultOf(id, s.settle(left))
	again("done by this very instance", "")
	s.use(two)
	again("done by another", "")
	s.open(conf)
	again("after a reload", "")
	s.open(conf, `"session":""`)
	again("with no session of its own", "")
	s.ok("refresh")
	again("refreshed since", "")
	s.use(one)
	s.ok("log_out")
	s.use(two)
	again("signed out since", "already_used")
	s.fails("callback_not_verified", "wrong_state", "callback", strings.Replace(params, "state=", "state=x", 1))
	s.signIn(`"app_state":"page 7"`)
	again("another sign-in since", "")
}
