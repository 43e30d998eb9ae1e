package core

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// An mcpWorld is the servers around a resource: documents by URL, and the answers of the token
// endpoint and the registration endpoint.
type mcpWorld struct {
	s         *scene
	documents map[string]string
	tokens    int
	scope     string // granted; "" means the requested scope
	register  reply
	token     func(m msg) reply
}

const (
	mcpURL  = "https://mcp.example/srv/mcp"
	mcpDoc  = `{"resource":"https://mcp.example/srv/mcp","authorization_servers":["https://as.example"],"scopes_supported":["tools:read","tools:list"]}`
	mcpAS   = `{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize","token_endpoint":"https://as.example/token","registration_endpoint":"https://as.example/register","jwks_uri":"https://as.example/jwks","code_challenge_methods_supported":["S256"],"client_id_metadata_document_supported":true,"authorization_response_iss_parameter_supported":true,"scopes_supported":["tools:read"]}`
	mcpConf = `{"redirect_uri":"http://127.0.0.1:3000/cb","client_id":"https://app.example/oauth/client.json","client_metadata":{"client_name":"Agent"}}`
	mcpAt   = "https://mcp.example/.well-known/oauth-protected-resource/srv/mcp"
	mcpASAt = "https://as.example/.well-known/oauth-authorization-server"
)

// mcpScene is a scene with the servers of a world.
func mcpScene(s *scene) *mcpWorld {
	w := &mcpWorld{s: s, documents: map[string]string{mcpAt: mcpDoc, mcpASAt: mcpAS}}
	w.register = jsonReply(201, `{"client_id":"dyn-1","redirect_uris":["http://127.0.0.1:3000/cb"]}`)
	s.whole = true
	s.server = w.answer
	return w
}

// mcpQuiet is one without a transcript.
func mcpQuiet(t *testing.T) *mcpWorld {
	return mcpScene(quietScene(t))
}

func (w *mcpWorld) answer(m msg) reply {
	at := m.Str("url")
	switch {
	case strings.HasSuffix(at, "/register"):
		return w.register
	case strings.HasSuffix(at, "/token"):
		if w.token != nil {
			return w.token(m)
		}
		w.tokens++
		scope := w.scope
		if scope != "" {
			scope = fmt.Sprintf(`,"scope":%q`, scope)
		}
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-%d"%s}`, w.tokens, w.tokens, scope))
	}
	if doc, ok := w.documents[at]; ok {
		return jsonReply(200, doc)
	}
	return jsonReply(404, `{}`)
}

// open opens a session of kind mcp, and returns the error for a refused configuration.
func (w *mcpWorld) open(config string) msg {
	return w.s.rawOpen(w.s.head() + `"kind":"mcp","config":` + config + `}`)
}

// urls returns the URLs of the requests since the last call.
func (w *mcpWorld) urls() (all []string) {
	for _, m := range w.s.sent {
		all = append(all, m.Str("url"))
	}
	w.s.sent = nil
	return all
}

func (w *mcpWorld) wantURLs(want ...string) {
	w.s.t.Helper()
	if got := w.urls(); strings.Join(got, " ") != strings.Join(want, " ") {
		w.s.t.Fatalf("requests to %q, want %q", got, want)
	}
}

// challenge is the parameters of challenged: the answer to a request with that token.
func challenge(url string, status int, header, token string) string {
	headers := "[]"
	if header != "" {
		headers = `[["www-authenticate",` + quote(header) + `]]`
	}
	sent := ""
	if token != "" {
		sent = `,"sent":"Bearer ` + token + `"`
	}
	return fmt.Sprintf(`"url":%q,"method":"POST","status":%d,"headers":%s%s`, url, status, headers, sent)
}

// next checks which command is next, and with which scope.
func (w *mcpWorld) next(r msg, next, scope string) msg {
	w.s.t.Helper()
	if r.Str("ok", "next") != next || r.Str("ok", "authorize", "scope") != scope {
		w.s.t.Fatalf("want %s %q: %s", next, scope, r.Raw)
	}
	return r
}

// signIn opens the client in a result and signs in with it. It returns the authorization URL and
// the client's handle. The session of kind mcp stays in use.
func (w *mcpWorld) signIn(r msg) (*url.URL, int32) {
	w.s.t.Helper()
	finder := w.s.handle
	w.s.open(r.Str("ok", "config"))
	client := w.s.handle
	var members []string
	if scope := r.Str("ok", "authorize", "scope"); scope != "" {
		members = append(members, `"scope":`+quote(scope))
	}
	u, err := url.Parse(w.s.ok("authorize", members...).Str("ok", "url"))
	if err != nil {
		w.s.t.Fatal(err)
	}
	w.s.ok("callback", `"url":`+quote(fmt.Sprintf("http://127.0.0.1:3000/cb?code=c&iss=%s&state=%s", url.QueryEscape(r.Str("ok", "issuer")), u.Query().Get("state"))))
	w.s.use(finder)
	return u, client
}

// configOf is the client's configuration in a result.
func configOf(r msg) (c map[string]any) {
	json.Unmarshal([]byte(r.Str("ok", "config")), &c)
	return c
}

