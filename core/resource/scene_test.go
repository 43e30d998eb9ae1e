package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

var update = flag.Bool("update", false, "write the transcripts of the scenarios to core/contract/resource")

// A scene plays the host of one resource, with its store and the servers behind it. It records the
// effects and their outcomes.
type scene struct {
	t      *testing.T
	engine *core.Engine
	handle int32
	lines  []string
	ids    int64
	now    int64 // Unix ms
	inputs int

	store   map[string]string
	fail    string // the store's failure, "" for none
	server  func(m msg) string
	sent    []msg // http effects
	signed  int   // verify effects
	waiting []msg // effects that are not answered yet
	results map[int64]msg
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
	default:
		b, _ := json.Marshal(v)
		return string(b)
	}
}

// header joins the values of a name in the result with "|".
func (m msg) header(name string) string {
	var ok struct {
		OK struct{ Headers [][2]string }
	}
	json.Unmarshal([]byte(m.raw), &ok)
	var values []string
	for _, h := range ok.OK.Headers {
		if h[0] == name {
			values = append(values, h[1])
		}
	}
	return strings.Join(values, "|")
}

const (
	asURL    = "https://as.example"
	resource = "https://api.example/notes"
	began    = 1_700_000_000_000 // Unix ms
)

// conf is a resource whose server's keys have a configured URL.
const conf = `{"resource":"` + resource + `","authorization_servers":[{"issuer":"` + asURL + `","jwks_uri":"https://as.example/jwks"}]}`

// with returns conf with members replaced or, if null, left out.
func with(members string) string {
	var base, more map[string]json.RawMessage
	json.Unmarshal([]byte(conf), &base)
	if err := json.Unmarshal([]byte(members), &more); err != nil {
		panic(err)
	}
	for k, v := range more {
		if base[k] = v; string(v) == "null" {
			delete(base, k)
		}
	}
	b, _ := json.Marshal(base)
	return string(b)
}

func quietScene(t testing.TB) *scene {
	tt, _ := t.(*testing.T)
	return &scene{t: tt, engine: Engine(), now: began, store: map[string]string{}, results: map[int64]msg{}, server: publish}
}

// newScene is a scene with a transcript, which is named after its test.
func newScene(t *testing.T, about string, covers ...string) *scene {
	t.Helper()
	s := quietScene(t)
	name := strings.TrimPrefix(t.Name(), "TestScenario")
	head, _ := json.Marshal(map[string]any{"name": "resource " + name, "covers": covers, "about": about})
	s.lines = append(s.lines, string(head))
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		text := strings.Join(s.lines, "\n") + "\n"
		file := filepath.Join("../contract/resource", slug(name)+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Error(err)
			}
			return
		}
		if want, err := os.ReadFile(file); err != nil || string(want) != text {
			t.Errorf("%s is not what the scenario gives: go test ./core/resource -run Scenario -update (%v)", file, err)
		}
	})
	return s
}

func slug(name string) string {
	var b strings.Builder
	for i, r := range name {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r |= 0x20
		}
		b.WriteRune(r)
	}
	return b.String()
}

func (s *scene) head() string {
	s.inputs++
	e := sha256.Sum256([]byte(fmt.Sprintf("resource entropy %d", s.inputs)))
	return fmt.Sprintf(`{"now":%d,"entropy":%q,`, s.now, base64.RawURLEncoding.EncodeToString(e[:]))
}

// open opens a session and returns the error, if any.
func (s *scene) open(config string) msg {
	s.t.Helper()
	in := s.head() + `"kind":"resource","config":` + config + `}`
	s.lines = append(s.lines, "open "+in)
	s.handle = s.engine.Open([]byte(in))
	s.lines = append(s.lines, fmt.Sprintf("= %d", s.handle))
	if s.handle == 0 {
		raw := s.engine.Effect(0)
		s.lines = append(s.lines, "< "+string(raw))
		return s.parse(raw)
	}
	s.drain()
	return msg{}
}

