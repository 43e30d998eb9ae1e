package core

import (
	"strings"
	"testing"
)

// TestScenarioRefresh: rotation, one refresh at a time, store before granted, all under the lock.
func TestScenarioRefresh(t *testing.T) {
	s := newScene(t, "Refresh is lock, load, mark, send, store, granted, unlock; whoever asks meanwhile shares it; the rotated token replaces the old one.", "Q1", "Q8", "Q23", "H5", "X9")
	s.tokenServer()
	s.open(conf)
	s.eventNames()
	s.fails("client", "no_refresh_token", "refresh")
	s.wantSent(0)
	s.signIn()
	s.eventNames()
	server := s.server
	s.server = nil
	a, left := s.start("refresh")
	http := left[0]
	b, more := s.start("refresh")
	c, more2 := s.start("token", `"force":true`)
	if len(more)+len(more2) != 0 {
		t.Fatal("a second request while one runs:", more, more2)
	}
	if !s.held || !strings.Contains(s.store["oauth2.session"], `"sent_at"`) {
		t.Error("sent without lock or mark")
	}
	// If the command that began the refresh is cancelled, the refresh goes on.
	s.ok("cancel", `"target":`+a)
	effects := s.answer(http, server(http).member())
	if effects[0].Str("kind") != "store" || !strings.Contains(effects[0].Str("value"), "refresh-2") {
		t.Fatal("granted before it was stored:", effects)
	}
	left = s.settle(effects)
	s.resultOf(b, left)
	if r := s.resultOf(c, left); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
	s.wantSent(2)
	if s.held || s.sent[1].Form().Get("refresh_token") != "refresh-1" || s.sent[1].Form().Get("grant_type") != "refresh_token" {
		t.Error(s.held, s.sent[1].Raw)
	}
	s.wantEvents("status:refreshing status:granted granted")
	// An access token is refreshed automatically shortly before its expiry.
	s.server = server
	s.now += 3_589_000
	s.ok("token")
	s.wantSent(2)
	s.now += 2_000
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-3" {
		t.Error(r.Raw)
	}
	s.wantSent(3)
}

