package simulate

import "net/url"

// polls checks a poll when a party sends it.
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
		// A user stops the flow at this moment.
		w.after(w.span(0, 150), func() {
			if !p.dead && !w.healed {
				p.command("poll_stop", []string{"", `"forget":true`}[w.n(2)], nil)
			}
		})
	}
	p.flow.code, p.flow.asked, p.flow.back = code, p.now(), w.setBack
}
