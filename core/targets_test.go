package core

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const targets = `{"resource_destinations":[{"url":"https://api.example/v1/b","resource":"https://b.example"},{"url":"https://c.example","scope":"c.read"},{"url":"https://c.example/both","resource":"urn:c","scope":"read"}]}`

// targetServer rotates its refresh token, and puts the purpose of each access token into the token.
func (s *scene) targetServer() {
	n := 0
	s.server = func(m msg) reply {
		if !strings.HasSuffix(m.Str("url"), "/token") {
			return reply{status: 200}
		}
		form := m.Form()
		if sent := form.Get("refresh_token"); sent != "" && sent != fmt.Sprintf("refresh-%d", n) {
			return jsonReply(400, `{"error":"invalid_grant"}`)
		}
		if form.Get("resource") == "urn:none" {
			return jsonReply(400, `{"error":"invalid_target","error_description":"no such resource"}`)
		}
		n++
		access := fmt.Sprintf("access-%d", n)
		for _, more := range []string{form.Get("resource"), form.Get("scope")} {
			if more != "" {
				access += "+" + strings.ReplaceAll(more, " ", "+")
			}
		}
		return jsonReply(200, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":3600,"refresh_token":"refresh-%d"}`, access, n))
	}
}

// stored is the session's text.
func (s *scene) stored() map[string]any {
	var m map[string]any
	json.Unmarshal([]byte(s.store["oauth2.session"]), &m)
	return m
}

// TestScenarioTokenForResource: token returns an access token for the named resource and scope. It
// is requested with the session's refresh token and stored beside the session's own token (B50).
func TestScenarioTokenForResource(t *testing.T) {
	s := newScene(t, "One refresh token, an access token for each resource: kept beside the session's own, got anew when it ends, refused without harm, gone with the session.", "B50", "B51", "B52", "B53")
	s.targetServer()
	s.open(with(targets))
	s.signIn()
	want := func(access, scope string, params ...string) {
		t.Helper()
		if r := s.ok("token", params...); r.Str("ok", "access_token") != access || r.Str("ok", "scope") != scope {
			t.Fatalf("%s", r.Raw)
		}
	}
	want("access-2+https://b.example", "read write", `"resource":"https://b.example"`)
	want("access-3+https://b.example+read", "read", `"resource":"https://b.example","scope":"read"`)
	want("access-4+c.read", "c.read", `"scope":"c.read"`)
	want("access-1", "read write")
	want("access-2+https://b.example", "read write", `"resource":"https://b.example"`)
	s.wantSent(4)
	for _, row := range [][2]string{{"https://api.example/v1/a", "access-1"}, {"https://api.example/v1/b/notes", "access-2+https://b.example"}, {"https://c.example/x", "access-4+c.read"}, {"https://c.example/both", "access-5+urn:c+read"}} {
		if r := s.ok("prepare", `"url":"`+row[0]+`"`); r.Str("ok", "headers") != `[["authorization","Bearer `+row[1]+`"]]` {
			t.Fatalf("%s: %s", row[0], r.Raw)
		}
	}
	s.fails("server", "oauth_error", "token", `"resource":"urn:none"`)
	want("access-1", "read write")
	want("access-2+https://b.example", "read write", `"resource":"https://b.example"`)
	s.now += 3_600_000
	want("access-6+https://b.example", "read write", `"resource":"https://b.example"`)
	want("access-7", "read write")
	s.ok("log_out")
	if s.store["oauth2.session"] != "" {
		t.Fatal("something is left of the session")
	}
	s.fails("client", "not_signed_in", "token", `"resource":"https://b.example"`)
}

// TestScenarioResourceRefusesToken: if a resource refuses its token, only that token is renewed
// (B53).
func TestScenarioResourceRefusesToken(t *testing.T) {
	s := newScene(t, "A resource refuses the token that is for it: another one for it is got, and the session's own stays.", "B53")
	s.targetServer()
	s.open(with(targets))
	s.signIn()
	sent := "Bearer access-2+https://b.example"
	s.ok("prepare", `"url":"https://api.example/v1/b"`)
	r := s.ok("answered", `"url":"https://api.example/v1/b","method":"GET","status":401,"headers":[],"sent":"`+sent+`"`)
	if r.Str("ok", "headers") != `[["authorization","Bearer access-3+https://b.example"]]` {
		t.Fatal(r.Raw)
	}
	if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
		t.Fatal(r.Raw)
	}
	s.fails("client", "resource_not_allowed", "answered", `"url":"https://d.example","method":"GET","status":401,"headers":[],"sent":"`+sent+`"`)
}