// TestScenarioMCP: the whole way: a 401, the metadata of the resource and its server, a sign-in, a
// token. The next process finds everything in the store.
func TestScenarioMCP(t *testing.T) {
	s := newScene(t, "MCP: from a 401 to a token; the next process finds it in the store, and asks nobody.", "M1", "M15", "M21", "M39")
	w := mcpScene(s)
	w.open(mcpConf)
	if r := s.ok("find", `"url":"`+mcpURL+`"`); r.Str("ok") != "{}" {
		t.Error(r.Raw)
	}
	w.wantURLs()
	r := w.next(s.ok("challenged", challenge(mcpURL, 401, `Bearer resource_metadata="`+mcpAt+`", scope="tools:call"`, "")), "authorize", "tools:call")
	w.wantURLs(mcpAt, mcpASAt)
	if c := configOf(r); c["client_id"] != "https://app.example/oauth/client.json" || r.Str("ok", "identity") != "metadata_document" || r.Str("ok", "resource") != mcpURL {
		t.Error(r.Raw)
	}
	u, client := w.signIn(r)
	if q := u.Query(); u.Host != "as.example" || q.Get("resource") != mcpURL || q.Get("code_challenge_method") != "S256" || q.Get("scope") != "tools:call" || q.Get("state") == "" {
		t.Error(u)
	}
	if f := s.sent[0].Form(); f.Get("resource") != mcpURL || f.Get("code_verifier") == "" || f.Get("client_id") != "https://app.example/oauth/client.json" {
		t.Error(s.sent[0].Raw)
	}
	s.use(client)
	s.ok("refresh")
	if f := s.sent[1].Form(); f.Get("resource") != mcpURL {
		t.Error(s.sent[1].Raw)
	}
	w.urls()
	// Another process with the same store.
	w.open(mcpConf)
	r = w.next(s.ok("find", `"url":"`+mcpURL+`"`), "token", "tools:call tools:read tools:list")
	w.wantURLs()
	s.open(r.Str("ok", "config"))
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
	w.wantURLs()
	for key, text := range s.store {
		if strings.HasSuffix(key, ".resource") && strings.Contains(text, "access-") {
			t.Error(key, text)
		}
	}
}

// TestScenarioMCPStepUp: a 403 requires more scope. Scopes that were requested before are requested
// again with it; if all were requested already, that fails, and there are only a few tries.
func TestScenarioMCPStepUp(t *testing.T) {
	s := newScene(t, "MCP: step-up asks for the union of scopes, for something new each time, and a few times at most.", "M16", "M25", "M26", "M38")
	w := mcpScene(s)
	w.open(mcpConf)
	w.signIn(s.ok("challenged", challenge(mcpURL, 401, `Bearer scope="a"`, "")))
	insufficient := func(scope string) string { return `Bearer error="insufficient_scope", scope="` + scope + `"` }
	r := w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("b"), "access-1")), "authorize", "a b")
	// Another request that was refused with the same token does not count again.
	for range 5 {
		s.ok("challenged", challenge(mcpURL, 403, insufficient("b"), "access-1"))
	}
	w.signIn(r)
	// A request that was refused with the old token is tried with the new one.
	w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("b"), "access-1")), "token", "a b")
	// But not if the new one is known to be insufficient.
	w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("c"), "access-1")), "authorize", "a b c")
	s.fails("server", "step_up_failed", "challenged", challenge(mcpURL, 403, insufficient("b"), "access-2"))
	w.signIn(w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("c"), "access-2")), "authorize", "a b c"))
	w.signIn(w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("d"), "access-3")), "authorize", "a b c d"))
	s.fails("server", "too_many_attempts", "challenged", challenge(mcpURL, 403, insufficient("e"), "access-4")+`,"operation":"POST"`)
	// Another operation has its own count, and after a while so has this one.
	w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("e"), "access-4")+`,"operation":"tools/call:x"`), "authorize", "a b c d e")
	s.now += 600_001
	w.next(s.ok("challenged", challenge(mcpURL, 403, insufficient("e"), "access-4")), "authorize", "a b c d e")
	// A stronger sign-in is requested as the challenge says (RFC 9470).
	r = s.ok("challenged", challenge(mcpURL, 401, `Bearer error="insufficient_user_authentication", acr_values="phr", max_age=5`, "access-4"))
	if w.next(r, "authorize", "a b c d tools:read tools:list").Str("ok", "authorize", "acr_values") != "phr" || r.Str("ok", "authorize", "max_age") != "5" {
		t.Error(r.Raw)
	}
	for _, other := range []string{challenge(mcpURL, 403, "", ""), challenge(mcpURL, 403, `Bearer error="access_denied"`, ""), challenge(mcpURL, 200, `Bearer`, ""), challenge(mcpURL, 401, `DPoP error="use_dpop_nonce"`, "")} {
		s.fails("client", "not_challenged", "challenged", other)
	}
}

// TestScenarioMCPRefused: a token that the resource refuses is refreshed. If there is no refresh
// token, the user signs in again.
func TestScenarioMCPRefused(t *testing.T) {
	s := newScene(t, "MCP: a refused token is refreshed; without a refresh token a sign-in is next.", "M4", "M18")
	w := mcpScene(s)
	w.open(mcpConf)
	invalid := `Bearer error="invalid_token"`
	_, client := w.signIn(s.ok("challenged", challenge(mcpURL, 401, "Negotiate, Basic realm=\"x\", "+`Bearer scope="a"`, "")))
	w.next(s.ok("challenged", challenge(mcpURL, 401, invalid, "access-1")), "refresh", "a tools:read tools:list")
	s.use(client)
	s.ok("refresh")
	s.use(1)
	w.next(s.ok("challenged", challenge(mcpURL, 401, invalid, "access-1")), "token", "a tools:read tools:list")
	w.token = func(msg) reply { return jsonReply(200, `{"access_token":"alone","token_type":"Bearer"}`) }
	w.signIn(s.ok("challenged", challenge(mcpURL, 403, `Bearer error="insufficient_scope", scope="b"`, "access-2")))
	w.next(s.ok("find", `"url":"`+mcpURL+`"`), "token", "a b tools:read tools:list")
	w.next(s.ok("challenged", challenge(mcpURL, 401, invalid, "alone")), "authorize", "a b tools:read tools:list")
}

