package bff

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	apiX       = "https://app.example/api/x"
	sessionURL = "https://app.example/auth/session"
)

// refusesTokens makes the API refuse every token as invalid.
func (s *scene) refusesTokens() {
	s.upstream = func(msg) answer {
		return answer{status: 401, headers: `[["www-authenticate","Bearer error=\"invalid_token\""]]`, body: "the API's own"}
	}
}

// sessions counts the stored sessions.
func (s *scene) sessions() (n int) {
	for key := range s.store {
		if strings.HasSuffix(key, ".session") {
			n++
		}
	}
	return n
}

// failing makes effects of a kind fail if their key ends with the suffix.
func failing(kind, suffix, failure string) func(msg) string {
	return func(m msg) string {
		if m.Str("kind") == kind && strings.HasSuffix(m.Str("key"), suffix) {
			return failure
		}
		return ""
	}
}

// TestScenarioTruthOfRefusedTokens: if the API refuses a token, the page's answer is true of the
// session (S50, S51).
func TestScenarioTruthOfRefusedTokens(t *testing.T) {
	s := newScene(t, "The API refuses a token: where the refresh fails for now the page is told to try again later, and where it was refused the session is over everywhere.", "S50", "S51")
	i := s.issuer()
	i.signIn()
	serve := s.server
	for _, row := range []struct {
		name, wait string
		a          answer
	}{
		{"unsent", "5", answer{failed: "unsent"}},
		{"500", "5", answer{status: 500, body: "broken"}},
		{"429 with seconds", "7", answer{status: 429, headers: `[["content-type","application/json"],["retry-after","7"]]`, body: `{"error":"slow_down"}`}},
		{"503 with a date", "60", answer{status: 503, headers: `[["retry-after","Tue, 14 Nov 2023 22:14:20 GMT"]]`}},
		{"503 for ever", "3600", answer{status: 503, headers: `[["retry-after","99999999999999"]]`}},
		{"503 since yesterday", "5", answer{status: 503, headers: `[["retry-after","-86400"]]`}},
	} {
		s.refusesTokens()
		s.server = func(m msg) answer { return row.a }
		m := s.call("GET", apiX)
		if s.want(m, 503, "temporarily_unavailable"); m.Header("retry-after") != row.wait {
			t.Errorf("%s: %s", row.name, m.Raw)
		}
		s.server = serve
		s.want(s.call("GET", sessionURL), 200, "jane")
	}
	s.upstream = func(msg) answer { return answer{status: 200, body: "hello"} }
	s.want(s.call("GET", apiX), 200, "hello")
	// The server has ended the grant. That shows here, too, and not only when the access token
	// expires.
	s.refusesTokens()
	i.error = "invalid_grant"
	s.want(s.call("GET", apiX), 401, "not_signed_in")
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
	if s.sessions() != 0 {
		t.Error("the session is still there")
	}
}

// The refresh of a token that is still valid for some seconds is refused: the grant has ended, and
// so has the session (S51).
func TestTruthEarlyRefreshRefused(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	i.error = "invalid_grant"
	s.now += 3_600_000 - 5_000
	s.want(s.call("GET", apiX), 401, "not_signed_in")
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
}

// The refresh of a token that is still valid for some seconds fails for now: the token still works
// (S50).
func TestTruthEarlyRefreshFailsForNow(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	i.down = true
	s.now += 3_600_000 - 5_000
	s.want(s.call("GET", apiX), 200, "hello")
}

// If the server refuses this client, the page did nothing wrong, and a new sign-in would not help
// (S50).
func TestTruthClientRefused(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	s.refusesTokens()
	i.error = "invalid_client"
	s.want(s.call("GET", apiX), 502, "invalid_client")
	s.want(s.call("GET", sessionURL), 200, "jane")
}

// withoutRefreshToken makes the server issue no refresh token.
func (s *scene) withoutRefreshToken() {
	serve := s.server
	s.server = func(m msg) answer {
		a := serve(m)
		a.body = regexp.MustCompile(`"refresh_token":"[^"]*",?`).ReplaceAllString(a.body, `"x":1,`)
		a.body = strings.ReplaceAll(a.body, ",}", "}")
		return a
	}
}