// TestScenarioTwoResourcesAtOnce: commands for one target share a refresh; refreshes for several
// targets queue, with a server that rotates (B51).
func TestScenarioTwoResourcesAtOnce(t *testing.T) {
	s := newScene(t, "Asks for two resources, and a refresh, at one moment: one request after the other, each with the refresh token of the answer before.", "B51")
	s.targetServer()
	s.open(with(targets))
	s.signIn()
	server := s.server
	s.server = nil
	var ids []string
	var left []msg
	for _, params := range []string{`"resource":"https://b.example"`, `"resource":"https://b.example"`, `"scope":"c.read"`, `"force":true`, `"resource":"https://b.example"`} {
		id, more := s.start("token", params)
		ids, left = append(ids, id), append(left, more...)
	}
	s.server = server
	left = s.settle(left)
	for i, want := range []string{"access-2+https://b.example", "access-2+https://b.example", "access-3+c.read", "access-4", "access-2+https://b.example"} {
		if r := s.resultOf(ids[i], left); r.Str("ok", "access_token") != want {
			t.Errorf("%d: %s", i, r.Raw)
		}
	}
	s.wantSent(4)
}

// TestScenarioResourceInAnotherTab: another instance finds the token for a resource in the store,
// and sends nothing (B52).
func TestScenarioResourceInAnotherTab(t *testing.T) {
	s := newScene(t, "A token for a resource that another instance got is found in the store, and so is its end.", "B52")
	s.targetServer()
	s.open(with(targets))
	first := s.handle
	s.signIn()
	s.open(with(targets))
	second := s.handle
	s.use(first)
	s.ok("token", `"resource":"https://b.example"`)
	s.use(second)
	if r := s.ok("token", `"resource":"https://b.example"`); r.Str("ok", "access_token") != "access-2+https://b.example" {
		t.Fatal(r.Raw)
	}
	s.ok("token", `"scope":"c.read"`)
	s.use(first)
	s.ok("token", `"scope":"c.read"`)
	s.wantSent(3)
	s.use(second)
	s.ok("log_out")
	s.use(first)
	s.now += 1_000
	s.fails("client", "not_signed_in", "token", `"resource":"https://b.example"`)
}

// TestTargetAnswers: what an answer to a refresh for a resource changes (B51, B53).
func TestTargetAnswers(t *testing.T) {
	const good = `"access_token":"b","token_type":"Bearer","expires_in":60`
	for _, row := range []struct {
		name, config, answer string
		status               int
		code                 string // of the error; "" for none
		refresh              string // that is stored afterwards
		marked               bool   // it is not known whether the token was used
		again                bool   // the request was sent twice
		stored               bool   // the access token is stored
	}{
		{name: "a rotated refresh token is the session's", answer: `{` + good + `,"refresh_token":"r2"}`, refresh: "r2", stored: true},
		{name: "without one the old one stays", answer: `{` + good + `}`, refresh: "r1", stored: true},
		{name: "no such resource", status: 400, answer: `{"error":"invalid_target"}`, code: "oauth_error", refresh: "r1"},
		{name: "more scope than was granted", status: 400, answer: `{"error":"invalid_scope"}`, code: "oauth_error", refresh: "r1"},
		{name: "the refresh token is dead", status: 400, answer: `{"error":"invalid_grant"}`, code: "oauth_error"},
		{name: "a rotated refresh token without access token", answer: `{"refresh_token":"r2"}`, code: "missing_access_token", refresh: "r2"},
		{name: "of an unknown type", answer: `{"access_token":"b","token_type":"mac","refresh_token":"r2"}`, code: "unknown_token_type", refresh: "r2"},
		{name: "nothing to use", answer: `{}`, code: "missing_access_token", refresh: "r1", marked: true, again: true},
		{name: "an ID token, which is not the session's", answer: `{` + good + `,"id_token":"x.y.z","refresh_token":"r2","more":1}`, refresh: "r2", stored: true},
		{name: "the server is away", status: 503, answer: `x`, code: "http_error", refresh: "r1", marked: true, again: true},
		{name: "a token that is too long", answer: `{"access_token":"` + strings.Repeat("b", 49<<10) + `","token_type":"Bearer","refresh_token":"r2"}`, code: "too_large", refresh: "r2"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.server = func(m msg) reply {
				if m.Form().Get("grant_type") != "refresh_token" {
					return jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r1"}`)
				}
				return jsonReply(max(200, row.status), row.answer)
			}
			s.open(with(`{"scope":"read"}`))
			s.signIn()
			if row.code == "" {
				s.ok("token", `"resource":"https://b.example"`)
			} else if r := s.do("token", `"resource":"https://b.example"`); r.Str("error", "code") != row.code {
				t.Fatal(r.Raw)
			}
			want := 2
			if row.again {
				want++
			}
			s.wantSent(want)
			text := s.stored()
			refresh, _ := text["refresh_token"].(string)
			if refresh != row.refresh || (text["sent_at"] != nil) != row.marked || (text["other"] != nil) != row.stored {
				t.Errorf("stored: %v", text)
			}
			if r := s.ok("token"); r.Str("ok", "access_token") != "a" {
				t.Errorf("the session's own token: %s", r.Raw)
			}
			if row.stored {
				if other := text["other"].(map[string]any); other["access_token"] != "b" || other["target"] != "https://b.example " || other["refresh_token"] != nil || other["id_token"] != nil || other["extra"] != nil {
					t.Errorf("stored: %v", other)
				}
			}
			if text["extra"] != nil || text["id_token"] != nil {
				t.Errorf("of another answer than the session's: %v", text)
			}
		})
	}
}

