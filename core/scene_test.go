package core

import (
	"crypto/sha256"
	"encoding/base64"
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
)

var update = flag.Bool("update", false, "write the transcripts of the scenarios to contract/client")

// A scene plays a host by hand and records the conversation; the transcript in contract/client is
// what every other host replays.
type scene struct {
	t      *testing.T
	engine *Engine
	handle int32
	lines  []string
	now    int64
	inputs int
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

type msg struct {
	raw string
	m   map[string]any
}

func (m msg) str(path ...string) string {
	var v any = m.m
	for _, p := range path {
		o, _ := v.(map[string]any)
		v = o[p]
	}
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// form parses the body of an http effect.
func (m msg) form() url.Values {
	v, err := url.ParseQuery(m.str("body", "text"))
	if err != nil {
		panic(err)
	}
	return v
}

func (m msg) header(name string) string {
	list, _ := m.m["headers"].([]any)
	for _, h := range list {
		if pair := h.([]any); pair[0] == name {
			return pair[1].(string)
		}
	}
	return ""
}

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

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// newScene begins a transcript; covers are ids of behaviours.
func newScene(t *testing.T, about string, covers ...string) *scene {
	t.Helper()
	s := &scene{t: t, engine: &Engine{}, now: 1_700_000_000_000, store: map[string]string{}, version: map[string]int{}}
	name := strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestScenario"), "/", "-")
	file := filepath.Join("contract/client", slug(name)+".txt")
	head, _ := json.Marshal(map[string]any{"name": name, "covers": covers, "about": about, "profile": profileOf(file)})
	s.lines = append(s.lines, string(head))
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		text := strings.Join(s.lines, "\n") + "\n"
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Error(err)
			}
			return
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != text {
			t.Errorf("%s is not what the scenario gives: go test ./core -run Scenario -update (%v)", file, err)
		}
	})
	return s
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

// slug makes a file name of a scenario's: lower case, with "-" between the words. A word begins at
// a capital behind a small letter or a digit, and at the last capital of a run of them
// (RedirectURIWithQuery, SeesAMark).
func slug(name string) string {
	name = strings.ReplaceAll(name, "DPoP", "Dpop") // one word, whatever its capitals say
	in := func(i int, from, to byte) bool { return i >= 0 && i < len(name) && name[i] >= from && name[i] <= to }
	var b strings.Builder
	dash := func() {
		if b.Len() > 0 && !strings.HasSuffix(b.String(), "-") {
			b.WriteByte('-')
		}
	}
	for i, r := range name {
		switch {
		case r >= 'A' && r <= 'Z':
			if in(i-1, 'a', 'z') || in(i-1, '0', '9') || in(i-1, 'A', 'Z') && in(i+1, 'a', 'z') {
				dash()
			}
			b.WriteRune(r | 0x20)
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		default:
			dash()
		}
	}
	return strings.Trim(b.String(), "-")
}

