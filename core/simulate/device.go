package simulate

import (
	"encoding/json"
	"net/url"
	"strings"
)

// deviceStart begins a device flow. The user decides on another device, some time later or never.
func deviceStart(w *World, p *party) {
	p.command("device_start", "", func(ok json.RawMessage) {
		var shown struct {
			URI string `json:"verification_uri_complete"`
		}
		json.Unmarshal(ok, &shown)
		u, err := url.Parse(shown.URI)
		if err != nil || w.chance(.1) {
			return
		}
		decision := "approve"
		if w.chance(.1) {
			decision = "deny"
		}
		w.after(w.long(200, 60_000), func() {
			if !w.healed {
				w.server.decide(u, decision)
				w.note(nil, "the user decides: %s", decision)
			}
		})
	})
}

// decide goes through the pages at a verification URI.
func (s *server) decide(u *url.URL, decision string) {
	page := s.visit("GET", u.RequestURI(), nil)
	page = s.submit(page, "continue", url.Values{"user_code": {u.Query().Get("user_code")}})
	if strings.Contains(string(page.Body), `data-testid="login"`) {
		page = s.submit(page, "sign-in", url.Values{"username": {"user"}, "password": {"password"}})
	}
	if strings.Contains(string(page.Body), `data-testid="approve"`) {
		s.submit(page, decision, nil)
	}
}
