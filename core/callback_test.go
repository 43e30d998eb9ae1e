package core

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func authorizeURL(s *scene, params ...string) *url.URL {
	u, _ := url.Parse(s.ok("authorize", params...).Str("ok", "url"))
	return u
}

// TestScenarioCallback: each kind of wrong callback has its own error, and changes neither the
// session nor the attempts. Then the right callback still works, once.
func TestScenarioCallback(t *testing.T) {
	s := newScene(t, "Callbacks that are wrong change nothing and say what is wrong; the right one works once.", "Q22", "Q2", "Q1", "X2", "X6")
	s.tokenServer()
	s.open(with(`{"authorization_response_iss_parameter_supported":true}`))
	u := authorizeURL(s, `"app_state":"page 7"`)
	state := u.Query().Get("state")
	iss := "&iss=https%3A%2F%2Fas.example"
	pending := s.store["oauth2.pending"]
	cb := func(rest string) string { return `"url":"https://client.example/cb` + rest + `"` }
	for _, row := range []struct{ kind, code, url string }{
		{"callback_not_verified", "missing_state", "?code=x" + iss},
		{"callback_not_verified", "missing_state", ""},
		{"callback_not_verified", "missing_state", "?error=access_denied" + iss},
		{"callback_not_verified", "wrong_state", "?code=x&state=other" + iss},
		{"callback_not_verified", "wrong_state", "?error=access_denied&state=" + state[1:] + iss},
		{"callback_not_verified", "missing_code", "?state=" + state + iss},
		{"callback_not_verified", "missing_code", "?code=&state=" + state + iss},
		{"callback_not_verified", "repeated_parameter", "?code=a&code=b&state=" + state + iss},
		{"callback_not_verified", "repeated_parameter", "?code=a&state=" + state + "&state=" + state + iss},
		{"callback_not_verified", "missing_iss", "?code=a&state=" + state},
		{"callback_not_verified", "wrong_iss", "?code=a&state=" + state + "&iss=https%3A%2F%2Fas.example%2F"},
		{"callback_not_verified", "wrong_redirect_uri", "x?code=a&state=" + state + iss},
		{"callback_not_verified", "wrong_redirect_uri", "/?code=a&state=" + state + iss},
		{"callback_not_verified", "unreadable", "?code=%zz&state=" + state + iss},
		{"callback_not_verified", "missing_state", "#code=a&state=" + state + iss},
		{"server", "oauth_error", "?error=access_denied&error_description=No+%22way%22&error_uri=https%3A%2F%2Fas.example%2Fhelp&state=" + state + iss},
	} {
		s.eventNames()
		r := s.fails(row.kind, row.code, "callback", cb(row.url))
		want := "request_failed:" + row.kind
		if row.kind == "server" {
			want = "server_error:access_denied " + want
			if r.Str("error", "error_description") != "No way" || r.Str("error", "error_uri") != "https://as.example/help" {
				t.Error(r.Raw)
			}
		}
		s.wantEvents(want)
		if s.store["oauth2.pending"] != pending || s.ok("status").Str("ok", "status") != "not_authenticated" {
			t.Errorf("%s changed something", row.url)
		}
	}
	s.wantSent(0)
	s.eventNames()
	r := s.ok("callback", cb("?code=good&state="+state+iss))
	if r.Str("ok", "app_state") != "page 7" || r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.wantEvents("status:granted granted")
	s.wantSent(1)
	r = s.ok("callback", cb("?code=good&state="+state+iss))
	if r.Str("ok", "handled_elsewhere") != "true" || r.Str("ok", "app_state") != "page 7" || r.Str("ok", "status") != "granted" {
		t.Error(r.Raw)
	}
	s.wantSent(1)
	for _, secret := range []string{"access-1", "refresh-1", "good"} {
		for _, e := range s.events {
			if strings.Contains(e.Raw, secret) {
				t.Error("a secret in an event:", e.Raw)
			}
		}
	}
}

