package bff

import (
	"maps"
	"net/url"
	"testing"
)

// TestScenarioTurnBack: a person who comes to the callback by an old link, or a second time, gets the page
// with the reason in its URL, and not JSON; whoever does not navigate gets the reason (D12).
func TestScenarioTurnBack(t *testing.T) {
	navigate := []string{"sec-fetch-mode", "navigate", "sec-fetch-dest", "document", "sec-fetch-site", "none"}
	s := newScene(t, "Callbacks that answer no sign-in of this browser, or one that was answered before: a navigation is sent to the page with the reason, everything else is refused.", "D12")
	i := s.issuer()
	mine := i.login("?return_to=%2Fmine")
	before := maps.Clone(s.jar)
	s.visit("GET", callback(mine))
	for _, row := range []struct {
		name  string
		jar   map[string]string
		query url.Values
		code  string
		back  string
	}{
		{"an old callback in a browser without its cookie", map[string]string{}, mine, "unknown_attempt", "https://app.example/"},
		{"no state", before, url.Values{"code": {"x"}}, "unknown_attempt", "https://app.example/"},
		{"nothing at all", before, url.Values{}, "unknown_attempt", "https://app.example/"},
		{"the same callback a second time", before, mine, "already_used", "https://app.example/mine"},
	} {
		t.Run(row.name, func(t *testing.T) {
			s.t = t
			s.jar = maps.Clone(row.jar)
			m := s.visit("GET", callback(row.query), navigate...)
			if m.str("status") != "303" || m.header("location") != row.back+"?error="+row.code {
				t.Errorf("%s %s", m.str("status"), m.header("location"))
			}
			s.jar = maps.Clone(row.jar)
			s.want(s.visit("GET", callback(row.query)), 400, row.code)
		})
	}
}