// TestScenarioMCPOtherServer: a resource that changes its server gets nothing that belongs to the
// old one: no client, no secret, no token, no reply to a sign-in.
func TestScenarioMCPOtherServer(t *testing.T) {
	s := newScene(t, "MCP: another authorization server gets nothing of what the old one gave.", "M13", "M14", "M19", "M24", "M29")
	w := mcpScene(s)
	w.documents[mcpASAt] = strings.Replace(mcpAS, `"client_id_metadata_document_supported":true,`, ``, 1)
	w.register = jsonReply(201, `{"client_id":"dyn-1","client_secret":"secret-1"}`)
	w.open(mcpConf)
	first := s.ok("challenged", challenge(mcpURL, 401, "", ""))
	if first.Str("ok", "identity") != "registered" {
		t.Error(first.Raw)
	}
	_, client := w.signIn(first)
	s.use(client)
	late, _ := url.Parse(s.ok("authorize").Str("ok", "url"))
	w.documents[mcpAt] = strings.Replace(mcpDoc, "https://as.example", "https://new.example", 1)
	w.documents["https://new.example/.well-known/oauth-authorization-server"] = strings.ReplaceAll(w.documents[mcpASAt], "https://as.example", "https://new.example")
	w.register = jsonReply(201, `{"client_id":"dyn-2"}`)
	w.urls()
	s.use(1)
	r := w.next(s.ok("challenged", challenge(mcpURL, 401, `Bearer error="invalid_token"`, "access-1")), "authorize", "tools:read tools:list")
	w.wantURLs(mcpAt, "https://new.example/.well-known/oauth-authorization-server", "https://new.example/register")
	if strings.Contains(r.Raw, "dyn-1") || strings.Contains(r.Raw, "secret-1") || r.Str("ok", "issuer") != "https://new.example" {
		t.Error(r.Raw)
	}
	s.open(r.Str("ok", "config"))
	s.fails("client", "not_signed_in", "token")
	// A reply to the old server's sign-in does not answer one at the new server.
	s.fails("callback_not_verified", "wrong_state", "callback", `"url":"http://127.0.0.1:3000/cb?code=c&iss=https%3A%2F%2Fnew.example&state=`+late.Query().Get("state")+`"`)
	w.wantURLs()
	// The old server is named again: its client is still known, and so is its session.
	w.documents[mcpAt] = mcpDoc
	s.use(1)
	w.next(s.ok("challenged", challenge(mcpURL, 401, `Bearer error="invalid_token"`, "other")), "token", "tools:read tools:list")
	w.wantURLs(mcpAt, mcpASAt)
}

// TestScenarioMCPIdentity: the client's identity at a server, in the order of the specification.
func TestScenarioMCPIdentity(t *testing.T) {
	s := newScene(t, "MCP: pre-registered, then a client ID metadata document where it is supported, then dynamic registration, else an error that says what is missing.", "M7", "M9", "M10", "M11", "M12", "M13", "M30", "M37")
	w := mcpScene(s)
	const pre = `"clients":[{"issuer":"https://as.example","client_id":"pre","client_secret":"shh"}]`
	const document = `"client_id":"https://app.example/c.json"`
	noDocument := strings.Replace(mcpAS, `"client_id_metadata_document_supported":true,`, ``, 1)
	neither := strings.Replace(noDocument, `"registration_endpoint":"https://as.example/register",`, ``, 1)
	for _, row := range []struct{ server, config, identity, client string }{
		{mcpAS, pre + "," + document + `,"client_metadata":{}`, "pre_registered", "pre"},
		{mcpAS, document + `,"client_metadata":{}`, "metadata_document", "https://app.example/c.json"},
		{noDocument, document + `,"client_metadata":{}`, "registered", ""},
		{mcpAS, `"client_metadata":{}`, "registered", ""},
		{neither, document + `,"client_metadata":{}`, "", ""},
		{noDocument, document, "", ""},
		{mcpAS, `"clients":[{"issuer":"https://other.example","client_id":"pre","client_secret":"shh"}]`, "", ""},
	} {
		w.documents[mcpASAt] = row.server
		s.store, s.version = map[string]string{}, map[string]int{}
		w.open(`{"redirect_uri":"http://127.0.0.1:3000/cb",` + row.config + `}`)
		if row.identity == "" {
			r := s.fails("client", "no_client", "challenged", challenge(mcpURL, 401, "", ""))
			if strings.Contains(r.Raw, "shh") || r.Str("error", "came") != "https://as.example" {
				t.Error(r.Raw)
			}
			continue
		}
		r := s.ok("challenged", challenge(mcpURL, 401, "", ""))
		id, _ := configOf(r)["client_id"].(string)
		if r.Str("ok", "identity") != row.identity || id != row.client {
			t.Errorf("%s: %s", row.config, r.Raw)
		}
	}
	// The registration request, sent once for all who share the store.
	w.documents[mcpASAt] = noDocument
	s.store, s.version = map[string]string{}, map[string]int{}
	w.open(`{"redirect_uri":"http://127.0.0.1:3000/cb","client_metadata":{"client_name":"Agent"}}`)
	w.urls()
	s.ok("challenged", challenge(mcpURL, 401, "", ""))
	if got := s.sent[2].Str("body", "text"); got != `{"client_name":"Agent","redirect_uris":["http://127.0.0.1:3000/cb"],"application_type":"native","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"token_endpoint_auth_method":"none"}` {
		t.Error(got)
	}
	w.urls()
	w.open(`{"redirect_uri":"http://127.0.0.1:3000/cb","client_metadata":{"client_name":"Agent"}}`)
	s.ok("find", `"url":"`+mcpURL+`"`)
	s.ok("challenged", challenge("https://mcp.example/srv/mcp/", 401, `Bearer resource_metadata="`+mcpAt+`"`, ""))
	w.wantURLs(mcpAt, mcpASAt)
	// The server does not know the registration any more.
	if r := s.ok("forget", `"url":"`+mcpURL+`","client_id":"another"`); r.Str("ok", "forgotten") != "false" {
		t.Error(r.Raw)
	}
	if r := s.ok("forget", `"url":"`+mcpURL+`","client_id":"dyn-1"`); r.Str("ok", "forgotten") != "true" {
		t.Error(r.Raw)
	}
	w.register = jsonReply(400, `{"error":"invalid_redirect_uri","error_description":"https only"}`)
	if r := s.fails("server", "oauth_error", "challenged", challenge(mcpURL, 401, "", "")); r.Str("error", "stage") != "registration" || r.Str("error", "error") != "invalid_redirect_uri" || r.Str("error", "error_description") != "https only" {
		t.Error(r.Raw)
	}
	w.register = jsonReply(201, `{"client_id":"dyn-3"}`)
	if r := s.ok("challenged", challenge(mcpURL, 401, "", "")); !strings.Contains(r.Raw, "dyn-3") {
		t.Error(r.Raw)
	}
	if r := s.ok("forget", `"url":"`+mcpURL+`"`); r.Str("ok", "forgotten") != "true" {
		t.Error(r.Raw)
	}
	if r := s.ok("find", `"url":"`+mcpURL+`"`); r.Str("ok") != "{}" {
		t.Error(r.Raw)
	}
}

