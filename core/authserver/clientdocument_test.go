package authserver_test

import (
	"crypto/elliptic"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

const (
	tool         = "https://tool.example/oauth/client.json"
	toolRedirect = "http://127.0.0.1:7777/cb"
)

// toolDocument is the metadata document of the client at tool. more holds names and values; nil
// removes one.
func toolDocument(more ...any) string {
	m := map[string]any{"client_id": tool, "client_name": "The Tool", "redirect_uris": []string{toolRedirect, "https://tool.example/cb"},
		"grant_types": codeAndFresh, "response_types": []string{"code"}, "token_endpoint_auth_method": "none"}
	for i := 0; i < len(more); i += 2 {
		if m[more[i].(string)] = more[i+1]; more[i+1] == nil {
			delete(m, more[i].(string))
		}
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// sites are the answers of internet addresses.
type sites struct {
	mu    sync.Mutex
	pages map[string]authserver.Response
	reads map[string]int
	down  error
}

// documentsOf switches metadata documents on. Each document has its own site.
func documentsOf(documents ...string) (*sites, func(*authserver.Config)) {
	s := &sites{pages: map[string]authserver.Response{}, reads: map[string]int{}}
	for i := 0; i < len(documents); i += 2 {
		s.put(documents[i], documents[i+1])
	}
	return s, func(c *authserver.Config) { c.ClientDocuments = s.get }
}

func (s *sites) put(uri, body string, header ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	s.pages[uri] = authserver.Response{Status: 200, Header: h, Body: []byte(body)}
}

func (s *sites) get(uri string) (authserver.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads[uri]++
	page, ok := s.pages[uri]
	if !ok {
		page.Status = 404
	}
	return page, s.down
}

func (s *sites) readsOf(uri string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads[uri]
}

// toolRequest is an authorization request of the client at tool.
func toolRequest(more ...string) url.Values {
	return with(request("spa"), append([]string{"client_id", tool, "redirect_uri", toolRedirect}, more...)...)
}

func toolExchange(code string, more ...string) url.Values {
	return with(exchange("spa", code), append([]string{"client_id", tool, "redirect_uri", toolRedirect}, more...)...)
}

// M120: a client that nobody registered signs users in with its metadata document
// (draft-ietf-oauth-client-id-metadata-document): the server's metadata allow it, the pages show
// the host of its client_id and where the answer goes, and its tokens, refresh and userinfo work.
func TestM120ClientByItsDocument(t *testing.T) {
	site, on := documentsOf(tool, toolDocument("scope", "openid profile unheard-of"))
	b := newBench(t, on)
	if meta := b.send("GET", "/.well-known/oauth-authorization-server", nil, ""); !strings.Contains(string(meta.Body), `"client_id_metadata_document_supported":true`) {
		t.Errorf("%s", meta.Body)
	}
	page := b.visit("GET", "/authorize?"+toolRequest().Encode(), nil)
	if body := string(page.Body); !strings.Contains(body, "The Tool</strong> of <strong>tool.example<") {
		t.Errorf("the sign-in page does not show the host: %s", body)
	}
	page = b.visit("GET", b.submit(page, "sign-in", firstSignsIn).Header.Get("Location"), nil)
	body := string(page.Body)
	for _, part := range []string{"The Tool", "<strong>tool.example</strong>", `data-testid="on-device"`, "<strong>127.0.0.1:7777</strong>"} {
		if !strings.Contains(body, part) {
			t.Errorf("no %s on the consent page: %s", part, body)
		}
	}
	code := location(t, b.submit(page, "approve", nil)).Query().Get("code")
	r := b.post("/token", toolExchange(code)).must(t)
	if r.Scope != "openid profile" {
		t.Errorf("scope %q", r.Scope)
	}
	if u := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + r.Access}}, ""); u.Status != 200 {
		t.Errorf("userinfo: %d %s", u.Status, u.Body)
	}
	r = b.refresh(tool, r.Refresh).must(t)
	if !b.works(r.Access) || site.readsOf(tool) != 1 {
		t.Errorf("read %d times", site.readsOf(tool))
	}
	// The loopback rule of RFC 8252 section 7.3, and no other exception.
	b.code(toolRequest("redirect_uri", "http://127.0.0.1:9/cb"))
	if page := b.visit("GET", "/authorize?"+toolRequest("redirect_uri", "https://tool.example/cb").Encode(), nil); strings.Contains(string(page.Body), "on-device") {
		t.Error("a warning of the device for an answer that goes to a site")
	}
	for _, uri := range []string{"http://localhost:7777/cb", "http://127.0.0.1:7777/cb/", "https://tool.example:8/cb", "https://tool.example/CB", "https://evil.example/cb"} {
		stopped(t, b.visit("GET", "/authorize?"+toolRequest("redirect_uri", uri).Encode(), nil), "invalid_request")
	}
	// A device asks the user in the same way.
	site.put("https://tv.example/c", toolDocument("client_id", "https://tv.example/c", "grant_types", []string{authserver.GrantDeviceCode}))
	d := b.device("https://tv.example/c")
	if page := b.enter(d.UserCode); !strings.Contains(string(page.Body), "<strong>tv.example</strong>") {
		t.Errorf("the device's page does not show the host: %s", page.Body)
	}
}

