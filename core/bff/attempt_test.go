package bff

import (
	"maps"
	"net/url"
	"strings"
	"testing"
)

// crossSite are the headers of a browser that a link of another site leads here.
var crossSite = []string{"sec-fetch-site", "cross-site", "sec-fetch-mode", "navigate", "sec-fetch-dest", "document"}

// attempts returns how many attempts the jar holds, and the bytes that they add to a Cookie header.
func (s *scene) attempts() (n, bytes int) {
	for name, value := range s.jar {
		if name != cookieName1 {
			n++
			bytes += len(name) + len(value) + 3
		}
	}
	return n, bytes
}

func stateOf(m msg) string {
	u, _ := url.Parse(m.Header("location"))
	return u.Query().Get("state")
}

// TestScenarioAttempts: sign-ins that another site begins do not displace our own, and all of them
// together stay small (S40).
func TestScenarioAttempts(t *testing.T) {
	s := newScene(t, "Attempts begun by another site: they find room or are refused, and give way to those that a page of ours begins.")
	i := s.issuer()
	mine := i.login("?return_to=%2Fmine")
	nonce := i.nonce
	// A sign-in by a link of another site works like any other.
	theirs := s.visit("GET", "https://app.example/auth/login", crossSite...)
	if theirs.Str("status") != "303" {
		t.Fatal(theirs.Raw)
	}
	refused := false
	for range 10 {
		refused = s.visit("GET", "https://app.example/auth/login", crossSite...).Header("location") == "https://app.example/?error=too_many_attempts" || refused
	}
	if n, bytes := s.attempts(); !refused || n > 5 || bytes > 4096 {
		t.Errorf("%d attempts, %d bytes", n, bytes)
	}
	// A sign-in of ours gets room: those of the other site are removed.
	i.login("")
	jar := maps.Clone(s.jar)
	i.nonce = nonce
	if m := s.visit("GET", callback(mine)); m.Header("location") != "https://app.example/mine" {
		t.Error("the sign-in that was begun first:", m.Raw)
	}
	s.jar = jar
	if n, bytes := s.attempts(); n > 5 || bytes > 4096 {
		t.Errorf("%d attempts, %d bytes", n, bytes)
	}
}

// Attempts that another site began are removed first, then the oldest (S40).
func TestBackendWhichAttemptGivesWay(t *testing.T) {
	const own, theirs = "__Host-oauth2.AAAAAAAAAAA", "__Host-oauth2.BBBBBBBBBBB"
	for _, row := range []struct{ about, cookie, gone string }{
		{"theirs, however new", own + "1=a; " + own + "2=a; " + own + "3=a; " + own + "4=a; " + theirs + "5.x=a", theirs + "5.x"},
		{"the oldest of theirs", own + "1=a; " + theirs + "2.x=a; " + theirs + "3.x=a; " + own + "4=a; " + theirs + "5.x=a", theirs + "2.x"},
		{"the oldest of ours", own + "1=a; " + own + "2=a; " + own + "3=a; " + own + "4=a; " + own + "5=a", own + "1"},
		{"nobody where there is room", own + "1=a; " + theirs + "2.x=a", ""},
		{"all where one needs it", own + "1=" + strings.Repeat("a", 3500) + "; " + theirs + "2.x=a", theirs + "2.x|" + own + "1"},
	} {
		s := quietScene(t)
		s.issuer()
		m := s.visit("GET", "https://app.example/auth/login", "cookie", row.cookie)
		var gone []string
		for _, line := range strings.Split(m.Header("set-cookie"), "|") {
			if name, rest, _ := strings.Cut(line, "="); strings.Contains(rest, "Max-Age=0") {
				gone = append(gone, name)
			}
		}
		if m.Str("status") != "303" || strings.Join(gone, "|") != row.gone {
			t.Errorf("%s: %s: %v", row.about, m.Str("status"), gone)
		}
	}
}

// A sign-in that a link of another site began is answered like any other (S40).
func TestBackendSignInByLink(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	m := s.visit("GET", "https://app.example/auth/login?return_to=%2Fx", crossSite...)
	u, _ := url.Parse(m.Header("location"))
	i.nonce = u.Query().Get("nonce")
	// The browser comes again from a page of ours, so that it sends the cookie of the session that
	// is replaced.
	m = s.visit("GET", callback(u.Query()), crossSite...)
	_, on, _ := strings.Cut(m.Str("body", "text"), `<a href="`)
	on, _, _ = strings.Cut(on, `"`)
	if m := s.visit("GET", "https://app.example/auth/callback"+on, "sec-fetch-site", "same-origin"); m.Header("location") != "https://app.example/x" || len(s.jar) != 1 {
		t.Error(m.Raw, s.jar)
	}
}