// TestScenarioMCPGuard: URLs that others name must be public before any request is sent there, and
// the host must check the address to which the name resolves.
func TestScenarioMCPGuard(t *testing.T) {
	s := newScene(t, "MCP: URLs that challenges and metadata name are held to public addresses, unless configured; nothing but https is opened in a browser.", "M20", "M28", "M32", "M33", "M35")
	w := mcpScene(s)
	w.open(mcpConf)
	for _, evil := range []string{"http://mcp.example/m", "https://169.254.169.254/latest", "https://[::ffff:127.0.0.1]/m", "https://2130706433/m", "https://localhost/m", "https://metadata.google.internal/m", "javascript:alert(1)", "file:///etc/passwd", "https://u@mcp.example/m"} {
		r := s.fails("server", "not_public", "challenged", challenge(mcpURL, 401, `Bearer resource_metadata="`+evil+`"`, ""))
		if r.Str("error", "field") != "resource_metadata" || strings.Contains(r.Raw, "passwd") || strings.Contains(r.Raw, "latest") {
			t.Error(r.Raw)
		}
	}
	w.wantURLs()
	for _, evil := range []string{"http://as.example", "https://127.0.0.1", "https://10.1.2.3/x", "https://as.local"} {
		w.documents[mcpAt] = strings.Replace(mcpDoc, "https://as.example", evil, 1)
		if r := s.fails("server", "not_public", "challenged", challenge(mcpURL, 401, "", "")); r.Str("error", "field") != "authorization_servers" {
			t.Error(r.Raw)
		}
		w.wantURLs(mcpAt)
	}
	w.documents[mcpAt] = mcpDoc
	for _, row := range [][3]string{{"authorization_endpoint", "authorize", "http://as.example/authorize"}, {"authorization_endpoint", "authorize", "javascript:alert(1)"}, {"authorization_endpoint", "authorize", "com.example.app:/x"}, {"authorization_endpoint", "authorize", "file:///etc/passwd"},
		{"token_endpoint", "token", "https://192.168.0.1/token"}, {"registration_endpoint", "register", "https://[fe80::1]/r"}} {
		w.documents[mcpASAt] = strings.Replace(mcpAS, `"https://as.example/`+row[1]+`"`, quote(row[2]), 1)
		if r := s.fails("server", "not_public", "challenged", challenge(mcpURL, 401, "", "")); r.Str("error", "field") != row[0] {
			t.Error(r.Raw)
		}
	}
	// An optional URL that is not allowed counts as missing.
	w.documents[mcpASAt] = strings.Replace(mcpAS, `"https://as.example/jwks"`, `"https://10.0.0.1/jwks"`, 1)
	if c := configOf(s.ok("challenged", challenge(mcpURL, 401, "", ""))); c["jwks_uri"] != nil {
		t.Error(c)
	}
	for _, m := range s.sent {
		if own := strings.HasPrefix(m.Str("url"), "https://mcp.example/"); own != (m.M["public"] == nil) {
			t.Error(m.Raw)
		}
	}
	w.urls()
	// The resource itself may be anywhere; other servers of that network must be configured.
	w.open(`{"redirect_uri":"http://127.0.0.1:3000/cb","client_id":"https://app.example/c.json","private_origins":["http://localhost:4000"]}`)
	w.documents["http://localhost:3000/.well-known/oauth-protected-resource"] = `{"resource":"http://localhost:3000/","authorization_servers":["http://localhost:5000","http://localhost:4000"]}`
	w.documents["http://localhost:4000/.well-known/oauth-authorization-server"] = strings.ReplaceAll(mcpAS, "https://as.example", "http://localhost:4000")
	r := s.ok("challenged", challenge("http://LOCALHOST:3000", 401, "", ""))
	if r.Str("ok", "issuer") != "http://localhost:4000" {
		t.Error(r.Raw)
	}
	w.signIn(r)
	for _, m := range s.sent {
		if m.M["public"] != nil {
			t.Error(m.Raw)
		}
	}
	s.fails("client", "bad_url", "challenged", challenge("http://mcp.internal/x", 401, "", ""))
}

// TestScenarioMCPClientGuarded: the resulting client has the same rules: its requests say so, and
// its redirects stay on this machine or use https.
func TestScenarioMCPClientGuarded(t *testing.T) {
	s := newScene(t, "MCP: the client sends its requests to public addresses only, uses the token at its resource only, and takes no redirect over http.", "M23", "M24", "M28", "M33")
	w := mcpScene(s)
	w.open(mcpConf)
	_, client := w.signIn(s.ok("challenged", challenge(mcpURL, 401, "", "")))
	if m := s.sent[len(s.sent)-1]; m.Str("stage") != "token" || m.M["public"] != true {
		t.Error(m.Raw)
	}
	s.use(client)
	if r := s.ok("prepare", `"url":"`+mcpURL+`/x"`); !strings.Contains(r.Raw, `["authorization","Bearer access-1"]`) {
		t.Error(r.Raw)
	}
	for _, other := range []string{"https://mcp.example/srv/mcpx", "https://mcp.example/", "https://as.example/", "http://mcp.example/srv/mcp", "https://evil.example/srv/mcp"} {
		s.fails("client", "resource_not_allowed", "prepare", `"url":"`+other+`"`)
	}
	for _, other := range []string{"http://app.example/cb", "com.example.app:/cb"} {
		s.fails("client", "not_https", "authorize", `"redirect_uri":"`+other+`"`)
	}
	s.ok("authorize", `"redirect_uri":"http://127.0.0.1:49152/cb"`)
	s.ok("authorize", `"redirect_uri":"https://app.example/cb"`)
}

