package resource

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/testrun/record"
)

var quote = record.Quote

var update = flag.Bool("update", false, "write the transcripts of the scenarios to core/contract/resource")

// A scene plays the host of one resource, with its store and the servers behind it. It records the
// effects and their outcomes.
type scene struct {
	t      *testing.T
	engine *core.Engine
	rec    *record.Recorder
	handle int32
	ids    int64
	now    int64 // Unix ms

	store   map[string]string
	fail    string // the store's failure, "" for none
	server  func(m msg) string
	sent    []msg // http effects
	signed  int   // verify effects
	waiting []msg // effects that are not answered yet
	results map[int64]msg
}

type msg = record.Msg

const (
	asURL    = "https://as.example"
	resource = "https://api.example/notes"
	began    = 1_700_000_000_000 // Unix ms
)

// conf is a resource whose server's keys have a configured URL.
const conf = `{"resource":"` + resource + `","authorization_servers":[{"issuer":"` + asURL + `","jwks_uri":"https://as.example/jwks"}]}`

// with returns conf with members replaced or, if null, left out.
func with(members string) string { return record.With(conf, members) }

func quietScene(t testing.TB) *scene {
	tt, _ := t.(*testing.T)
	engine := Engine()
	return &scene{t: tt, engine: engine, rec: &record.Recorder{T: tt, Engine: engine, Entropy: "resource "}, now: began, store: map[string]string{}, results: map[int64]msg{}, server: publish}
}

// newScene is a scene with a transcript, which is named after its test.
func newScene(t *testing.T, about string, covers ...string) *scene {
	t.Helper()
	s := quietScene(t)
	name := strings.TrimPrefix(t.Name(), "TestScenario")
	head := map[string]any{"name": "resource " + name, "covers": covers, "about": about}
	s.rec.Keep(head, filepath.Join("../contract/resource", record.Slug(name)+".txt"), *update)
	return s
}

// open opens a session and returns the error, if any.
func (s *scene) open(config string) msg {
	s.t.Helper()
	handle, refusal := s.rec.Open(s.rec.Head(s.now) + `"kind":"resource","config":` + config + `}`)
	if s.handle = handle; handle != 0 {
		s.hear(s.rec.Effects(handle))
	}
	return refusal
}

func (s *scene) mustOpen(config string) *scene {
	s.t.Helper()
	if m := s.open(config); m.Raw != "" {
		s.t.Fatal(m.Raw)
	}
	return s
}

func (s *scene) input(members string) {
	s.t.Helper()
	s.hear(s.rec.Input(s.handle, s.rec.Head(s.now)+members+"}", core.Taken))
}

func (s *scene) hear(effects []msg) {
	s.t.Helper()
	for _, m := range effects {
		switch m.Str("kind") {
		case "event":
		case "result":
			command := m.Int("command")
			if _, twice := s.results[command]; twice {
				s.t.Fatalf("a second result: %s", m.Raw)
			}
			s.results[command] = m
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
	s.input(fmt.Sprintf(`"answer":%q,%s`, m.Str("id"), s.carryOut(m)))
	return true
}

func (s *scene) carryOut(m msg) string {
	switch m.Str("kind") {
	case "http":
		s.sent = append(s.sent, m)
		return s.server(m)
	case "verify":
		s.signed++
		return fmt.Sprintf(`"ok":{"valid":%t}`, m.Str("signature") == "Z29vZA")
	case "store":
		if s.fail != "" {
			return fmt.Sprintf(`"failed":{"kind":%q}`, s.fail)
		}
		if _, there := s.store[m.Str("key")]; there {
			return `"failed":{"kind":"conflict"}`
		}
		s.store[m.Str("key")] = m.Str("expires_at")
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

// allowed fails the test unless the request is allowed.
func (s *scene) allowed(m msg) {
	s.t.Helper()
	if m.Str("ok", "allowed") != "true" {
		s.t.Fatalf("refused: %s", m.Raw)
	}
}

// refused fails the test unless the request is refused with this status and code, for this reason.
func (s *scene) refused(m msg, status int, code, reason string) {
	s.t.Helper()
	why := strings.TrimSpace(m.Str("ok", "reason", "code") + " " + m.Str("ok", "reason", "field"))
	if m.Str("ok", "allowed") != "false" || m.Str("ok", "status") != fmt.Sprint(status) || why != reason || m.Header("cache-control") != "no-store" {
		s.t.Fatalf("want %d %s for %s, got %s", status, code, reason, m.Raw)
	}
	challenge := m.Header("www-authenticate")
	if status == 503 {
		if challenge != "" || m.Header("retry-after") == "" {
			s.t.Fatal(m.Raw)
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
	case strings.HasSuffix(m.Str("url"), "/jwks"):
		return answer(200, `{"keys":[`+rsaKey+`]}`)
	case strings.HasSuffix(m.Str("url"), "/.well-known/openid-configuration"):
		return answer(404, `{}`)
	case strings.HasSuffix(m.Str("url"), "/.well-known/oauth-authorization-server"):
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
func change(object, members string) string { return record.With(object, members) }

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