// TestScenarioCallbackTwiceAtOnce: a framework that mounts twice delivers the callback again while
// the first one is under way.
func TestScenarioCallbackTwiceAtOnce(t *testing.T) {
	s := newScene(t, "The same callback twice, the second before the first is done, and again after a reload: one token request.", "Q22")
	s.open(conf)
	u := authorizeURL(s)
	member := `"command":"callback",` + callbackURL(u, "code=c")
	first := s.input(member + `,"id":100`)
	second := s.input(member + `,"id":101`)
	left := s.settle(append(first, second...))
	if len(s.sent) != 1 {
		t.Fatal(s.sent)
	}
	var codes []string
	for _, m := range left {
		if m.Str("kind") == "result" {
			codes = append(codes, m.Str("command")+m.Str("error", "code"))
		}
	}
	if strings.Join(codes, " ") != "101already_used" {
		t.Fatal(codes)
	}
	// The page is reloaded while the request is under way: a new instance with the same store.
	http := s.sent[0]
	s.open(conf)
	s.fails("callback_not_verified", "already_used", "callback", callbackURL(u, "code=c"))
	s.wantSent(1)
	// The answer to the old instance's request means nothing to the new one.
	if got := s.answer(http, jsonReply(200, `{"access_token":"a","token_type":"Bearer"}`).member()); len(got) != 0 {
		t.Error(got)
	}
}

// TestScenarioAttempts: they expire after ten minutes, sixteen are kept, and several tabs may have
// one each.
func TestScenarioAttempts(t *testing.T) {
	s := newScene(t, "Attempts end after 10 minutes, 16 are kept, each answers for itself, and another tab's are not lost.", "X1")
	s.tokenServer()
	s.open(conf)
	old := authorizeURL(s)
	s.now += 10 * 60 * 1000
	s.fails("callback_not_verified", "missing_code", "callback", callbackURL(old, "x=y"))
	s.now++
	s.fails("expired", "attempt_expired", "callback", callbackURL(old, "code=c"))
	s.wantSent(0)
	var urls []*url.URL
	seen := map[string]bool{}
	for range 17 {
		u := authorizeURL(s)
		urls = append(urls, u)
		for _, name := range []string{"state", "code_challenge"} {
			if v := u.Query().Get(name); seen[v] || v == "" {
				t.Error(name, "twice:", v)
			} else {
				seen[v] = true
			}
		}
	}
	s.fails("callback_not_verified", "wrong_state", "callback", callbackURL(urls[0], "code=c"))
	s.ok("callback", callbackURL(urls[1], "code=c"))
	s.ok("callback", callbackURL(urls[16], "code=c"))
	// Another tab wrote to the same store meanwhile: after the conflict the store is read again.
	v := s.version["oauth2.pending"]
	s.version["oauth2.pending"] = v + 7
	s.ok("callback", callbackURL(urls[2], "code=c"))
	s.wantSent(3)
}

// TestScenarioRedirectURIWithQuery: the registered query is part of the comparison.
func TestScenarioRedirectURIWithQuery(t *testing.T) {
	s := newScene(t, "A redirect URI with a query of its own is compared with it; a custom scheme and a loopback port work too.", "Q22")
	s.tokenServer()
	s.open(conf)
	bare := authorizeURL(s, `"redirect_uri":"https://client.example"`)
	for _, wrong := range []string{"https://client.example.evil.example/?", "https://client.example/cb?", "https://client.example:8443/?", "https://client.examples?"} {
		s.fails("callback_not_verified", "wrong_redirect_uri", "callback", fmt.Sprintf(`"url":"%scode=c&state=%s"`, wrong, bare.Query().Get("state")))
	}
	s.ok("callback", fmt.Sprintf(`"url":"https://client.example/?code=c&state=%s"`, bare.Query().Get("state")))
	for _, redirect := range []string{"https://client.example/cb?app=1", "com.example.app:/cb", "http://127.0.0.1:49152/cb"} {
		u := authorizeURL(s, fmt.Sprintf(`"redirect_uri":%q`, redirect))
		sep := "?"
		if strings.Contains(redirect, "?") {
			sep = "&"
			s.fails("callback_not_verified", "wrong_redirect_uri", "callback", fmt.Sprintf(`"url":"https://client.example/cb?app=2&code=c&state=%s"`, u.Query().Get("state")))
		}
		s.ok("callback", fmt.Sprintf(`"url":"%s%scode=c&state=%s#_=_"`, redirect, sep, u.Query().Get("state")))
		if got := s.sent[len(s.sent)-1].Form().Get("redirect_uri"); got != redirect {
			t.Error(got)
		}
	}
	// form_post: the parameters come without a URL.
	u := authorizeURL(s)
	s.ok("callback", fmt.Sprintf(`"parameters":[["code","c"],["state",%q]]`, u.Query().Get("state")))
}