// TestScenarioRefreshFails: Q8 and H3.
func TestScenarioRefreshFails(t *testing.T) {
	s := newScene(t, "A refresh that fails: granted again while an access token is held, then request failed; invalid_grant ends the refresh token, other errors keep it.", "Q8", "Q2", "H5")
	s.tokenServer()
	good := s.server
	s.open(conf)
	s.signIn()
	s.eventNames()
	for _, row := range []struct {
		name, kind, code, retryable, refreshable, events string
		r                                                reply
	}{
		{"not sent", "network", "unsent", "true", "true", "", reply{failed: "unsent"}},
		{"redirect", "server", "redirect", "false", "true", "", reply{failed: "redirect"}},
		{"429", "server", "http_error", "true", "true", "", reply{status: 429, ctype: "text/html", body: "slow"}},
		{"503 with error", "server", "oauth_error", "true", "true", "server_error:temporarily_unavailable ", jsonReply(503, `{"error":"temporarily_unavailable"}`)},
		{"invalid_client", "server", "oauth_error", "false", "true", "server_error:invalid_client ", jsonReply(401, `{"error":"invalid_client"}`)},
		{"invalid_grant", "server", "oauth_error", "false", "false", "server_error:invalid_grant ", jsonReply(400, `{"error":"invalid_grant"}`)},
	} {
		s.server = func(msg) reply { return row.r }
		r := s.fails(row.kind, row.code, "refresh")
		if r.Str("error", "retryable") != row.retryable {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
		s.wantEvents("status:refreshing status:granted " + row.events + "request_failed:" + row.kind)
		st := s.ok("status")
		if st.Str("ok", "refreshable") != row.refreshable || strings.Contains(s.store["oauth2.session"], "sent_at") || s.held {
			t.Errorf("%s: %s, %s, lock %t", row.name, st.Raw, s.store["oauth2.session"], s.held)
		}
	}
	// The access token is valid until it expires.
	s.ok("token")
	s.eventNames()
	s.now += 3_600_001
	s.fails("expired", "token_expired", "token")
	s.wantEvents("status:not_authenticated expired request_failed:expired")
	s.fails("client", "no_refresh_token", "refresh")

	s.server = good
	s.signIn()
	s.ok("revoke", `"token":"access_token"`)
	s.eventNames()
	s.server = func(msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.fails("server", "oauth_error", "token")
	s.wantEvents("status:refreshing status:not_authenticated server_error:invalid_grant request_failed:server")
}

// TestScenarioRefreshEndpoint: H3.
func TestScenarioRefreshEndpoint(t *testing.T) {
	s := newScene(t, "A refresh endpoint of its own; none means not supported; an echo of the token in an error text is struck out.", "H3", "X6")
	s.tokenServer()
	s.open(with(`{"refresh_endpoint":"https://as.example/renew"}`))
	s.signIn()
	s.server = func(m msg) reply {
		return jsonReply(400, `{"error":"invalid_request","error_description":"what is refresh-1 for"}`)
	}
	r := s.fails("server", "oauth_error", "refresh")
	if s.sent[1].Str("url") != "https://as.example/renew" || r.Str("error", "error_description") != "(redacted)" {
		t.Error(s.sent[1].Raw, r.Raw)
	}
	for _, e := range s.events {
		if strings.Contains(e.Raw, "refresh-1") {
			t.Error(e.Raw)
		}
	}
	s.open(with(`{"refresh_endpoint":"none"}`))
	s.tokenServer()
	s.signIn()
	n := len(s.sent)
	s.fails("client", "refresh_not_supported", "refresh")
	s.fails("client", "refresh_not_supported", "token", `"force":true`)
	s.wantSent(n)
}

// TestScenarioUnknownOutcome: a refresh request that was sent and not answered.
func TestScenarioUnknownOutcome(t *testing.T) {
	s := newScene(t, "After an unknown outcome the same token goes out once more; invalid_grant then ends the session with a kind of its own; outside the window it is not sent.", "X9")
	s.tokenServer()
	good := s.server
	s.open(with(`{"retry_window_ms":60000}`))
	s.signIn()
	s.server = func(msg) reply { return reply{failed: "timeout"} }
	if r := s.fails("network", "timeout", "refresh"); r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.wantSent(3) // sign-in, and the same token twice
	if s.sent[1].Form().Get("refresh_token") != "refresh-1" || s.sent[2].Form().Get("refresh_token") != "refresh-1" {
		t.Error(s.sent)
	}
	// The page is reloaded: the mark is in the store.
	s.open(with(`{"retry_window_ms":60000}`))
	s.now += 59_000
	s.server = good
	s.ok("refresh")
	if s.sent[3].Form().Get("refresh_token") != "refresh-1" || strings.Contains(s.store["oauth2.session"], "sent_at") {
		t.Error(s.sent[3].Raw)
	}
	// An unreadable answer counts as none: the token may be used up.
	s.server = func(m msg) reply { return reply{status: 200, ctype: "text/html", body: "<p>"} }
	s.fails("server", "unknown_content_type", "refresh")
	s.now += 60_001
	n := len(s.sent)
	s.fails("network", "outcome_unknown", "refresh")
	s.wantSent(n)
	s.ok("token") // the held token is still valid
	s.now -= 60_000
	s.eventNames()
	s.server = func(m msg) reply { return jsonReply(400, `{"error":"invalid_grant"}`) }
	s.fails("server", "outcome_lost", "refresh")
	s.wantEvents("status:refreshing status:not_authenticated server_error:invalid_grant request_failed:server")
	if s.store["oauth2.session"] != "" {
		t.Error(s.store)
	}
}

// TestScenarioNoRetryWindow: 0 switches the retry off.
func TestScenarioNoRetryWindow(t *testing.T) {
	s := newScene(t, "With retry_window_ms 0 a token with unknown outcome is never sent again.")
	s.tokenServer()
	s.open(with(`{"retry_window_ms":0}`))
	s.signIn()
	s.server = func(msg) reply { return reply{failed: "network"} }
	s.fails("network", "network", "refresh")
	s.fails("network", "outcome_unknown", "refresh")
	s.wantSent(2)
}

// TestScenarioTwoTabs: what another instance stored is adopted without a request, and its sign-out
// counts here.
func TestScenarioTwoTabs(t *testing.T) {
	s := newScene(t, "Two instances on one store: the second adopts what the first got; a sign-in and a sign-out elsewhere are seen; the sent token is never sent by the other.", "X8", "X9")
	s.tokenServer()
	s.open(conf)
	first := s.handle
	s.signIn()
	s.open(conf)
	second := s.handle
	s.use(first)
	s.ok("refresh")
	s.use(second)
	s.eventNames()
	s.ok("refresh")
	s.wantSent(2)
	s.wantEvents("granted changed:refreshed")
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-2" {
		t.Error(r.Raw)
	}
	s.use(first)
	s.ok("log_out")
	s.use(second)
	s.now += 3_600_000
	s.eventNames()
	s.fails("client", "signed_out", "token")
	s.wantEvents("status:not_authenticated changed:signed_out request_failed:client")
	s.use(first)
	s.signIn()
	s.use(second)
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-3" {
		t.Error("a sign-in elsewhere was not seen:", r.Raw)
	}
}

