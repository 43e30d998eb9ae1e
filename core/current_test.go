package core

import (
	"strings"
	"testing"
)

// shown returns the contents of the events current since the last call, as "granted 248289761001
// 1700003600000". It checks that each came before the other events of its change.
func (s *scene) shown() string {
	s.t.Helper()
	var all []string
	for i, e := range s.events {
		if e.Str("event") == "granted" && (i == 0 || s.events[i-1].Str("event") != "current" && s.events[i-1].Str("event") != "status") {
			s.t.Error("granted came before current")
		}
		if e.Str("event") == "current" {
			all = append(all, strings.TrimSpace(strings.TrimSuffix(e.Str("status")+" "+e.Str("claims", "sub")+" "+e.Str("expires_at"), " ")))
		}
	}
	s.events = nil
	return strings.Join(all, ", ")
}

// TestScenarioCurrent: P50 P51.
func TestScenarioCurrent(t *testing.T) {
	s := newScene(t, "What an application shows of a session is told once it is known, and with each change, to a host that takes it: who is signed in and until when. A refresh and a device flow under way change nothing of it.", "P50", "P51")
	s.issuer()
	config := with(oidcConf, `{"device_authorization_endpoint":"https://as.example/device","refresh_lead_ms":60000}`)
	const takes = `"current":true`
	const nobody = "not_authenticated"
	const alice, later = "granted 248289761001 1700003600000", "granted 248289761001 1700003610000"
	s.open(config, takes)
	want := func(name, want string) {
		t.Helper()
		if got := s.shown(); got != want {
			t.Fatalf("%s: shows %q, want %q", name, got, want)
		}
	}
	want("an empty store", nobody)
	issue := s.server
	s.server = func(m msg) reply {
		if strings.HasSuffix(m.Str("url"), "/device") {
			return jsonReply(200, rfc8628)
		}
		return issue(m)
	}
	s.ok("device_start")
	want("a device flow begins", nobody)
	s.ok("poll_stop", `"forget":true`)
	want("a device flow ends", nobody)
	if r := s.callback(); r.M["ok"] == nil {
		t.Fatal(r.Raw)
	}
	want("a sign-in", alice)
	s.ok("device_start")
	want("a device flow beside a session", alice)
	s.ok("poll_stop", `"forget":true`)
	s.shown()
	s.now += 10_000
	s.ok("refresh")
	want("a refresh", later)
	one := s.handle
	bytes := s.ok("export").Raw

	s.open(config, takes)
	want("a stored session", later)
	s.ok("status")
	want("a look that finds nothing new", "")
	s.use(one)
	s.ok("revoke", `"token":"access_token"`)
	want("a revoked access token", nobody)
	s.ok("refresh")
	want("and a new one", later)
	two := s.handle + 1
	s.use(two)
	s.ok("status")
	want("a refresh at another instance", later)
	s.use(one)
	s.ok("log_out")
	want("a sign-out", nobody)
	s.use(two)
	s.now += 1_000
	s.ok("status")
	want("a sign-out at another instance", nobody)

	// A token that nothing can refresh.
	s.ok("set_token", `"token":{"access_token":"a","token_type":"Bearer","expires_in":100}`)
	want("a token that was brought", "granted  1700000111000")
	s.pass(100_001)
	want("its end", nobody)

	session := strings.TrimSuffix(bytes[strings.Index(bytes, `"session":`):], "}}")
	s.open(config, takes, session)
	want("bytes of a session", later)
	s.open(config, takes, `"session":""`)
	want("bytes of none", nobody)
	s.open(config)
	want("a host that does not take it", "")
}
