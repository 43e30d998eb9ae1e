package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Connections that stay open: WebSockets (RFC 6455) and streams of events. The host carries the
// data. The engine decides who may open one, and when it ends.

// maxHeld is how many connections of a session may be open at once, at one host.
const maxHeld = 16

// A handshake is a page's request to open a WebSocket.
type handshake struct {
	ticket  string
	offered []string // the subprotocols for the server behind
	ours    bool     // the page also offers ourProtocol
}

// upgrades reports whether the request opens a WebSocket (RFC 6455 section 4.2.1).
func (c *call) upgrades() bool {
	return c.method == "GET" && words.Lower(trim(c.sent("upgrade"))) == "websocket"
}

// listens reports whether this is the request of a page's EventSource, which cannot send a header
// of ours. The browser sends the origin or, for our own origin, Fetch Metadata.
func (c *call) listens() bool {
	return c.method == "GET" && c.wantsEvents() && (c.ours(c.origin) || c.origin == "" && c.sent("sec-fetch-site") == "same-origin")
}

func (c *call) wantsEvents() bool { return words.Lower(trim(c.sent("accept"))) == eventStream }

const eventStream = "text/event-stream"

// admitted reports whether a WebSocket's request is considered further: the browser says that it
// comes from a page of ours, and it has one ticket, which is not in the URL and so in no log.
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
					c.refuse(403, "bad_ticket", "A socket needs exactly one ticket.")
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
		c.refuse(403, "missing_ticket", "A socket needs a ticket as one of its subprotocols.")
		return h, false
	}
	return h, true
}

// handshakeHeaders are the headers of a WebSocket's request that the server behind gets, without
// the ticket. A host whose runtime makes the handshake itself uses only the subprotocols.
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

// watched makes the watch, with which the host checks the session for as long as the connection is
// open, and continues. The connection also ends when its token does, unless it answers a request
// that nobody repeats automatically.
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

// switched completes the handshake. Both sides require that the server chose a subprotocol that was
// offered (RFC 6455 sections 4.1 and 4.2.2).
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

// alive answers the command "alive": may the connection of a watch stay open? An open connection
// does not count as use of the session, so nothing is stored.
func alive(s *link.Link, cfg *config, id int64, in json.Value) {
	w := readWatch(in.Get("keep").Str())
	r := &watchRun{link: s, config: cfg, id: id, watch: w, key: cfg.name + "." + w.hash + ".session"}
	if s.Now >= w.until || s.Now >= w.seen+unseen || s.Now < w.seen-unseen {
		r.end(false)
		return
	}
	s.Load(r.key, false, r.loaded)
}

// A watchRun checks whether a session is alive. Its methods are the steps: loaded, opened.
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
		r.end(true) // while it was last known to be alive recently enough
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