// TestScenarioMCPIssuer: the response's iss must equal the issuer that was recorded with the
// attempt, whatever the metadata promise. It is compared as text, before any error is shown.
func TestScenarioMCPIssuer(t *testing.T) {
	s := newScene(t, "MCP: iss of the response is compared with the recorded issuer as text, for errors too.", "M19")
	w := mcpScene(s)
	for _, row := range []struct {
		promised  bool
		iss, code string
	}{
		{true, "https://as.example", ""},
		{true, "", "missing_iss"},
		{true, "https://evil.example", "wrong_iss"},
		{false, "https://as.example", ""},
		{false, "", ""},
		{false, "https://as.example/", "wrong_iss"},
		{false, "https://AS.example", "wrong_iss"},
		{false, "HTTPS://as.example", "wrong_iss"},
		{false, "https://as.example:443", "wrong_iss"},
		{false, "https://as%2Eexample", "wrong_iss"},
	} {
		s.store, s.version = map[string]string{}, map[string]int{}
		w.documents[mcpASAt] = strings.Replace(mcpAS, `"authorization_response_iss_parameter_supported":true`, fmt.Sprintf(`"authorization_response_iss_parameter_supported":%t`, row.promised), 1)
		w.open(mcpConf)
		s.open(s.ok("challenged", challenge(mcpURL, 401, "", "")).Str("ok", "config"))
		for _, answer := range []string{"error=access_denied&error_description=evil+text&error_uri=https%3A%2F%2Fevil.example", "code=c"} {
			u, _ := url.Parse(s.ok("authorize").Str("ok", "url"))
			iss := ""
			if row.iss != "" {
				iss = "&iss=" + url.QueryEscape(row.iss)
			}
			s.sent, s.events = nil, nil
			r := s.do("callback", `"url":`+quote("http://127.0.0.1:3000/cb?"+answer+iss+"&state="+u.Query().Get("state")))
			switch {
			case row.code != "":
				if r.Str("error", "code") != row.code || strings.Contains(r.Raw+s.eventNames(), "evil text") || strings.Contains(r.Raw, "access_denied") || r.Str("error", "error_uri") != "" {
					t.Errorf("%+v: %s", row, r.Raw)
				}
				s.wantSent(0)
			case answer == "code=c" && r.M["ok"] == nil, answer != "code=c" && r.Str("error", "error") != "access_denied":
				t.Errorf("%+v: %s", row, r.Raw)
			}
		}
	}
}

// TestMCPPlaces: where documents are looked for, and in which order (M2, M3, M5, M6).
func TestMCPPlaces(t *testing.T) {
	for _, row := range []struct {
		name, url, header string
		documents         map[string]string // all others are not found
		urls              []string
		code              string
	}{
		{"the challenge's place first", mcpURL, `Bearer resource_metadata="https://mcp.example/meta"`, map[string]string{"https://mcp.example/meta": mcpDoc, mcpASAt: mcpAS}, []string{"https://mcp.example/meta", mcpASAt}, ""},
		{"the challenge's place alone", mcpURL, `Bearer resource_metadata="https://mcp.example/meta"`, map[string]string{mcpAt: mcpDoc}, []string{"https://mcp.example/meta"}, "http_error"},
		{"the path, then the root", mcpURL, "", map[string]string{"https://mcp.example/.well-known/oauth-protected-resource": mcpDoc, mcpASAt: mcpAS}, []string{mcpAt, "https://mcp.example/.well-known/oauth-protected-resource", mcpASAt}, ""},
		{"nowhere", mcpURL, "", nil, []string{mcpAt, "https://mcp.example/.well-known/oauth-protected-resource"}, "http_error"},
		{"no path", "https://mcp.example", "", map[string]string{"https://mcp.example/.well-known/oauth-protected-resource": `{"resource":"https://mcp.example","authorization_servers":["https://as.example"]}`, mcpASAt: mcpAS}, []string{"https://mcp.example/.well-known/oauth-protected-resource", mcpASAt}, ""},
		{"a path of the issuer", mcpURL, "", map[string]string{mcpAt: strings.Replace(mcpDoc, "https://as.example", "https://as.example/t1", 1)}, []string{mcpAt, "https://as.example/.well-known/oauth-authorization-server/t1", "https://as.example/.well-known/openid-configuration/t1", "https://as.example/t1/.well-known/openid-configuration"}, "http_error"},
		{"a path of the issuer, with a slash", mcpURL, "", map[string]string{mcpAt: strings.Replace(mcpDoc, "https://as.example", "https://as.example/t1/", 1), "https://as.example/t1/.well-known/openid-configuration": strings.Replace(mcpAS, "https://as.example", "https://as.example/t1/", 1)}, []string{mcpAt, "https://as.example/.well-known/oauth-authorization-server/t1", "https://as.example/.well-known/openid-configuration/t1", "https://as.example/t1/.well-known/openid-configuration"}, ""},
		{"OpenID Connect alone", mcpURL, "", map[string]string{mcpAt: mcpDoc, "https://as.example/.well-known/openid-configuration": mcpAS}, []string{mcpAt, mcpASAt, "https://as.example/.well-known/openid-configuration"}, ""},
		{"another issuer's document", mcpURL, "", map[string]string{mcpAt: mcpDoc, mcpASAt: strings.Replace(mcpAS, "https://as.example", "https://honest.example", 1)}, []string{mcpAt, mcpASAt, "https://as.example/.well-known/openid-configuration"}, "wrong_issuer"},
		{"the issuer but for a slash", mcpURL, "", map[string]string{mcpAt: mcpDoc, mcpASAt: strings.Replace(mcpAS, "https://as.example", "https://as.example/", 1)}, []string{mcpAt, mcpASAt, "https://as.example/.well-known/openid-configuration"}, "wrong_issuer"},
		{"the issuer in another case", mcpURL, "", map[string]string{mcpAt: mcpDoc, mcpASAt: strings.Replace(mcpAS, "https://as.example", "https://AS.example", 1)}, []string{mcpAt, mcpASAt, "https://as.example/.well-known/openid-configuration"}, "wrong_issuer"},
		{"another resource's document", mcpURL, "", map[string]string{mcpAt: strings.Replace(mcpDoc, "https://mcp.example", "https://evil.example", 1)}, []string{mcpAt}, "wrong_resource"},
		{"another path's document", mcpURL, "", map[string]string{mcpAt: strings.Replace(mcpDoc, "/srv/mcp", "/srv/mcp2", 1)}, []string{mcpAt}, "wrong_resource"},
		{"a document without resource", mcpURL, "", map[string]string{mcpAt: `{"authorization_servers":["https://as.example"]}`}, []string{mcpAt}, "wrong_resource"},
		{"no server", mcpURL, "", map[string]string{mcpAt: `{"resource":"https://mcp.example"}`}, []string{mcpAt}, "no_authorization_server"},
		{"no server in the list", mcpURL, "", map[string]string{mcpAt: `{"resource":"https://mcp.example","authorization_servers":[]}`}, []string{mcpAt}, "no_authorization_server"},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := mcpQuiet(t)
			w.documents = row.documents
			w.open(mcpConf)
			r := w.s.do("challenged", challenge(row.url, 401, row.header, ""))
			if r.Str("error", "code") != row.code {
				t.Error(r.Raw)
			}
			w.wantURLs(row.urls...)
		})
	}
}