// Without a refresh token an API's 401 is passed on, unless the API says that the token is invalid:
// then nothing is left of the session (S51).
func TestTruthNoRefreshToken(t *testing.T) {
	for _, row := range []struct {
		name, challenge, body string
		session               int
	}{
		{"no good", `Bearer error=\"invalid_token\"`, "not_signed_in", 401},
		{"its own business", `Basic realm=\"printer\"`, "the API's own", 200},
		{"no reason", `Bearer`, "the API's own", 200},
		{"step-up", `Bearer error=\"insufficient_user_authentication\"`, "the API's own", 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			i := s.issuer()
			s.withoutRefreshToken()
			i.signIn()
			s.upstream = func(msg) answer {
				return answer{status: 401, headers: `[["cache-control","no-store"],["www-authenticate","` + row.challenge + `"]]`, body: "the API's own"}
			}
			s.want(s.call("GET", apiX), 401, row.body)
			if m := s.call("GET", sessionURL); m.Str("status") != fmt.Sprint(row.session) {
				t.Error(m.Raw)
			}
		})
	}
}

// GET /session answers 200 only for a session that can be used (S52).
func TestTruthOfSession(t *testing.T) {
	for _, row := range []struct {
		name    string
		config  string
		between func(s *scene, i *issuer)
		status  int
		body    string
	}{
		{"good", `{}`, func(*scene, *issuer) {}, 200, "jane"},
		{"over, to be refreshed", `{}`, func(s *scene, _ *issuer) { s.now += 3_600_001 }, 200, "jane"},
		{"over, and the answer is lost for good", `{"client":{"retry_window_ms":0}}`, func(s *scene, i *issuer) {
			s.now += 3_600_001
			serve := s.server
			s.server = func(msg) answer { return answer{failed: "timeout"} }
			s.call("GET", apiX)
			s.server = serve
			s.now += 600_000
		}, 401, "not_signed_in"},
		{"the store is down", `{}`, func(s *scene, _ *issuer) { s.fail = failing("load", ".session", "storage") }, 503, "temporarily_unavailable"},
		{"the keys of the host are out of reach", `{}`, func(s *scene, _ *issuer) { s.fail = failing("unseal", "", "storage") }, 503, "temporarily_unavailable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.config = with(`{"idle_ms":86400000}`)
			if row.config != "{}" {
				s.config = with(strings.Replace(row.config, "{", `{"idle_ms":86400000,`, 1))
			}
			i := s.issuer()
			i.signIn()
			row.between(s, i)
			m := s.call("GET", sessionURL)
			if s.want(m, row.status, row.body); row.status == 503 && m.Header("retry-after") != "5" {
				t.Error(m.Raw)
			}
			if s.fail = nil; row.status == 503 {
				row.status = 200 // the failure was temporary
			}
			s.want(s.call("GET", sessionURL), row.status, "")
		})
	}
}

// A session has ended if its access token has expired and nothing can refresh it. But if the
// configuration uses no tokens, it is enough that somebody signed in (S52).
func TestTruthOfSessionWithoutRefreshToken(t *testing.T) {
	for _, row := range []struct {
		name, config string
		status       int
	}{
		{"with a proxy", `{"idle_ms":86400000}`, 401},
		{"with anonymous_status 200", `{"idle_ms":86400000,"anonymous_status":200}`, 200},
		{"with a token endpoint", `{"idle_ms":86400000,"proxy":null,"insecure_token_endpoint":true}`, 401},
		{"for its claims alone", `{"idle_ms":86400000,"proxy":null}`, 200},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.config = with(row.config)
			i := s.issuer()
			s.withoutRefreshToken()
			i.signIn()
			s.now += 3_600_001
			m := s.call("GET", sessionURL)
			if s.want(m, row.status, ""); strings.Contains(m.Raw, "jane") != strings.HasSuffix(row.name, "alone") {
				t.Error(m.Raw)
			}
		})
	}
}