func (s *scene) mustOpen(config string) *scene {
	s.t.Helper()
	if m := s.open(config); m.raw != "" {
		s.t.Fatal(m.raw)
	}
	return s
}

func (s *scene) parse(raw []byte) msg {
	m := msg{raw: string(raw)}
	if err := json.Unmarshal(raw, &m.m); err != nil {
		s.t.Fatalf("%s: %v", raw, err)
	}
	return m
}

func (s *scene) input(members string) {
	s.t.Helper()
	in := s.head() + members + "}"
	s.lines = append(s.lines, "> "+in)
	if code := s.engine.Input(s.handle, []byte(in)); code != core.Taken {
		s.t.Fatalf("code %d for %s", code, in)
	}
	s.drain()
}

func (s *scene) drain() {
	s.t.Helper()
	for raw := s.engine.Effect(s.handle); raw != nil; raw = s.engine.Effect(s.handle) {
		s.lines = append(s.lines, "< "+string(raw))
		switch m := s.parse(raw); m.str("kind") {
		case "event":
		case "result":
			var n struct{ Command int64 }
			json.Unmarshal(raw, &n)
			if _, twice := s.results[n.Command]; twice {
				s.t.Fatalf("a second result: %s", raw)
			}
			s.results[n.Command] = m
		default:
			s.waiting = append(s.waiting, m)
		}
	}
}

// begin gives a command. No effect is answered yet.
func (s *scene) begin(command, members string) int64 {
	s.t.Helper()
	s.ids++
	if members != "" {
		members = "," + members
	}
	s.input(fmt.Sprintf(`"command":%q,"id":%d%s`, command, s.ids, members))
	return s.ids
}

// step answers the first effect that waits. It returns false if there is none.
func (s *scene) step() bool {
	s.t.Helper()
	if len(s.waiting) == 0 {
		return false
	}
	m := s.waiting[0]
	s.waiting = s.waiting[1:]
	s.input(fmt.Sprintf(`"answer":%q,%s`, m.str("id"), s.carryOut(m)))
	return true
}

func (s *scene) carryOut(m msg) string {
	switch m.str("kind") {
	case "http":
		s.sent = append(s.sent, m)
		return s.server(m)
	case "verify":
		s.signed++
		return fmt.Sprintf(`"ok":{"valid":%t}`, m.str("signature") == "Z29vZA")
	case "store":
		if s.fail != "" {
			return fmt.Sprintf(`"failed":{"kind":%q}`, s.fail)
		}
		if _, there := s.store[m.str("key")]; there {
			return `"failed":{"kind":"conflict"}`
		}
		s.store[m.str("key")] = m.str("expires_at")
		return `"ok":{"version":"1"}`
	}
	return `"failed":{"kind":"unsupported"}`
}

func (s *scene) settle() {
	s.t.Helper()
	for s.step() {
	}
}

// check makes a request and returns the verdict. headers are names and values.
func (s *scene) check(method, url, members string, headers ...string) msg {
	s.t.Helper()
	id := s.begin("check", request(method, url, members, headers...))
	s.settle()
	m, ok := s.results[id]
	if !ok {
		s.t.Fatal("no result")
	}
	return m
}

func request(method, url, members string, headers ...string) string {
	var list [][2]string
	for i := 0; i+1 < len(headers); i += 2 {
		list = append(list, [2]string{headers[i], headers[i+1]})
	}
	raw, _ := json.Marshal(list)
	if list == nil {
		raw = []byte("[]")
	}
	text := fmt.Sprintf(`"method":%s,"url":%s,"headers":%s`, quote(method), quote(url), raw)
	if members != "" {
		text += "," + members
	}
	return text
}

func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// allowed fails the test unless the request is allowed.
func (s *scene) allowed(m msg) {
	s.t.Helper()
	if m.str("ok", "allowed") != "true" {
		s.t.Fatalf("refused: %s", m.raw)
	}
}