// TestMCPCanonical: resource is the resource's own identifier, with scheme and host in lower case
// (M21, M22).
func TestMCPCanonical(t *testing.T) {
	for _, row := range []struct{ url, said, resource string }{
		{"https://mcp.example", "https://mcp.example", "https://mcp.example"},
		{"https://mcp.example/", "https://mcp.example", "https://mcp.example"},
		{"https://mcp.example", "https://mcp.example/", "https://mcp.example/"}, // of significance to who says so
		{"HTTPS://MCP.Example/srv/Mcp", "https://MCP.example:443/srv/Mcp", "https://mcp.example/srv/Mcp"},
		{"https://mcp.example:8443/mcp", "https://mcp.example:8443/mcp", "https://mcp.example:8443/mcp"},
		{"https://mcp.example/srv/mcp?x=1", "https://mcp.example/srv", "https://mcp.example/srv"},
	} {
		w := mcpQuiet(t)
		w.documents["https://mcp.example/meta"] = `{"resource":` + quote(row.said) + `,"authorization_servers":["https://as.example"]}`
		w.open(mcpConf)
		r := w.s.ok("challenged", challenge(row.url, 401, `Bearer resource_metadata="https://mcp.example/meta"`, ""))
		if r.Str("ok", "resource") != row.resource {
			t.Errorf("%s: %s", row.url, r.Raw)
		}
		u, _ := w.signIn(r)
		if q := u.Query(); q.Get("resource") != row.resource || q.Has("scope") { // no scope is known, so it is omitted
			t.Error(u)
		}
	}
}

// TestMCPPKCE: a server whose metadata do not list S256 is not used (M27).
func TestMCPPKCE(t *testing.T) {
	for methods, ok := range map[string]bool{`["S256"]`: true, `["plain","S256"]`: true, `["plain"]`: false, `[]`: false, `null`: false, `"S256"`: false, ``: false} {
		w := mcpQuiet(t)
		member := `"code_challenge_methods_supported":` + methods + `,`
		if methods == "" {
			member = ""
		}
		w.documents[mcpASAt] = strings.Replace(mcpAS, `"code_challenge_methods_supported":["S256"],`, member, 1)
		w.open(mcpConf)
		if r := w.s.do("challenged", challenge(mcpURL, 401, "", "")); ok == (r.Str("error", "code") == "pkce_not_supported") {
			t.Errorf("%s: %s", methods, r.Raw)
		}
	}
}

// TestMCPScopes: the scope of a first sign-in (M15, M16, M17).
func TestMCPScopes(t *testing.T) {
	for _, row := range []struct{ header, supported, server, more, want string }{
		{`Bearer scope="x y"`, `["a"]`, `["a"]`, "", "x y"},
		{"Bearer", `["a","b","a"]`, `["a"]`, "", "a b"},
		{"Bearer", `null`, `["a","offline_access"]`, "", ""},
		{"Bearer", `["a"]`, `["offline_access"]`, "", "a offline_access"},
		{`Bearer scope="x"`, `["a"]`, `["offline_access"]`, "", "x offline_access"},
		{"Bearer", `["a"]`, `["offline_access"]`, `,"offline_access":false`, "a"},
		{"Bearer", `["a",1,"b\"c","d e"]`, `[]`, "", "a d e"},
	} {
		w := mcpQuiet(t)
		w.documents[mcpAt] = `{"resource":"` + mcpURL + `","authorization_servers":["https://as.example"],"scopes_supported":` + row.supported + `}`
		w.documents[mcpASAt] = strings.Replace(mcpAS, `"scopes_supported":["tools:read"]`, `"scopes_supported":`+row.server, 1)
		w.open(mcpConf[:len(mcpConf)-1] + row.more + "}")
		w.next(w.s.ok("challenged", challenge(mcpURL, 401, row.header, "")), "authorize", row.want)
	}
}

// TestMCPApplicationType: the application type in a registration (M11, M30).
func TestMCPApplicationType(t *testing.T) {
	for config, want := range map[string]string{
		`"redirect_uri":"http://127.0.0.1:1/cb","client_metadata":{}`:                                                                  `"application_type":"native"`,
		`"redirect_uri":"http://localhost/cb","client_metadata":{}`:                                                                    `"application_type":"native"`,
		`"redirect_uri":"https://localhost/cb","client_metadata":{}`:                                                                   `"application_type":"native"`,
		`"redirect_uri":"https://app.example/cb","client_metadata":{}`:                                                                 `"redirect_uris":["https://app.example/cb"],"application_type":"web"`,
		`"redirect_uri":"https://app.example/cb","client_metadata":{"application_type":"native","grant_types":["authorization_code"]}`: `{"application_type":"native","grant_types":["authorization_code"],"redirect_uris":["https://app.example/cb"],`,
		`"client_metadata":{"redirect_uris":["https://a.example/1","https://a.example/2"]}`:                                            `{"redirect_uris":["https://a.example/1","https://a.example/2"],"application_type":"web"`,
	} {
		w := mcpQuiet(t)
		w.open(`{` + config + `}`)
		w.s.do("challenged", challenge(mcpURL, 401, "", ""))
		if m := w.s.sent[2]; m.Str("stage") != "registration" || !strings.Contains(m.Str("body", "text"), want) {
			t.Errorf("%s: %s", config, m.Raw)
		}
	}
}

