package bff

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/testrun/record"
)

var quote = record.Quote

var update = flag.Bool("update", false, "write the transcripts of the scenarios to core/contract/bff")

// A scene plays the host of one site: its store, its key ring, the servers behind it, and a
// browser. It records the effects and their outcomes.
type scene struct {
	t      *testing.T
	engine *core.Engine
	config string
	rec    *record.Recorder

	session int32  // it serves all requests, or the next one
	opened  string // its configuration
	each    bool   // every request gets its own session
	ids     int64  // the last command's id
	now     int64

	store   map[string]string
	version map[string]int
	expires map[string]int64
	ring    int                // the newest key
	fail    func(m msg) string // returns an effect's failure, "" for none

	server   func(m msg) answer
	upstream func(m msg) answer
	sent     []msg // http effects
	proxied  []msg
	touched  int // number of store effects

	bodies map[string]string // request bodies by their names
	read   []msg             // body effects

	jar    map[string]string // the browser's cookies
	memory map[string]string // what the host remembers (recall, remember)
}

type msg = record.Msg

// An answer is an answer of a server.
type answer struct {
	status  int
	headers string // JSON
	body    string
	failed  string
}

func jsonAnswer(status int, body string) answer {
	return answer{status: status, headers: `[["content-type","application/json"]]`, body: body}
}

func (a answer) member() string {
	if a.failed != "" {
		return fmt.Sprintf(`"failed":{"kind":%q}`, a.failed)
	}
	if a.headers == "" {
		a.headers = "[]"
	}
	return fmt.Sprintf(`"ok":{"status":%d,"headers":%s,"body":{"text":%s}}`, a.status, a.headers, quote(a.body))
}

func newScene(t *testing.T, about string, covers ...string) *scene {
	t.Helper()
	s := quietScene(t)
	if covers == nil {
		covers = []string{}
	}
	name := strings.TrimPrefix(t.Name(), "TestScenario")
	head := map[string]any{"name": "bff " + name, "covers": covers, "about": about}
	s.rec.Keep(head, filepath.Join("../contract/bff", record.Slug(name)+".txt"), *update)
	return s
}

// quietScene is a scene without a transcript.
func quietScene(t *testing.T) *scene {
	engine := Engine()
	return &scene{t: t, engine: engine, rec: &record.Recorder{T: t, Engine: engine, Entropy: "bff "}, config: conf, now: 1_700_000_000_000, store: map[string]string{}, version: map[string]int{}, expires: map[string]int64{}, bodies: map[string]string{}, jar: map[string]string{}, memory: map[string]string{}}
}

const conf = `{"client":{"issuer":"https://as.example","client_id":"s6BhdRkqt3","client_secret":"a secret of the client's","scope":"openid read","authorization_endpoint":"https://as.example/authorize",` +
	`"token_endpoint":"https://as.example/token","revocation_endpoint":"https://as.example/revoke","end_session_endpoint":"https://as.example/end","jwks_uri":"https://as.example/jwks"},` +
	`"base":"https://app.example/auth","return_to":["/","https://other.app.example/"],"origins":["https://other.app.example"],"proxy":[{"path":"/api","target":"https://api.example/v1"}]}`

// with returns conf with members replaced or, if null, left out. Those of client are merged into
// client's.
func with(members string) string { return record.With(conf, members, "client") }

func (s *scene) head() string { return s.rec.Head(s.now) }

func (s *scene) open(config string) (handle int32, refusal msg) {
	s.t.Helper()
	return s.rec.Open(s.head() + `"kind":"bff","config":` + config + `}`)
}

// A visit is one HTTP request under way.
type visit struct {
	s       *scene
	handle  int32
	id      int64 // its command's
	waiting []msg // effects that are not answered yet
	respond *msg
	done    bool
}

