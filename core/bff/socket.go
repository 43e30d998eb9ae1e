package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// What stays open: WebSockets (RFC 6455) and streams of events. The host carries them; who may open
// one, and when it ends, is said here.

// maxHeld is how many of a session may be open at once, at one host.
const maxHeld = 16

// A handshake is what a page's WebSocket says of itself.
type handshake struct {
	ticket  string
	offered []string // the subprotocols that are for the server behind
	ours    bool     // the page offers ourProtocol, too
}

// upgrades tells whether the request opens a WebSocket (RFC 6455 section 4.2.1).
func (c *call) upgrades() bool {
	return c.method == "GET" && words.Lower(trim(c.sent("upgrade"))) == "websocket"
}

// listens tells whether a page's EventSource asks, which can send no header of its own. Its browser
// names the origin, or, where that is our own, says that it is (Fetch Metadata).
func (c *call) listens() bool {
	return c.method == "GET" && c.wantsEvents() && (c.ours(c.origin) || c.origin == "" && c.sent("sec-fetch-site") == "same-origin")
}

func (c *call) wantsEvents() bool { return words.Lower(trim(c.sent("accept"))) == eventStream }

const eventStream = "text/event-stream"

// admitted tells whether a WebSocket may be looked at any further: it comes from a page of ours, as
// its browser says, and brings one ticket, where no URL and no log has it.
func (c *call) admitted() (h handshake, ok bool) {
	if !c.ours(c.origin) {
		c.refuse(403, "foreign_origin", "Pages of this origin may not call.")
		return h, false
	}
	for _, header := range c.headers {
		if header.Name != "sec-websocket-protocol" {
			continue
		}
		for from := 0; from < len(header.Value); {
			name, next := cut(header.Value, from, ',')
			from = next
			switch {
			case words.Prefixed(name, ticketProtocol):
				if h.ticket != "" {
					c.refuse(403, "bad_ticket", "A socket has one ticket.")
					return h, false
				}
				h.ticket = name[len(ticketProtocol):]
			case name == ourProtocol:
				h.ours = true
			case name != "":
				h.offered = append(h.offered, name)
			}
		}
	}
	if h.ticket == "" {
		c.refuse(403, "missing_ticket", "A socket needs a ticket, among its subprotocols.")
		return h, false
	}
	return h, true
}

// handshakeHeaders are those of a socket's request that the server behind gets, the ticket not
// among them. A host whose runtime shakes hands by itself leaves out all but the subprotocols.
func (c *call) handshakeHeaders(h *handshake) (headers []form.Param) {
	for _, name := range [...]string{"sec-websocket-key", "sec-websocket-version", "sec-websocket-extensions"} {
		if value := c.sent(name); value != "" {
			headers = append(headers, form.Param{Name: name, Value: value})
		}
	}
	list := ""
	for _, o := range h.offered {
		if list != "" {
			list += ", "
		}
		list += o
	}
	if list != "" {
		headers = append(headers, form.Param{Name: "sec-websocket-protocol", Value: list})
	}
	return headers
}

// watched has the host look whether the session lives for as long as what was begun is open, and
// goes on with what says so. It ends with the token that was sent, too, unless it answers a request
// that nobody repeats by themselves.
func (p *relay) watched(then func()) {
	p.client.Do("status", `"held":true`, func(ok json.Value, f *link.Fault) {
		if f != nil || p.vault.created == 0 {
			p.c.unavailable()
			return
		}
		c := p.c
		c.watch = &watch{hash: p.vault.hash, until: p.vault.created + c.config.sessionMS, seen: c.link.Now}
		if expires, known := ok.Get("expires_at").Int(); known && c.method == "GET" {
			c.watch.until = min(c.watch.until, expires)
		}
		then()
	})
}

// switched lets a socket be one. That the server chose a subprotocol which was offered is a rule of
// both sides (RFC 6455 sections 4.1 and 4.2.2).
func (p *relay) switched() {
	chosen, h := "", p.socket
	var out []form.Param
	for _, header := range p.headers {
		switch header.Name {
		case "sec-websocket-protocol":
			chosen = trim(header.Value)
		case "sec-websocket-accept", "sec-websocket-extensions":
			out = append(out, header)
		}
	}
	switch {
	case words.Lower(trim(form.ValueOf(p.headers, "upgrade"))) != "websocket", chosen != "" && !words.Among(h.offered, chosen):
		p.c.watch = nil
		p.c.refuse(502, "upstream_internal", "The server behind could not be understood.")
		return
	case chosen == "" && h.ours:
		chosen = ourProtocol
	}
	if chosen != "" {
		out = append(out, form.Param{Name: "sec-websocket-protocol", Value: chosen})
	}
	p.c.send(101, append(out, form.Param{Name: "cache-control", Value: "no-store"}), p.content.Raw())
}

// alive answers the command of that name: whether what a watch belongs to may stay open. Being open
// is no use of the session, so nothing is stored.
func alive(s *link.Link, cfg *config, id int64, in json.Value) {
	w := readWatch(in.Get("keep").Str())
	r := &watchRun{link: s, config: cfg, id: id, watch: w, key: cfg.name + "." + w.hash + ".session"}
	if s.Now >= w.until || s.Now >= w.seen+unseen || s.Now < w.seen-unseen {
		r.end(false)
		return
	}
	s.Load(r.key, false, r.loaded)
}

// A watchRun looks whether a session lives. Its methods are the steps: loaded, opened.
type watchRun struct {
	link   *link.Link
	config *config
	id     int64
	watch  watch
	key    string
}

func (r *watchRun) loaded(sealed, _, failed string) {
	switch {
	case failed != "":
		r.end(true) // for as long as it was known to live
	case sealed == "":
		r.end(false)
	default:
		c := &call{config: r.config, link: r.link}
		c.unseal(sealed, r.key, r.opened)
	}
}

func (r *watchRun) opened(text, failed string) {
	record, _ := json.Parse(text)
	created, _ := record.Get("created_at").Int()
	seen, _ := record.Get("seen_at").Int()
	now := r.link.Now
	switch {
	case failed == "tampered" || failed == "" && (now >= created+r.config.sessionMS || now >= seen+r.config.idleMS):
		r.end(false)
	case failed != "":
		r.end(true)
	default:
		r.watch.seen = now
		r.end(true)
	}
}

func (r *watchRun) end(alive bool) {
	r.link.Result(r.id, nil, func(w *json.Writer) {
		if alive = alive && r.link.Now < r.watch.until && r.link.Now < r.watch.seen+unseen; alive {
			w.MemberBool("alive", true)
			r.watch.write(w, r.link.Now)
			return
		}
		w.MemberBool("alive", false)
	})
}