func TestSlug(t *testing.T) {
	for name, want := range map[string]string{
		"DPoPDowngrade":                   "dpop-downgrade",
		"DPoP":                            "dpop",
		"ForceSeesAMark":                  "force-sees-a-mark",
		"SuccessorInABadAnswer":           "successor-in-a-bad-answer",
		"RedirectURIWithQuery":            "redirect-uri-with-query",
		"IDTokenKeys":                     "id-token-keys",
		"RFC6749Examples":                 "rfc6749-examples",
		"RFC7636AppendixB":                "rfc7636-appendix-b",
		"DeviceRFC8628":                   "device-rfc8628",
		"PKCE-S256_128":                   "pkce-s256-128",
		"ClientAuthentication-a (secret)": "client-authentication-a-secret",
	} {
		if got := slug(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func (s *scene) head() string {
	s.inputs++
	e := sha256.Sum256([]byte(fmt.Sprintf("entropy %d", s.inputs)))
	return fmt.Sprintf(`{"now":%d,"entropy":%q,`, s.now, base64.RawURLEncoding.EncodeToString(e[:]))
}

func parseMsg(t *testing.T, raw []byte) msg {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	m := msg{raw: string(raw)}
	if err := d.Decode(&m.m); err != nil {
		t.Fatalf("effect %s: %v", raw, err)
	}
	return m
}

// open opens a session; rest are further members of the message.
func (s *scene) open(config string, rest ...string) (refusal msg) {
	s.t.Helper()
	in := s.head() + `"kind":"client","config":` + config + strings.Join(append([]string{""}, rest...), ",") + `}`
	return s.rawOpen(in)
}

func (s *scene) rawOpen(in string) (refusal msg) {
	s.t.Helper()
	s.lines = append(s.lines, "open "+in)
	s.handle = s.engine.Open([]byte(in))
	s.lines = append(s.lines, fmt.Sprintf("= %d", s.handle))
	if s.handle == 0 {
		raw := s.engine.Effect(0)
		s.lines = append(s.lines, "< "+string(raw))
		return parseMsg(s.t, raw)
	}
	s.settle(s.drain())
	return msg{}
}

// input sends one input and returns the effects, none of which is answered.
func (s *scene) input(members string) []msg {
	s.t.Helper()
	return s.rawInput(s.head()+members+"}", link.Taken)
}

func (s *scene) rawInput(in string, code int32) []msg {
	s.t.Helper()
	s.lines = append(s.lines, "> "+in)
	if got := s.engine.Input(s.handle, []byte(in)); got != code {
		s.t.Fatalf("input %s: code %d, want %d", in, got, code)
	}
	if code != link.Taken {
		s.lines = append(s.lines, fmt.Sprintf("= %d", code))
	}
	return s.drain()
}

func (s *scene) drain() (out []msg) {
	for {
		raw := s.engine.Effect(s.handle)
		if raw == nil {
			return out
		}
		s.lines = append(s.lines, "< "+string(raw))
		m := parseMsg(s.t, raw)
		if m.m["kind"] == "event" {
			s.events = append(s.events, m)
		}
		if m.m["kind"] == "http" {
			s.sent = append(s.sent, m)
		}
		out = append(out, m)
	}
}

// answer answers one effect; member is `"ok":{…}` or `"failed":{…}`.
func (s *scene) answer(m msg, member string) []msg {
	s.t.Helper()
	return s.input(fmt.Sprintf(`"answer":%q,%s`, m.str("id"), member))
}

// settle carries out effects as a host does, and returns what is left: results, and effects that
// the scene does not carry out.
func (s *scene) settle(effects []msg) (left []msg) {
	s.t.Helper()
	for len(effects) > 0 {
		m := effects[0]
		effects = effects[1:]
		var member string
		switch m.str("kind") {
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
			ms, _ := m.m["ms"].(json.Number).Int64()
			s.timers = append(s.timers, timer{m, s.now + ms, ms})
			continue
		case "timer-cancel":
			s.timers = slices.DeleteFunc(s.timers, func(w timer) bool { return w.m.str("id") == m.str("target") })
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
	key := m.str("key")
	if !s.whole {
		key = shortKey(key)
	}
	version := ""
	if n := s.version[key]; n > 0 {
		version = fmt.Sprint(n)
	}
	if m.str("kind") == "load" {
		if v, ok := s.store[key]; ok {
			return fmt.Sprintf(`"ok":{"value":%s,"version":%q}`, quote(v), version)
		}
		return fmt.Sprintf(`"ok":{"version":%q}`, version)
	}
	if m.str("version") != version {
		return `"failed":{"kind":"conflict"}`
	}
	s.version[key]++
	if m.m["delete"] == true {
		delete(s.store, key)
	} else {
		s.store[key] = m.str("value")
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
		if m.str("kind") == "result" && m.str("command") == id {
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
	if r.m["ok"] == nil {
		s.t.Fatalf("%s: %s", name, r.raw)
	}
	return r
}

// fails runs a command that must fail with that kind and code.
func (s *scene) fails(kind, code, name string, params ...string) msg {
	s.t.Helper()
	r := s.do(name, params...)
	if r.str("error", "kind") != kind || r.str("error", "code") != code {
		s.t.Fatalf("%s: want %s %s, got %s", name, kind, code, r.raw)
	}
	return r
}

// eventNames returns the events since the last call: "status:granted", "granted",
// "request_failed:server" …
func (s *scene) eventNames() string {
	var names []string
	for _, e := range s.events {
		n := e.str("event")
		switch n {
		case "status":
			n += ":" + e.str("status")
		case "request_failed":
			n += ":" + e.str("error", "kind")
		case "server_error":
			n += ":" + e.str("error", "error")
		case "device":
			n += ":" + e.str("polling")
		case "changed":
			n += ":" + e.str("change")
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
	var base map[string]json.RawMessage
	json.Unmarshal([]byte(conf), &base)
	for _, m := range members {
		var more map[string]json.RawMessage
		if err := json.Unmarshal([]byte(m), &more); err != nil {
			panic(err)
		}
		for k, v := range more {
			if base[k] = v; string(v) == "null" {
				delete(base, k)
			}
		}
	}
	b, _ := json.Marshal(base)
	return string(b)
}

// tokenServer answers token requests with numbered tokens that are valid for an hour.
func (s *scene) tokenServer() {
	n := 0
	s.server = func(m msg) reply {
		if !strings.HasSuffix(m.str("url"), "/token") {
			return reply{status: 200}
		}
		n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-%d"}`, n, n))
	}
}

// signIn goes through authorize and callback, and returns the authorization URL.
func (s *scene) signIn(params ...string) *url.URL {
	s.t.Helper()
	u, err := url.Parse(s.ok("authorize", params...).str("ok", "url"))
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
	s.lines = append(s.lines, fmt.Sprintf("@ %d", handle))
}