// begin hands a session the request. No effect is answered yet.
func (s *scene) begin(method, url string, members ...string) *visit {
	s.t.Helper()
	if s.opened != s.config || s.each {
		h, refusal := s.open(s.config)
		if h == 0 {
			s.t.Fatal(refusal.Raw)
		}
		s.session, s.opened = h, s.config
	}
	s.ids++
	v := &visit{s: s, handle: s.session, id: s.ids}
	v.input(`"command":"request","id":` + fmt.Sprint(v.id) + `,"request":"r` + fmt.Sprint(v.id) + `","method":` + quote(method) + `,"url":` + quote(url) + "," + strings.Join(members, ","))
	return v
}

func (v *visit) input(members string) {
	v.s.t.Helper()
	in := v.s.head() + members + "}"
	v.s.rec.Use(v.handle)
	for _, m := range v.s.rec.Input(v.handle, in, core.Taken) {
		switch m.Str("kind") {
		case "event", "unlock":
		case "remember":
			v.s.memory[m.Str("key")] = m.Str("text")
		case "result":
			if m.Str("command") != fmt.Sprint(v.id) {
				v.s.t.Fatalf("in the turn of another request: %s", m.Raw)
			}
			v.done = true
		default:
			v.waiting = append(v.waiting, m)
		}
	}
}

// step answers one effect. It returns false if there is none.
func (v *visit) step() bool {
	v.s.t.Helper()
	if len(v.waiting) == 0 {
		return false
	}
	m := v.waiting[0]
	v.waiting = v.waiting[1:]
	if m.Str("kind") == "respond" {
		if v.respond != nil || m.Str("request") != fmt.Sprint("r", v.id) {
			v.s.t.Fatal("two answers, or another request's")
		}
		v.respond = &m
	}
	v.input(fmt.Sprintf(`"answer":%q,%s`, m.Str("id"), v.s.carryOut(m)))
	return true
}

func (v *visit) finish() msg {
	v.s.t.Helper()
	for v.step() {
	}
	if v.respond == nil || !v.done {
		v.s.t.Fatal("no answer")
	}
	if v.s.each {
		v.s.engine.Close(v.handle)
	}
	v.s.keepCookies(*v.respond)
	return *v.respond
}

func (s *scene) keepCookies(m msg) {
	for _, c := range strings.Split(m.Header("set-cookie"), "|") {
		name, rest, ok := strings.Cut(c, "=")
		if !ok {
			continue
		}
		value, attributes, _ := strings.Cut(rest, ";")
		if !strings.Contains(attributes, "Path=/") || !strings.Contains(attributes, "Secure") || !strings.Contains(attributes, "HttpOnly") || strings.Contains(attributes, "Domain") || !strings.HasPrefix(name, "__Host-") || len(c) > 3500 {
			s.t.Errorf("cookie %s", c)
		}
		if s.jar[name] = value; strings.Contains(attributes, "Max-Age=0") {
			delete(s.jar, name)
		}
	}
}