// TestTargetsKept: tokens for other targets are kept while they are valid, at most 16 of them, and
// no longer than the session (B52).
func TestTargetsKept(t *testing.T) {
	ask := func(s *scene, i int) string {
		return s.ok("token", fmt.Sprintf(`"resource":"https://r%d.example"`, i)).Str("ok", "access_token")
	}
	begin := func(t *testing.T, config ...string) *scene {
		s := quietScene(t)
		s.targetServer()
		s.open(with(config...))
		s.signIn()
		return s
	}
	t.Run("the one used longest ago goes", func(t *testing.T) {
		s := begin(t)
		for i := range 40 {
			ask(s, i)
			ask(s, 0)
		}
		s.wantSent(41)
		if ask(s, 39); len(s.sent) != 41 {
			t.Error("the last one is gone")
		}
		if ask(s, 1); len(s.sent) != 42 {
			t.Error("the one used longest ago stays")
		}
		n := 0
		for at, _ := s.stored()["other"].(map[string]any); at != nil; at, _ = at["other"].(map[string]any) {
			n++
		}
		if n < 8 || n > 16 {
			t.Errorf("%d are kept", n)
		}
	})
	t.Run("they outlive a refresh of the session's own", func(t *testing.T) {
		s := begin(t)
		ask(s, 1)
		s.ok("refresh")
		ask(s, 1)
		s.wantSent(3)
	})
	t.Run("and a restart", func(t *testing.T) {
		s := begin(t)
		ask(s, 1)
		s.open(with())
		ask(s, 1)
		s.open(with(), `"session":`+quote(s.ok("export").Str("ok", "session")))
		ask(s, 1)
		s.wantSent(2)
	})
	t.Run("not a new sign-in", func(t *testing.T) {
		s := begin(t)
		ask(s, 1)
		s.signIn()
		ask(s, 1)
		s.wantSent(4)
	})
	t.Run("nor the end of the access tokens", func(t *testing.T) {
		s := begin(t)
		ask(s, 1)
		s.ok("revoke", `"token":"access_token"`)
		sent := len(s.sent)
		ask(s, 1)
		s.wantSent(sent + 1)
	})
	t.Run("an older version's text is read, and the other way round", func(t *testing.T) {
		s := begin(t)
		ask(s, 1)
		text := s.stored()
		delete(text, "other")
		old, _ := json.Marshal(text)
		s.store["oauth2.session"] = string(old)
		s.version["oauth2.session"]++
		s.open(with())
		if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
			t.Error(r.Raw)
		}
		ask(s, 1)
		s.wantSent(3)
	})
	t.Run("a text that somebody changed", func(t *testing.T) {
		for _, other := range []string{`7`, `[]`, `{}`, `{"target":7}`, `{"target":""}`, `{"target":"https://r1.example ","access_token":"x"}`, `{"other":{"other":{}}}`} {
			s := begin(t)
			text := s.stored()
			text["other"] = json.RawMessage(other)
			changed, _ := json.Marshal(text)
			s.store["oauth2.session"] = string(changed)
			s.version["oauth2.session"]++
			s.open(with())
			if r := s.ok("token"); r.Str("ok", "access_token") != "access-1" {
				t.Errorf("%s: %s", other, r.Raw)
			}
			ask(s, 2)
		}
	})
	t.Run("the store fails, and it is held in memory", func(t *testing.T) {
		s := begin(t)
		server := s.server
		s.server = func(m msg) reply {
			s.broken = 4 // the mark was stored, and the answer cannot be
			return server(m)
		}
		first := ask(s, 1)
		s.broken = 0
		if again := ask(s, 1); again != first || !strings.Contains(s.eventNames(), "not_persisted") {
			t.Errorf("%s, then %s", first, again)
		}
	})
	t.Run("no refresh token", func(t *testing.T) {
		s := quietScene(t)
		s.server = func(msg) reply { return jsonReply(200, `{"access_token":"a","token_type":"Bearer","expires_in":3600}`) }
		s.open(with())
		s.signIn()
		s.fails("client", "no_refresh_token", "token", `"resource":"https://b.example"`)
		s.ok("token")
		s.wantSent(1)
	})
}

