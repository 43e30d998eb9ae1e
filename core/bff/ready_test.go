package bff

import (
	"strings"
	"testing"
)

const probe = "https://app.example/auth/ready"

// TestScenarioReady: a probe learns, under any host name, whether the store can be read and written
// and whether the host is being stopped; many probes cost one look (B90, B91).
func TestScenarioReady(t *testing.T) {
	s := newScene(t, "Probes: the store can be read and written, another host wrote at the same time, the store fails, the host is being stopped.", "B90", "B91")
	s.issuer()
	forget := func() { clear(s.memory) } // a second later
	s.want(s.visit("GET", "http://10.0.0.5:8080/auth/ready"), 200, `{"ready":true}`)
	if s.store["oauth2.ready"] == "" || s.expires["oauth2.ready"] != s.now+readyLife {
		t.Error(s.store, s.expires)
	}
	touched := s.touched
	s.want(s.visit("HEAD", probe), 200, "")
	if s.touched != touched {
		t.Error("a second look within a second")
	}
	s.want(s.visit("POST", probe), 405, "method_not_allowed")
	s.want(s.begin("GET", probe, s.headers(), `"stopping":true`).finish(), 503, `"stopping"`)
	failing := ""
	s.fail = func(m msg) string {
		kind, failed, _ := strings.Cut(failing, " ")
		if m.Str("kind") == kind {
			return failed
		}
		return ""
	}
	for _, row := range []struct {
		fails  string
		status int
	}{{"store conflict", 200}, {"load storage", 503}, {"store storage", 503}, {"recall unsupported", 200}, {"", 200}} {
		forget()
		failing = row.fails
		if m := s.visit("GET", probe); s.status(m) != row.status || row.status == 503 && m.Header("retry-after") == "" {
			t.Errorf("%q: %s", row.fails, m.Raw)
		}
	}
	forget()
	failing = "store storage"
	s.want(s.visit("GET", probe), 503, "temporarily_unavailable")
	touched = s.touched
	s.want(s.visit("GET", probe), 503, "temporarily_unavailable")
	if s.touched != touched {
		t.Error("a store that fails is asked again within a second")
	}
}

// TestStoppingOpensNoSocket: a host that is being stopped refuses a WebSocket before its ticket is
// used up, and serves all other requests (B91).
func TestStoppingOpensNoSocket(t *testing.T) {
	s := quietScene(t)
	s.issuer().signIn()
	s.carries("")
	protocols := s.ticketFor("%2Fapi%2Flive")
	shaken := s.headers(shake("sec-websocket-protocol", strings.Join(protocols, ", "))...)
	s.want(s.begin("GET", ours+"/api/live", shaken, `"stopping":true`).finish(), 503, "temporarily_unavailable")
	s.upstream = func(msg) answer { return answer{status: 200, body: "notes"} }
	s.want(s.begin("GET", ours+"/api/notes", s.headers("x-csrf", "1"), `"stopping":true`).finish(), 200, "")
	s.carries("")
	if m := s.openSocket("/api/live", protocols); s.status(m) != 101 {
		t.Error("the ticket was used up:", m.Raw)
	}
}

func (s *scene) status(m msg) int { return int(m.Int("status")) }
