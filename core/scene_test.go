package core

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/testrun/record"
)

var quote = record.Quote

var update = flag.Bool("update", false, "write the transcripts of the scenarios to contract/client")

// A scene plays a host by hand and records the conversation; the transcript in contract/client is
// what every other host replays.
type scene struct {
	t      *testing.T
	engine *Engine
	rec    *record.Recorder
	handle int32
	now    int64
	nextID int64

	store   map[string]string // what the host keeps
	version map[string]int
	broken  int  // store operations that fail
	whole   bool // store has keys as they are, and not by shortKey
	noLock  bool // the host has no locks
	held    bool
	timers  []timer // that run

	lastNonce string
	noVerify  bool // the host has no cryptography
	keys      map[string]bool

	// server answers http effects; nil leaves them to the scenario.
	server func(m msg) reply
	sent   []msg // http effects seen
	events []msg
	hook   func(m msg) string
}

type msg = record.Msg

// A reply is a server's answer. raw is a whole "ok" or "failed" member instead.
type reply struct {
	status int
	ctype  string
	body   string
	failed string
	raw    string
}

func jsonReply(status int, body string) reply {
	return reply{status: status, ctype: "application/json", body: body}
}

func (r reply) member() string {
	switch {
	case r.raw != "":
		return r.raw
	case r.failed != "":
		return fmt.Sprintf(`"failed":{"kind":%q}`, r.failed)
	}
	headers := "[]"
	if r.ctype != "" {
		headers = fmt.Sprintf(`[["content-type",%q]]`, r.ctype)
	}
	return fmt.Sprintf(`"ok":{"status":%d,"headers":%s,"body":{"text":%s}}`, r.status, headers, quote(r.body))
}

// newScene begins a transcript; covers are ids of behaviours.
func newScene(t *testing.T, about string, covers ...string) *scene {
	t.Helper()
	s := quietScene(t)
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestScenario"), "/", "-")
	file := filepath.Join("contract/client", record.Slug(name)+".txt")
	s.rec.Keep(map[string]any{"name": name, "covers": covers, "about": about, "profile": profileOf(file)}, file, *update)
	return s
}

// quietScene is a scene without a transcript.
func quietScene(t *testing.T) *scene {
	engine := &Engine{}
	return &scene{t: t, engine: engine, rec: &record.Recorder{T: t, Engine: engine}, now: 1_700_000_000_000, store: map[string]string{}, version: map[string]int{}}
}

// profileOf is the profile that a transcript is known to need. TestPageTranscripts determines it
// for new ones.
func profileOf(file string) string {
	raw, _ := os.ReadFile(file)
	line, _, _ := strings.Cut(string(raw), "\n")
	var head struct{ Profile string }
	if json.Unmarshal([]byte(line), &head) != nil || head.Profile == "" {
		return "full"
	}
	return head.Profile
}

// TestMain has the profiles of transcripts that were written found out, by the sources of the
// page's module.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 && *update && !page {
		cmd := exec.Command("go", "test", "-count=1", "-tags", "page", "-run", "^TestPageTranscripts$", ".", "-update")
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if cmd.Run() != nil {
			code = 1
		}
	}
	os.Exit(code)
}

func (s *scene) head() string { return s.rec.Head(s.now) }

// open opens a session; rest are further members of the message.
func (s *scene) open(config string, rest ...string) (refusal msg) {
	s.t.Helper()
	in := s.head() + `"kind":"client","config":` + config + strings.Join(append([]string{""}, rest...), ",") + `}`
	return s.rawOpen(in)
}

func (s *scene) rawOpen(in string) (refusal msg) {
	s.t.Helper()
	s.handle, refusal = s.rec.Open(in)
	if s.handle != 0 {
		s.settle(s.drain())
	}
	return refusal
}

// input sends one input and returns the effects, none of which is answered.
func (s *scene) input(members string) []msg {
	s.t.Helper()
	return s.rawInput(s.head()+members+"}", link.Taken)
}

func (s *scene) rawInput(in string, code int32) []msg {
	s.t.Helper()
	return s.seen(s.rec.Input(s.handle, in, code))
}

func (s *scene) drain() []msg { return s.seen(s.rec.Effects(s.handle)) }

