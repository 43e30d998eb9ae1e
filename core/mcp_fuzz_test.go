package core

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
	"github.com/oauth2-wasm/oauth2-wasm/core/testrun/record"
)

// hostile are texts that resources and servers may send in place of a URL or a name.
var hostile = []string{"https://as.example", "https://as.example/t1", "https://mcp.example", "https://mcp.example/mcp", "https://other.example/x", "http://as.example", "https://127.0.0.1", "https://[::1]/x", "https://0x7f.1/", "https://169.254.169.254/latest", "https://localhost", "https://a.internal",
	"javascript:alert(1)", "file:///etc/passwd", "https://u@as.example", "https://as.example#x", "https://as.example?x=1", "//as.example", "", "x", "http://localhost:4000", "https://mcp.example/../mcp", "https://as.example:99999"}

// An mcpFuzz plays a host, a resource and servers, driven by data.
type mcpFuzz struct {
	t      *testing.T
	engine Engine
	data   []byte
	inputs int
	store  map[string]string
	at     map[string]int
	sent   int
}

func (f *mcpFuzz) byte() int {
	if len(f.data) == 0 {
		return 0
	}
	b := f.data[0]
	f.data = f.data[1:]
	return int(b)
}

func (f *mcpFuzz) of(list ...string) string { return list[f.byte()%len(list)] }

func (f *mcpFuzz) head() string {
	f.inputs++
	return fmt.Sprintf(`{"now":%d,"entropy":"%042dA",`, 1_700_000_000_000+int64(f.inputs)*int64(1+f.byte())*1000, f.inputs)
}

// document returns metadata of a resource or a server, mostly well-formed.
func (f *mcpFuzz) document() string {
	text := func() string { return quote(f.of(hostile...)) }
	good := f.byte()%4 > 0
	pick := func(right string) string {
		if good {
			return quote(right)
		}
		return text()
	}
	list := func(items ...string) string { return "[" + strings.Join(items, ",") + "]" }
	return fmt.Sprintf(`{"resource":%s,"authorization_servers":%s,"scopes_supported":%s,"issuer":%s,"authorization_endpoint":%s,"token_endpoint":%s,"registration_endpoint":%s,"jwks_uri":%s,"code_challenge_methods_supported":["S256"],"client_id_metadata_document_supported":%t,"client_id":"id","client_secret":"s","access_token":"ACCESS"}`,
		pick("https://mcp.example/mcp"), list(pick("https://as.example"), text()), f.of("null", `["a","b"]`, `[1,"x y"]`, `"a"`), pick("https://as.example"), pick("https://as.example/a"), pick("https://as.example/t"), pick("https://as.example/r"), text(), f.byte()%2 == 0)
}

// allowed reports whether a URL may be requested, or given to a browser, for a resource at
// mcp.example.
func (f *mcpFuzz) allowed(at string) {
	u, err := url.Parse(at)
	origin := ""
	if err == nil {
		origin = u.Scheme + "://" + u.Host
	}
	if origin != "http://localhost:4000" && (err != nil || u.Scheme != "https" || u.User != nil || !address.Public(strings.ToLower(strings.TrimSuffix(u.Host, ":"+u.Port())))) {
		f.t.Errorf("%q", at)
	}
}

func (f *mcpFuzz) carry(m msg) string {
	if b := f.byte(); b < 20 {
		return fmt.Sprintf(`"failed":{"kind":%q}`, f.of("network", "timeout", "storage", "conflict", "denied", "unsupported", "redirect"))
	}
	switch m.Str("kind") {
	case "http":
		f.sent++
		f.allowed(m.Str("url"))
		if (m.M["public"] == true) != !(strings.HasPrefix(m.Str("url")+"/", "https://mcp.example/") || strings.HasPrefix(m.Str("url")+"/", "http://localhost:4000/")) {
			f.t.Errorf("public: %s", m.Raw)
		}
		body := f.document()
		if f.byte()%8 == 0 {
			body = f.of("", "[]", "<html>", `{"error":"invalid_client_metadata","error_description":"REFUSED"}`)
		}
		return jsonReply([]int{200, 200, 200, 200, 201, 404, 500, 401}[f.byte()%8], body).member()
	case "load":
		key := m.Str("key")
		if f.byte()%32 == 0 {
			return `"ok":{"value":` + quote(f.of(f.document(), "x", `{"v":1}`)) + `,"version":"9"}`
		}
		if v, ok := f.store[key]; ok {
			return fmt.Sprintf(`"ok":{"value":%s,"version":"%d"}`, quote(v), f.at[key])
		}
		return `"ok":{"version":""}`
	case "store":
		if f.at[m.Str("key")]++; m.M["delete"] == true {
			delete(f.store, m.Str("key"))
		} else {
			f.store[m.Str("key")] = m.Str("value")
		}
		return fmt.Sprintf(`"ok":{"version":"%d"}`, f.at[m.Str("key")])
	}
	return `"ok":{}`
}

