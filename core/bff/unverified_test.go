package bff

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const apple = `{"client":{"callback_parameters":["user"],"parameters":[["response_mode","form_post"]]}}`

// TestScenarioUnverified: E65, additional parameters of a sign-in, listed by name, are handed to
// the page once.
func TestScenarioUnverified(t *testing.T) {
	s := newScene(t, "Parameters of a callback that the configuration names wait, sealed, for the page, which gets them once, marked as unverified.", "E65")
	s.each = true
	s.config = with(apple)
	i := s.issuer()
	const user = `{"name":{"firstName":"Zoë"}}`
	post := func(more string) msg {
		q := i.login("")
		return s.post("https://app.example/auth/callback", "code=c&state="+url.QueryEscape(q.Get("state"))+more, "origin", "https://as.example", "sec-fetch-site", "cross-site")
	}
	arrive := func(m msg) {
		t.Helper()
		_, rest, ok := strings.Cut(m.Str("body", "text"), `href="`)
		ticket, _, _ := strings.Cut(rest, `"`)
		if m := s.visit("GET", "https://app.example/auth/callback"+ticket); !ok || m.Str("status") != "303" || m.Header("location") != "https://app.example/" {
			t.Fatal(m.Raw)
		}
	}
	arrive(post("&user=" + url.QueryEscape(user) + "&other=x"))
	for _, line := range s.rec.Lines {
		if strings.Contains(line, `"kind":"store"`) && strings.Contains(line, "Zo") {
			t.Error("stored as it is:", line)
		}
	}
	s.want(s.call("GET", "https://app.example/auth/session"), 200, `"unverified":{"user":`+quote(user)+`}`)
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "200" || strings.Contains(m.Raw, "unverified") {
		t.Error(m.Raw)
	}
	s.want(s.call("GET", "https://app.example/api/notes"), 200, "hello") // the session continues

	// They survive a refresh, and a store that cannot be written.
	arrive(post("&user=second"))
	s.now += 3_500_000
	s.want(s.call("GET", "https://app.example/api/notes"), 200, "hello")
	s.fail = func(m msg) string {
		if m.Str("kind") == "store" && strings.HasSuffix(m.Str("key"), ".session") {
			return "storage"
		}
		return ""
	}
	if m := s.call("GET", "https://app.example/auth/session"); m.Str("status") != "200" || strings.Contains(m.Raw, "unverified") {
		t.Error(m.Raw)
	}
	s.fail = nil
	s.want(s.call("GET", "https://app.example/auth/session"), 200, `"unverified":{"user":"second"}`)

	// Two pages ask at once: one of them gets them.
	arrive(post("&user=third"))
	a := s.begin("GET", "https://app.example/auth/session", s.headers("x-csrf", "1", "origin", "https://app.example"))
	b := s.begin("GET", "https://app.example/auth/session", s.headers("x-csrf", "1", "origin", "https://app.example"))
	for a.step() || b.step() {
		b.step()
	}
	if got := strings.Count(a.respond.Raw+b.respond.Raw, `unverified`); got != 1 || a.respond.Str("status") != "200" || b.respond.Str("status") != "200" {
		t.Errorf("%d times: %s %s", got, a.respond.Raw, b.respond.Raw)
	}

	// A later sign-in brings none, a forged reply brings none, and too many are an error that the
	// page is told.
	arrive(post(""))
	if m := s.call("GET", "https://app.example/auth/session"); strings.Contains(m.Raw, "unverified") {
		t.Error(m.Raw)
	}
	s.want(s.post("https://app.example/auth/callback", "code=c&state=forged&user=x", "sec-fetch-site", "cross-site"), 400, "unknown_attempt")
	if m := post("&user=" + strings.Repeat("x", 4097)); m.Header("location") != "https://app.example/?error=too_large" {
		t.Error(m.Raw)
	}
}