// TestTargetHeld: an answer for a target says until when it may be cached, by that token's expiry
// (B54).
func TestTargetHeld(t *testing.T) {
	s := quietScene(t)
	s.server = func(m msg) reply {
		life := 3600
		if m.Form().Get("resource") != "" {
			life = 600
		}
		return jsonReply(200, fmt.Sprintf(`{"access_token":"a","token_type":"Bearer","expires_in":%d,"refresh_token":"r"}`, life))
	}
	s.open(with(targets), `"notified":true`)
	s.signIn()
	for _, row := range []struct {
		command, params string
		want            int64
	}{
		{"token", `"resource":"https://b.example"`, 590_000},
		{"prepare", `"url":"https://api.example/v1/b"`, 590_000},
		{"token", `"held":true`, 3_590_000},
		{"prepare", `"url":"https://api.example/v1"`, 3_590_000},
		{"token", `"resource":"https://b.example","force":true`, 0},
	} {
		if r := s.ok(row.command, row.params); goodUntil(r) != max(0, row.want+s.now) && row.want > 0 || row.want == 0 && goodUntil(r) != 0 {
			t.Errorf("%s %s: %s", row.command, row.params, r.Raw)
		}
	}
}

// TestTargetDPoP: a token for a target is bound to the session's key, and a bearer token is refused
// (B55).
func TestTargetDPoP(t *testing.T) {
	s := quietScene(t)
	kind := "DPoP"
	s.server = func(m msg) reply {
		return jsonReply(200, fmt.Sprintf(`{"access_token":"a%d","token_type":%q,"expires_in":3600,"refresh_token":"r"}`, len(s.sent), kind))
	}
	s.open(with(targets, `{"dpop":true}`))
	s.signIn()
	r := s.ok("prepare", `"url":"https://api.example/v1/b"`)
	if !strings.Contains(r.Raw, `["authorization","DPoP a2"],["dpop",`) || goodUntil(r) != 0 {
		t.Error(r.Raw)
	}
	if s.sent[1].Header("dpop") == "" {
		t.Error("no proof at the server")
	}
	kind = "Bearer"
	s.fails("server", "dpop_downgrade", "token", `"resource":"https://e.example"`)
	if r := s.ok("token"); r.Str("ok", "access_token") != "a1" {
		t.Error(r.Raw)
	}
}