// M121: every kind of wrong address or document is refused. The description says what is wrong, and
// nobody is redirected.
func TestM121WrongDocuments(t *testing.T) {
	private, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: clientKey}}})
	if err != nil {
		t.Fatal(err)
	}
	big := toolDocument("client_uri", strings.Repeat("x", 6000))
	for _, row := range []struct {
		name, document string
		status         int
		header         []string
		want           string // in the description
	}{
		{"good", toolDocument(), 200, nil, ""},
		{"good, of another type that is JSON", toolDocument(), 200, []string{"Content-Type", "application/oauth-client+json; charset=utf-8"}, ""},
		{"good, with members that nobody knows", toolDocument("logo_uri", "http://127.0.0.1/x", "x", map[string]any{"y": 1}), 200, nil, ""},
		{"good, with grants and types that the server does not have", toolDocument("grant_types", []string{"authorization_code", "urn:x", "implicit"}, "response_types", []string{"code", "token"}), 200, nil, ""},
		{"good, without a method", toolDocument("token_endpoint_auth_method", nil), 200, nil, ""},
		{"not there", toolDocument(), 404, nil, "status 200"},
		{"created", toolDocument(), 201, nil, "status 200"},
		{"a redirect", toolDocument(), 302, []string{"Location", "https://tool.example/other"}, "status 200"},
		{"a permanent redirect", toolDocument(), 308, []string{"Location", "http://169.254.169.254/"}, "status 200"},
		{"refused", toolDocument(), 403, nil, "status 200"},
		{"a page", toolDocument(), 200, []string{"Content-Type", "text/html"}, "Content-Type"},
		{"no type", toolDocument(), 200, []string{"Content-Type", ""}, "Content-Type"},
		{"text", toolDocument(), 200, []string{"Content-Type", "text/plain"}, "Content-Type"},
		{"a type that ends like JSON", toolDocument(), 200, []string{"Content-Type", "image/svg+json"}, "Content-Type"},
		{"too large", big, 200, nil, "too large"},
		{"empty", "", 200, nil, "not a JSON object"},
		{"null", "null", 200, nil, "not a JSON object"},
		{"a list", "[" + toolDocument() + "]", 200, nil, "not a JSON object"},
		{"something behind", toolDocument() + "x", 200, nil, "not a JSON object"},
		{"two objects", toolDocument() + toolDocument(), 200, nil, "not a JSON object"},
		{"not UTF-8", strings.Replace(toolDocument(), "Tool", "To\xffol", 1), 200, nil, "not a JSON object"},
		{"a member of another type", toolDocument("redirect_uris", "https://tool.example/cb"), 200, nil, "not a JSON object"},
		{"no client_id", toolDocument("client_id", nil), 200, nil, "client_id is not its address"},
		{"a number as client_id", toolDocument("client_id", 5), 200, nil, "client_id is not its address"},
		{"client_id in other letters", toolDocument("client_id", nil, "CLIENT_ID", tool), 200, nil, "client_id is not its address"},
		{"client_id of another", toolDocument("client_id", "https://other.example/c"), 200, nil, "client_id is not its address"},
		{"client_id with a slash more", toolDocument("client_id", tool+"/"), 200, nil, "client_id is not its address"},
		{"client_id with an upper-case host", toolDocument("client_id", strings.Replace(tool, "tool.", "Tool.", 1)), 200, nil, "client_id is not its address"},
		{"client_id with the port", toolDocument("client_id", strings.Replace(tool, ".example", ".example:443", 1)), 200, nil, "client_id is not its address"},
		{"client_secret", toolDocument("client_secret", "x"), 200, nil, "secret"},
		{"an empty client_secret", toolDocument("client_secret", ""), 200, nil, "secret"},
		{"client_secret_expires_at", toolDocument("client_secret_expires_at", 0), 200, nil, "secret"},
		{"client_secret_basic", toolDocument("token_endpoint_auth_method", "client_secret_basic"), 200, nil, "token_endpoint_auth_method"},
		{"client_secret_post", toolDocument("token_endpoint_auth_method", "client_secret_post"), 200, nil, "token_endpoint_auth_method"},
		{"client_secret_jwt", toolDocument("token_endpoint_auth_method", "client_secret_jwt"), 200, nil, "token_endpoint_auth_method"},
		{"a method that nobody knows", toolDocument("token_endpoint_auth_method", "x"), 200, nil, "token_endpoint_auth_method"},
		{"certificates that are switched off", toolDocument("token_endpoint_auth_method", "self_signed_tls_client_auth", "jwks", clientKeys), 200, nil, "contradict"},
		{"no name", toolDocument("client_name", nil), 200, nil, "client_name"},
		{"an empty name", toolDocument("client_name", ""), 200, nil, "client_name"},
		{"a name that turns the line around", toolDocument("client_name", "x\u202egpj"), 200, nil, "client_name"},
		{"a name of two lines", toolDocument("client_name", "The Tool\nof your bank"), 200, nil, "client_name"},
		{"a name without end", toolDocument("client_name", strings.Repeat("x", 101)), 200, nil, "client_name"},
		{"no redirect URI", toolDocument("redirect_uris", nil), 200, nil, "redirect URI is needed"},
		{"an empty list of redirect URIs", toolDocument("redirect_uris", []string{}), 200, nil, "redirect URI is needed"},
		{"a script", toolDocument("redirect_uris", []string{toolRedirect, "javascript:alert(1)"}), 200, nil, "redirect URI is not allowed"},
		{"a fragment", toolDocument("redirect_uris", []string{toolRedirect, "https://tool.example/cb#x"}), 200, nil, "redirect URI is not allowed"},
		{"no TLS", toolDocument("redirect_uris", []string{toolRedirect, "http://tool.example/cb"}), 200, nil, "redirect URI is not allowed"},
		{"a relative redirect URI", toolDocument("redirect_uris", []string{"/cb"}), 200, nil, "redirect URI is not allowed"},
		{"no grant that it may have", toolDocument("grant_types", []string{"client_credentials"}), 200, nil, "grant type"},
		{"no response type that there is", toolDocument("response_types", []string{"token"}), 200, nil, "response type"},
		{"keys needed", toolDocument("token_endpoint_auth_method", "private_key_jwt"), 200, nil, "contradict"},
		{"keys twice", toolDocument("jwks", clientKeys, "jwks_uri", "https://tool.example/keys"), 200, nil, "jwks_uri"},
		{"keys without TLS", toolDocument("jwks_uri", "http://tool.example/keys"), 200, nil, "jwks_uri"},
		{"keys in a cloud's metadata", toolDocument("jwks_uri", "https://169.254.169.254/keys"), 200, nil, "jwks_uri"},
		{"keys of this host", toolDocument("jwks_uri", "https://localhost/keys"), 200, nil, "jwks_uri"},
		{"a private key", toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", json.RawMessage(private)), 200, nil, "contradict"},
		{"no keys", toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", map[string]any{"keys": []any{}}), 200, nil, "contradict"},
		{"signed requests without keys", toolDocument("require_signed_request_object", true), 200, nil, "contradict"},
	} {
		t.Run(row.name, func(t *testing.T) {
			site, on := documentsOf()
			site.put(tool, row.document, row.header...)
			page := site.pages[tool]
			page.Status = row.status
			site.pages[tool] = page
			b := newBench(t, on)
			b.source = "192.0.2.1"
			for range 2 {
				resp := b.visit("GET", "/authorize?"+toolRequest().Encode(), nil)
				if row.want == "" {
					if resp.Status != 200 {
						t.Fatalf("%d %s", resp.Status, resp.Body)
					}
					continue
				}
				stopped(t, resp, "invalid_client")
				if !strings.Contains(string(resp.Body), row.want) {
					t.Errorf("%q is not in %s", row.want, resp.Body)
				}
				b.post("/token", toolExchange("x")).refused(t, 400, "invalid_client")
			}
			// A wrong document is not cached.
			if want := map[bool]int{true: 1, false: 4}[row.want == ""]; site.readsOf(tool) != want {
				t.Errorf("read %d times, want %d", site.readsOf(tool), want)
			}
		})
	}
}

// M121: invalid addresses are refused before anything is read.
func TestM121WrongAddresses(t *testing.T) {
	for _, row := range []struct {
		uri  string
		good bool
	}{
		{tool, true},
		{"https://tool.example/", true},
		{"https://tool.example:8443/c", true},
		{"https://tool.example/c?v=2", true},
		{"https://8.8.8.8/c", true},
		{"https://xn--tol-0ld.example/c", true},
		{"https://tool.example", false},
		{"http://tool.example/c", false},
		{"HTTPS://tool.example/c", false},
		{"https:/tool.example/c", false},
		{"https:tool.example/c", false},
		{"https:///c", false},
		{"https://:443/c", false},
		{"https://tool.example:/c", false},
		{"https://tool.example/c#", false},
		{"https://tool.example/c#x", false},
		{"https://me@tool.example/c", false},
		{"https://me:x@tool.example/c", false},
		{"https://@tool.example/c", false},
		{"https://tool.example/a/./c", false},
		{"https://tool.example/a/../c", false},
		{"https://tool.example/..", false},
		{"https://tool.example/%2e%2E/c", false},
		{"https://tool.example/a%2f..%2fc", false},
		{"https://tool.example\\@evil.example/c", false},
		{"https://tool.example/c c", false},
		{"https://tool.example/c\n", false},
		{"https://tööl.example/c", false},
		{"https://tool.example/" + strings.Repeat("x", 500), false},
		{"https://localhost/c", false},
		{"https://127.0.0.1/c", false},
		{"https://[::1]/c", false},
		{"https://[::ffff:10.0.0.1]/c", false},
		{"https://[fe80::1%25eth0]/c", false},
		{"https://169.254.169.254/latest/meta-data", false},
		{"file:///etc/passwd", false},
		{"ftp://tool.example/c", false},
		{"data:application/json,{}", false},
	} {
		t.Run(row.uri, func(t *testing.T) {
			site, on := documentsOf(row.uri, toolDocument("client_id", row.uri))
			b := newBench(t, on)
			resp := b.visit("GET", "/authorize?"+toolRequest("client_id", row.uri).Encode(), nil)
			if row.good != (resp.Status == 200) || row.good != (site.readsOf(row.uri) == 1) {
				t.Errorf("%d, read %d times: %s", resp.Status, site.readsOf(row.uri), resp.Body)
			}
		})
	}
	// In tests, and only there, a client's document may be at the host itself.
	local := "http://127.0.0.1:9/c"
	site, on := documentsOf(local, toolDocument("client_id", local))
	b := newBench(t, on, func(c *authserver.Config) { c.InsecurePrivateAddresses = true })
	if b.code(toolRequest("client_id", local)); site.readsOf(local) != 1 {
		t.Error("not read")
	}
	// If a client is registered under such a name, the registration counts. If documents are
	// switched off, none is read.
	if err := b.store.AddClient(authserver.Client{ClientID: tool, RedirectURIs: []string{toolRedirect}, Scope: "profile"}); err != nil {
		t.Fatal(err)
	}
	if b.code(toolRequest()); site.readsOf(tool) != 0 {
		t.Error("read although it is registered")
	}
	off := newBench(t)
	stopped(t, off.visit("GET", "/authorize?"+toolRequest().Encode(), nil), "invalid_client")
	off.post("/token", toolExchange("x")).refused(t, 401, "invalid_client")
}

// M122: a document is cached for as long as its server says, within limits (RFC 9111 section 5.2).
func TestM122DocumentLife(t *testing.T) {
	now := start
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	for _, row := range []struct {
		name   string
		header http.Header
		want   time.Duration
	}{
		{"nothing said", http.Header{}, 10 * time.Minute},
		{"an hour", http.Header{"Cache-Control": {"public, max-age=3600"}}, time.Hour},
		{"an hour, in quotes and capitals", http.Header{"Cache-Control": {`Max-Age="3600"`}}, time.Hour},
		{"an hour, half of it gone", http.Header{"Cache-Control": {"max-age=3600"}, "Age": {"1800"}}, 30 * time.Minute},
		{"all of it gone", http.Header{"Cache-Control": {"max-age=60"}, "Age": {"99999999999999999999"}}, time.Minute},
		{"in two headers", http.Header{"Cache-Control": {"public", "max-age=3600"}}, time.Hour},
		{"too long", http.Header{"Cache-Control": {"max-age=31536000"}}, 24 * time.Hour},
		{"longer than a number", http.Header{"Cache-Control": {"max-age=99999999999999999999"}}, 24 * time.Hour},
		{"nothing", http.Header{"Cache-Control": {"max-age=0"}}, time.Minute},
		{"less than nothing", http.Header{"Cache-Control": {"max-age=-5"}}, time.Minute},
		{"no number", http.Header{"Cache-Control": {"max-age=x"}}, time.Minute},
		{"not at all", http.Header{"Cache-Control": {"no-store, max-age=3600"}}, time.Minute},
		{"asked for again", http.Header{"Cache-Control": {"max-age=3600, no-cache"}}, time.Minute},
		{"until a time", http.Header{"Expires": {at(time.Hour)}}, time.Hour},
		{"until a time that is over", http.Header{"Expires": {at(-time.Hour)}}, time.Minute},
		{"until no time", http.Header{"Expires": {"0"}}, time.Minute},
		{"both", http.Header{"Expires": {at(time.Hour)}, "Cache-Control": {"max-age=120"}}, 2 * time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := authserver.DocumentLife(row.header, now); got != row.want {
				t.Errorf("%v, want %v", got, row.want)
			}
		})
	}
}

