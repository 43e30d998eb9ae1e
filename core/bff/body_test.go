package bff

import (
	"fmt"
	"strings"
	"testing"
)

// TestScenarioBodies: a body is read only once its sender is known and the request can be valid
// (S31).
func TestScenarioBodies(t *testing.T) {
	s := newScene(t, "Bodies stay with the host: of a request that is refused nothing is read; a short one is asked for once its session is known; one that is cut, late or too long is not sent on.")
	s.issuer().signIn()
	page := s.headers("x-csrf", "1", "origin", "https://app.example", "content-type", "text/plain")
	s.want(s.begin("POST", "https://app.example/api/x", s.headers("x-csrf", "1", "origin", "https://evil.example"), s.body("a")).finish(), 403, "foreign_origin")
	s.want(s.begin("POST", "https://app.example/auth/backchannel_logout", page, s.body("a")).finish(), 400, "invalid_request")
	if len(s.read) != 0 {
		t.Fatal(s.read)
	}
	s.want(s.begin("POST", "https://app.example/api/x", page, s.body("a body")).finish(), 200, "hello")
	if s.read[0].Str("max_body") != "65536" || s.proxied[0].Str("body", "text") != "a body" {
		t.Error(s.read, s.proxied[0].Raw)
	}
	s.want(s.begin("POST", "https://app.example/api/x", page, s.body("\xff\x00")).finish(), 200, "hello")
	s.want(s.begin("POST", "https://app.example/api/x", page, `"body":{"ref":"b","length":65537}`).finish(), 200, "hello")
	s.want(s.begin("POST", "https://app.example/api/x", page, `"body":{"ref":"b"}`).finish(), 200, "hello")
	if len(s.read) != 2 || s.proxied[1].Str("body", "base64") != "/wA=" || s.proxied[2].Str("body", "ref") != "b" || s.proxied[3].Str("body", "ref") != "b" {
		t.Error(s.read, s.proxied)
	}
	s.proxied = nil
	for _, row := range []struct {
		failed string
		status int
	}{{"aborted", 400}, {"timeout", 408}, {"too_large", 413}} {
		s.fail = func(m msg) string {
			if m.Str("kind") == "body" {
				return row.failed
			}
			return ""
		}
		s.want(s.begin("POST", "https://app.example/api/x", page, s.body("a body")).finish(), row.status, "error")
	}
	if len(s.proxied) != 0 {
		t.Error("sent on:", s.proxied)
	}
}

