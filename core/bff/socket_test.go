package bff

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

const ours = "https://app.example"

// shake returns the headers with which a browser opens a WebSocket, with these added or replaced.
func shake(more ...string) []string {
	all := []string{"upgrade", "websocket", "connection", "Upgrade", "origin", ours, "sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version", "13", "sec-fetch-mode", "websocket", "sec-fetch-dest", "websocket"}
	for i := 0; i+1 < len(more); i += 2 {
		found := false
		for j := 0; j+1 < len(all); j += 2 {
			if all[j] == more[i] {
				all[j+1], found = more[i+1], true
			}
		}
		if !found {
			all = append(all, more[i], more[i+1])
		}
	}
	var kept []string
	for j := 0; j+1 < len(all); j += 2 {
		if all[j+1] != "" {
			kept = append(kept, all[j], all[j+1])
		}
	}
	return kept
}

// ticketFor asks for a ticket, as a page does, and returns the subprotocols.
func (s *scene) ticketFor(path string) []string {
	s.t.Helper()
	m := s.call("POST", "https://app.example/auth/ticket?path="+path)
	s.want(m, 200, ticketProtocol)
	var got struct{ Protocols []string }
	json.Unmarshal([]byte(m.Str("body", "text")), &got)
	return got.Protocols
}

// carries makes the server behind accept a WebSocket, with this subprotocol.
func (s *scene) carries(protocol string) {
	s.upstream = func(m msg) answer {
		if m.Str("upgrade") == "" {
			return answer{status: 426}
		}
		chosen := ""
		if protocol != "" {
			chosen = `,["sec-websocket-protocol",` + quote(protocol) + `]`
		}
		return answer{status: 101, headers: `[["upgrade","websocket"],["connection","Upgrade"],["sec-websocket-accept","s3pPLMBiTxaQ9kYGzzhZRbK+xOo="],["set-cookie","a=b"]` + chosen + `]`}
	}
}

// openSocket opens a WebSocket with these subprotocols.
func (s *scene) openSocket(path string, protocols []string, more ...string) msg {
	s.t.Helper()
	return s.visit("GET", ours+path, shake(append([]string{"sec-websocket-protocol", strings.Join(protocols, ", ")}, more...)...)...)
}

// alive asks about an open connection as a host does.
func (s *scene) alive(watch string) msg {
	s.t.Helper()
	s.ids++
	input := fmt.Sprintf(`"command":"alive","id":%d,"keep":%s`, s.ids, quote(watch))
	for waiting := []msg(nil); ; {
		s.rec.Use(s.session)
		for _, m := range s.rec.Input(s.session, s.head()+input+"}", core.Taken) {
			if m.Str("kind") == "result" {
				return m
			}
			waiting = append(waiting, m)
		}
		m := waiting[0]
		waiting = waiting[1:]
		input = fmt.Sprintf(`"answer":%q,%s`, m.Str("id"), s.carryOut(m))
	}
}

// TestScenarioSockets: a page gets a ticket and opens a WebSocket with it. The server behind gets
// the token and no ticket, and the WebSocket ends with the session (B30, B33, B35).
func TestScenarioSockets(t *testing.T) {
	s := newScene(t, "A WebSocket through the proxy: a ticket, the handshake with the token, and looks whether the session lives, until it does not.", "B30", "B33", "B35")
	i := s.issuer()
	i.signIn()
	s.carries("chat")
	m := s.openSocket("/api/live?room=1", append(s.ticketFor("%2Fapi%2Flive"), "chat", "other"))
	if m.Str("status") != "101" || m.Header("sec-websocket-protocol") != "chat" || m.Header("sec-websocket-accept") != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || m.Header("set-cookie") != "" {
		t.Fatal(m.Raw)
	}
	p := s.proxied[0]
	if p.Str("upgrade") != "websocket" || p.Str("url") != "https://api.example/v1/live?room=1" || p.Header("authorization") != "Bearer access-token-1" || p.Header("sec-websocket-protocol") != "chat, other" ||
		p.Header("sec-websocket-key") == "" || strings.Contains(p.Raw, "oauth2-ticket") || p.Header("cookie") != "" || p.Header("origin") != "" {
		t.Error(p.Raw)
	}
	if m.Str("again_ms") != "2000" || m.Str("over_ms") != "4500" {
		t.Error(m.Raw)
	}
	watch := m.Str("keep")
	s.now += 2000
	a := s.alive(watch)
	if a.Str("ok", "alive") != "true" || a.Str("ok", "over_ms") != "4500" {
		t.Fatal(a.Raw)
	}
	watch = a.Str("ok", "keep")
	s.call("POST", "https://app.example/auth/logout")
	s.now += 2000
	if a := s.alive(watch); a.Str("ok", "alive") != "false" {
		t.Error(a.Raw)
	}
	s.noTokens()
}