// M122: tokens and refresh continue to work after the document was evicted. It is read again when
// the client must be known. If its site is down, the client is told to retry later, and its tokens
// stay valid.
func TestM122TokensOutliveTheDocument(t *testing.T) {
	site, on := documentsOf(tool, toolDocument("scope", "openid profile"))
	b := newBench(t, on)
	r := b.post("/token", toolExchange(b.code(toolRequest()))).must(t)
	b.now = b.now.Add(11 * time.Minute)
	r = b.refresh(tool, r.Refresh).must(t)
	if site.readsOf(tool) != 2 {
		t.Errorf("read %d times", site.readsOf(tool))
	}
	b.now = b.now.Add(10*time.Minute - time.Second)
	for _, row := range []struct {
		name   string
		status int
		down   error
	}{
		{"no answer", 0, errors.New("no route")},
		{"server error", 500, nil},
		{"overload", 503, nil},
		{"too often", 429, nil},
		{"too slow", 408, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			b.now = b.now.Add(10 * time.Minute)
			good := site.pages[tool]
			site.down, site.pages[tool] = row.down, authserver.Response{Status: row.status, Header: http.Header{}}
			b.refresh(tool, r.Refresh).refused(t, 503, "temporarily_unavailable")
			if page := b.visit("GET", "/authorize?"+toolRequest().Encode(), nil); page.Status != 503 || page.Header.Get("Location") != "" {
				t.Errorf("%d %s", page.Status, page.Body)
			}
			site.down, site.pages[tool] = nil, good
			r = b.refresh(tool, r.Refresh).must(t)
			site.down = errors.New("no route")
			defer func() { site.down = nil }()
			b.now = b.now.Add(10*time.Minute - time.Second) // the access token is valid for one more second
			if u := b.send("GET", "/userinfo", http.Header{"Authorization": {"Bearer " + r.Access}}, ""); !b.works(r.Access) || u.Status != 200 {
				t.Errorf("the access token needs the document: %d %s", u.Status, u.Body)
			}
		})
	}
	// A client that deleted its document cannot refresh any more.
	b.now = b.now.Add(10 * time.Minute)
	delete(site.pages, tool)
	b.refresh(tool, r.Refresh).refused(t, 400, "invalid_client")
	// A client that removed a redirect URI gets no code there, and one that removed the grant
	// cannot refresh.
	site.put(tool, toolDocument("redirect_uris", []string{"https://tool.example/cb"}, "grant_types", []string{"authorization_code"}))
	stopped(t, b.visit("GET", "/authorize?"+toolRequest().Encode(), nil), "invalid_request")
	b.refresh(tool, r.Refresh).refused(t, 400, "unauthorized_client")
}