// TestScenarioSignedOutMeanwhile: without locks, a sign-out during a refresh wins, and the tokens
// of the refresh are revoked.
func TestScenarioSignedOutMeanwhile(t *testing.T) {
	s := newScene(t, "A host without locks: compare-and-set keeps two from sending one token, and a refresh does not undo a sign-out elsewhere.", "X9")
	s.noLock = true
	s.tokenServer()
	server := s.server
	s.open(conf)
	s.signIn()
	s.server = nil
	id, left := s.start("refresh")
	delete(s.store, "oauth2.session")
	s.version["oauth2.session"]++
	s.server = server
	s.eventNames()
	r := s.resultOf(id, s.settle(s.answer(left[0], server(left[0]).member())))
	if r.Str("error", "code") != "signed_out" || s.store["oauth2.session"] != "" {
		t.Error(r.Raw)
	}
	last := s.sent[len(s.sent)-1]
	if !strings.HasSuffix(last.Str("url"), "/revoke") || last.Form().Get("token") != "refresh-2" {
		t.Error(last.Raw)
	}
	// Another instance's mark: the store is read again before anything is sent.
	s.signIn()
	other := strings.ReplaceAll(strings.ReplaceAll(s.store["oauth2.session"], "access-3", "access-9"), "refresh-3", "refresh-9")
	s.server = nil
	effects := s.input(`"command":"refresh","id":77`) // lock
	effects = s.answer(effects[0], `"failed":{"kind":"unsupported"}`)
	effects = s.answer(effects[0], s.storage(effects[0])) // loaded; now another instance stores
	s.store["oauth2.session"], s.version["oauth2.session"] = other, s.version["oauth2.session"]+1
	left = s.settle(effects)
	if r := s.resultOf("77", left); r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-9" {
		t.Error(r.Raw)
	}
}

// TestScenarioLock: without the lock nothing is sent.
func TestScenarioLock(t *testing.T) {
	s := newScene(t, "A lock is waited for, never stolen: where it cannot be had in time nothing is sent and the token held stays.", "X8")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	effects := s.input(`"command":"refresh","id":50`)
	if effects[0].Str("kind") != "lock" || shortKey(effects[0].Str("name")) != "oauth2.session" {
		t.Fatal(effects)
	}
	r := s.resultOf("50", s.settle(s.answer(effects[0], `"failed":{"kind":"timeout"}`)))
	if r.Str("error", "code") != "lock_timeout" || r.Str("error", "retryable") != "true" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	s.ok("refresh")
}

