// Package bff is the backend-for-frontend engine: sessions of kind "bff", which serve HTTP requests
// of browsers and services (core/contract/README.md). Tokens stay with the host; the browser gets a
// cookie (RFC 10017 section 6.1).
package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Engine gives an engine with all kinds of sessions.
func Engine() *core.Engine { return &core.Engine{Kinds: Open} }

// Open opens a session of kind "bff".
func Open(kind string, s *link.Link, in json.Value) (known bool, f *link.Fault) {
	if kind != "bff" {
		return false, nil
	}
	cfg, f := readConfig(s.Config(in))
	if f != nil {
		return true, f
	}
	s.Command = func(id int64, name string, in json.Value) {
		switch name {
		case "request":
			serve(s, cfg, id, in)
		case "alive":
			alive(s, cfg, id, in)
		default:
			s.Result(id, link.Bad("unknown_command", "command"), nil)
		}
	}
	return true, nil
}

func serve(s *link.Link, cfg *config, id int64, in json.Value) {
	c := &call{config: cfg, link: s, id: id, request: in.Get("request").Str(), method: in.Get("method").Str(), body: in.Get("body"), stopping: in.Get("stopping").True()}
	url := in.Get("url").Str()
	var few bool
	if c.headers, few = pairs(in.Get("headers")); !few {
		c.refuse(431, "too_many_headers", "A request has at most 200 headers.")
		return
	}
	if len(url) > maxURL {
		c.refuse(414, "uri_too_long", "A URL has at most 16 KiB.")
		return
	}
	c.origin = c.sent("origin")
	c.page = c.navigates()
	c.cookies = c.readCookies()
	c.url, c.rawQuery = cutQuery(url)
	switch {
	// A host may have made the URL of it, and then the rest would be part of the path (RFC 9112
	// section 3.2).
	case !isHost(c.sent("host")):
		c.refuse(400, "wrong_host", "The header Host is not a host.")
	case uri.Path(c.url) == uri.Path(cfg.base)+"/ready":
		c.ready() // under any host name: probes ask by address
	case uri.SecureOrigin(c.url) != uri.SecureOrigin(cfg.base):
		c.refuse(421, "wrong_host", "This server answers for "+uri.SecureOrigin(cfg.base)+".")
	case !queryChars(c.rawQuery):
		c.refuse(400, "bad_query", "The query cannot be read.")
	case unmet(c.sent("expect")):
		c.refuse(417, "expectation_failed", "Only the expectation 100-continue is supported.")
	default:
		c.route()
	}
}

// unmet reports whether an Expect header asks for something that no host does (RFC 9110 section
// 10.1.1).
func unmet(expect string) bool { return expect != "" && words.Lower(trim(expect)) != "100-continue" }

// Whom an endpoint is for.
type audience int

const (
	forServers audience = iota // other servers, by themselves
	forPages                   // pages of ours, which send the header
	forPeople                  // people, whose browsers navigate there
)

// route decides who answers: paths below base are endpoints of ours, paths below a proxy's path go
// to its target, and all others are 404.
func (c *call) route() {
	for _, e := range [...]struct {
		path, methods string
		who           audience
		handle        func()
	}{
		{"/login", "GET", forPeople, c.login},
		{"/callback", "GET POST", forPeople, c.callback},
		{"/session", "GET", forPages, c.session},
		{"/logout", "GET POST", forPeople, c.logout},
		{"/token", "GET", forPages, c.token},
		{"/ticket", "POST", forPages, c.ticket},
		{"/backchannel_logout", "POST", forServers, c.backchannelLogout},
		{"/exchange", "POST", forServers, c.exchange},
	} {
		if uri.Path(c.url) != uri.Path(c.config.base)+e.path {
			continue
		}
		if c.preflight() {
			return
		}
		if !words.Has(e.methods, c.method) {
			c.wrongMethod(e.methods)
			return
		}
		if c.forPeople = e.who != forServers; e.who == forPages && !c.guard() {
			return
		}
		// Parameters for our own endpoints must be readable. Those for a resource are its concern.
		query, ok := readForm(c.rawQuery[min(1, len(c.rawQuery)):])
		if c.query = query; !ok {
			c.refuse(400, "bad_query", "The query cannot be read.")
			return
		}
		e.handle()
		return
	}
	best := c.routeOf(c.url)
	c.forPeople = best != nil
	switch {
	case best == nil:
		c.refuse(404, "not_found", "There is nothing here.")
	case c.preflight():
	case !words.Has(proxied, c.method):
		c.wrongMethod(proxied)
	case c.upgrades() && c.stopping:
		c.tryLater(0) // before its ticket is used up
	case c.upgrades():
		if h, ok := c.admitted(); ok {
			c.proxy(best, &h)
		}
	case c.listens() || c.guard():
		c.proxy(best, nil)
	}
}

func (c *call) wrongMethod(allowed string) {
	c.deny(405, []form.Param{{Name: "allow", Value: allowed}}, "method_not_allowed", "")
}

// proxied are the methods that are passed to a resource. TRACE is not among them: its answer would
// show the token.
const proxied = "GET HEAD POST PUT PATCH DELETE"