// M122: if many need a document at the same time, it is read once, and all get the result. After an
// error, the next request reads it again.
func TestM122OneReadsForMany(t *testing.T) {
	for _, good := range []bool{true, false} {
		var reads atomic.Int32
		begun, answer := make(chan bool, 100), make(chan bool)
		b := newBench(t, func(c *authserver.Config) {
			c.ClientDocuments = func(string) (authserver.Response, error) {
				reads.Add(1)
				begun <- true
				<-answer
				if !good {
					return authserver.Response{}, errors.New("no route")
				}
				return authserver.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(toolDocument())}, nil
			}
		})
		ask := func() int {
			return b.server.Handle(authserver.Request{Method: "GET", URL: "/authorize?" + toolRequest().Encode(), Now: start}).Status
		}
		statuses := make(chan int, 50)
		go func() { statuses <- ask() }()
		<-begun
		for range 49 {
			go func() { statuses <- ask() }()
		}
		close(answer)
		seen := map[int]int{}
		for range 50 {
			seen[<-statuses]++
		}
		if good && (seen[200] != 50 || reads.Load() != 1) || !good && seen[503] != 50 {
			t.Errorf("good %v: %v, read %d times", good, seen, reads.Load())
		}
		before := reads.Load()
		if ask(); reads.Load() != before+map[bool]int32{false: 1}[good] {
			t.Errorf("good %v: %d reads afterwards", good, reads.Load()-before)
		}
	}
}