// TestScenarioMatches: Q41.
func TestScenarioMatches(t *testing.T) {
	s := newScene(t, "Which URLs are responses at all: scheme, host, port, path and every registered query item, and something of a response; others are passed on.", "Q41")
	for _, row := range []struct {
		registered string
		yes, no    []string
	}{
		{"https://client.example/cb", []string{"https://client.example/cb?code=a&state=b", "HTTPS://Client.Example:443/cb?error=x", "https://client.example/cb?x=1&state=b#f",
			"https://client.example/cb/?code=a&state=b", "https://client.example/CB?error=a&state=b"},
			[]string{"https://client.example/cb", "https://client.example/cb?x=code", "https://client.example/cbx?code=a", "https://client.example/cb/?code=a", "https://client.example:8443/cb?code=a",
				"http://client.example/cb?code=a", "https://client.example.evil/cb?code=a", "https://client.example@evil/cb?code=a", "https://client.example/CB?code=a", "https://client.example/cb#code=a", "", "?code=a"}},
		{"https://client.example", []string{"https://client.example/?code=a"}, []string{"https://client.example/x?code=a"}},
		{"com.example.app:/oauth?tenant=1&x=a%20b", []string{"com.example.app:/oauth?tenant=1&x=a+b&code=a", "COM.example.app:/oauth?code=a&x=a%20b&tenant=1"},
			[]string{"com.example.app:/oauth?tenant=1&code=a", "com.example.app:/oauth?tenant=2&x=a%20b&code=a", "com.example.app:/oauth2?tenant=1&x=a%20b&code=a", "com.example.app://oauth?tenant=1&x=a%20b&code=a", "org.example.app:/oauth?tenant=1&x=a%20b&code=a"}},
		{"http://127.0.0.1:8400/cb", []string{"http://127.0.0.1:8400/cb?state=b"}, []string{"http://127.0.0.1:8401/cb?state=b", "http://localhost:8400/cb?state=b"}},
	} {
		s.open(with(`{"redirect_uri":` + quote(row.registered) + `}`))
		for _, url := range row.yes {
			if r := s.ok("matches", `"url":`+quote(url)); r.Str("ok", "matches") != "true" {
				t.Errorf("%s is not taken for %s", url, row.registered)
			}
		}
		for _, url := range row.no {
			if r := s.ok("matches", `"url":`+quote(url)); r.Str("ok", "matches") != "false" {
				t.Errorf("%s is taken for %s", url, row.registered)
			}
		}
	}
	s.open(with(`{"redirect_uri":null}`))
	if r := s.ok("matches", `"url":"https://client.example/cb?code=a"`); r.Str("ok", "matches") != "false" {
		t.Error(r.Raw)
	}
}

// TestScenarioPasted: Q42.
func TestScenarioPasted(t *testing.T) {
	s := newScene(t, "A user pastes the code, the query or the whole URL, with white space around it; the state binds it to the attempt all the same.", "Q42", "Q22")
	s.open(with(`{"redirect_uri":"urn:ietf:wg:oauth:2.0:oob"}`))
	s.tokenServer()
	for _, row := range []struct{ name, pasted string }{
		{"the code", " 4/0AX4XfWh \n"}, {"the query", "code=4%2F0AX4XfWh&state=STATE"}, {"with its question mark", "?state=STATE&code=4/0AX4XfWh"}, {"the URL", "urn:ietf:wg:oauth:2.0:oob?code=4%2F0AX4XfWh&state=STATE"},
	} {
		s.sent = nil
		state := s.ok("authorize", `"app_state":"mine"`).Str("ok", "state")
		r := s.ok("callback", `"pasted":`+quote(strings.ReplaceAll(row.pasted, "STATE", state)), `"state":`+quote(state))
		if r.Str("ok", "app_state") != "mine" || s.sent[0].Form().Get("code") != "4/0AX4XfWh" {
			t.Errorf("%s: %s %s", row.name, r.Raw, s.sent[0].Raw)
		}
	}
	state := s.ok("authorize").Str("ok", "state")
	s.sent = nil
	for _, row := range []struct{ name, code, params string }{
		{"no state", "missing_state", `"pasted":"abc"`},
		{"another attempt's state", "wrong_state", `"pasted":"abc","state":"xyz"`},
		{"a query of another attempt", "wrong_state", `"pasted":"code=abc&state=xyz","state":` + quote(state)},
		{"nothing", "missing_state", `"pasted":"  "`},
		{"a URL of somebody else", "wrong_redirect_uri", `"pasted":"https://evil.example/?code=abc&state=` + state + `"`},
		{"an error", "oauth_error", `"pasted":"error=access_denied&state=` + state + `"`},
		{"a code that is none", "bad_code", `"pasted":"a\u0007b","state":` + quote(state)},
	} {
		if r := s.do("callback", row.params); r.Str("error", "code") != row.code {
			t.Errorf("%s: %s", row.name, r.Raw)
		}
	}
	s.wantSent(0)
	s.ok("callback", `"pasted":"abc","state":`+quote(state))
}