// TestScenarioMeantMembers: E50 and E52 for this kind, also in objects inside arrays, whose members
// are checked as well.
func TestScenarioMeantMembers(t *testing.T) {
	s := newScene(t, "A misspelt member is refused with the name that was probably meant, in the client, the proxy's and the callers' objects too; refused values say what was expected.", "E50", "E52")
	caller := func(member string) string {
		return `{"callers":[{"client_id":"a","secret_sha256":"` + strings.Repeat("a", 43) + `","grant_types":["client_credentials"],"scope":"x",` + member + `}]}`
	}
	for _, row := range []struct{ members, code, field, expected, came string }{
		{`{"returnTo":["/"]}`, "unknown_member", "returnTo", "return_to", ""},
		{`{"sessionMs":1}`, "unknown_member", "sessionMs", "session_ms", ""},
		{`{"passHeaders":[]}`, "unknown_member", "passHeaders", "pass_headers", ""},
		{`{"caller":[]}`, "unknown_member", "caller", "callers", ""},
		{`{"colour":1}`, "unknown_member", "colour", "", ""},
		{`{"proxy":[{"path":"/api","targets":"https://api.example/v1"}]}`, "unknown_member", "proxy", "target", "targets"},
		{`{"proxy":[{"path":"/api","target":"https://api.example/v1"},{"Path":"/x"}]}`, "unknown_member", "proxy", "path", "Path"},
		{caller(`"redirect_uri":["https://x.example/cb"]`), "unknown_member", "callers", "redirect_uris", "redirect_uri"},
		{caller(`"audiences":["x"]`), "unknown_member", "callers", "audience", "audiences"},
		{caller(`"clientSecret":"s3cret"`), "unknown_member", "callers", "", "clientSecret"},
		{`{"client":{"clientSecret":"s3cret"}}`, "unknown_member", "clientSecret", "client_secret", ""},
		{`{"client":{"profile":{"emailVerified":"x"}}}`, "unknown_member", "profile", "email_verified", "emailVerified"},
		{`{"anonymous_status":500}`, "bad_value", "anonymous_status", "200 or 401", "500"},
		{`{"session_ms":1}`, "bad_value", "session_ms", "1000 to 34560000000", "1"},
		{`{"insecure_token_endpoint":"yes"}`, "bad_value", "insecure_token_endpoint", "true or false, no text", "yes"},
		{`{"base":"http://app.example/auth"}`, "bad_url", "base", "https, or http on loopback, without query and slash at the end", "http://app.example/auth"},
		{`{"client":{"redirect_uri":"https://app.example/cb"}}`, "bad_value", "redirect_uri", "https://app.example/auth/callback", "https://app.example/cb"},
		{`{"client":{"response_hooks":["token"]}}`, "bad_value", "response_hooks", "", ""},
	} {
		h, r := s.open(with(row.members))
		if h != 0 || r.Str("error", "code") != row.code || r.Str("error", "field") != row.field || r.Str("error", "expected") != row.expected || r.Str("error", "came") != row.came || strings.Contains(r.Raw, "s3cret") {
			t.Errorf("%s: %s", row.members, r.Raw)
		}
	}
}

// TestScenarioInside: E62 and E60 for this kind: a resource and endpoints inside a cluster, and a
// client from its registration response.
func TestScenarioInside(t *testing.T) {
	s := newScene(t, "Resources and endpoints of listed origins are reached over http; a client is opened as it was registered.", "E60", "E62")
	i := s.issuer()
	s.config = with(`{"proxy":[{"path":"/api","target":"http://api:9000/v1"}],"client":{"insecure_http_origins":["http://api:9000","http://keycloak:8080"],"token_endpoint":"http://keycloak:8080/token","client_id":null,"client_secret":null,` +
		`"registration":{"client_id":"s6BhdRkqt3","client_secret":"a secret of the client's","client_secret_expires_at":0,"redirect_uris":["https://app.example/auth/callback"],"x":null}}}`)
	i.signIn()
	s.want(s.call("GET", "https://app.example/api/notes"), 200, "hello")
	if s.proxied[0].Str("url") != "http://api:9000/v1/notes" || s.proxied[0].Header("authorization") != "Bearer access-token-1" {
		t.Error(s.proxied[0].Raw)
	}
	if !strings.Contains(fmt.Sprint(s.sent), "http://keycloak:8080/token") {
		t.Error(s.sent)
	}
	s.noTokens()
	for _, members := range []string{
		`{"proxy":[{"path":"/api","target":"http://api:9001/v1"}],"client":{"insecure_http_origins":["http://api:9000"]}}`, `{"proxy":[{"path":"/api","target":"http://api:9000/v1"}]}`,
		`{"base":"http://app:3000/auth","client":{"insecure_http_origins":["http://app:3000"]}}`, `{"origins":["http://app:3000"],"client":{"insecure_http_origins":["http://app:3000"]}}`,
	} {
		if h, r := s.open(with(members)); h != 0 {
			t.Errorf("%s: %s", members, r.Raw)
		}
	}
}