// M122: if the hook panics, nobody waits for ever.
func TestM122PanickingHook(t *testing.T) {
	b := newBench(t, func(c *authserver.Config) {
		c.ClientDocuments = func(string) (authserver.Response, error) { panic("hook") }
	})
	for range 2 {
		func() {
			defer func() {
				if recover() != "hook" {
					t.Error("the panic was lost")
				}
			}()
			b.visit("GET", "/authorize?"+toolRequest().Encode(), nil)
		}()
	}
}

// M123: strangers with 10,000 client_ids cause a limited number of reads and cached documents: for
// one address, for one host, and in total. Meanwhile a client with a cached document keeps working,
// and documents of others at other addresses are read.
func TestM123CrowdsOfClients(t *testing.T) {
	any := func(c *authserver.Config, reads *int) {
		c.ClientDocuments = func(uri string) (authserver.Response, error) {
			*reads++
			return authserver.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"max-age=86400"}}, Body: []byte(toolDocument("client_id", uri))}, nil
		}
	}
	for _, row := range []struct {
		name        string
		clientID    func(i int) string
		source      func(i int) string
		least, most int // documents read
	}{
		{"of one address", func(i int) string { return fmt.Sprintf("https://h%d.example/c", i) }, func(int) string { return "192.0.2.1" }, 64, 128},
		{"of one host", func(i int) string { return fmt.Sprintf("https://one.example/%d", i) }, func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) }, 256, 512},
		{"of hosts and addresses without end", func(i int) string { return fmt.Sprintf("https://h%d.example/c", i) }, func(i int) string { return fmt.Sprintf("10.0.%d.%d", i/250, i%250) }, 10000, 10000},
	} {
		t.Run(row.name, func(t *testing.T) {
			reads := 0
			b := newBench(t, func(c *authserver.Config) { any(c, &reads) })
			b.source = "198.51.100.1"
			token := b.post("/token", toolExchange(b.code(toolRequest()))).must(t)
			reads = 0
			for i := range 10000 {
				b.now = b.now.Add(time.Millisecond)
				b.source = row.source(i)
				resp := b.send("GET", "/authorize?"+toolRequest("client_id", row.clientID(i)).Encode(), nil, "")
				if resp.Status != 200 && (resp.Status != 429 || resp.Header.Get("Retry-After") == "") {
					t.Fatalf("%d %s", resp.Status, resp.Body)
				}
				if i%500 == 0 {
					// The client uses its document.
					b.source = "198.51.100.1"
					token = b.refresh(tool, token.Refresh).must(t)
				}
			}
			if reads < row.least || reads > row.most || b.server.Documents() > authserver.MaxDocuments {
				t.Errorf("%d reads, %d kept", reads, b.server.Documents())
			}
			b.source = "203.0.113.1"
			b.code(toolRequest("client_id", "https://somebody.example/else"))
		})
	}
}

