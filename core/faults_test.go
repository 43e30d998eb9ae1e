package core

import (
	"fmt"
	"strings"
	"testing"
)

// refreshTokens returns the refresh tokens that were sent since request n.
func (s *scene) refreshTokens(n int) string {
	var out []string
	for _, m := range s.sent[n:] {
		out = append(out, m.Form().Get("refresh_token"))
	}
	return strings.Join(out, " ")
}

// TestScenarioWithoutLocks: two instances without a lock: the second one needs a refresh while the
// first one's request is under way.
func TestScenarioWithoutLocks(t *testing.T) {
	s := newScene(t, "Without locks: a mark that another set just now means that its request may be under way; nothing is sent, and the first one's successor is kept.", "X8", "X9")
	s.noLock = true
	s.tokenServer()
	server := s.server
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	s.server = nil
	id, left := s.start("refresh")
	s.use(second)
	if r := s.fails("client", "refresh_in_progress", "refresh"); r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	// Another instance writes its own mark after a minute nevertheless: the successor is still
	// stored over it.
	s.now += 61_000
	_, other := s.start("refresh")
	s.use(first)
	s.server = server
	s.resultOf(id, s.settle(s.answer(left[0], server(left[0]).member())))
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" || !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error(r.Raw, s.store)
	}
	s.use(second)
	s.settle(s.answer(other[0], jsonReply(400, `{"error":"invalid_grant"}`).member()))
	if !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error("the loser took the session along:", s.store)
	}
}

// TestScenarioUnsavedSuccessor: a successor that could not be stored is the only copy.
func TestScenarioUnsavedSuccessor(t *testing.T) {
	s := newScene(t, "A successor that could not be stored is not given up for what the store holds of old, even where another wrote a mark there.", "X9")
	s.tokenServer()
	server := s.server
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	s.server = nil
	_, left := s.start("refresh")
	s.broken = 2
	s.settle(s.answer(left[0], server(left[0]).member()))
	s.use(second)
	s.server = func(msg) reply { return reply{failed: "network"} }
	s.fails("network", "network", "refresh")
	s.use(first)
	s.server = server
	n := len(s.sent)
	s.ok("refresh")
	if got := s.refreshTokens(n); got != "refresh-2" {
		t.Error(got)
	}
}

// TestScenarioUnsavedSignIn: a sign-in that could not be stored is not given up for the older one
// in the store (E135).
func TestScenarioUnsavedSignIn(t *testing.T) {
	s := newScene(t, "A sign-in that could not be stored is not given up for the older session in the store, even where another wrote a mark there; it is stored over that.", "E135", "X9")
	s.tokenServer()
	server := s.server
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	s.now += 1_000
	s.broken = 2
	s.ok("set_token", `"token":{"access_token":"access-new","refresh_token":"refresh-new","token_type":"Bearer","expires_in":3600}`)
	s.use(second)
	s.server = func(msg) reply { return reply{failed: "network"} }
	s.fails("network", "network", "refresh")
	s.use(first)
	s.server = server
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-new" {
		t.Error(r.Raw)
	}
	n := len(s.sent)
	s.ok("refresh")
	if got := s.refreshTokens(n); got != "refresh-new" {
		t.Error(got)
	}
	s.use(second)
	s.now += 60_000
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
}

// TestScenarioSignInAfterFailedSignOut: a session that could not be deleted ends with the next
// sign-in. After another user's later sign-in, a sign-out ends that one (E136).
func TestScenarioSignInAfterFailedSignOut(t *testing.T) {
	s := newScene(t, "A sign-out could not delete the session, and a sign-in took its place, then another instance's with a clock behind. The next sign-out ends the one that is stored.", "E136")
	s.tokenServer()
	s.open(conf)
	first := s.handle
	s.open(conf)
	second := s.handle
	s.use(first)
	s.signIn()
	s.broken = 100
	s.fails("storage", "storage", "log_out")
	s.broken = 0
	s.now += 10_000
	s.signIn()
	s.use(second)
	s.now -= 5_000
	s.signIn()
	s.use(first)
	s.now += 60_000
	s.ok("log_out")
	if last := s.sent[len(s.sent)-1]; last.Str("stage") != "revocation" || last.Form().Get("token") != "refresh-3" {
		t.Error("the newest session is not the one that was ended:", last.Raw)
	}
}