// TestSocketsAreRefused: who cannot open a WebSocket, and what is wrong with each request (B31,
// B32).
func TestSocketsAreRefused(t *testing.T) {
	for _, row := range []struct {
		name   string
		code   string
		status int
		more   func(s *scene, protocols []string) (path string, offered []string, headers []string)
	}{
		{"a page of another site", "foreign_origin", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", p, []string{"origin", "https://evil.example"}
		}},
		{"a page of no origin", "foreign_origin", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", p, []string{"origin", "null"}
		}},
		{"no page", "foreign_origin", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", p, []string{"origin", ""}
		}},
		{"no ticket", "missing_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", p[:1], nil
		}},
		{"the header of pages in its place", "missing_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", p[:1], []string{"x-csrf", "1"}
		}},
		{"the ticket in the URL", "missing_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live?ticket=" + p[1][len(ticketProtocol):] + "&" + p[1], p[:1], nil
		}},
		{"two tickets", "bad_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", append(p, ticketProtocol+"x"), nil
		}},
		{"two tickets, the good one behind", "bad_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", append([]string{ticketProtocol + "x"}, p...), nil
		}},
		{"a ticket of 30 s ago, beside a newer one", "bad_ticket", 403, func(s *scene, p []string) (string, []string, []string) {
			s.now += 20_000
			s.ticketFor("%2Fapi%2Flive")
			s.now += 10_000
			return "/api/live", p, nil
		}},
		{"a made-up ticket", "bad_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live", []string{p[0], ticketProtocol + strings.Repeat("A", 43)}, nil
		}},
		{"another path", "bad_ticket", 403, func(_ *scene, p []string) (string, []string, []string) {
			return "/api/live/more", p, nil
		}},
		{"a used ticket", "bad_ticket", 403, func(s *scene, p []string) (string, []string, []string) {
			s.want(s.openSocket("/api/live", p), 101, "")
			return "/api/live", p, nil
		}},
		{"a ticket that was tried for another path", "bad_ticket", 403, func(s *scene, p []string) (string, []string, []string) {
			s.want(s.openSocket("/api/other", p), 403, "bad_ticket")
			return "/api/live", p, nil
		}},
		{"a ticket of 30 s ago", "bad_ticket", 403, func(s *scene, p []string) (string, []string, []string) {
			s.now += 30_000
			return "/api/live", p, nil
		}},
		{"a ticket of another session", "bad_ticket", 403, func(s *scene, p []string) (string, []string, []string) {
			delete(s.jar, cookieName1)
			(&issuer{s: s, sid: "sid-2", life: 3600, client: "s6BhdRkqt3"}).another()
			return "/api/live", p, nil
		}},
		{"nobody", "not_signed_in", 401, func(s *scene, p []string) (string, []string, []string) {
			delete(s.jar, cookieName1)
			return "/api/live", p, nil
		}},
		{"a session that is over", "not_signed_in", 401, func(s *scene, p []string) (string, []string, []string) {
			session := s.jar[cookieName1]
			s.call("POST", "https://app.example/auth/logout")
			s.jar[cookieName1] = session
			return "/api/live", p, nil
		}},
		{"more sockets than the host holds", "too_many_sockets", 429, func(s *scene, p []string) (string, []string, []string) {
			s.upstream = func(msg) answer { return answer{failed: "denied"} }
			return "/api/live", p, nil
		}},
		{"a host that carries none", "upstream_unsupported", 501, func(s *scene, p []string) (string, []string, []string) {
			s.upstream = func(msg) answer { return answer{failed: "unsupported"} }
			return "/api/live", p, nil
		}},
		{"a server that chooses what nobody offered", "upstream_internal", 502, func(s *scene, p []string) (string, []string, []string) {
			s.carries("surprise")
			return "/api/live", p, nil
		}},
		{"a store that is away", "temporarily_unavailable", 503, func(s *scene, p []string) (string, []string, []string) {
			s.fail = func(m msg) string {
				if m.Str("kind") == "store" {
					return "storage"
				}
				return ""
			}
			return "/api/live", p, nil
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.issuer().signIn()
			s.carries("")
			path, offered, headers := row.more(s, s.ticketFor("%2Fapi%2Flive"))
			proxied := len(s.proxied)
			m := s.openSocket(path, offered, headers...)
			s.want(m, row.status, row.code)
			if row.status != 429 && row.status != 501 && row.status != 502 && len(s.proxied) != proxied {
				t.Error("the server behind was asked")
			}
			if strings.Contains(m.Raw, `"keep"`) {
				t.Error(m.Raw)
			}
		})
	}
}

// another signs in once more, in another user's browser.
func (i *issuer) another() {
	i.n = 10
	i.s.server = i.serve
	i.signIn()
}