// M123: what is stored for clients without a registration is limited for their host and for all of
// them, whatever they call themselves. Registered clients have their own limits.
func TestM123StateOfCrowds(t *testing.T) {
	reads := 0
	b := newBench(t, func(c *authserver.Config) {
		c.Limits = authserver.Limits{PushedRequests: authserver.Limit{Owner: 10, Source: 1 << 20}, DeviceAuthorizations: authserver.Limit{Owner: 10, Source: 1 << 20},
			Identifiers: authserver.Limit{Owner: 10, Source: 1 << 20}, ClientDocuments: authserver.Limit{Owner: 1 << 20, Source: 1 << 20}}
		c.ClientDocuments = func(uri string) (authserver.Response, error) {
			reads++
			return authserver.Response{Status: 200, Header: http.Header{"Content-Type": {"application/json"}},
				Body: []byte(toolDocument("client_id", uri, "grant_types", append(codeAndFresh, authserver.GrantDeviceCode)))}, nil
		}
	})
	for _, row := range []struct {
		name     string
		clientID func(i int) string
		most     int
	}{
		{"one host", func(i int) string { return fmt.Sprintf("https://one.example/%d", i) }, 2 * 10},
		{"many hosts", func(i int) string { return fmt.Sprintf("https://h%d.example/c", i) }, 2 * 4 * 10},
	} {
		for _, post := range []struct {
			target string
			form   func(clientID string) url.Values
			other  string
		}{
			{"/par", func(clientID string) url.Values { return toolRequest("client_id", clientID) }, "spa"},
			{"/device_authorization", func(clientID string) url.Values { return url.Values{"client_id": {clientID}} }, "tv"},
		} {
			b.now = b.now.Add(time.Hour) // all counts are zero again
			taken := 0
			for i := range 200 {
				b.source = fmt.Sprintf("10.1.%d.%d", i/250, i%250)
				if r := b.post(post.target, post.form(row.clientID(i))); r.Status < 300 {
					taken++
				} else if r.Status != 429 {
					t.Fatalf("%d %s", r.Status, r.Body)
				}
			}
			form := post.form(post.other)
			if post.other == "spa" {
				form = request("spa")
			}
			if r := b.post(post.target, form); taken < 10 || taken > row.most || r.Status >= 300 {
				t.Errorf("%s at %s: %d taken, a registered client gets %d", row.name, post.target, taken, r.Status)
			}
		}
	}
}

