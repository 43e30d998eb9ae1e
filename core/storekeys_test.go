package core

import (
	"net/url"
	"strings"
	"testing"
)

// authorize begins a sign-in.
func (s *scene) authorize() *url.URL {
	s.t.Helper()
	u, err := url.Parse(s.ok("authorize").Str("ok", "url"))
	if err != nil {
		s.t.Fatal(err)
	}
	return u
}

// byKey makes the scene distinguish all keys, as a host does.
func byKey(s *scene) map[string]string {
	s.whole = true
	return s.store
}

// TestScenarioOneNameTwoClients: clients with the same name in one store, with different issuers,
// client ids or variables, have separate attempts, sessions, device flows and locks (E20).
func TestScenarioOneNameTwoClients(t *testing.T) {
	s := newScene(t, "Two clients of one name and other issuers or client ids share nothing in a store.", "E20")
	s.tokenServer()
	byKey(s)
	var handles []int32
	for _, config := range []string{
		conf, with(`{"client_id":"another"}`), with(`{"issuer":"https://other.example"}`), with(`{"variables":{"tenant":"a"}}`), with(`{"variables":{"tenant":"b"}}`),
	} {
		s.open(config)
		handles = append(handles, s.handle)
	}
	var replies []string
	for _, h := range handles {
		s.use(h)
		u := s.authorize()
		replies = append(replies, callbackURL(u, "code=c"))
	}
	for i, h := range handles {
		s.use(h)
		s.ok("callback", replies[i])
	}
	for i, h := range handles {
		s.use(h)
		if got, want := s.ok("token").Str("ok", "access_token"), "access-"+string(rune('1'+i)); got != want {
			t.Errorf("client %d has %s, want %s", i, got, want)
		}
	}
	s.use(handles[0])
	s.ok("log_out")
	for _, h := range handles[1:] {
		s.use(h)
		s.ok("refresh")
	}
	locks := map[string]bool{}
	for _, line := range s.rec.Lines {
		if strings.Contains(line, `"kind":"lock"`) {
			_, name, _ := strings.Cut(line, `"name":"`)
			name, _, _ = strings.Cut(name, `"`)
			locks[name] = true
		}
	}
	if len(locks) != len(handles) {
		t.Error("locks:", locks)
	}
}

// asOlder returns the store as an older version left it: all texts under the client's name alone.
func asOlder(s *scene) map[string]string {
	there := map[string]string{}
	for key, text := range s.store {
		there["oauth2."+key[strings.LastIndexByte(key, '.')+1:]] = text
		delete(s.store, key)
	}
	s.version = map[string]int{}
	for key, text := range there {
		s.store[key], s.version[key] = text, 1
	}
	return there
}

// TestScenarioOlderKeys: texts that an older version stored under the name alone are moved:
// session, attempt and device flow (E21).
func TestScenarioOlderKeys(t *testing.T) {
	s := newScene(t, "What an older version kept under the client's name alone is moved under the new keys.", "E21")
	s.tokenServer()
	store := byKey(s)
	s.open(with(deviceConf))
	s.signIn()
	u := s.authorize()
	tokens := s.server
	s.deviceServer(rfc8628, jsonReply(400, pending))
	s.startDevice()
	asOlder(s)
	if len(store) != 3 {
		t.Fatal(store)
	}
	s.server = tokens
	s.open(with(deviceConf))
	if r := s.ok("status"); r.Str("ok", "status") != "granted" || r.Str("ok", "device", "user_code") == "" {
		t.Error(r.Raw)
	}
	s.ok("poll_stop", `"forget":true`)
	s.ok("callback", callbackURL(u, "code=c"))
	for key := range store {
		if strings.Count(key, ".") != 2 {
			t.Error("left:", key)
		}
	}
}

// TestOlderKeysInterrupted: the move breaks off at each of its operations, is made by two at once,
// and finds texts of others. Nothing is lost, and nothing deleted is restored (E22).
func TestOlderKeysInterrupted(t *testing.T) {
	old := func(t *testing.T) *scene {
		s := quietScene(t)
		s.tokenServer()
		byKey(s)
		s.open(conf)
		s.signIn()
		asOlder(s)
		return s
	}
	for ops := range 5 {
		s := old(t)
		crash(s, ops)
		s.open(conf)
		if r := s.ok("status"); r.Str("ok", "status") != "granted" {
			t.Errorf("after %d operations: %s", ops, r.Raw)
		}
		if s.store["oauth2.session"] != "" {
			t.Errorf("after %d operations the old text stays", ops)
		}
		s.ok("log_out")
		s.open(conf)
		if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" {
			t.Errorf("after %d operations the session came back: %s", ops, r.Raw)
		}
	}
	for ops := range 4 { // another instance moves it between any two of our operations
		s := old(t)
		effects := crash(s, ops)
		first := s.handle
		s.open(conf)
		s.ok("refresh")
		s.handle = first
		s.settle(effects)
		if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
			t.Errorf("moved by another after %d operations: %s", ops, r.Raw)
		}
	}
	for _, text := range []string{`{"v":1,"for":"another---------------","access_token":"theirs"}`, `{"v":2}`, `no JSON`, `[]`} {
		s := quietScene(t)
		byKey(s)
		s.store["oauth2.session"], s.version["oauth2.session"] = text, 1
		s.open(conf)
		if r := s.ok("status"); r.Str("ok", "status") != "not_authenticated" || s.store["oauth2.session"] != text || len(s.store) != 1 {
			t.Errorf("%s: %s, %v", text, r.Raw, s.store)
		}
	}
	// A store that cannot be read, or written, at first.
	for broken := 1; broken < 4; broken++ {
		s := old(t)
		s.broken = broken
		s.open(conf)
		s.broken = 0
		if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
			t.Errorf("%d operations failed: %s", broken, r.Raw)
		}
	}
}

// crash opens a session, stops after that many store operations, and returns what is left to do.
func crash(s *scene, ops int) []msg {
	s.handle = s.engine.Open([]byte(s.head() + `"kind":"client","config":` + conf + `}`))
	effects := s.drain()
	for range ops {
		if len(effects) == 0 {
			break
		}
		m := effects[0]
		effects = effects[1:]
		if k := m.Str("kind"); k == "load" || k == "store" {
			effects = append(effects, s.answer(m, s.storage(m))...)
		}
	}
	return effects
}
