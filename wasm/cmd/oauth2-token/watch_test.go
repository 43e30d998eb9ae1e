package main

import (
	"strings"
	"testing"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

func TestLeft(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0 s": -time.Second, "1 s": time.Millisecond, "5 s": 5 * time.Second, "59 s": 58*time.Second + 1, "1:00 min": time.Minute, "10:05 min": 605 * time.Second, "120:00 min": 2 * time.Hour,
	} {
		if got := left(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

// The line follows the polls, and the interval when the server makes it longer.
func TestLine(t *testing.T) {
	w := &watch{}
	if w.line(time.Now()) != "" {
		t.Error("a line before anything is known")
	}
	flow := oauth.DeviceAuthorization{UserCode: "WDJB-MJHT", ExpiresAt: time.Now().Add(10 * time.Minute), Interval: 5 * time.Minute}
	expect := func(parts ...string) {
		t.Helper()
		for _, part := range parts {
			if got := w.line(time.Now()); !strings.Contains(got, part) {
				t.Errorf("%q is not in %q", part, got)
			}
		}
	}
	w.event(oauth.Event{Name: "device", Device: &flow})
	w.effect(oauth.EffectInfo{Kind: "timer"})
	expect("10:00 min left", "next look in 5:00 min")
	w.effect(oauth.EffectInfo{Kind: "http"})
	expect("asking the server")
	flow.Interval = 8 * time.Minute
	w.event(oauth.Event{Name: "device", Device: &flow})
	w.effect(oauth.EffectInfo{Kind: "timer"})
	expect("next look in 8:00 min")
	w.event(oauth.Event{Name: "device", Device: &oauth.DeviceAuthorization{}}) // the flow has ended
	expect("10:00 min left")
}