// TestMCPRegistrationLife: a registration whose secret has expired is replaced, and so is one for
// other metadata. Servers are not asked again within a day (M13, M36).
func TestMCPRegistrationLife(t *testing.T) {
	w := mcpQuiet(t)
	w.documents[mcpASAt] = strings.Replace(mcpAS, `"client_id_metadata_document_supported":true,`, ``, 1)
	w.register = jsonReply(201, `{"client_id":"dyn","client_secret":"s","client_secret_expires_at":1700000100}`)
	const at = "https://as.example/register"
	w.open(mcpConf)
	r := w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
	if configOf(r)["token_endpoint_auth_method"] != "client_secret_basic" {
		t.Error(r.Raw)
	}
	w.wantURLs(mcpAt, mcpASAt, at)
	w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
	w.wantURLs(mcpAt)
	w.s.now = 1_700_000_100_000
	w.s.fails("server", "bad_registration", "challenged", challenge(mcpURL, 401, "", ""))
	w.urls()
	w.register = jsonReply(201, `{"client_id":"dyn","client_secret":"s","client_secret_expires_at":0}`)
	w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
	w.wantURLs(mcpAt, at)
	w.register = jsonReply(201, `{"client_id":"dyn"}`)
	w.open(strings.Replace(mcpConf, "Agent", "Other", 1))
	w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
	w.wantURLs(mcpAt, at)
	w.s.now += 24 * 60 * 60 * 1000
	w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
	w.wantURLs(mcpAt, mcpASAt)
	w.s.held = false
}

// TestMCPRegistersOnce: if processes register at once, one does, and the others use its
// registration: because of the lock, or without locks because of the store (M36).
func TestMCPRegistersOnce(t *testing.T) {
	for _, noLock := range []bool{false, true} {
		w := mcpQuiet(t)
		w.s.noLock = noLock
		w.documents[mcpASAt] = strings.Replace(mcpAS, `"client_id_metadata_document_supported":true,`, ``, 1)
		registering := 0
		w.s.server = func(m msg) reply {
			if m.Str("stage") != "registration" {
				return w.answer(m)
			}
			if registering++; registering == 1 {
				// Before the server answers, another process registers first.
				first := w.s.handle
				if noLock {
					w.open(mcpConf)
					w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
					w.s.use(first)
				}
				return jsonReply(201, `{"client_id":"late"}`)
			}
			return jsonReply(201, `{"client_id":"early"}`)
		}
		w.open(mcpConf)
		r := w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
		w.open(mcpConf)
		again := w.s.ok("challenged", challenge(mcpURL, 401, "", ""))
		want := "late"
		if noLock {
			want = "early"
		}
		if !strings.Contains(r.Raw, want) || !strings.Contains(again.Raw, want) {
			t.Errorf("no lock: %t: %s\n%s", noLock, r.Raw, again.Raw)
		}
		if w.s.held {
			t.Error("the lock is held")
		}
	}
}

// TestMCPWaitsForRegistration: a process that waited for the lock uses the registration of its
// holder, and sends nothing (M36).
func TestMCPWaitsForRegistration(t *testing.T) {
	w := mcpQuiet(t)
	s := w.s
	w.documents[mcpASAt] = strings.Replace(mcpAS, `"client_id_metadata_document_supported":true,`, ``, 1)
	w.open(mcpConf)
	waiting, unlocked := s.input(`"command":"challenged","id":1,`+challenge(mcpURL, 401, "", "")), false
	for len(waiting) > 0 {
		m := waiting[0]
		waiting = waiting[1:]
		member := `"ok":{}`
		switch m.Str("kind") {
		case "load", "store":
			member = s.storage(m)
		case "lock":
			s.store[m.Str("name")] = `{"v":1,"issuer":"https://as.example","client":{"client_id":"the-holder"}}`
		case "http":
			member = w.answer(m).member()
			if m.Str("stage") == "registration" {
				t.Error(m.Raw)
			}
		case "unlock":
			unlocked = true
			continue
		case "result":
			if !strings.Contains(m.Raw, "the-holder") || !unlocked {
				t.Error(unlocked, m.Raw)
			}
			return
		}
		waiting = append(waiting, s.answer(m, member)...)
	}
	t.Error("no result")
}

// TestMCPForeignSession: a text under the session's key that belongs to another client is ignored
// (M14).
func TestMCPForeignSession(t *testing.T) {
	w := mcpQuiet(t)
	w.open(mcpConf)
	w.signIn(w.s.ok("challenged", challenge(mcpURL, 401, `Bearer scope="a"`, "")))
	w.next(w.s.ok("find", `"url":"`+mcpURL+`"`), "token", "a tools:read tools:list")
	for key, text := range w.s.store {
		if strings.HasSuffix(key, ".session") {
			w.s.store[key] = strings.Replace(text, `"for":"`, `"for":"x`, 1)
		}
	}
	w.next(w.s.ok("find", `"url":"`+mcpURL+`"`), "authorize", "tools:read tools:list")
}