// TestTicketsAreFew: pages get tickets for paths of the proxy, and only a few at once (B32, B34).
func TestTicketsAreFew(t *testing.T) {
	s := quietScene(t)
	s.want(s.call("POST", "https://app.example/auth/ticket?path=%2Fapi%2Flive"), 401, "not_signed_in")
	s.issuer().signIn()
	for _, path := range []string{"", "%2F", "%2Fauth%2Fsession", "%2Fapi%2Flive%3Fa", "https%3A%2F%2Fevil.example%2Fapi", "api"} {
		s.want(s.call("POST", "https://app.example/auth/ticket?path="+path), 400, "bad_path")
	}
	s.want(s.visit("POST", "https://app.example/auth/ticket?path=%2Fapi%2Flive", "origin", ours), 403, "missing_header")
	s.want(s.call("POST", "https://app.example/auth/ticket?path=%2Fapi%2Flive", "origin", "https://evil.example"), 200, ticketProtocol) // only the first origin counts
	s.want(s.visit("POST", "https://app.example/auth/ticket?path=%2Fapi%2Flive", "x-csrf", "1", "origin", "https://evil.example"), 403, "foreign_origin")
	seen := map[string]bool{}
	for range maxTickets - 1 {
		p := s.ticketFor("%2Fapi%2Flive")
		if len(p[1]) != len(ticketProtocol)+43 || seen[p[1]] {
			t.Fatal(p)
		}
		seen[p[1]] = true
	}
	s.want(s.call("POST", "https://app.example/auth/ticket?path=%2Fapi%2Flive"), 429, "too_many_tickets")
	for key, value := range s.store {
		for ticket := range seen {
			if strings.Contains(key+value, ticket[len(ticketProtocol):]) {
				t.Error("a ticket is in the store")
			}
		}
	}
	s.now += ticketLife
	s.ticketFor("%2Fapi%2Flive")
}

// TestTicketsOnce: if two processes use one ticket at the same time, one of them succeeds (B32).
func TestTicketsOnce(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.carries("")
	s.each = true
	protocols := strings.Join(s.ticketFor("%2Fapi%2Flive"), ", ")
	var visits []*visit
	for range 3 {
		visits = append(visits, s.begin("GET", "https://app.example/api/live", s.headers(shake("sec-websocket-protocol", protocols)...)))
	}
	for going := true; going; {
		going = false
		for _, v := range visits {
			going = v.step() || going
		}
	}
	opened := 0
	for _, v := range visits {
		switch v.respond.Str("status") {
		case "101":
			opened++
		case "403":
			s.want(*v.respond, 403, "bad_ticket")
		default:
			t.Error(v.respond.Raw)
		}
	}
	if opened != 1 {
		t.Errorf("%d sockets of one ticket", opened)
	}
}

// TestScenarioEvents: an EventSource sends no header of ours; the browser says which origin it
// comes from (B36, B37).
func TestScenarioEvents(t *testing.T) {
	s := newScene(t, "Streams of events through the proxy: by Origin or Fetch Metadata in place of the header, and over with the session.", "B36", "B37")
	s.issuer().signIn()
	s.upstream = func(m msg) answer {
		return answer{status: 200, headers: `[["content-type","text/event-stream; charset=utf-8"]]`, body: "data: 1\n\n"}
	}
	m := s.visit("GET", "https://app.example/api/events", "accept", "text/event-stream", "sec-fetch-site", "same-origin", "sec-fetch-mode", "cors", "last-event-id", "7")
	if s.want(m, 200, "data: 1"); m.Str("keep") == "" || m.Str("over_ms") != "4500" {
		t.Fatal(m.Raw)
	}
	if p := s.proxied[0]; p.Header("last-event-id") != "7" || p.Str("group") == "" || p.Str("most") != "16" {
		t.Error(p.Raw)
	}
	if a := s.alive(m.Str("keep")); a.Str("ok", "alive") != "true" {
		t.Error(a.Raw)
	}
}

