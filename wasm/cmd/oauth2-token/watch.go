package main

import (
	"fmt"
	"sync"
	"time"

	"github.com/oauth2-wasm/oauth2-wasm/core/oauth"
)

// watch follows a device flow through the client's effects, for the line that reports it.
type watch struct {
	mu       sync.Mutex
	expires  time.Time
	interval time.Duration
	next     time.Time // when the next poll comes; zero during a poll
}

func (w *watch) device(d oauth.DeviceAuthorization) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expires, w.interval = d.ExpiresAt, d.Interval
}

func (w *watch) event(e oauth.Event) {
	if e.Name == oauth.EventDevice && e.Device.UserCode != "" {
		w.device(*e.Device)
	}
}

// effect: a poll is a request, and the timer after it runs until the next poll.
func (w *watch) effect(e oauth.EffectInfo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case e.Answered:
	case e.Kind == oauth.EffectHTTP:
		w.next = time.Time{}
	case e.Kind == oauth.EffectTimer:
		w.next = time.Now().Add(w.interval)
	}
}

// line says how long the codes are valid, and when the next poll comes.
func (w *watch) line(now time.Time) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.expires.IsZero() {
		return ""
	}
	asking := "asking the server"
	if wait := w.next.Sub(now); wait > 0 {
		asking = "next look in " + left(wait)
	}
	return fmt.Sprintf("Waiting for you to allow it … %s left, %s", left(w.expires.Sub(now)), asking)
}

// left formats a remaining time as m:ss, or in seconds if it is short.
func left(d time.Duration) string {
	s := int64(max(0, d+time.Second-1) / time.Second)
	if s < 60 {
		return fmt.Sprintf("%d s", s)
	}
	return fmt.Sprintf("%d:%02d min", s/60, s%60)
}