// All attempts together stay under 4 KB, however many and however long they are. The longest that
// fits leaves no room for others (S40).
func TestBackendAttemptsStaySmall(t *testing.T) {
	for _, row := range []struct {
		about  string
		length int // of return_to
	}{{"short", 1}, {"long", 700}, {"very long", 1500}} {
		s := quietScene(t)
		s.issuer()
		for n := range 12 {
			var headers []string
			if n%3 == 2 {
				headers = crossSite
			}
			m := s.visit("GET", "https://app.example/auth/login?return_to=%2F"+strings.Repeat("x", row.length), headers...)
			if len(headers) == 0 && m.Str("status") != "303" {
				t.Errorf("%s: %s", row.about, m.Raw)
			}
			if n, bytes := s.attempts(); n > 5 || bytes > 4096 {
				t.Errorf("%s: %d attempts, %d bytes", row.about, n, bytes)
			}
		}
	}
	s := quietScene(t)
	s.issuer()
	s.want(s.visit("GET", "https://app.example/auth/login?return_to=%2F"+strings.Repeat("x", 4000)), 400, "too_long")
}

// Another site can lead the browser to a sign-in, which the user sees. It cannot begin one in the
// background of its own pages (S41).
func TestBackendLoginBehindAPage(t *testing.T) {
	for _, row := range []struct {
		about, site, mode, dest string
		status                  string
	}{
		{"a link of another site", "cross-site", "navigate", "document", "303"},
		{"an image of another site", "cross-site", "no-cors", "image", "403"},
		{"a frame of another site", "cross-site", "navigate", "iframe", "403"},
		{"a fetch of another site", "cross-site", "no-cors", "empty", "403"},
		{"an object of another site", "cross-site", "navigate", "object", "403"},
		{"a frame of ours", "same-origin", "navigate", "iframe", "303"},
		{"somebody who typed the address", "none", "navigate", "document", "303"},
		{"another host of the site", "same-site", "navigate", "document", "303"},
		{"a browser that says nothing", "", "", "", "303"},
	} {
		s := quietScene(t)
		s.issuer()
		m := s.visit("GET", "https://app.example/auth/login", "sec-fetch-site", row.site, "sec-fetch-mode", row.mode, "sec-fetch-dest", row.dest)
		if m.Str("status") != row.status || row.status == "403" && m.Header("set-cookie") != "" {
			t.Errorf("%s: %s", row.about, m.Raw)
		}
	}
}

// A state in a reply selects its own attempt and no other, whatever the cookie is called (S40).
func TestBackendStateOfAnother(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	own := i.login("").Get("state")
	other := stateOf(s.visit("GET", "https://app.example/auth/login", crossSite...))
	if own == "" || other == "" || own == other {
		t.Fatal(own, other)
	}
	for name, value := range maps.Clone(s.jar) {
		if strings.HasSuffix(name, elsewhere) {
			delete(s.jar, name)
			s.jar[(&config{name: "oauth2"}).attemptCookie(own)] = value
		}
	}
	if m := s.visit("GET", "https://app.example/auth/callback?code=x&state="+own); !strings.Contains(m.Header("location"), "error=wrong_state") {
		t.Error(m.Raw)
	}
}

// One member sets how long a sign-in may take: for the browser's cookie, for the attempt in it and
// for the mark that it was used. A longer one can also be used only once (E9).
func TestBackendAttemptLife(t *testing.T) {
	for _, row := range []struct {
		config, maxAge string
		life           int64 // ms
	}{{`{}`, "600", 600_000}, {`{"attempt_life_ms":3600000}`, "3600", 3_600_000}, {`{"attempt_life_ms":5000}`, "5", 5_000}} {
		s := quietScene(t)
		s.config = with(`{"client":` + row.config + `}`)
		i := s.issuer()
		m := s.visit("GET", "https://app.example/auth/login")
		if !strings.Contains(m.Header("set-cookie"), "; Max-Age="+row.maxAge) {
			t.Error(row.config, m.Raw)
		}
		u, _ := url.Parse(m.Header("location"))
		i.nonce = u.Query().Get("nonce")
		kept := maps.Clone(s.jar)
		begun := s.now
		s.now += row.life / 2
		if m := s.visit("GET", callback(u.Query())); m.Header("location") != "https://app.example/" {
			t.Error(row.config, m.Raw)
		}
		// A copy of the cookie cannot be used a second time, before the attempt's end or after it.
		sent := len(s.sent)
		for _, at := range []int64{begun + row.life - 1, begun + row.life + 1} {
			s.now, s.jar = at, maps.Clone(kept)
			m := s.visit("GET", callback(u.Query()))
			if len(s.sent) != sent || len(s.jar) != 0 && s.jar[cookieName1] != "" {
				t.Error(row.config, at-begun, m.Raw)
			}
		}
	}
}