// TestScenarioSuccessorInABadAnswer: an answer that is refused may contain the only token that
// still works.
func TestScenarioSuccessorInABadAnswer(t *testing.T) {
	s := newScene(t, "A refresh answer that is refused but carries a successor: the old token is not sent again, the successor is kept, the bad access token is not.", "X2", "X9")
	s.tokenServer()
	good := s.server
	s.open(conf)
	s.signIn()
	n := len(s.sent)
	s.server = func(msg) reply { return jsonReply(200, `{"access_token":"access-x","refresh_token":"refresh-x"}`) }
	s.fails("server", "missing_token_type", "refresh")
	s.server = good
	s.ok("refresh")
	if got := s.refreshTokens(n); got != "refresh-1 refresh-x" {
		t.Error(got)
	}
}

// TestScenarioOldBytes: bytes from before a refresh never win, whatever the clock does.
func TestScenarioOldBytes(t *testing.T) {
	s := newScene(t, "Session bytes against a newer store, with a clock that was set back; bytes from before a mark do not forget it.", "H6")
	s.tokenServer()
	config := with(`{"retry_window_ms":0}`)
	s.open(config)
	s.signIn()
	bytes := s.ok("export").Str("ok", "session")
	s.now -= 5_000
	s.ok("refresh")
	s.open(config, `"session":`+quote(bytes))
	n := len(s.sent)
	s.ok("refresh")
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" || len(s.sent) != n {
		t.Error(r.Raw, s.refreshTokens(n))
	}
	bytes = s.ok("export").Str("ok", "session")
	s.server = func(msg) reply { return reply{failed: "network"} }
	s.fails("network", "network", "refresh")
	n = len(s.sent)
	s.open(config, `"session":`+quote(bytes))
	s.fails("network", "outcome_unknown", "refresh")
	s.wantSent(n)
}

// TestScenarioStoreAnswerLost: the store wrote, and its answer was lost.
func TestScenarioStoreAnswerLost(t *testing.T) {
	s := newScene(t, "A store that wrote and answered with a failure is no conflict with ourselves: the sign-in and the refresh go on.", "X9")
	s.tokenServer()
	s.open(with(`{"retry_window_ms":0}`))
	u := authorizeURL(s)
	effects := s.input(`"command":"callback","id":900,` + callbackURL(u, "code=c"))
	s.storage(effects[0])
	if r := s.resultOf("900", s.settle(s.answer(effects[0], `"failed":{"kind":"timeout"}`))); r.Str("ok", "status") != "granted" {
		t.Fatal(r.Raw)
	}
	effects = s.input(`"command":"refresh","id":901`)
	s.held = true
	effects = s.answer(effects[0], `"ok":{}`)
	effects = s.answer(effects[0], s.storage(effects[0]))
	s.storage(effects[0])
	if r := s.resultOf("901", s.settle(s.answer(effects[0], `"failed":{"kind":"timeout"}`))); r.Str("ok", "status") != "granted" {
		t.Fatal(r.Raw)
	}
	s.wantSent(2)
}