// TestTargetParameters: an invalid resource or scope is refused, and not ignored (B56).
func TestTargetParameters(t *testing.T) {
	s := quietScene(t)
	s.targetServer()
	s.open(with(targets))
	s.signIn()
	for params, want := range map[string]string{
		`"resource":""`:                       "bad_url resource",
		`"resource":"b.example"`:              "bad_url resource",
		`"resource":"https://b.example#x"`:    "bad_url resource",
		`"resource":"https://b.example/a b"`:  "bad_url resource",
		`"resource":["https://b.example"]`:    "bad_url resource",
		`"resource":true`:                     "bad_url resource",
		`"resource":null`:                     "bad_url resource",
		`"scope":""`:                          "bad_value scope",
		`"scope":"a  b"`:                      "bad_value scope",
		`"scope":["a"]`:                       "bad_value scope",
		`"resource":"urn:x","scope":"\u00fc"`: "bad_value scope",
	} {
		if r := s.do("token", params); r.Str("error", "kind") != "client" || r.Str("error", "code")+" "+r.Str("error", "field") != want {
			t.Errorf("%s: %s", params, r.Raw)
		}
	}
	s.wantSent(1)
	for config, want := range map[string]string{
		`[{"url":"https://b.example","resource":"https://b.example"}]`: "",
		`[{"url":"https://b.example","scope":"b"}]`:                    "",
		`[{"url":"https://b.example"}]`:                                "bad_value",
		`[{"resource":"https://b.example"}]`:                           "bad_value",
		`["https://b.example"]`:                                        "bad_value",
		`[7]`:                                                          "bad_value",
		`{}`:                                                           "bad_value",
		`[{"url":"http://b.example","resource":"https://b.example"}]`:           "not_https",
		`[{"url":"https://b.example?x","resource":"https://b.example"}]`:        "bad_url",
		`[{"url":"https://b.example","resource":"b"}]`:                          "bad_url",
		`[{"url":"https://b.example","resource":"urn:b","scope":"a  b"}]`:       "bad_value",
		`[{"url":"https://b.example","resource":"urn:b","scop":"a"}]`:           "bad_value",
		`[{"url":"https://b.example","resource":"urn:b","scope":"a","name":1}]`: "bad_value",
	} {
		r := quietScene(t).open(with(`{"resource_destinations":` + config + `}`))
		if r.Str("error", "code") != want || want != "" && r.Str("error", "field") != "resource_destinations" {
			t.Errorf("%s: %s", config, r.Raw)
		}
	}
}

// TestTargetOfURL: of the destinations above a URL, the longest determines its token (B53).
func TestTargetOfURL(t *testing.T) {
	s := quietScene(t)
	s.targetServer()
	s.open(with(`{"token_destinations":["https://api.example/v1","https://b.example/own"],"resource_destinations":[{"url":"https://api.example","resource":"urn:all"},{"url":"https://b.example","resource":"urn:b"},{"url":"https://b.example/own","scope":"same"}]}`))
	s.signIn()
	for url, want := range map[string]string{
		"https://api.example/v1/x": "access-1",
		"https://api.example/v2":   "+urn:all",
		"https://b.example/":       "+urn:b",
		"https://b.example/ownx":   "+urn:b",
		"https://b.example/own/x":  "+same",
	} {
		if r := s.ok("prepare", `"url":"`+url+`"`); !strings.Contains(r.Raw, want+`"]`) {
			t.Errorf("%s: %s", url, r.Raw)
		}
	}
	for _, url := range []string{"http://b.example/", "https://b.example.evil/", "https://b.example:444/"} {
		if r := s.do("prepare", `"url":"`+url+`"`); r.Str("error", "code") != "resource_not_allowed" {
			t.Errorf("%s: %s", url, r.Raw)
		}
	}
}

// TestTargetSecrets: an error that repeats a token of another target does not show it (B57).
func TestTargetSecrets(t *testing.T) {
	s := quietScene(t)
	n := 0
	s.server = func(m msg) reply {
		if n++; n > 2 {
			return jsonReply(400, `{"error":"invalid_request","error_description":"not for secret-token-2"}`)
		}
		return jsonReply(200, fmt.Sprintf(`{"access_token":"secret-token-%d","token_type":"Bearer","expires_in":3600,"refresh_token":"r"}`, n))
	}
	s.open(with(targets))
	s.signIn()
	s.ok("token", `"resource":"https://b.example"`)
	if r := s.do("token", `"resource":"urn:c"`); strings.Contains(r.Raw, "secret-token") || !strings.Contains(r.Raw, "(redacted)") {
		t.Error(r.Raw)
	}
}