// For a caller that may not call, or that sends what cannot be valid, no body is read and the store
// is not used (S31, S32).
func TestBackendBodiesUnread(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"callers":[{"client_id":"svc","secret_sha256":"` + hashOf(callerSecret) + `","grant_types":["client_credentials"],"scope":"read"}]}`)
	s.issuer()
	const form = "application/x-www-form-urlencoded"
	for _, row := range []struct {
		about, method, path string
		headers             []string
		length              int // -1: unknown
		status              int
		body                string
	}{
		{"no header of a page's", "POST", "/api/x", []string{"origin", "https://app.example"}, 9, 403, "missing_header"},
		{"another origin", "POST", "/api/x", []string{"x-csrf", "1", "origin", "https://evil.example"}, 9, 403, "foreign_origin"},
		{"nobody is signed in", "POST", "/api/x", []string{"x-csrf", "1", "origin", "https://app.example"}, 9, 401, "not_signed_in"},
		{"a forged session", "POST", "/api/x", []string{"x-csrf", "1", "origin", "https://app.example", "cookie", "__Host-oauth2=x"}, 9, 401, "not_signed_in"},
		{"no method of the endpoint", "PUT", "/auth/exchange", []string{"content-type", form}, 9, 405, "method_not_allowed"},
		{"no endpoint", "POST", "/auth/nothing", []string{"content-type", form}, 9, 404, "not_found"},
		{"another host", "POST", "", []string{"content-type", form}, 9, 421, "wrong_host"},
		{"a sign-out is not about its body", "POST", "/auth/logout", []string{"x-csrf", "1", "origin", "https://app.example"}, 9, 200, "{}"},
		{"a logout token that is no form", "POST", "/auth/backchannel_logout", []string{"content-type", "application/json"}, 9, 400, "invalid_request"},
		{"a logout token of nothing", "POST", "/auth/backchannel_logout", []string{"content-type", form}, 0, 400, "invalid_request"},
		{"a logout token of 65,000 bytes", "POST", "/auth/backchannel_logout", []string{"content-type", form}, 65_000, 413, "too_large"},
		{"a type that only begins like a form's", "POST", "/auth/backchannel_logout", []string{"content-type", form + "x"}, 9, 400, "invalid_request"},
		{"a callback in a browser without an attempt", "POST", "/auth/callback", []string{"content-type", form}, 9, 400, "unknown_attempt"},
		{"a callback in a browser that has a session, and no attempt", "POST", "/auth/callback", []string{"content-type", form, "cookie", "__Host-oauth2=x"}, 9, 400, "unknown_attempt"},
		{"a callback that is no form", "POST", "/auth/callback", []string{"content-type", "text/plain", "cookie", "__Host-oauth2.a=x"}, 9, 400, "bad_body"},
		{"a callback of 65,000 bytes", "POST", "/auth/callback", []string{"content-type", form, "cookie", "__Host-oauth2.a=x"}, 65_000, 413, "too_large"},
		{"a caller with a wrong secret", "POST", "/auth/exchange", []string{"content-type", form, "authorization", "Basic " + b64std("svc:no")}, 9, 401, "invalid_client"},
		{"an unknown caller", "POST", "/auth/exchange", []string{"content-type", form, "authorization", "Basic " + b64std("nobody:"+callerSecret)}, 9, 401, "invalid_client"},
		{"a caller that is not named yet, of 65,000 bytes", "POST", "/auth/exchange", []string{"content-type", form}, 65_000, 413, "too_large"},
		{"a caller of more than anybody's", "POST", "/auth/exchange", []string{"content-type", form, "authorization", "Basic " + b64std("svc:"+escape(callerSecret))}, 65_537, 413, "too_large"},
		{"a page as a caller", "POST", "/auth/exchange", []string{"content-type", form, "origin", "https://app.example"}, 9, 400, "invalid_request"},
	} {
		url := "https://app.example" + row.path
		if row.path == "" {
			url = "https://evil.example/auth/exchange"
		}
		m := s.begin(row.method, url, s.headers(row.headers...), fmt.Sprintf(`"body":{"ref":"b","length":%d}`, row.length)).finish()
		if m.Str("status") != fmt.Sprint(row.status) || !strings.Contains(m.Str("body", "text"), row.body) {
			t.Errorf("%s: %s", row.about, m.Raw)
		}
		if len(s.read) != 0 || s.touched != 0 || len(s.proxied) != 0 {
			t.Errorf("%s: read %v, touched %d", row.about, s.read, s.touched)
		}
	}
	// A form of unknown length has the same limits of size and time.
	s.bodies["long"] = strings.Repeat("x", 17<<10)
	for _, path := range []string{"/auth/backchannel_logout", "/auth/exchange"} {
		s.read = nil
		v := s.begin("POST", "https://app.example"+path, s.headers("content-type", form), `"body":{"ref":"b"}`)
		s.bodies[fmt.Sprint("r", v.id)] = s.bodies["long"]
		s.want(v.finish(), 413, "too_large")
		if s.read[0].Str("max_body") != "16384" || s.read[0].Str("timeout_ms") != "10000" {
			t.Error(s.read)
		}
	}
}

// A body in a GET request is ignored, because it has no defined meaning (RFC 9110 section 9.3.1)
// (S31).
func TestBackendBodyOfGET(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, method := range []string{"GET", "HEAD"} {
		s.want(s.begin(method, "https://app.example/api/x", s.headers("x-csrf", "1"), s.body("GET /admin HTTP/1.1\r\n\r\n")).finish(), 200, "hello")
	}
	for _, p := range s.proxied {
		if p.M["body"] != nil {
			t.Error(p.Raw)
		}
	}
	if len(s.read) != 0 {
		t.Error(s.read)
	}
}

// If a body arrives slowly, the request is sent with a fresh token and a fresh proof (S31).
func TestBackendSlowBody(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"idle_ms":86400000}`)
	s.issuer().signIn()
	s.now += 3_570_000 // half a minute, minus the tolerance for clocks
	v := s.begin("POST", "https://app.example/api/x", s.headers("x-csrf", "1", "origin", "https://app.example"), s.body("slow"))
	for v.waiting[0].Str("kind") != "body" {
		v.step()
	}
	s.now += 29_000
	s.want(v.finish(), 200, "hello")
	if got := s.proxied[0].Header("authorization"); got != "Bearer access-token-2" {
		t.Error(got)
	}
}

// A form of tens of thousands of parameters is refused at once. The caller is checked first, and
// one that is not known learns nothing else (S33).
func TestBackendManyParameters(t *testing.T) {
	s := quietScene(t)
	s.config = with(callers(`"grant_types":["client_credentials"],"scope":"read"`))
	s.issuer()
	basic := []string{"authorization", "Basic " + b64std("svc:"+escape(callerSecret))}
	s.want(s.post(exchangeURL, strings.Repeat("a&", 32_000), basic...), 400, "invalid_request")
	s.want(s.post(exchangeURL, strings.Repeat("a&", 8_000)), 400, "invalid_request")
	s.want(s.post(exchangeURL, strings.Repeat("a&", 64), basic...), 400, "invalid_request")
	s.want(s.post(exchangeURL, "a=1&a=2"), 401, "invalid_client")
	s.want(s.post(exchangeURL, "a=1&a=2", basic...), 400, "invalid_request")
	s.want(s.post("https://app.example/auth/backchannel_logout", strings.Repeat("a&", 8_000)), 400, "invalid_request")
	if len(s.sent) != 0 {
		t.Error(s.sent)
	}
}