// refused fails the test unless the request is refused with this status and code, for this reason.
func (s *scene) refused(m msg, status int, code, reason string) {
	s.t.Helper()
	why := strings.TrimSpace(m.str("ok", "reason", "code") + " " + m.str("ok", "reason", "field"))
	if m.str("ok", "allowed") != "false" || m.str("ok", "status") != fmt.Sprint(status) || why != reason || m.header("cache-control") != "no-store" {
		s.t.Fatalf("want %d %s for %s, got %s", status, code, reason, m.raw)
	}
	challenge := m.header("www-authenticate")
	if status == 503 {
		if challenge != "" || m.header("retry-after") == "" {
			s.t.Fatal(m.raw)
		}
		return
	}
	if !strings.Contains(challenge, `resource_metadata="https://api.example/.well-known/oauth-protected-resource/notes"`) || code == "" && strings.Contains(challenge, "error") || code != "" && !strings.Contains(challenge, `error="`+code+`"`) {
		s.t.Fatalf("challenge %s", challenge)
	}
}

const (
	rsaKey = `{"kty":"RSA","kid":"k1","use":"sig","alg":"RS256","n":"sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw","e":"AQAB"}`
	ecKey  = `{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`
	jkt    = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" // ecKey's thumbprint (RFC 9449 section 6.1)
)

// publish answers with the server's keys or metadata.
func publish(m msg) string {
	switch {
	case strings.HasSuffix(m.str("url"), "/jwks"):
		return answer(200, `{"keys":[`+rsaKey+`]}`)
	case strings.HasSuffix(m.str("url"), "/.well-known/openid-configuration"):
		return answer(404, `{}`)
	case strings.HasSuffix(m.str("url"), "/.well-known/oauth-authorization-server"):
		return answer(200, `{"issuer":"https://as.example","jwks_uri":"https://as.example/jwks","introspection_endpoint":"https://as.example/introspect"}`)
	}
	return `"failed":{"kind":"network"}`
}

func answer(status int, body string) string {
	return fmt.Sprintf(`"ok":{"status":%d,"headers":[["content-type","application/json"]],"body":{"text":%s}}`, status, quote(body))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// jwt is a token whose signature the scene accepts.
func jwt(header, claims string) string { return b64(header) + "." + b64(claims) + ".Z29vZA" }

// change replaces members of an object, or removes those that are null.
func change(object, members string) string {
	var base, more map[string]json.RawMessage
	json.Unmarshal([]byte(object), &base)
	if err := json.Unmarshal([]byte(members), &more); err != nil {
		panic(members)
	}
	for k, v := range more {
		if base[k] = v; string(v) == "null" {
			delete(base, k)
		}
	}
	b, _ := json.Marshal(base)
	return string(b)
}

const (
	tokenHeader = `{"typ":"at+jwt","alg":"RS256","kid":"k1"}`
	tokenClaims = `{"iss":"https://as.example","sub":"u1","aud":"https://api.example/notes","client_id":"app","iat":1700000000,"exp":1700000600,"jti":"t1","scope":"read write"}`
)

// token is an access token with changed claims.
func token(changes string) string { return jwt(tokenHeader, change(tokenClaims, changes)) }

// boundToken is an access token that is bound to ecKey.
func boundToken() string { return token(`{"cnf":{"jkt":"` + jkt + `"}}`) }

// proof is a DPoP proof of ecKey, for GET of the resource with that token, with changes in its
// header and claims.
func proof(access, header, claims string) string {
	sum := sha256.Sum256([]byte(access))
	ath := base64.RawURLEncoding.EncodeToString(sum[:])
	return jwt(change(`{"typ":"dpop+jwt","alg":"ES256","jwk":`+ecKey+`}`, header), change(`{"jti":"p1","htm":"GET","htu":"`+resource+`","iat":1700000000,"ath":"`+ath+`"}`, claims))
}