// seen notes events and requests.
func (s *scene) seen(effects []msg) []msg {
	for _, m := range effects {
		switch m.Str("kind") {
		case "event":
			s.events = append(s.events, m)
		case "http":
			s.sent = append(s.sent, m)
		}
	}
	return effects
}

// answer answers one effect; member is `"ok":{…}` or `"failed":{…}`.
func (s *scene) answer(m msg, member string) []msg {
	s.t.Helper()
	return s.input(fmt.Sprintf(`"answer":%q,%s`, m.Str("id"), member))
}

// settle carries out effects as a host does, and returns what is left: results, and effects that
// the scene does not carry out.
func (s *scene) settle(effects []msg) (left []msg) {
	s.t.Helper()
	for len(effects) > 0 {
		m := effects[0]
		effects = effects[1:]
		var member string
		switch m.Str("kind") {
		case "event":
			continue
		case "load", "store":
			member = s.storage(m)
		case "lock":
			member = `"ok":{}`
			if s.noLock {
				member = `"failed":{"kind":"unsupported"}`
			} else if s.held {
				s.t.Fatal("lock taken twice")
			} else {
				s.held = true
			}
		case "unlock":
			s.held = false
			continue
		case "timer":
			ms, _ := m.M["ms"].(json.Number).Int64()
			s.timers = append(s.timers, timer{m, s.now + ms, ms})
			continue
		case "timer-cancel":
			s.timers = slices.DeleteFunc(s.timers, func(w timer) bool { return w.m.Str("id") == m.Str("target") })
			continue
		case "verify":
			member = verifies(m)
			if s.noVerify {
				member = `"failed":{"kind":"unsupported"}`
			}
		case "key", "sign":
			member = s.keyed(m)
		case "hook":
			if s.hook != nil {
				member = s.hook(m)
			}
		case "http":
			if s.server != nil {
				member = s.server(m).member()
			}
		}
		if member == "" {
			left = append(left, m)
			continue
		}
		effects = append(effects, s.answer(m, member)...)
	}
	return left
}

// A timer that the session requested. due is by the clock of that moment.
type timer struct {
	m   msg
	due int64
	ms  int64
}

// pass lets time pass, with timers that fire when they are due, and returns what is left.
func (s *scene) pass(ms int64) (left []msg) {
	s.t.Helper()
	for end := s.now + ms; ; {
		next := -1
		for i, w := range s.timers {
			if w.due <= end && (next < 0 || w.due < s.timers[next].due) {
				next = i
			}
		}
		if next < 0 {
			s.now = end
			return left
		}
		s.now = max(s.now, s.timers[next].due)
		left = append(left, s.fire(next)...)
	}
}

// fire fires a timer now, due or not.
func (s *scene) fire(i int) []msg {
	s.t.Helper()
	m := s.timers[i].m
	s.timers = slices.Delete(s.timers, i, i+1)
	return s.settle(s.answer(m, `"ok":{}`))
}

// wantWait checks how much time the only running timer has left.
func (s *scene) wantWait(ms int64) {
	s.t.Helper()
	if len(s.timers) != 1 || s.timers[0].ms != ms {
		s.t.Fatalf("timers %v, want one of %d ms", s.timers, ms)
	}
}

// shortKey names what stands under a key without the fingerprint in it, which differs by
// configuration; "old:" is what an older version kept under the client's name alone.
func shortKey(key string) string {
	parts := strings.Split(key, ".")
	n := len(parts)
	if n > 2 && len(parts[n-2]) == 22 {
		return strings.Join(append(parts[:n-2:n-2], parts[n-1]), ".")
	}
	return "old:" + key
}

func (s *scene) storage(m msg) string {
	if s.broken > 0 {
		s.broken--
		return `"failed":{"kind":"storage"}`
	}
	key := m.Str("key")
	if !s.whole {
		key = shortKey(key)
	}
	version := ""
	if n := s.version[key]; n > 0 {
		version = fmt.Sprint(n)
	}
	if m.Str("kind") == "load" {
		if v, ok := s.store[key]; ok {
			return fmt.Sprintf(`"ok":{"value":%s,"version":%q}`, quote(v), version)
		}
		return fmt.Sprintf(`"ok":{"version":%q}`, version)
	}
	if m.Str("version") != version {
		return `"failed":{"kind":"conflict"}`
	}
	s.version[key]++
	if m.M["delete"] == true {
		delete(s.store, key)
	} else {
		s.store[key] = m.Str("value")
	}
	return fmt.Sprintf(`"ok":{"version":"%d"}`, s.version[key])
}

