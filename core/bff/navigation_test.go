package bff

import (
	"net/url"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
)

// browse are the headers of a navigation by a link of this site.
var browse = []string{"accept", "text/html,application/xhtml+xml,*/*;q=0.8", "sec-fetch-mode", "navigate", "sec-fetch-dest", "document", "sec-fetch-site", "same-origin"}

// fromServer are those of a return from the authorization server, without the session's cookie.
var fromServer = []string{"accept", "text/html,*/*;q=0.8", "sec-fetch-mode", "navigate", "sec-fetch-dest", "document", "sec-fetch-site", "cross-site"}

// arriveFromServer navigates as another site's redirect does, and follows the page that bounces it,
// if there is one. bounced reports whether there was.
func (s *scene) arriveFromServer(path string) (m msg, bounced bool) {
	s.t.Helper()
	session, there := s.jar[cookieName1]
	delete(s.jar, cookieName1)
	m = s.visit("GET", "https://app.example"+path, fromServer...)
	if there {
		s.jar[cookieName1] = session
	}
	_, next, leads := strings.Cut(m.Str("body", "text"), `http-equiv="refresh" content="0;url=`)
	if !leads {
		return m, false
	}
	next, _, _ = strings.Cut(next, `"`)
	next = strings.ReplaceAll(next, "&amp;", "&")
	if strings.HasPrefix(next, "?") {
		next = "/auth/callback" + next
	}
	m = s.visit("GET", "https://app.example"+next, browse...)
	if strings.Contains(m.Str("body", "text"), "http-equiv") {
		s.t.Fatal("a bounce after a bounce:", m.Raw)
	}
	return m, true
}

// TestScenarioNavigation: a person who navigates to a link that does not work any more is led to a
// page: to the one that they wanted if a session is alive, else with an error of the list (B20,
// B21).
func TestScenarioNavigation(t *testing.T) {
	s := newScene(t, "People who navigate get pages: old and foreign callbacks lead back after one bounce, and programs get JSON.", "B20", "B21", "B22")
	i := s.issuer()
	old := i.login("?return_to=%2Finbox")
	used := callback(old)
	s.visit("GET", used)
	used = strings.TrimPrefix(used, "https://app.example")
	if m, bounced := s.arriveFromServer(used); m.Header("location") != "https://app.example/" || !bounced {
		t.Error("back after sign-in:", m.Raw)
	}
	s.want(s.visit("GET", "https://app.example"+used), 400, "unknown_attempt")
	delete(s.jar, cookieName1)
	if m, bounced := s.arriveFromServer(used); m.Header("location") != "https://app.example/?error=unknown_attempt" || !bounced {
		t.Error("without a session:", m.Raw)
	}
}

// TestNavigationsGetPages: wherever a person's browser is led, the person sees a page of the
// application or a link to it, and no JSON (B20).
func TestNavigationsGetPages(t *testing.T) {
	home := "https://app.example/"
	for _, row := range []struct {
		name, method, path string
		signedIn           bool
		leadsTo            string // "": to a page of ours with the status
		status             string
	}{
		{"a callback that nobody began", "GET", "/auth/callback?code=c&state=s", false, home + "?error=unknown_attempt", "303"},
		{"the same with a session", "GET", "/auth/callback?code=c&state=s", true, home, "303"},
		{"a callback without anything", "GET", "/auth/callback", true, home, "303"},
		{"a posted callback that nobody began", "POST", "/auth/callback", true, home, "303"},
		{"a ticket that is over", "GET", "/auth/callback?ticket=x", true, home, "303"},
		{"a bounce, made up", "GET", "/auth/callback?bounce=%3Cscript%3E&return_to=https%3A%2F%2Fevil.example%2F", false, home + "?error=unknown_attempt", "303"},
		{"a bounce to a path", "GET", "/auth/callback?bounce=already_used&return_to=%2Finbox", true, home + "inbox", "303"},
		{"a sign-in that leads elsewhere", "GET", "/auth/login?return_to=https%3A%2F%2Fevil.example", false, home + "?error=bad_return_to", "303"},
		{"a sign-in with a broken parameter", "GET", "/auth/login?max_age=x&return_to=%2Fa%3Fb%3D1", false, home + "a?b=1&error=bad_value", "303"},
		{"a query that cannot be read", "GET", "/auth/login?x=%", false, home + "?error=bad_query", "303"},
		{"who am I, signed in", "GET", "/auth/session", true, home, "303"},
		{"who am I, signed out", "GET", "/auth/session", false, home + "?error=not_signed_in", "303"},
		{"the token", "GET", "/auth/token", false, home + "?error=not_signed_in", "303"},
		{"the API, signed in", "GET", "/api/notes", true, home, "303"},
		{"the API, signed out", "GET", "/api/notes", false, home + "?error=not_signed_in", "303"},
		{"a form that another page posts to the sign-out", "POST", "/auth/logout", true, home + "?error=foreign_origin", "303"},
		{"the sign-out without a ticket", "GET", "/auth/logout", true, home, "303"},
		{"a form that is posted to the API", "POST", "/api/notes", true, home + "?error=foreign_origin", "303"},
		{"what is for services", "POST", "/auth/exchange", false, "", "404"},
		{"a path that is none", "GET", "/auth/nothing", false, "", "404"},
		{"a method that is none", "POST", "/auth/login", false, "", "405"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			i := s.issuer()
			if row.signedIn {
				i.signIn()
			}
			m := s.begin(row.method, "https://app.example"+row.path, s.headers(append([]string{"content-type", "application/x-www-form-urlencoded"}, browse...)...)).finish()
			if m.Str("status") != row.status || m.Header("location") != row.leadsTo {
				t.Fatalf("want %s %s: %s", row.status, row.leadsTo, m.Raw)
			}
			if row.leadsTo == "" && (m.Header("content-type") != "text/html; charset=utf-8" || !strings.Contains(m.Str("body", "text"), `<a href="https://app.example/">`) || strings.Contains(m.Header("content-security-policy"), "script")) {
				t.Error(m.Raw)
			}
		})
	}
}

