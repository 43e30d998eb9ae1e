package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/store"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
)

// A page cannot send a header of ours with a WebSocket's handshake, and a page of another site can
// begin one. So a page first asks for a ticket, with the header, and sends the ticket as a
// subprotocol: URLs get into logs, subprotocols do not. A ticket works once, for one path and one
// session.

const (
	// ticketLife is how long a ticket is valid, in ms.
	ticketLife = 30_000
	// maxTickets is how many tickets of a session may be valid at once.
	maxTickets = 16
	// ourProtocol is the subprotocol of a WebSocket whose server chose none: a browser that offers
	// subprotocols fails if none is chosen.
	ourProtocol    = "oauth2"
	ticketProtocol = "oauth2-ticket."
)

// A ticket is stored beside the others of its session, with what it is valid for.
type ticket struct {
	hash, path string
	until      int64 // Unix ms
}

func (c *config) ticketsKey(session string) string { return c.name + "." + session + ".tickets" }

// A ticketRun gives a ticket to a page of ours. Its methods are the steps: begin, usable, noted.
type ticketRun struct {
	c      *call
	vault  *vault
	path   string
	ticket string
}

func (c *call) ticket() {
	path := form.ValueOf(c.query, "path")
	at := uri.SecureOrigin(c.config.base) + path
	if bare, query := cutQuery(at); path == "" || path[0] != '/' || query != "" || c.routeOf(bare) == nil {
		c.refuse(400, "bad_path", "path must be a path of the proxy, without a query.")
		return
	}
	r := &ticketRun{c: c, path: path}
	c.withClient(401, r.begin)
}

func (r *ticketRun) begin(client *core.Client, v *vault) {
	r.vault = v
	client.Do("status", "", func(ok json.Value, f *link.Fault) {
		switch {
		case f != nil:
			r.c.failed(client, f)
		case v.failed:
			r.c.unavailable()
		case ok.Get("status").Str() != "granted" && !ok.Get("expired").True():
			r.c.signedOut(401)
		default:
			r.c.usable(client, r.usable)
		}
	})
}

func (r *ticketRun) usable() {
	c := r.c
	r.ticket = c.link.Random("ticket", 43) // 256 bits
	full := false
	c.changeTickets(r.vault.hash, func(list []ticket) ([]ticket, bool) {
		if full = len(list) >= maxTickets; full {
			return nil, false
		}
		return append(list, ticket{hash: sha256.Base64URL(r.ticket), path: r.path, until: c.link.Now + ticketLife}), true
	}, func(failed string) {
		if full {
			c.deny(429, []form.Param{{Name: "retry-after", Value: "30"}}, "too_many_tickets", "Too many tickets are unused. Use them, or wait until they expire.")
			return
		}
		r.noted(failed)
	})
}

func (r *ticketRun) noted(failed string) {
	c := r.c
	if failed != "" {
		c.unavailable()
		return
	}
	w := json.NewWriter()
	w.Open('{')
	w.Key("protocols")
	w.Open('[')
	w.Str(ourProtocol)
	w.Str(ticketProtocol + r.ticket)
	w.Close(']')
	w.MemberInt("expires_at", c.link.Now+ticketLife)
	w.Close('}')
	c.respond(200, nil, w.String())
}

// useTicket removes a ticket of a session, whatever path it is for. good reports whether it was
// valid for this path. If two use one ticket at the same time, the store's compare-and-set lets one
// succeed.
func (c *call) useTicket(session, used, path string, done func(good bool, failed string)) {
	good := false
	hash := sha256.Base64URL(used)
	c.changeTickets(session, func(list []ticket) (left []ticket, changed bool) {
		good = false
		for _, t := range list {
			if t.hash == hash {
				good, changed = t.path == path, true
				continue
			}
			left = append(left, t)
		}
		return left, changed
	}, func(failed string) { done(good && failed == "", failed) })
}

// changeTickets replaces a session's list of valid tickets by the list that change returns. If
// change changes nothing, nothing is stored.
func (c *call) changeTickets(session string, change func(list []ticket) (next []ticket, changed bool), done func(failed string)) {
	var version, text string
	r := store.Change{Store: store.Over(tickets{c}), Key: c.config.ticketsKey(session), Version: &version, Tries: maxTries, Done: done}
	r.Text = func() string { return text }
	r.Met = func(value, there, unread string) bool {
		if unread != "" {
			done(unread)
			return false
		}
		version = there
		next, changed := change(readTickets(value, c.link.Now))
		if !changed {
			done("")
			return false
		}
		text = writeTickets(next)
		return true
	}
	r.Look()
}

// tickets reads and writes the tickets.
type tickets struct{ c *call }

// Load reads the tickets under key.
func (t tickets) Load(key string, done func(value, version, failed string)) {
	t.c.link.Load(key, false, done)
}

// Put stores them for as long as the newest may be valid.
func (t tickets) Put(key, version, value string, done func(version, failed string)) {
	t.c.link.Put(key, version, value, t.c.link.Now+ticketLife, done)
}

func writeTickets(list []ticket) string {
	w := json.NewWriter()
	w.Open('[')
	for _, t := range list {
		w.Open('{')
		w.MemberStr("hash", t.hash)
		w.MemberStr("path", t.path)
		w.MemberInt("until", t.until)
		w.Close('}')
	}
	w.Close(']')
	return w.String()
}

// readTickets reads the tickets that are still valid.
func readTickets(text string, now int64) (list []ticket) {
	v, _ := json.Parse(text)
	for it := v.Each(); it.Next(); {
		t := ticket{hash: it.Value().Get("hash").Str(), path: it.Value().Get("path").Str()}
		if t.until, _ = it.Value().Get("until").Int(); now < t.until {
			list = append(list, t)
		}
	}
	return list
}