// start sends a command and settles it. The result may not exist yet.
func (s *scene) start(name string, params ...string) (id string, left []msg) {
	s.t.Helper()
	s.nextID++
	members := append([]string{fmt.Sprintf(`"command":%q,"id":%d`, name, s.nextID)}, params...)
	return fmt.Sprint(s.nextID), s.settle(s.input(strings.Join(members, ",")))
}

// do runs a command to its result.
func (s *scene) do(name string, params ...string) msg {
	s.t.Helper()
	id, left := s.start(name, params...)
	return s.resultOf(id, left)
}

func (s *scene) resultOf(id string, effects []msg) msg {
	s.t.Helper()
	for _, m := range effects {
		if m.Str("kind") == "result" && m.Str("command") == id {
			return m
		}
	}
	s.t.Fatalf("no result of command %s among %v", id, effects)
	return msg{}
}

// ok runs a command that must succeed.
func (s *scene) ok(name string, params ...string) msg {
	s.t.Helper()
	r := s.do(name, params...)
	if r.M["ok"] == nil {
		s.t.Fatalf("%s: %s", name, r.Raw)
	}
	return r
}

// fails runs a command that must fail with that kind and code.
func (s *scene) fails(kind, code, name string, params ...string) msg {
	s.t.Helper()
	r := s.do(name, params...)
	if r.Str("error", "kind") != kind || r.Str("error", "code") != code {
		s.t.Fatalf("%s: want %s %s, got %s", name, kind, code, r.Raw)
	}
	return r
}

// eventNames returns the events since the last call: "status:granted", "granted",
// "request_failed:server" …
func (s *scene) eventNames() string {
	var names []string
	for _, e := range s.events {
		n := e.Str("event")
		switch n {
		case "status":
			n += ":" + e.Str("status")
		case "request_failed":
			n += ":" + e.Str("error", "kind")
		case "server_error":
			n += ":" + e.Str("error", "error")
		case "device":
			n += ":" + e.Str("polling")
		case "changed":
			n += ":" + e.Str("change")
		}
		names = append(names, n)
	}
	s.events = nil
	return strings.Join(names, " ")
}

func (s *scene) wantEvents(want string) {
	s.t.Helper()
	if got := s.eventNames(); got != want {
		s.t.Fatalf("events %q, want %q", got, want)
	}
}

func (s *scene) wantSent(n int) {
	s.t.Helper()
	if len(s.sent) != n {
		s.t.Fatalf("%d requests sent, want %d", len(s.sent), n)
	}
}

const conf = `{"issuer":"https://as.example","client_id":"s6BhdRkqt3","redirect_uri":"https://client.example/cb",` +
	`"authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token",` +
	`"revocation_endpoint":"https://as.example/revoke","userinfo_endpoint":"https://as.example/userinfo",` +
	`"scope":"read write","token_destinations":["https://api.example/v1"]}`

// with returns conf with members replaced or, if null, left out.
func with(members ...string) string {
	object := conf
	for _, m := range members {
		object = record.With(object, m)
	}
	return object
}

// tokenServer answers token requests with numbered tokens that are valid for an hour.
func (s *scene) tokenServer() {
	n := 0
	s.server = func(m msg) reply {
		if !strings.HasSuffix(m.Str("url"), "/token") {
			return reply{status: 200}
		}
		n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-%d"}`, n, n))
	}
}

// signIn goes through authorize and callback, and returns the authorization URL.
func (s *scene) signIn(params ...string) *url.URL {
	s.t.Helper()
	u, err := url.Parse(s.ok("authorize", params...).Str("ok", "url"))
	if err != nil {
		s.t.Fatal(err)
	}
	s.ok("callback", callbackURL(u, "code=SplxlOBeZQQYbYS6WxSbIA"))
	return u
}

// callbackURL answers the authorization URL with those parameters and its state.
func callbackURL(u *url.URL, params string) string {
	return fmt.Sprintf(`"url":"https://client.example/cb?%s&state=%s"`, params, url.QueryEscape(u.Query().Get("state")))
}

// use continues with another session of the same engine.
func (s *scene) use(handle int32) {
	s.handle = handle
	s.rec.Use(handle)
}