// M125: a client authenticates with keys in its document, or at the address that it names. New keys
// are found when they are used, but the address is read at most once a minute. A request of the
// client may be signed with these keys.
func TestM125KeysOfDocuments(t *testing.T) {
	const keysAt = "https://keys.example/set"
	set := func(kid string, key any) string {
		text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key, KeyID: kid, Algorithm: "ES256", Use: "sig"}}})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	inside, on := documentsOf(tool, toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", clientKeys))
	elsewhere, onElsewhere := documentsOf(tool, toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks_uri", keysAt))
	elsewhere.put(keysAt, set("k", clientKey.Public()), "Content-Type", "application/jwk-set+json", "Cache-Control", "max-age=86400")
	for name, b := range map[string]*bench{"jwks": newBench(t, on), "jwks_uri": newBench(t, onElsewhere)} {
		t.Run(name, func(t *testing.T) {
			proved := func(id string, key any, form url.Values) url.Values {
				return asserting(form, signWith(t, jose.ES256, key, "JWT", false, b.assertion(tool, id)))
			}
			if u := location(t, b.visit("GET", "/authorize?"+toolRequest("code_challenge", "", "code_challenge_method", "").Encode(), nil)); u.Query().Get("error") != "invalid_request" {
				t.Errorf("without PKCE: %s", u)
			}
			code := b.code(toolRequest())
			b.post("/token", toolExchange(code)).refused(t, 401, "invalid_client")
			b.post("/token", proved("1", newECKey(t, elliptic.P256()), toolExchange(code))).refused(t, 401, "invalid_client")
			b.postWith("/token", basic(tool, "x"), toolExchange(code)).refused(t, 401, "invalid_client")
			r := b.post("/token", proved("2", clientKey, toolExchange(code))).must(t)
			b.post("/token", proved("2", clientKey, toolExchange(code))).refused(t, 401, "invalid_client")
			refresh := url.Values{"grant_type": {"refresh_token"}, "client_id": {tool}, "refresh_token": {r.Refresh}}
			b.post("/token", refresh).refused(t, 401, "invalid_client")
			b.post("/token", proved("3", clientKey, refresh)).must(t)
			// For a client that authenticates, the loopback port must match.
			stopped(t, b.visit("GET", "/authorize?"+toolRequest("redirect_uri", "http://127.0.0.1:9/cb").Encode(), nil), "invalid_request")
			object := signWith(t, jose.ES256, clientKey, "oauth-authz-req+jwt", false, claimsOf(toolRequest()))
			if resp := b.visit("GET", "/authorize?"+url.Values{"client_id": {tool}, "request": {object}}.Encode(), nil); resp.Status != 303 {
				t.Errorf("a signed request: %d %s", resp.Status, resp.Body)
			}
		})
	}
	if inside.readsOf(tool) != 1 || elsewhere.readsOf(keysAt) != 1 {
		t.Errorf("read %d and %d times", inside.readsOf(tool), elsewhere.readsOf(keysAt))
	}

	// signed returns an assertion whose header names its key.
	signed := func(b *bench, id, kid string, key any) url.Values {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: kid}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := json.Marshal(b.assertion(tool, id))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return asserting(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, text)
	}
	b := newBench(t, onElsewhere)
	reads := func() int { return elsewhere.readsOf(keysAt) }
	b.post("/token", signed(b, "1", "k", clientKey)).refused(t, 400, "invalid_grant") // the client is authenticated, but its refresh token is unknown
	next := newECKey(t, elliptic.P256())
	elsewhere.put(keysAt, set("k2", next.Public()), "Content-Type", "application/jwk-set+json", "Cache-Control", "max-age=86400")
	before := reads()
	b.post("/token", signed(b, "2", "k2", next)).refused(t, 401, "invalid_client")
	if reads() != before {
		t.Error("read again within a minute")
	}
	b.now = b.now.Add(time.Minute)
	b.post("/token", signed(b, "3", "k2", next)).refused(t, 400, "invalid_grant")
	b.post("/token", signed(b, "4", "k", clientKey)).refused(t, 401, "invalid_client") // retired
	if reads() != before+1 {
		t.Errorf("read %d times more, want 1", reads()-before)
	}
	for _, row := range []struct{ name, keys, kind string }{
		{"no JSON", "x", "application/json"},
		{"no keys", `{"keys":[]}`, "application/json"},
		{"a secret", `{"keys":[{"kty":"oct","k":"AAAA"}]}`, "application/json"},
		{"a page", set("k", clientKey.Public()), "text/html"},
		{"too large", `{"keys":[],"x":"` + strings.Repeat("x", 17<<10) + `"}`, "application/json"},
	} {
		t.Run(row.name, func(t *testing.T) {
			elsewhere.put(keysAt, row.keys, "Content-Type", row.kind)
			fresh := newBench(t, onElsewhere)
			fresh.post("/token", signed(fresh, "1", "k", clientKey)).refused(t, 400, "invalid_client")
		})
	}
	elsewhere.put(keysAt, set("k", clientKey.Public()))
	fresh := newBench(t, onElsewhere)
	delete(elsewhere.pages, keysAt)
	fresh.post("/token", signed(fresh, "1", "k", clientKey)).refused(t, 400, "invalid_client")
}