// The key to which a session's tokens are bound is lost, or cannot be reached for now (S52).
func TestTruthOfSessionWithoutItsKey(t *testing.T) {
	for _, row := range []struct {
		failure string
		status  int
	}{{"denied", 401}, {"storage", 503}} {
		s := quietScene(t)
		s.config = with(`{"client":{"dpop":true}}`)
		i := s.issuer()
		serve := s.server
		s.server = func(m msg) answer {
			a := serve(m)
			a.body = strings.Replace(a.body, `"Bearer"`, `"DPoP"`, 1)
			return a
		}
		m := s.begin("GET", "https://app.example/auth/login", s.headers()).keyed(nil)
		_, state, _ := strings.Cut(m.Header("location"), "state=")
		state, _, _ = strings.Cut(state, "&")
		_, i.nonce, _ = strings.Cut(m.Header("location"), "nonce=")
		i.nonce, _, _ = strings.Cut(i.nonce, "&")
		s.begin("GET", "https://app.example/auth/callback?code=c0de&state="+state, s.headers()).keyed(nil)
		page := s.headers("x-csrf", "1", "origin", "https://app.example")
		s.want(s.begin("GET", sessionURL, page).keyed(nil), 200, "jane")
		s.fail = func(m msg) string {
			if m.Str("kind") == "key" && m.M["delete"] != true {
				return row.failure
			}
			return ""
		}
		v := s.begin("GET", sessionURL, page)
		s.want(v.finish(), row.status, "")
	}
}

// If an ended session cannot be deleted now, nobody is told that it was (S53).
func TestTruthSessionCannotBeEnded(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	s.refusesTokens()
	i.error = "invalid_grant"
	s.fail = failing("store", ".session", "storage")
	s.want(s.call("GET", apiX), 503, "temporarily_unavailable")
	s.fail = nil
	s.want(s.call("GET", apiX), 401, "not_signed_in")
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
}

// A user who signs out is also signed out of a session that another configuration made (S53).
func TestTruthSignOutOfAnotherConfiguration(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.config = with(`{"client":{"client_id":"another"}}`)
	jar := maps.Clone(s.jar)
	s.want(s.call("POST", "https://app.example/auth/logout"), 200, "")
	s.config, s.jar = conf, jar
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
}

// Only the page can send this body again. The token is refreshed, and the page is asked to repeat
// the request if the API says that the token was the reason (S54).
func TestTruthStreamRefused(t *testing.T) {
	s := quietScene(t)
	i := s.issuer()
	i.signIn()
	put := func() msg {
		return s.begin("PUT", apiX, s.headers("x-csrf", "1", "origin", "https://app.example"), `"body":{"ref":"b1"}`).finish()
	}
	s.refusesTokens()
	m := put()
	if s.want(m, 503, "temporarily_unavailable"); m.Header("retry-after") != "1" || len(s.proxied) != 1 {
		t.Error(m.Raw)
	}
	s.upstream = func(m msg) answer { return answer{status: 200, body: m.Header("authorization")} }
	s.want(put(), 200, "Bearer access-token-2")
	s.upstream = func(msg) answer {
		return answer{status: 401, headers: `[["www-authenticate","Bearer"]]`, body: "the API's own"}
	}
	s.want(put(), 401, "the API's own")
	s.refusesTokens()
	i.error = "invalid_grant"
	s.want(put(), 401, "not_signed_in")
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
}

var nextPage = regexp.MustCompile(`content="0;url=([^"]+)"`)