// TestJSONForWhoAsksForIt: one rule decides which requests are a person's (B22).
func TestJSONForWhoAsksForIt(t *testing.T) {
	for _, row := range []struct {
		name    string
		headers []string
		page    bool
	}{
		{"a browser", browse, true},
		{"a browser of before Fetch Metadata", []string{"accept", "text/html, */*"}, true},
		{"XHTML", []string{"accept", "application/xhtml+xml;q=0.9"}, true},
		{"a browser that says not what it takes", []string{"sec-fetch-mode", "navigate", "sec-fetch-dest", "document"}, true},
		{"a script", []string{"accept", "*/*", "sec-fetch-mode", "cors", "sec-fetch-dest", "empty"}, false},
		{"a script that takes HTML", []string{"accept", "text/html", "sec-fetch-mode", "cors", "sec-fetch-dest", "empty"}, false},
		{"a script with the header", []string{"accept", "text/html", "x-csrf", "1"}, false},
		{"a frame", []string{"accept", "text/html", "sec-fetch-mode", "navigate", "sec-fetch-dest", "iframe"}, false},
		{"an image", []string{"accept", "image/*", "sec-fetch-mode", "no-cors", "sec-fetch-dest", "image"}, false},
		{"a program", []string{"accept", "*/*"}, false},
		{"a program that says nothing", nil, false},
		{"who asks for JSON", []string{"accept", "application/json", "sec-fetch-mode", "navigate", "sec-fetch-dest", "document"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.issuer()
			m := s.visit("GET", "https://app.example/auth/callback?code=c&state=s", append([]string{"sec-fetch-site", "same-origin"}, row.headers...)...)
			if page := m.Str("status") == "303"; page != row.page || !page && !strings.Contains(m.Raw, "unknown_attempt") {
				t.Error(m.Raw)
			}
		})
	}
}

// TestErrorsOfAKnownList: whatever the URL of a callback says, the page gets a code of the list
// (B21).
func TestErrorsOfAKnownList(t *testing.T) {
	for error, want := range map[string]string{
		"access_denied": "access_denied", "login_required": "login_required", "temporarily_unavailable": "temporarily_unavailable",
		"you_won_call_0900": "server_error", "ACCESS_DENIED": "server_error", "access_denied login_required": "server_error", "<script>": "server_error", "x": "server_error",
	} {
		s := quietScene(t)
		i := s.issuer()
		q := i.login("?return_to=%2Finbox")
		m := s.visit("GET", "https://app.example/auth/callback?error="+url.QueryEscape(error)+"&iss=https%3A%2F%2Fas.example&state="+q.Get("state"), browse...)
		if m.Header("location") != "https://app.example/inbox?error="+want {
			t.Errorf("%s: %s", error, m.Raw)
		}
	}
}

