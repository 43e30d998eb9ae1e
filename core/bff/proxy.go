package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A relay passes a page's request to a resource, with the session's token, and passes the answer
// back. Its methods are the steps in order: admit, begin, prepared, send, answered, judged,
// passBack or switched.
type relay struct {
	c       *call
	client  *core.Client
	about   string       // method and URL, as the members of commands
	url     string       // with its query
	page    []form.Param // the page's headers that are passed on
	body    json.Value
	whole   bool         // the whole body is here, so it can be sent again
	added   []form.Param // headers with the token, and a proof
	at      int64        // when added was made, Unix ms
	retried string
	socket  *handshake // nil if no WebSocket is opened
	vault   *vault

	status  int64 // the answer's
	headers []form.Param
	content json.Value
}

// stale is the greatest age, in ms, of the headers with the token when they are sent: a proof of
// possession states when it was made (RFC 9449 section 4.2).
const stale = 1000

// routeOf returns the route of a URL: the one with the longest path, nil for none.
func (c *call) routeOf(url string) (best *route) {
	for i := range c.config.routes {
		if r := &c.config.routes[i]; uri.Within(url, uri.SecureOrigin(c.config.base)+r.path) && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	return best
}

// proxy sends the request to the target of a route. socket describes a WebSocket's handshake; it is
// nil for any other request.
func (c *call) proxy(r *route, socket *handshake) {
	connection, ok := hop(c.headers)
	if !ok {
		c.refuse(431, "too_many_headers", "Connection names too many headers.")
		return
	}
	rest := uri.Path(c.url)[len(r.path):]
	if r.path == "/" {
		rest = uri.Path(c.url)
	}
	target := r.target
	if n := len(target); n > 0 && target[n-1] == '/' {
		target = target[:n-1]
	}
	if rest != "" && rest[0] != '/' {
		target += "/"
	}
	target += rest
	w := json.NewWriter()
	w.MemberStr("url", target)
	w.MemberStr("method", c.method)
	p := &relay{c: c, about: w.String(), url: target + c.rawQuery, socket: socket}
	for _, h := range c.headers {
		if c.config.passesOn(h.Name) && !words.Among(connection, h.Name) {
			p.page = append(p.page, h)
		}
	}
	if c.method != "GET" && c.method != "HEAD" { // their bodies have no meaning (RFC 9110 section 9.3.1)
		p.body = c.body
	}
	c.withClient(401, p.admit)
}

// admit redeems the ticket of a socket. A wrong ticket says nothing about the session.
func (p *relay) admit(client *core.Client, v *vault) {
	p.vault = v
	if p.socket == nil {
		p.begin(client)
		return
	}
	p.c.useTicket(v.hash, p.socket.ticket, uri.Path(p.c.url), func(good bool, failed string) {
		switch {
		case failed != "":
			p.c.unavailable()
		case !good:
			p.c.refuse(403, "bad_ticket", "The ticket is invalid, has expired, was used, or is for another path.")
		default:
			p.begin(client)
		}
	})
}

func (p *relay) begin(client *core.Client) {
	p.client = client
	p.at = p.c.link.Now
	client.Do("prepare", p.about, p.prepared)
}

// prepared reads a body that is short enough to be sent again, now that its sender is known. A
// longer one, or one of unknown length, is streamed.
func (p *relay) prepared(ok json.Value, f *link.Fault) {
	if f != nil {
		p.c.failed(p.client, f)
		return
	}
	p.added = headersOf(ok.Get("headers"))
	if n := p.c.length(); p.whole || p.body.Kind() == json.None || n < 0 || n > maxKept {
		p.send()
		return
	}
	p.c.read(maxKept, bodyTime, func(body json.Value) {
		p.body, p.whole = body, true
		if p.c.link.Now-p.at > stale {
			p.begin(p.client)
			return
		}
		p.send()
	})
}

func (p *relay) send() {
	w := p.c.link.Effect("proxy")
	w.MemberStr("request", p.c.request)
	w.MemberStr("method", p.c.method)
	w.MemberStr("url", p.url)
	var headers []form.Param
	for _, h := range p.page {
		if form.ValueOf(p.added, h.Name) == "" {
			headers = append(headers, h)
		}
	}
	if p.socket != nil {
		headers = append(headers, p.c.handshakeHeaders(p.socket)...)
		w.MemberStr("upgrade", "websocket")
	}
	if p.socket != nil || p.c.wantsEvents() {
		w.MemberStr("group", p.c.config.name+"."+p.vault.hash)
		w.MemberInt("most", maxHeld)
	}
	link.WriteParams(w, "headers", append(headers, p.added...))
	if p.body.Kind() == json.Object {
		w.MemberRaw("body", p.body.Raw())
	}
	p.c.link.Ask(w, p.answered)
}

// answered passes the answer back, unless the client may be able to cure it (RFC 6750 section 3,
// RFC 9449 section 9).
func (p *relay) answered(ok json.Value, failed string) {
	if failed != "" {
		status, text := int64(502), "The server behind could not be reached."
		switch failed {
		case "timeout":
			status, text = 504, "The server behind took too long."
		case "denied":
			p.c.refuse(429, "too_many_sockets", "This session has as many sockets and streams open as it may.")
			return
		case "unsupported":
			status, text = 501, "This server carries no sockets."
		}
		p.c.refuse(status, "upstream_"+failed, text)
		return
	}
	var few bool
	p.headers, few = pairs(ok.Get("headers"))
	p.status, _ = ok.Get("status").Int()
	p.content = ok.Get("body")
	switch {
	case !few:
		p.c.refuse(502, "upstream_too_large", "The server behind answered with too many headers.")
	case p.status == 101 && p.socket != nil:
		p.watched(p.switched)
	case p.status < 200 || p.status > 599:
		p.c.refuse(502, "upstream_internal", "The server behind could not be understood.")
	case p.status != 401 && form.ValueOf(p.headers, "dpop-nonce") == "" || len(p.added) == 0:
		p.passBack()
	default:
		w := json.NewWriter()
		w.MemberInt("status", p.status)
		w.MemberRaw("headers", ok.Get("headers").Raw())
		w.MemberStr("retried", p.retried)
		if !p.passing() {
			w.MemberStr("sent", p.added[0].Value) // if it is missing, the request is not sent again
		}
		p.client.Do("answered", p.about+","+w.String(), p.judged)
	}
}

func (p *relay) judged(again json.Value, f *link.Fault) {
	reason := again.Get("challenge").Get("error").Str()
	switch {
	case f != nil:
		p.c.failed(p.client, f)
	case again.Get("headers").Kind() == json.Array:
		p.added, p.retried = headersOf(again.Get("headers")), again.Get("retried").Str()
		p.send()
	case p.status == 401 && p.passing() && (reason == "invalid_token" || reason == "use_dpop_nonce" || reason == "invalid_dpop_proof"):
		p.sendAgain(reason)
	default:
		p.passBack()
	}
}

// passing reports whether the body is streamed and not kept, so that we cannot send it again.
func (p *relay) passing() bool { return !p.whole && p.body.Kind() != json.None }

// sendAgain asks the page to repeat the request, because only the page has the body. The user is
// signed in, and by then the token or nonce that the resource refused has been renewed.
func (p *relay) sendAgain(reason string) {
	members := ""
	if reason == "invalid_token" {
		members = `"force":true`
	}
	p.client.Do("token", members, func(_ json.Value, f *link.Fault) {
		if f != nil {
			p.c.failed(p.client, f)
			return
		}
		p.c.tryLater(1000)
	})
}

// passBack gives the answer to the page, without the headers that are not for it.
func (p *relay) passBack() {
	c := p.c
	if c.watch == nil && p.status == 200 && c.method != "HEAD" && words.Prefixed(words.Lower(form.ValueOf(p.headers, "content-type")), eventStream) {
		p.watched(p.passBack)
		return
	}
	connection, ok := hop(p.headers)
	if !ok {
		c.refuse(502, "upstream_too_large", "The server behind names too many headers in Connection.")
		return
	}
	var out []form.Param
	var cache []byte
	for _, h := range p.headers {
		switch {
		case h.Name == "vary":
			c.vary = append(append(c.vary, ", "...), h.Value...)
		case h.Name == "cache-control":
			cache = append(append(cache, ','), h.Value...)
		case c.config.passesBack(h.Name) && !words.Among(connection, h.Name):
			out = append(out, h)
		}
	}
	keep := "no-store"
	if cache != nil {
		keep = privately(string(cache))
	}
	raw := p.content.Raw()
	if p.content.Kind() != json.Object {
		raw = "{}"
	}
	c.send(p.status, append(out, form.Param{Name: "cache-control", Value: keep}), raw)
}

// headersOf reads headers that we made ourselves.
func headersOf(list json.Value) []form.Param {
	headers, _ := pairs(list)
	return headers
}