// M126: a client that has only its document cannot use any grant with which it acts for itself, or
// for users who were not asked, whatever its document says and the server supports.
func TestM126GrantsOfDocuments(t *testing.T) {
	all := append(codeAndFresh, authserver.GrantClientCredentials, authserver.GrantPassword, authserver.GrantTokenExchange, authserver.GrantJWTBearer)
	site, on := documentsOf(tool, toolDocument("token_endpoint_auth_method", "private_key_jwt", "jwks", clientKeys, "grant_types", all))
	b := newBench(t, everyGrant, on)
	i := 0
	post := func(form url.Values) reply {
		i++
		return b.post("/token", asserting(form, signWith(t, jose.ES256, clientKey, "JWT", false, b.assertion(tool, fmt.Sprint(i)))))
	}
	r := post(toolExchange(b.code(toolRequest()))).must(t)
	for _, form := range []url.Values{
		{"grant_type": {authserver.GrantClientCredentials}},
		{"grant_type": {authserver.GrantPassword}, "username": {"first"}, "password": {"one"}},
		{"grant_type": {authserver.GrantTokenExchange}, "subject_token": {r.Access}, "subject_token_type": {"urn:ietf:params:oauth:token-type:access_token"}},
	} {
		post(form).refused(t, 400, "unauthorized_client")
	}
	plain := maps.Clone(b.assertion("https://idp.example", "x", "sub", "u-1"))
	for _, typ := range []string{"JWT", "oauth-id-jag+jwt"} {
		post(url.Values{"grant_type": {authserver.GrantJWTBearer}, "assertion": {signWith(t, jose.ES256, clientKey, typ, false, plain)}}).refused(t, 400, map[string]string{"JWT": "unauthorized_client", "oauth-id-jag+jwt": "invalid_grant"}[typ])
	}
	b.post("/introspect", url.Values{"token": {r.Access}, "client_id": {tool}}).refused(t, 401, "invalid_client")
	// It has no secret, and no document is read to check one.
	b.now = b.now.Add(time.Hour)
	before := site.readsOf(tool)
	if resp := b.postWith("/token", basic(tool, "x"), toolExchange("x")); resp.Status != 401 || resp.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("%d %v", resp.Status, resp.Header)
	}
	b.post("/token", toolExchange("x", "client_secret", "x")).refused(t, 401, "invalid_client")
	mac := signWith(t, jose.HS256, []byte(longSecret), "JWT", false, b.assertion(tool, "x"))
	b.post("/token", asserting(toolExchange("x"), mac)).refused(t, 401, "invalid_client")
	if site.readsOf(tool) != before {
		t.Error("the document was read for a secret")
	}
}