// TestScenarioArrival: a sign-in that returns from another site, without the session's cookie,
// still ends the previous session (S55).
func TestScenarioArrival(t *testing.T) {
	s := newScene(t, "Back from another site: a page of ours leads on, and what it leads to has the session's cookie with it; the session before is ended, and the ticket is of no use elsewhere.", "S55", "S56")
	i := s.issuer()
	i.signIn()
	first := s.jar[cookieName1]
	// A link of another site: the browser sends the cookie with neither navigation.
	arrive := func() (page msg, next string) {
		t.Helper()
		held := s.jar[cookieName1]
		delete(s.jar, cookieName1)
		page = s.visit("GET", callback(i.login("?prompt=none&return_to=%2Fhome")), "sec-fetch-site", "cross-site")
		if s.jar[cookieName1] != "" {
			t.Fatal("the cookie is set before it is known what it replaces", page.Raw)
		}
		if s.jar[cookieName1] = held; held == "" {
			delete(s.jar, cookieName1)
		}
		found := nextPage.FindStringSubmatch(page.Str("body", "text"))
		if page.Str("status") != "200" || found == nil || strings.Contains(page.Raw, "script") || !strings.Contains(page.Header("content-security-policy"), "default-src 'none'") || page.Header("referrer-policy") != "no-referrer" {
			t.Fatal(page.Raw)
		}
		return page, "https://app.example/auth/callback" + found[1]
	}
	page, next := arrive()
	if strings.Contains(page.Str("body", "text"), "access-token") || !strings.Contains(page.Header("content-type"), "text/html") || page.Header("cache-control") != "no-store" {
		t.Error(page.Raw)
	}
	// The URL without the cookie gives nothing, and forged cookies do not work.
	jar := maps.Clone(s.jar)
	s.jar = map[string]string{}
	s.want(s.visit("GET", next), 400, "unknown_attempt")
	for name := range jar {
		if name == cookieName1 {
			continue
		}
		for _, forged := range []string{"x", jar[cookieName1], jar[name] + "A"} {
			s.jar = map[string]string{name: forged}
			if m := s.visit("GET", next); m.Str("status") != "400" || s.jar[cookieName1] != "" {
				t.Error(m.Raw)
			}
		}
	}
	s.jar = jar
	// The store is down: the previous session is not ended, so nobody is told that it was, and the
	// page may be loaded again.
	s.fail = failing("store", ".session", "storage")
	m := s.visit("GET", next)
	if s.want(m, 503, "temporarily_unavailable"); m.Header("retry-after") == "" {
		t.Error(m.Raw)
	}
	s.fail, s.sent = nil, nil
	m = s.visit("GET", next)
	if m.Str("status") != "303" || m.Header("location") != "https://app.example/home" || s.jar[cookieName1] == first || len(s.jar) != 1 {
		t.Fatal(m.Raw, s.jar)
	}
	if len(s.sent) != 1 || s.sent[0].Form().Get("token") != "refresh-token-1" {
		t.Error("the tokens of the session before are not revoked", s.sent)
	}
	s.want(s.call("GET", sessionURL), 200, "jane")
	second := s.jar[cookieName1]
	s.jar[cookieName1] = first
	s.want(s.call("GET", apiX), 401, "not_signed_in")
	s.want(s.call("GET", sessionURL), 401, "not_signed_in")
	if s.sessions() != 1 {
		t.Error(s.sessions(), "sessions")
	}
	// If the page is loaded again after the browser has the new cookie, that session stays.
	s.jar[cookieName1] = second
	_, next = arrive()
	ticket := maps.Clone(s.jar)
	s.visit("GET", next)
	third := s.jar[cookieName1]
	maps.Copy(s.jar, ticket)
	s.jar[cookieName1] = third
	s.want(s.visit("GET", next), 303, "")
	s.want(s.call("GET", sessionURL), 200, "jane")
	// A ticket expires as an attempt does.
	_, next = arrive()
	s.now += 600_001
	s.want(s.visit("GET", next), 400, "unknown_attempt")
	s.noTokens()
}

// If the code was used up and the answer failed, only another sign-in helps, and the page is told
// so (S53).
func TestTruthOfSpentCodes(t *testing.T) {
	for _, key := range []string{".session", ".sub", ".sid"} {
		s := quietScene(t)
		i := s.issuer()
		q := i.login("")
		s.fail = func(m msg) string {
			if m.Str("kind") == "store" && strings.Contains(m.Str("key"), key) {
				return "storage"
			}
			return ""
		}
		m := s.visit("GET", callback(q))
		if s.want(m, 503, "Begin again"); m.Header("retry-after") != "" || len(s.jar) != 0 {
			t.Errorf("%s: %s", key, m.Raw)
		}
	}
}

// If one session cannot be ended on a logout token, the others still are, and it stays where the
// server's next try finds it, whatever else fails (S53).
func TestTruthBackChannelHalfDone(t *testing.T) {
	for name, listsFail := range map[string]bool{"a session cannot be deleted": false, "and no list can be written after that": true} {
		t.Run(name, func(t *testing.T) {
			s := quietScene(t)
			i := s.issuer()
			for n := range 3 {
				i.sid, s.jar = fmt.Sprint("sid-", n), map[string]string{}
				i.signIn()
			}
			stuck, broken := "", false
			for _, key := range slices.Sorted(maps.Keys(s.store)) {
				if strings.HasSuffix(key, ".session") {
					stuck = key
				}
			}
			s.fail = func(m msg) string {
				held := m.Str("kind") == "store" && m.Str("key") == stuck
				broken = broken || held && listsFail
				if held || broken && m.Str("kind") == "store" && strings.Contains(m.Str("key"), ".sub.") {
					return "storage"
				}
				return ""
			}
			token := s.logoutJWT(`"sub":"jane","jti":"a"`)
			s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), 503, "")
			if s.sessions() != 1 {
				t.Error(s.sessions(), "sessions")
			}
			s.fail = nil
			s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), 200, "")
			if s.sessions() != 0 {
				t.Error(s.sessions(), "sessions")
			}
		})
	}
}