// TestScenarioPersistence: persist before use, and what happens if the store is broken.
func TestScenarioPersistence(t *testing.T) {
	s := newScene(t, "Granted comes after the store; a store that fails is tried again, then the tokens stay in memory and the event says so.", "X9", "H10")
	s.tokenServer()
	s.open(with(`{"name":"work"}`))
	u := authorizeURL(s)
	http := s.server
	s.server = nil
	_, left := s.start("callback", callbackURL(u, "code=c"))
	effects := s.answer(left[0], http(left[0]).member())
	if len(effects) != 1 || effects[0].Str("kind") != "store" || shortKey(effects[0].Str("key")) != "work.session" {
		t.Fatal(effects)
	}
	effects = s.answer(effects[0], `"failed":{"kind":"storage"}`)
	if len(effects) != 1 || effects[0].Str("kind") != "store" {
		t.Fatal("not tried again:", effects)
	}
	s.eventNames()
	s.answer(effects[0], `"failed":{"kind":"storage"}`)
	s.wantEvents("not_persisted status:granted granted")
	st := s.ok("status")
	if st.Str("ok", "not_persisted") != "true" || st.Str("ok", "name") != "work" {
		t.Error(st.Raw)
	}
	s.server = http
	s.ok("token")
	s.ok("refresh")
	if st := s.ok("status"); st.Str("ok", "not_persisted") != "false" || !strings.Contains(s.store["work.session"], "refresh-2") {
		t.Error("a store that works again is not used:", st.Raw)
	}
	s.broken = 100
	s.fails("storage", "storage", "log_out")
	if st := s.ok("status"); st.Str("ok", "status") != "not_authenticated" {
		t.Error(st.Raw)
	}
}

// TestScenarioRestore: a session from the store, from bytes, and from bytes that are not ours.
func TestScenarioRestore(t *testing.T) {
	s := newScene(t, "A session is restored from the store or from exported bytes, refused under another configuration, and commands wait for the load.", "H6", "H10")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	bytes := s.ok("export").Str("ok", "session")
	s.eventNames()
	s.open(conf)
	s.wantEvents("status:granted granted")
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
		t.Error(r.Raw)
	}
	// Bytes alone, with an empty store.
	s.store, s.version = map[string]string{}, map[string]int{}
	s.open(conf, `"session":`+quote(bytes))
	s.ok("refresh")
	if !strings.Contains(s.store["oauth2.session"], "refresh-2") {
		t.Error(s.store)
	}
	// Old bytes and a newer store.
	s.now += 5_000
	s.open(conf)
	s.ok("refresh")
	s.open(conf, `"session":`+quote(bytes))
	s.ok("refresh")
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-3" {
		t.Error("old bytes against a newer store:", r.Raw)
	}
	s.open(conf, `"session":""`)
	if st := s.ok("status", `"held":true`); st.Str("ok", "status") != "not_authenticated" {
		t.Error(st.Raw)
	}
	if st := s.ok("status"); st.Str("ok", "status") != "granted" {
		t.Error("no bytes against a newer store:", st.Raw)
	}
	for _, other := range []string{with(`{"client_id":"other"}`), with(`{"issuer":"https://other.example"}`)} {
		if r := s.open(other, `"session":`+quote(bytes)); r.Str("error", "field") != "session" || r.Str("error", "code") != "wrong_configuration" {
			t.Error(r.Raw)
		}
		kept := s.store["oauth2.session"]
		s.eventNames()
		s.open(other)
		s.wantEvents("session_refused")
		if s.store["oauth2.session"] != kept {
			t.Error("another's session was touched")
		}
		s.fails("client", "not_signed_in", "token")
	}
	for _, garbage := range []string{`"{"`, `"{}"`, `"{\"v\":2}"`, `"null"`} {
		if r := s.open(conf, `"session":`+garbage); r.Str("error", "field") != "session" {
			t.Error(r.Raw)
		}
	}
	// A store that cannot be read is reported, and a sign-in still works.
	s.broken = 1
	s.eventNames()
	s.open(conf)
	s.wantEvents("request_failed:storage")
	s.signIn()
}

// TestScenarioForeignSession: a sign-out ends our session, and not another configuration's under
// the same name.
func TestScenarioForeignSession(t *testing.T) {
	s := newScene(t, "What another configuration stored under our name is left alone, by signing out too; signing in takes the name.", "H10")
	s.tokenServer()
	s.open(conf)
	s.signIn()
	theirs := s.store["oauth2.session"]
	s.eventNames()
	s.open(with(`{"client_id":"another"}`))
	s.wantEvents("session_refused")
	s.fails("client", "not_signed_in", "token")
	s.ok("log_out")
	if s.store["oauth2.session"] != theirs {
		t.Error("deleted another's session")
	}
	s.signIn()
	if s.store["oauth2.session"] == theirs {
		t.Error("not stored")
	}
	s.ok("log_out")
	if s.store["oauth2.session"] != "" {
		t.Error("not deleted")
	}
}