// TestWhoMayListen: what an EventSource may send in place of the header (B36).
func TestWhoMayListen(t *testing.T) {
	for _, row := range []struct {
		name    string
		method  string
		headers []string
		status  string
	}{
		{"an EventSource of ours", "GET", []string{"accept", "text/event-stream", "sec-fetch-site", "same-origin"}, "200"},
		{"one of another origin of ours", "GET", []string{"accept", "text/event-stream", "origin", "https://other.app.example", "sec-fetch-site", "same-site"}, "200"},
		{"one of another site", "GET", []string{"accept", "text/event-stream", "origin", "https://evil.example", "sec-fetch-site", "cross-site"}, "403"},
		{"one of a sibling that is not listed", "GET", []string{"accept", "text/event-stream", "origin", "https://evil.app.example", "sec-fetch-site", "same-site"}, "403"},
		{"one that says nothing", "GET", []string{"accept", "text/event-stream"}, "403"},
		{"what other sites embed", "GET", []string{"accept", "text/event-stream", "sec-fetch-site", "cross-site", "sec-fetch-mode", "no-cors"}, "403"},
		{"a request that takes anything", "GET", []string{"accept", "*/*", "sec-fetch-site", "same-origin"}, "403"},
		{"a request that changes something", "POST", []string{"accept", "text/event-stream", "origin", ours, "sec-fetch-site", "same-origin"}, "403"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := quietScene(t)
			s.issuer().signIn()
			if m := s.visit(row.method, "https://app.example/api/events", row.headers...); m.Str("status") != row.status {
				t.Error(m.Raw)
			}
		})
	}
}

// TestWhatIsOpenEnds: a connection ends with the session, with the token, and when nobody can tell
// any more whether the session is alive (B33).
func TestWhatIsOpenEnds(t *testing.T) {
	open := func(t *testing.T, config string) (s *scene, watch string) {
		s = quietScene(t)
		if config != "" {
			s.config = with(config)
		}
		i := s.issuer()
		i.life = 60
		i.signIn()
		s.carries("")
		m := s.openSocket("/api/live", s.ticketFor("%2Fapi%2Flive"))
		s.want(m, 101, "")
		return s, m.Str("keep")
	}
	// lasts returns for how many ms a connection stays open, if the host asks whenever it should.
	lasts := func(s *scene, watch string) int64 {
		for began := s.now; s.now-began < 200_000; {
			a := s.alive(watch)
			if a.Str("ok", "alive") != "true" {
				return s.now - began
			}
			watch = a.Str("ok", "keep")
			s.now += a.Int("ok", "again_ms")
		}
		return -1
	}
	t.Run("with the token", func(t *testing.T) {
		s, watch := open(t, "")
		if ms := lasts(s, watch); ms != 60_000 {
			t.Error(ms)
		}
	})
	t.Run("an answer to a post does not end with the token", func(t *testing.T) {
		s, _ := open(t, "")
		s.upstream = func(msg) answer { return answer{status: 200, headers: `[["content-type","text/event-stream"]]`} }
		if ms := lasts(s, s.call("POST", "https://app.example/api/answers").Str("keep")); ms != -1 {
			t.Error(ms)
		}
	})
	t.Run("with the session", func(t *testing.T) {
		s, watch := open(t, `{"session_ms":10000}`)
		if ms := lasts(s, watch); ms != 10_000 {
			t.Error(ms)
		}
	})
	t.Run("with a session that is not used", func(t *testing.T) {
		s, watch := open(t, `{"idle_ms":20000}`)
		clear(s.expires) // a store that does not delete expired entries
		if ms := lasts(s, watch); ms != 20_000 {
			t.Error(ms)
		}
	})
	t.Run("with the server's word", func(t *testing.T) {
		s, watch := open(t, "")
		for key := range s.store {
			if strings.HasSuffix(key, ".session") {
				delete(s.store, key)
			}
		}
		if ms := lasts(s, watch); ms != 0 {
			t.Error(ms)
		}
	})
	t.Run("while the store is away", func(t *testing.T) {
		s, watch := open(t, "")
		s.fail = func(m msg) string { return "storage" }
		if ms := lasts(s, watch); ms > 5000 || ms < 4000 {
			t.Error(ms)
		}
		s.fail = nil
	})
	t.Run("a store that comes back in time", func(t *testing.T) {
		s, watch := open(t, "")
		s.fail = func(m msg) string { return "storage" }
		s.now += 2000
		a := s.alive(watch)
		if a.Str("ok", "alive") != "true" || a.Str("ok", "over_ms") != "2500" {
			t.Fatal(a.Raw)
		}
		s.fail = nil
		s.now += 2000
		if a := s.alive(a.Str("ok", "keep")); a.Str("ok", "over_ms") != "4500" {
			t.Error(a.Raw)
		}
	})
	t.Run("a store that takes too long to fail", func(t *testing.T) {
		s, watch := open(t, "")
		s.fail = func(m msg) string {
			s.now += 5000
			return "timeout"
		}
		if a := s.alive(watch); a.Str("ok", "alive") != "false" {
			t.Error(a.Raw)
		}
		s.fail = nil
	})
	t.Run("a watch that is none", func(t *testing.T) {
		s, _ := open(t, "")
		for _, watch := range []string{"", "{}", "x", `{"hash":"x","until":9999999999999,"seen":9999999999999}`} {
			if a := s.alive(watch); a.Str("ok", "alive") != "false" {
				t.Error(a.Raw)
			}
		}
	})
}