// A user who goes to the server's sign-out is not led past it because the store is down (S53).
func TestTruthWayOutWhileStorageIsDown(t *testing.T) {
	for _, row := range [][2]string{{"load", ""}, {"store", ""}, {"unseal", ""}} {
		s := quietScene(t)
		s.issuer().signIn()
		m := s.call("POST", "https://app.example/auth/logout")
		var answer struct{ URL string }
		json.Unmarshal([]byte(m.Str("body", "text")), &answer)
		s.fail = failing(row[0], "", "storage")
		s.want(s.visit("GET", answer.URL), 503, "temporarily_unavailable")
		s.fail = nil
		if m := s.visit("GET", answer.URL); !strings.HasPrefix(m.Header("location"), "https://as.example/end") {
			t.Errorf("%s: %s", row[0], m.Raw)
		}
	}
}

// The reason is in the query, where a page that routes by fragment finds it, too (S57).
func TestTruthErrorBeforeFragment(t *testing.T) {
	for _, row := range [][2]string{
		{"/inbox#x", "/inbox?error=access_denied#x"},
		{"/inbox?a=b#x", "/inbox?a=b&error=access_denied#x"},
		{"/#/inbox?of=app", "/?error=access_denied#/inbox?of=app"},
		{"/inbox?#x", "/inbox?error=access_denied#x"},
		{"/inbox", "/inbox?error=access_denied"},
		{"/inbox?a=b", "/inbox?a=b&error=access_denied"},
	} {
		s := quietScene(t)
		q := s.issuer().login("?return_to=" + escape(row[0]))
		m := s.visit("GET", "https://app.example/auth/callback?error=access_denied&state="+q.Get("state"))
		if m.Header("location") != "https://app.example"+row[1] {
			t.Errorf("%s: %s", row[0], m.Header("location"))
		}
	}
}

// Expect is between the client and the host: it is not passed to the API, and an Expect that no
// host supports is refused (S58).
func TestTruthExpect(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	for _, row := range []struct {
		expect string
		status int
	}{{"100-continue", 200}, {"100-Continue", 200}, {"something", 417}, {"100-continued", 417}} {
		s.want(s.call("GET", apiX, "expect", row.expect), row.status, "")
	}
	for _, p := range s.proxied {
		if p.Header("expect") != "" {
			t.Error(p.Raw)
		}
	}
}

// Times that a server states are limited before they are stored (S59).
func TestTruthLogoutTokenOfAnotherAge(t *testing.T) {
	for _, row := range []struct {
		name    string
		seconds int64
		status  int
		body    string
	}{
		{"two minutes", 120, 200, ""},
		{"a day", 86_400, 200, ""},
		{"more", 86_401, 400, "more than a day ahead"},
		{"2286", 9_999_999_999 - 1_700_000_000, 400, "more than a day ahead"},
		{"no time at all", 1 << 52, 400, "wrong_claim"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.issuer().signIn()
			token := jwt(fmt.Sprintf(`{"iss":"https://as.example","aud":"s6BhdRkqt3","iat":%d,"exp":%d,"sid":"sid-1","jti":"a","events":{"http://schemas.openid.net/event/backchannel-logout":{}}}`, s.now/1000, s.now/1000+row.seconds))
			s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), row.status, row.body)
			if s.sessions() == 0 != (row.status == 200) {
				t.Error(s.sessions(), "sessions")
			}
			for key, at := range s.expires {
				if at > s.now+longestLogoutToken+300_000+60_000 {
					t.Errorf("%s is kept until %d", key, at)
				}
			}
		})
	}
}