// TestScenarioSignInElsewhere: before a command fails because there is no token, the store is read.
func TestScenarioSignInElsewhere(t *testing.T) {
	s := newScene(t, "A provider without refresh tokens, two instances: a sign-in in one is seen by the other once its token has ended; a store that cannot be read is no sign-out.", "Q8")
	n := 0
	s.server = func(msg) reply {
		n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"Bearer","expires_in":3600}`, n))
	}
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.now += 3_600_001
	s.fails("expired", "token_expired", "token")
	s.use(first)
	s.signIn()
	s.use(second)
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
	s.fails("client", "no_refresh_token", "refresh")
	s.broken = 2
	s.open(conf)
	if r := s.fails("storage", "storage", "token"); r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.ok("token")
}

// TestScenarioForceSeesAMark: another instance's mark is not a newer session; and an early refresh
// that fails is reported.
func TestScenarioForceSeesAMark(t *testing.T) {
	s := newScene(t, "A forced refresh is not satisfied by another's mark on the same tokens; an early refresh that fails is told to listeners though the token still holds.", "Q2", "Q8")
	s.tokenServer()
	good := s.server
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	s.server = func(msg) reply { return reply{failed: "timeout"} }
	s.fails("network", "timeout", "refresh")
	s.use(second)
	s.server = good
	if r := s.ok("token", `"force":true`); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
	s.now += 3_595_000
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.eventNames()
	s.ok("token")
	s.wantEvents("status:refreshing status:granted server_error:invalid_grant request_failed:server")
}

// TestScenarioLongAndDeep: long scopes, deep extra members, secrets at the end of a truncated text,
// a code that is not text.
func TestScenarioLongAndDeep(t *testing.T) {
	s := newScene(t, "A long scope is whole, a member too deep to be stored is too large, a token at the edge of a cut error text does not show, a code that is no text is refused.", "Q5", "Q7", "X6")
	scope := strings.Repeat("https://www.example/auth/drive.readonly ", 20) + "openid"
	body := `{"access_token":"a","token_type":"Bearer","scope":"` + scope + `"}`
	s.server = func(msg) reply { return jsonReply(200, body) }
	s.open(conf)
	s.fails("token_not_found", "missing_id_token", "exchange", `"code":"c"`)
	body = `{"access_token":"a","refresh_token":"refresh-secret","token_type":"Bearer","x":` + strings.Repeat("[", 31) + strings.Repeat("]", 31) + `}`
	s.fails("server", "too_large", "exchange", `"code":"c"`)
	body = `{"access_token":"a","refresh_token":"refresh-secret","token_type":"Bearer","x":` + strings.Repeat("[", 29) + strings.Repeat("]", 29) + `}`
	s.ok("exchange", `"code":"c"`)
	s.open(conf)
	if r := s.ok("status"); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.server = func(msg) reply {
		return jsonReply(400, `{"error":"invalid_request","error_description":"`+strings.Repeat("x", 493)+`refresh-secret"}`)
	}
	if r := s.fails("server", "oauth_error", "refresh"); r.Str("error", "error_description") != "(redacted)" {
		t.Error(r.Raw)
	}
	s.fails("callback_not_verified", "bad_code", "callback", callbackURL(authorizeURL(s), "code=%FFabc"))
	s.signInTwiceWithOneState(t)
}

func (s *scene) signInTwiceWithOneState(t *testing.T) {
	s.tokenServer()
	s.signIn(`"insecure_state":"mine"`)
	s.signIn(`"insecure_state":"mine"`)
}

// TestScenarioHooksCannot: what a parameter hook may not do, and what follows if it adds openid.
func TestScenarioHooksCannot(t *testing.T) {
	s := newScene(t, "A parameter hook cannot lose the state or the challenge by doubling another; where it asks for openid, a nonce is sent.", "Q3", "Q11", "H4")
	s.open(with(`{"parameter_hooks":["authorization"]}`))
	change := func(f func(name, value string) (string, string)) func(m msg) string {
		return func(m msg) string {
			var out []string
			for _, p := range m.M["parameters"].([]any) {
				pair := p.([]any)
				name, value := f(pair[0].(string), pair[1].(string))
				out = append(out, fmt.Sprintf(`[%q,%q]`, name, value))
			}
			return `"ok":{"parameters":[` + strings.Join(out, ",") + `]}`
		}
	}
	for _, lost := range []string{"state", "code_challenge", "redirect_uri"} {
		s.hook = change(func(name, value string) (string, string) {
			if name == lost {
				return "client_id", "s6BhdRkqt3"
			}
			return name, value
		})
		s.fails("client", "protected_parameter", "authorize")
	}
	s.hook = change(func(name, value string) (string, string) {
		if name == "scope" {
			return name, "openid"
		}
		return name, value
	})
	if u := s.ok("authorize").Str("ok", "url"); !strings.Contains(u, "&nonce=") {
		t.Error(u)
	}
}