// carryOut carries out an effect as a host does.
func (s *scene) carryOut(m msg) string {
	if s.fail != nil {
		if kind := s.fail(m); kind != "" {
			return fmt.Sprintf(`"failed":{"kind":%q}`, kind)
		}
	}
	key := m.Str("key")
	if e := s.expires[key]; e != 0 && s.now >= e {
		// A store deletes expired entries.
		delete(s.store, key)
		delete(s.expires, key)
		delete(s.version, key)
	}
	version := ""
	if n := s.version[key]; n > 0 {
		version = fmt.Sprint(n)
	}
	switch m.Str("kind") {
	case "load":
		if !strings.HasSuffix(key, ".metadata") { // public, and the host may have it in memory
			s.touched++
		}
		if v, ok := s.store[key]; ok {
			return fmt.Sprintf(`"ok":{"value":%s,"version":%q}`, quote(v), version)
		}
		return fmt.Sprintf(`"ok":{"version":%q}`, version)
	case "store":
		s.touched++
		if m.Str("version") != version {
			return `"failed":{"kind":"conflict"}`
		}
		s.version[key]++
		delete(s.expires, key)
		if m.M["delete"] == true {
			delete(s.store, key)
		} else {
			s.store[key] = m.Str("value")
			if e := m.Int("expires_at"); e != 0 {
				s.expires[key] = e
			}
		}
		return fmt.Sprintf(`"ok":{"version":"%d"}`, s.version[key])
	case "seal":
		return `"ok":{"sealed":` + quote(fmt.Sprintf("k%d.%s", s.ring, base64.RawURLEncoding.EncodeToString([]byte(m.Str("context")+"\x00"+m.Str("text"))))) + `}`
	case "unseal":
		key, rest, _ := strings.Cut(m.Str("sealed"), ".")
		raw, err := base64.RawURLEncoding.DecodeString(rest)
		context, text, ok := strings.Cut(string(raw), "\x00")
		if err != nil || !ok || context != m.Str("context") || key == "lost" || !strings.HasPrefix(key, "k") {
			return `"failed":{"kind":"tampered"}`
		}
		return `"ok":{"text":` + quote(text) + `}`
	case "recall":
		if text, ok := s.memory[key]; ok {
			return `"ok":{"text":` + quote(text) + `}`
		}
		return `"ok":{}`
	case "lock", "respond":
		return `"ok":{}`
	case "verify":
		return fmt.Sprintf(`"ok":{"valid":%t}`, m.Str("signature") == "Z29vZA")
	case "body":
		s.read = append(s.read, m)
		text := s.bodies[m.Str("request")]
		if len(text) > int(m.Int("max_body")) {
			return `"failed":{"kind":"too_large"}`
		}
		if !utf8.ValidString(text) {
			return `"ok":{"body":{"base64":"` + b64std(text) + `"}}`
		}
		return `"ok":{"body":{"text":` + quote(text) + `}}`
	case "http":
		s.sent = append(s.sent, m)
		return s.server(m).member()
	case "proxy":
		s.proxied = append(s.proxied, m)
		return s.upstream(m).member()
	}
	return `"failed":{"kind":"unsupported"}`
}

// cookieHeader is the Cookie header that the browser sends.
func (s *scene) cookieHeader() string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(s.jar)) {
		list = append(list, name+"="+s.jar[name])
	}
	return strings.Join(list, "; ")
}

// headers makes the member "headers", with the browser's cookies.
func (s *scene) headers(pairs ...string) string {
	list := []string{}
	if c := s.cookieHeader(); c != "" {
		list = append(list, `["cookie",`+quote(c)+`]`)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		list = append(list, "["+quote(pairs[i])+","+quote(pairs[i+1])+"]")
	}
	return `"headers":[` + strings.Join(list, ",") + `]`
}

// visit makes a whole request of the browser, as in a navigation.
func (s *scene) visit(method, url string, pairs ...string) msg {
	s.t.Helper()
	return s.begin(method, url, s.headers(pairs...)).finish()
}

// call makes a request of a page.
func (s *scene) call(method, url string, pairs ...string) msg {
	s.t.Helper()
	return s.visit(method, url, append([]string{"x-csrf", "1", "origin", "https://app.example"}, pairs...)...)
}

// body makes the member "body" of the next request. The host keeps the body itself.
func (s *scene) body(text string) string {
	name := fmt.Sprint("r", s.ids+1)
	s.bodies[name] = text
	return fmt.Sprintf(`"body":{"ref":%q,"length":%d}`, name, len(text))
}

// post posts a form.
func (s *scene) post(url, body string, pairs ...string) msg {
	s.t.Helper()
	return s.begin("POST", url, s.headers(append([]string{"content-type", "application/x-www-form-urlencoded"}, pairs...)...), s.body(body)).finish()
}

// want checks an answer's status and body.
func (s *scene) want(m msg, status int, body string) {
	s.t.Helper()
	if m.Str("status") != fmt.Sprint(status) || !strings.Contains(m.Str("body", "text"), body) || m.Header("cache-control") == "" {
		s.t.Fatalf("want %d %s, got %s", status, body, m.Raw)
	}
}