// A logout token counts once for as long as it is accepted, which is its exp plus the tolerance for
// clocks (S59).
func TestTruthLogoutTokenAfterItsEnd(t *testing.T) {
	for _, row := range []struct {
		config    string
		tolerance int64 // ms
	}{{`{}`, 300_000}, {`{"clock_tolerance_ms":0}`, 0}, {`{"clock_tolerance_ms":3600000}`, 3_600_000}} {
		s := quietScene(t)
		s.config = with(`{"client":` + row.config + `}`)
		s.issuer().signIn()
		token := s.logoutJWT(`"sid":"sid-1","jti":"a"`)
		end := s.now + 120_000 + row.tolerance
		s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), 200, "")
		for _, at := range []int64{s.now, end - row.tolerance/2 - 1, end - 1} {
			s.now = at
			s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), 400, "used before")
		}
		s.now = end
		s.want(s.post("https://app.example/auth/backchannel_logout", "logout_token="+token), 400, "wrong_claim")
	}
}

const exchangeOf = "&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&audience=https%3A%2F%2Fdown.example&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token&subject_token="

// TestScenarioExchangeParameters: an unknown parameter is refused by name, and an actor token goes
// to the server (S60).
func TestScenarioExchangeParameters(t *testing.T) {
	s := newScene(t, "No parameter of a token request is dropped without a word: it is passed on, or refused by its name. With an actor the token is another one.", "S60")
	s.config = with(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange","client_credentials","authorization_code"],"audience":["https://down.example"],"scope":"read","redirect_uris":["https://svc.example/cb"]`))
	s.issuer()
	who := whoSvc + escape(callerSecret)
	for _, row := range [][2]string{
		{exchangeOf + "theirs&may_act=x", "may_act"},
		{exchangeOf + "theirs&client_assertion=x", "client_assertion"},
		{exchangeOf + "theirs&refresh_token=x", "refresh_token"},
		{exchangeOf + "theirs&%22%3Cscript%3E%C3%A9=x", "The parameter <script>é is"},
		{exchangeOf + "theirs&" + strings.Repeat("a", 900) + "=x", strings.Repeat("a", 60) + " is"},
		{exchangeOf + "theirs&actor_token=a", "actor_token_type"},
		{exchangeOf + "theirs&actor_token_type=a", "actor_token_type"},
		{"&grant_type=client_credentials&audience=https%3A%2F%2Fdown.example&subject_token=x", "subject_token"},
		{"&grant_type=client_credentials&audience=https%3A%2F%2Fdown.example&actor_token=x", "actor_token"},
		{"&grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fsvc.example%2Fcb&code_verifier=v&username=x", "username"},
	} {
		m := s.post(exchangeURL, who+row[0])
		var said struct{ Error, Error_description string }
		json.Unmarshal([]byte(m.Str("body", "text")), &said)
		if m.Str("status") != "400" || said.Error != "invalid_request" || !strings.Contains(said.Error_description, row[1]) {
			t.Errorf("%s: %s", row[0], m.Raw)
		}
	}
	if len(s.sent) != 0 {
		t.Fatal("the server was asked", s.sent)
	}
	s.want(s.post(exchangeURL, who+exchangeOf+"theirs"), 200, "access-token-1")
	const actor = "&actor_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&actor_token="
	s.want(s.post(exchangeURL, who+exchangeOf+"theirs"+actor+"one"), 200, "access-token-2")
	if f := s.sent[1].Form(); f.Get("actor_token") != "one" || f.Get("actor_token_type") != "urn:ietf:params:oauth:token-type:jwt" {
		t.Error(s.sent[1].Raw)
	}
	s.want(s.post(exchangeURL, who+exchangeOf+"theirs"+actor+"two"), 200, "access-token-3")
	s.want(s.post(exchangeURL, who+exchangeOf+"theirs"+actor+"one"), 200, "access-token-2")
	s.want(s.post(exchangeURL, who+exchangeOf+"theirs"), 200, "access-token-1")
}

// TestScenarioExchangeAfterSignOut: tokens that were exchanged for a subject token are not
// remembered beyond the end of its session, on whichever host that ends (S61).
func TestScenarioExchangeAfterSignOut(t *testing.T) {
	s := newScene(t, "A token that was exchanged for a session's own is remembered until that session ends, here or at another host, with each of the tokens that it had; then the server is asked.", "S61")
	s.config = with(strings.Replace(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"audience":["https://down.example"],"scope":"read"`), "{", `{"idle_ms":86400000,`, 1))
	who := whoSvc + escape(callerSecret)
	ends := []struct {
		name string
		end  func(i *issuer)
	}{
		{"sign-out", func(*issuer) { s.want(s.call("POST", "https://app.example/auth/logout"), 200, "") }},
		{"back-channel", func(*issuer) { s.want(s.logoutToken(`"sid":"sid-1","jti":"a"`), 200, "") }},
		{"another sign-in", func(i *issuer) { i.signIn() }},
		{"the grant was refused", func(i *issuer) {
			s.refusesTokens()
			i.error = "invalid_grant"
			s.want(s.call("GET", apiX), 401, "not_signed_in")
			i.error = ""
		}},
	}
	i := s.issuer()
	for _, row := range ends {
		s.upstream = func(msg) answer { return answer{status: 200, body: "hello"} }
		i.signIn()
		s.call("GET", apiX)
		one := strings.TrimPrefix(s.proxied[len(s.proxied)-1].Header("authorization"), "Bearer ")
		ask := func(subject string) string {
			t.Helper()
			m := s.post(exchangeURL, who+exchangeOf+subject)
			s.want(m, 200, "access-token")
			var said struct{ Access_token string }
			json.Unmarshal([]byte(m.Str("body", "text")), &said)
			return said.Access_token
		}
		first, other := ask(one), ask("of somebody else")
		if ask(one) != first {
			t.Fatal(row.name, "it is not remembered")
		}
		// Another token of the same session.
		s.upstream = func(m msg) answer {
			if m.Header("authorization") == "Bearer "+one {
				return answer{status: 401, headers: `[["www-authenticate","Bearer error=\"invalid_token\""]]`}
			}
			return answer{status: 200, body: "hello"}
		}
		s.want(s.call("GET", apiX), 200, "hello")
		two := strings.TrimPrefix(s.proxied[len(s.proxied)-1].Header("authorization"), "Bearer ")
		second := ask(two)
		row.end(i)
		if ask(one) == first || ask(two) == second {
			t.Error(row.name, ": answered from memory")
		}
		if ask("of somebody else") != other {
			t.Error(row.name, ": of somebody else it is forgotten, too")
		}
		s.jar, s.memory = map[string]string{}, map[string]string{}
		s.now += 2000
	}
	// If the store cannot be read, the server is asked.
	i.signIn()
	s.post(exchangeURL, who+exchangeOf+"x")
	n := len(s.sent)
	s.fail = func(m msg) string {
		if m.Str("kind") == "load" && strings.Contains(m.Str("key"), ".ended.") {
			return "storage"
		}
		return ""
	}
	if s.post(exchangeURL, who+exchangeOf+"x"); len(s.sent) == n {
		t.Error("answered from memory, though nobody knows whether the session lives")
	}
	// A session is not deleted before its access tokens are marked as ended.
	s.fail = func(m msg) string {
		if m.Str("kind") == "store" && strings.Contains(m.Str("key"), ".ended.") {
			return "storage"
		}
		return ""
	}
	s.want(s.call("POST", "https://app.example/auth/logout"), 503, "temporarily_unavailable")
	s.fail = nil
	s.want(s.call("GET", sessionURL), 200, "jane")
	s.want(s.call("POST", "https://app.example/auth/logout"), 200, "")
}

// A token is remembered for an hour at most, even if the server says that it is valid for longer
// (S59).
func TestTruthLongestMemory(t *testing.T) {
	for _, life := range []int{10_000, 99_999_999, 1<<31 - 1} {
		s := quietScene(t)
		s.config = with(callers(`"grant_types":["urn:ietf:params:oauth:grant-type:token-exchange"],"audience":["https://down.example"],"scope":"read"`))
		i := s.issuer()
		i.life = life
		v := s.begin("POST", exchangeURL, s.headers("content-type", "application/x-www-form-urlencoded"), s.body(whoSvc+escape(callerSecret)+exchangeOf+"x"))
		v.finish()
		found := false
		for _, line := range s.rec.Lines {
			if strings.Contains(line, `"kind":"remember"`) {
				found = true
				if !strings.Contains(line, fmt.Sprintf(`"expires_at":%d}`, s.now+longestMemory)) {
					t.Errorf("%d: %s", life, line)
				}
			}
		}
		if !found {
			t.Error(life, "nothing is remembered")
		}
	}
}