// TestErrorsOfSignInsThatDoNotBegin: the server's answer to a pushed request does not get into the
// page's URL (B21).
func TestErrorsOfSignInsThatDoNotBegin(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"client":{"pushed_authorization_request_endpoint":"https://as.example/par"}}`)
	s.issuer()
	for _, row := range []struct {
		answer answer
		want   string
	}{
		{jsonAnswer(400, `{"error":"you_won_call_0900"}`), "server_error"},
		{answer{failed: "unsent"}, "temporarily_unavailable"},
	} {
		s.server = func(msg) answer { return row.answer }
		if m := s.visit("GET", "https://app.example/auth/login?return_to=%2Finbox", browse...); m.Header("location") != "https://app.example/inbox?error="+row.want {
			t.Error(m.Raw)
		}
	}
}

// TestNavigationsDoNotLoop: if the page itself is behind the proxy, nobody is sent there; and a
// bounce that arrives from another site is not bounced again (B23).
func TestNavigationsDoNotLoop(t *testing.T) {
	s := quietScene(t)
	s.config = with(`{"proxy":[{"path":"/app","target":"https://api.example/v1"}],"return_to":["/app/"]}`)
	i := s.issuer()
	for _, signedIn := range []bool{false, true} {
		if signedIn {
			s.visit("GET", callback(i.login("")))
		}
		for _, path := range []string{"/app/x", "/auth/session", "/auth/callback?code=c&state=s"} {
			if m := s.visit("GET", "https://app.example"+path, browse...); m.Header("location") != "" || m.Header("content-type") != "text/html; charset=utf-8" {
				t.Errorf("signed in %t: %s", signedIn, m.Raw)
			}
		}
	}
	s = quietScene(t)
	s.issuer()
	if m := s.visit("GET", "https://app.example/auth/callback?bounce=unknown_attempt", fromServer...); m.Header("location") != "https://app.example/?error=unknown_attempt" {
		t.Error(m.Raw)
	}
}

// TestComingBackToWhatIsOver: attempts that were removed, have expired, were answered before or
// were refused (B20).
func TestComingBackToWhatIsOver(t *testing.T) {
	t.Run("the attempt gave way to those of other tabs", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		var first url.Values
		for first = i.login("?return_to=%2Ffirst"); s.jar["__Host-oauth2."+sha256.Base64URL(first.Get("state"))[:12]] != ""; {
			i.login("")
		}
		if m, _ := s.arriveFromServer(strings.TrimPrefix(callback(first), "https://app.example")); m.Header("location") != "https://app.example/?error=unknown_attempt" {
			t.Error(m.Raw)
		}
		i.signIn()
		if m, bounced := s.arriveFromServer(strings.TrimPrefix(callback(first), "https://app.example")); m.Header("location") != "https://app.example/" || !bounced {
			t.Error(m.Raw)
		}
	})
	t.Run("answered before, in a browser that has its cookie still", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		q := i.login("?return_to=%2Fonce")
		before := map[string]string{}
		for name, value := range s.jar {
			before[name] = value
		}
		s.visit("GET", callback(q))
		for name, value := range before {
			s.jar[name] = value
		}
		if m, bounced := s.arriveFromServer(strings.TrimPrefix(callback(q), "https://app.example")); m.Header("location") != "https://app.example/once" || !bounced {
			t.Error(m.Raw)
		}
	})
	t.Run("expired", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		i.signIn()
		q := i.login("?return_to=%2Flate")
		s.now += 600_001
		if m, _ := s.arriveFromServer(strings.TrimPrefix(callback(q), "https://app.example")); m.Header("location") != "https://app.example/late" {
			t.Error(m.Raw)
		}
		delete(s.jar, cookieName1)
		q = i.login("?return_to=%2Flate")
		s.now += 600_001
		if m, _ := s.arriveFromServer(strings.TrimPrefix(callback(q), "https://app.example")); m.Header("location") != "https://app.example/late?error=attempt_expired" {
			t.Error(m.Raw)
		}
	})
	t.Run("denied just now is told whoever is signed in, and not told again", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		i.signIn()
		q := i.login("?return_to=%2Fstep")
		denied := "/auth/callback?error=access_denied&state=" + q.Get("state")
		if m, _ := s.arriveFromServer(denied); m.Header("location") != "https://app.example/step?error=access_denied" {
			t.Error(m.Raw)
		}
		if m, _ := s.arriveFromServer(denied); m.Header("location") != "https://app.example/" {
			t.Error(m.Raw)
		}
	})
	t.Run("the store is away", func(t *testing.T) {
		s := quietScene(t)
		i := s.issuer()
		i.signIn()
		s.fail = func(m msg) string {
			if m.Str("kind") == "load" {
				return "storage"
			}
			return ""
		}
		for _, path := range []string{"/auth/callback?code=c&state=s", "/auth/session", "/auth/logout?ticket=x"} {
			if m := s.visit("GET", "https://app.example"+path, browse...); m.Header("location") != "https://app.example/?error=temporarily_unavailable" {
				t.Error(m.Raw)
			}
		}
	})
}