// TestMCPPick: of several servers, first one at which the client is registered by hand, then the
// one that was used before, then the first (M10).
func TestMCPPick(t *testing.T) {
	w := mcpQuiet(t)
	w.documents[mcpAt] = `{"resource":"` + mcpURL + `","authorization_servers":["ftp://x",1,"https://a.example","https://as.example","https://b.example"]}`
	for _, host := range []string{"a", "b"} {
		w.documents["https://"+host+".example/.well-known/oauth-authorization-server"] = strings.ReplaceAll(mcpAS, "as.example", host+".example")
	}
	issuer := func(config string) string {
		w.open(config)
		return w.s.ok("challenged", challenge(mcpURL, 401, "", "")).Str("ok", "issuer")
	}
	if got := issuer(mcpConf); got != "https://a.example" {
		t.Error(got)
	}
	if got := issuer(`{"redirect_uri":"http://127.0.0.1:3000/cb","clients":[{"issuer":"https://b.example","client_id":"x"}]}`); got != "https://b.example" {
		t.Error(got)
	}
	if got := issuer(mcpConf); got != "https://b.example" {
		t.Error(got)
	}
}

// TestMCPAuthMethods: a client authenticates with a method that the server supports (M7).
func TestMCPAuthMethods(t *testing.T) {
	for _, row := range []struct{ config, methods, want string }{
		{`"clients":[{"issuer":"https://as.example","client_id":"x","client_secret":"s"}]`, `["client_secret_post"]`, "client_secret_post"},
		{`"clients":[{"issuer":"https://as.example","client_id":"x","client_secret":"s"}]`, `null`, "client_secret_basic"},
		{`"clients":[{"issuer":"https://as.example","client_id":"x","client_secret":"s","token_endpoint_auth_method":"client_secret_post"}]`, `["client_secret_basic"]`, "client_secret_post"},
		{`"clients":[{"issuer":"https://as.example","client_id":"x"}]`, `["client_secret_basic"]`, "none"},
		{`"client_id":"https://app.example/c","client_key":"k"`, `["private_key_jwt"]`, "private_key_jwt"},
		{`"client_id":"https://app.example/c"`, `["private_key_jwt"]`, "none"},
	} {
		w := mcpQuiet(t)
		w.documents[mcpASAt] = mcpAS[:len(mcpAS)-1] + `,"token_endpoint_auth_methods_supported":` + row.methods + "}"
		w.open(`{` + row.config + `}`)
		if c := configOf(w.s.ok("challenged", challenge(mcpURL, 401, "", ""))); c["token_endpoint_auth_method"] != row.want {
			t.Errorf("%s: %v", row.config, c)
		}
	}
}

// TestScenarioMCPRefusedConfiguration: errors in a configuration are reported when the session is
// opened (M8, M28, M40).
func TestScenarioMCPRefusedConfiguration(t *testing.T) {
	s := newScene(t, "MCP: a configuration that leaves no choice of what follows from the resource; a client_id that is a URL of https with a path.", "M8", "M28", "M40")
	w := mcpScene(s)
	for _, row := range [][3]string{
		{`{"client_ids":"x"}`, "unknown_member", "client_ids"},
		{`{"client_id":"http://app.example/c.json"}`, "bad_url", "client_id"},
		{`{"client_id":"https://app.example"}`, "bad_url", "client_id"},
		{`{"client_id":"https://app.example/"}`, "bad_url", "client_id"},
		{`{"client_id":"https://app.example/a/../c"}`, "bad_url", "client_id"},
		{`{"client_id":"https://app.example/c#x"}`, "bad_url", "client_id"},
		{`{"client_id":"https://u:p@app.example/c"}`, "bad_url", "client_id"},
		{`{"client_id":"app"}`, "bad_url", "client_id"},
		{`{"redirect_uri":"http://app.example/cb"}`, "not_https", "redirect_uri"},
		{`{"redirect_uri":"com.example:/cb"}`, "not_https", "redirect_uri"},
		{`{"client_metadata":{"redirect_uris":["http://app.example/cb"]}}`, "not_https", "client_metadata"},
		{`{"client_metadata":[]}`, "bad_value", "client_metadata"},
		{`{"client":{"insecure_pkce_none":true}}`, "protected_parameter", "client"},
		{`{"client":{"token_destinations":["https://evil.example"]}}`, "protected_parameter", "client"},
		{`{"client":{"resource":["https://evil.example"]}}`, "protected_parameter", "client"},
		{`{"client":{"auto_refresh":1}}`, "bad_value", "auto_refresh"},
		{`{"client":{"auto_refres":true}}`, "unknown_member", "auto_refres"},
		{`{"clients":[{"client_id":"x"}]}`, "missing", "clients"},
		{`{"clients":[{"issuer":"https://as.example"}]}`, "missing", "clients"},
		{`{"clients":[{"issuer":"https://as.example","client_id":"x","token_endpoint":"https://evil.example"}]}`, "protected_parameter", "clients"},
		{`{"clients":[{"issuer":"https://as.example","client_id":"x","token_endpoint_auth_method":"client_secret_basic"}]}`, "missing", "client_secret"},
		{`{"clients":[{"issuer":"https://as.example","client_id":"x"},{"issuer":"https://as.example","client_id":"y"}]}`, "bad_value", "clients"},
		{`{"private_origins":["localhost"]}`, "bad_url", "private_origins"},
		{`{"name":"a.b"}`, "bad_value", "name"},
		{`{"offline_access":"no"}`, "bad_value", "offline_access"},
	} {
		if r := w.open(row[0]); r.Str("error", "code") != row[1] || r.Str("error", "field") != row[2] {
			t.Errorf("%s: %s", row[0], r.Raw)
		}
	}
	w.open(`{}`)
	s.fails("client", "unknown_command", "token")
	s.fails("client", "bad_url", "find", `"url":"mcp"`)
	s.fails("client", "no_client", "challenged", challenge(mcpURL, 401, "", ""))
	// A command that its caller cancels ends at once, and its unfinished work changes nothing.
	s.server = nil
	id, left := s.start("challenged", challenge(mcpURL, 401, "", ""))
	if r := s.ok("cancel", `"target":`+id); r.Str("ok", "cancelled") != "true" {
		t.Error(r.Raw)
	}
	if more := s.settle(s.answer(left[0], w.answer(left[0]).member())); len(more) != 0 {
		t.Error(more)
	}
	if r := s.ok("cancel", `"target":`+id); r.Str("ok", "cancelled") != "false" {
		t.Error(r.Raw)
	}
}
