package core

import (
	"fmt"
	"strings"
	"testing"
)

// bindingServer issues tokens that are bound to a key, without checking the proofs. Devices are
// approved at once, and a device code is valid for one poll.
func (s *scene) bindingServer() {
	n, polled := 0, false
	s.server = func(m msg) reply {
		form := m.Form()
		switch {
		case m.Str("stage") == "revocation":
			return reply{status: 200}
		case m.Str("stage") == "device_authorization":
			return jsonReply(200, rfc8628)
		case form.Get("device_code") != "" && polled:
			return jsonReply(400, `{"error":"invalid_grant"}`)
		}
		polled = polled || form.Get("device_code") != ""
		n++
		return jsonReply(200, fmt.Sprintf(`{"access_token":"access-%d","token_type":"DPoP","expires_in":3600,"refresh_token":"refresh-%d"}`, n, n))
	}
}

// storedKey is the key to which the stored session is bound.
func (s *scene) storedKey() string {
	s.t.Helper()
	_, rest, _ := strings.Cut(s.store["oauth2.session"], `"dpop_key":"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// signInLost does a sign-in up to the store, which carries out the write and loses its answer. It
// returns the effects that follow.
func (s *scene) signInLost(id int) []msg {
	s.t.Helper()
	u := authorizeURL(s)
	server := s.server
	s.server = nil
	left := s.settle(s.input(fmt.Sprintf(`"command":"callback","id":%d,%s`, id, callbackURL(u, "code=c"))))
	http := next(s.t, "http", left)
	s.server = server
	return s.lost(next(s.t, "store", s.answer(http, server(http).member())))
}

// TestInterplayDPoPStoredAfterAll: a sign-in was stored, its answer was lost, and another instance
// refreshed it: the key belongs to that session and stays (X9).
func TestInterplayDPoPStoredAfterAll(t *testing.T) {
	s := quietScene(t)
	s.bindingServer()
	s.open(with(dpopConf))
	first := s.handle
	s.open(with(dpopConf))
	second := s.handle
	s.use(first)
	again := s.signInLost(900)
	s.use(second)
	s.ok("refresh")
	s.use(first)
	s.settle(again)
	if key := s.storedKey(); key == "" || !s.keys[key] {
		t.Errorf("the session in the store is bound to %q; there are %v", key, s.keys)
	}
	s.ok("refresh")
}

// TestInterplayDPoPSignedOutMeanwhile: a sign-in over an older one was stored, its answer was lost,
// and another instance signed out: neither key remains.
func TestInterplayDPoPSignedOutMeanwhile(t *testing.T) {
	s := quietScene(t)
	s.bindingServer()
	s.open(with(dpopConf))
	first := s.handle
	s.signIn()
	s.open(with(dpopConf))
	second := s.handle
	s.use(first)
	again := s.signInLost(900)
	s.use(second)
	s.ok("log_out")
	s.use(first)
	s.settle(again)
	if len(s.keys) != 0 || s.store["oauth2.session"] != "" {
		t.Errorf("left: %v %v", s.keys, s.store)
	}
}

// TestInterplayDPoPTwoPollers: two instances poll with one device code. The one that comes too late
// does not delete the key of the other's session (Q36, X9).
func TestInterplayDPoPTwoPollers(t *testing.T) {
	s := quietScene(t)
	s.bindingServer()
	both := `{"dpop":true,"device_authorization_endpoint":"https://as.example/device"}`
	s.open(with(both))
	first := s.handle
	s.ok("device_start")
	s.open(with(both))
	second := s.handle
	timers := s.timers
	s.timers = nil
	s.ok("poll_start")
	theirs := s.timers
	s.use(first)
	s.timers = timers
	s.pass(5_000)
	key := s.storedKey()
	if key == "" || !s.keys[key] {
		t.Fatal("not signed in:", s.store, s.keys)
	}
	s.use(second)
	s.timers = theirs
	s.pass(5_000)
	if !s.keys[key] {
		t.Errorf("the session in the store is bound to %q; there are %v", key, s.keys)
	}
	s.use(first)
	s.ok("refresh")
}

// TestInterplayDPoPManyAttempts: new attempts displace one that is being redeemed; the resulting
// session has its key (X9).
func TestInterplayDPoPManyAttempts(t *testing.T) {
	s := quietScene(t)
	s.bindingServer()
	s.open(with(dpopConf))
	u := authorizeURL(s)
	server := s.server
	s.server = nil
	http := next(t, "http", s.settle(s.input(`"command":"callback","id":900,`+callbackURL(u, "code=c"))))
	s.server = server
	for range 17 {
		s.ok("authorize")
	}
	s.settle(s.answer(http, server(http).member()))
	if key := s.storedKey(); key == "" || !s.keys[key] {
		t.Errorf("the session in the store is bound to %q; there are %v", key, s.keys)
	}
	s.ok("refresh")
}
