package simulate

import (
	"encoding/json"
	"net/url"
	"strings"
)

// A flow is what can be seen of a party's device flow (RFC 8628).
type flow struct {
	polling  bool
	interval int64
	code     string // of the last poll
	asked    int64  // when that was, by the party's clock
	back     int64  // how far that clock was set back since the party was opened
	refused  string // the code of a poll that was refused for want of a nonce, and goes out once more at once
}

// polls judges a poll as it leaves a party.
func (p *party) polls(x *exchange) {
	w, code := p.w, x.form.Get("device_code")
	switch {
	case p.flow.polling:
	case w.plan.hooks:
		w.excuse("a poll went on behind its hook")
	default:
		w.fail("poll-while-stopped", "%s polls with %s, though it said that polling is stopped", p.name(), w.ledger.name(code))
	}
	for _, t := range p.tasks {
		if t != x.t && t.effect.Stage == "polling" {
			if old, _ := url.ParseQuery(*t.effect.Body.Text); old.Get("device_code") == code {
				w.fail("two-polls", "%s polls with %s while another poll is under way", p.name(), w.ledger.name(code))
			}
		}
	}
	once := p.flow.refused == code
	p.flow.refused = ""
	if since := p.now() - p.flow.asked; !once && code == p.flow.code && since >= 0 && since < p.flow.interval && w.setBack == p.flow.back {
		w.fail("poll-too-soon", "%s polls %d ms after its last poll; the interval is %d ms", p.name(), since, p.flow.interval)
	}
	if !w.healed && w.chance(.15) {
		// A user who stops at this very moment.
		w.after(w.span(0, 150), func() {
			if !p.dead && !w.healed {
				p.command("poll_stop", []string{"", `"forget":true`}[w.n(2)], nil)
			}
		})
	}
	p.flow.code, p.flow.asked, p.flow.back = code, p.now(), w.setBack
}

// deviceStart begins a device flow; the user decides on another device, some time later or never.
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

// decide goes through the pages behind a verification URI.
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