// result checks that a returned configuration obeys the rule for URLs that others name.
func (f *mcpFuzz) result(m msg) {
	if strings.Contains(m.Raw, "REFUSED-TOKEN") {
		f.t.Errorf("a token shows: %s", m.Raw)
	}
	var r struct {
		OK struct{ Config map[string]any }
	}
	json.Unmarshal([]byte(m.Raw), &r)
	for name, v := range r.OK.Config {
		if text, _ := v.(string); strings.HasSuffix(name, "_endpoint") || name == "issuer" || name == "jwks_uri" {
			f.allowed(text)
		}
	}
	if r.OK.Config != nil {
		raw, _ := json.Marshal(r.OK.Config)
		if h := f.engine.Open([]byte(f.head() + `"kind":"client","config":` + string(raw) + `}`)); h == 0 {
			f.t.Errorf("refused: %s of %s", f.engine.Effect(0), raw)
		} else {
			f.engine.Close(h)
		}
	}
}

func (f *mcpFuzz) run() {
	h := f.engine.Open([]byte(f.head() + `"kind":"mcp","config":` + f.of(mcpConf, `{"private_origins":["http://localhost:4000"],"client_metadata":{},"redirect_uri":"https://app.example/cb"}`, `{"clients":[{"issuer":"https://as.example","client_id":"x","client_secret":"s"}]}`) + `}`))
	if h == 0 {
		f.t.Fatalf("%s", f.engine.Effect(0))
	}
	id, waiting := 0, []msg{}
	for len(f.data) > 0 {
		in := ""
		if len(waiting) > 0 && f.byte()%4 > 0 {
			i := f.byte() % len(waiting)
			m := waiting[i]
			waiting = append(waiting[:i], waiting[i+1:]...)
			in = fmt.Sprintf(`"answer":%q,%s`, m.Str("id"), f.carry(m))
		} else {
			id++
			command := f.of("challenged", "challenged", "challenged", "find", "forget", "cancel")
			at := f.of("https://mcp.example/mcp", "https://mcp.example/mcp/x", "https://mcp.example", "http://evil.example", "x")
			header := f.of("Bearer", `Bearer scope="a b"`, `Bearer error="insufficient_scope", scope="c"`, `Bearer error="insufficient_user_authentication", max_age=1`, "Basic") + f.of("", `, resource_metadata="`+f.of(hostile...)+`"`)
			in = fmt.Sprintf(`"command":%q,"id":%d,"url":%q,"status":%s,"headers":[["www-authenticate",%s]],"sent":"Bearer REFUSED-TOKEN","target":%d,"client_id":"id"`, command, id, at, f.of("401", "403", "200"), quote(header), id-1)
		}
		if code := f.engine.Input(h, []byte(f.head()+in+"}")); code != 0 {
			f.t.Fatalf("code %d for %s", code, in)
		}
		for raw := f.engine.Effect(h); raw != nil; raw = f.engine.Effect(h) {
			switch m := record.Parse(f.t, raw); m.Str("kind") {
			case "result":
				f.result(m)
			case "unlock":
			default:
				waiting = append(waiting, m)
			}
		}
	}
}

// FuzzMCP: M45: whatever resources, servers and stores say, in whatever order, no request and no
// configuration leads to a forbidden address, and no token is revealed.
func FuzzMCP(f *testing.F) {
	for seed := range 64 {
		data := make([]byte, 400)
		x := uint32(seed + 1)
		for i := range data {
			x ^= x << 13
			x ^= x >> 17
			x ^= x << 5
			data[i] = byte(x)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		(&mcpFuzz{t: t, data: data[:min(len(data), 2000)], store: map[string]string{}, at: map[string]int{}}).run()
	})
}
