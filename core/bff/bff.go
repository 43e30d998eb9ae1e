// Package bff is the backend-for-frontend engine: sessions of kind "bff", which serve HTTP requests of browsers and services (core/testdata/README.md).
// Tokens stay with the host; the browser gets a cookie (RFC 10017 section 6.1).
package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Engine gives an engine that knows every kind of session.
func Engine() *core.Engine { return &core.Engine{Kinds: Open} }

// Open opens a session of kind "bff".
func Open(kind string, s core.Session, in json.Value) (known bool, f *core.Fault) {
	if kind != "bff" {
		return false, nil
	}
	cfg, f := readConfig(in.Get("config"))
	if f != nil {
		return true, f
	}
	s.OnCommand(func(id int64, name string, in json.Value) {
		if name != "request" {
			s.Result(id, core.Bad("unknown_command", "command"))
			return
		}
		serve(s, cfg, id, in)
	})
	return true, nil
}

// A call is one HTTP request on its way to its answer.
type call struct {
	*config
	s  core.Session
	id int64 // of the command

	request, method, url string // request is the host's name for it; url is without its query
	rawQuery             string // from the "?" on
	headers              json.Value
	body                 json.Value
	query                []form.Param
	origin               string // of the page that calls, "" where the browser says none
	cookies              []form.Param
	set                  []string // cookies of the answer
	mayGive              string   // scopes of the caller
	vary                 string   // what a resource's answer varies by
}

func serve(s core.Session, cfg *config, id int64, in json.Value) {
	c := &call{config: cfg, s: s, id: id, request: in.Get("request").Str(), method: in.Get("method").Str(), headers: in.Get("headers"), body: in.Get("body")}
	c.origin = core.HeaderOf(c.headers, "origin")
	c.cookies = readCookies(c.headers)
	c.url, c.rawQuery = cutQuery(in.Get("url").Str())
	switch {
	case core.Origin(c.url) != core.Origin(cfg.base):
		c.refuse(421, "wrong_host", "This server answers for "+core.Origin(cfg.base)+".")
	case !queryChars(c.rawQuery):
		c.refuse(400, "bad_query", "The query cannot be read.")
	default:
		c.route()
	}
}

// route finds who answers. What stands under base is ours, what stands under a proxy's path goes there, and there is nothing else.
func (c *call) route() {
	for _, e := range [...]struct {
		path, methods string
		guarded       bool // only pages of ours may call
		handle        func()
	}{
		{"/login", "GET", false, c.login},
		{"/callback", "GET POST", false, c.callback},
		{"/session", "GET", true, c.session},
		{"/logout", "GET POST", false, c.logout},
		{"/token", "GET", true, c.token},
		{"/backchannel_logout", "POST", false, c.backchannelLogout},
		{"/exchange", "POST", false, c.exchange},
	} {
		if core.Path(c.url) != core.Path(c.base)+e.path {
			continue
		}
		if c.preflight() {
			return
		}
		if !hasWord(e.methods, c.method) {
			c.respond(405, []form.Param{{Name: "allow", Value: e.methods}}, `{"error":"method_not_allowed"}`)
			return
		}
		if e.guarded && !c.guard() {
			return
		}
		// What is ours to read must be readable; what goes to a resource is its business.
		query, ok := core.Query(c.url + c.rawQuery)
		if c.query = query; !ok {
			c.refuse(400, "bad_query", "The query cannot be read.")
			return
		}
		e.handle()
		return
	}
	var best *route
	for i := range c.routes {
		if r := &c.routes[i]; core.Within(c.url, core.Origin(c.base)+r.path) && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	switch {
	case best == nil:
		c.refuse(404, "not_found", "There is nothing here.")
	case c.preflight():
	case !hasWord(proxied, c.method):
		c.respond(405, []form.Param{{Name: "allow", Value: proxied}}, `{"error":"method_not_allowed"}`)
	case c.guard():
		c.proxy(best)
	}
}

// proxied are the methods that go on to a resource: what TRACE answers would show the token.
const proxied = "GET HEAD POST PUT PATCH DELETE"

func cutQuery(url string) (bare, query string) {
	for i := range len(url) {
		if url[i] == '?' || url[i] == '#' {
			return url[:i], url[i:]
		}
	}
	return url, ""
}

// queryChars: what a browser leaves as it is in a query (WHATWG URL, query percent-encode set), which is more than RFC 3986 allows.
func queryChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '#' {
			return false
		}
	}
	return true
}

// guard lets pages of ours through: they can send a header that no form or link of another site can, and the browser says where they come from.
func (c *call) guard() bool {
	switch {
	case c.origin != "" && !c.ours(c.origin), c.origin == "" && c.method != "GET" && c.method != "HEAD":
		c.refuse(403, "foreign_origin", "Pages of this origin may not call.")
	case core.HeaderOf(c.headers, c.header) == "":
		c.refuse(403, "missing_header", "The request needs the header "+c.header+".")
	default:
		return true
	}
	return false
}

func (c *call) ours(origin string) bool {
	for _, o := range c.origins {
		if o == origin {
			return true
		}
	}
	return false
}

// preflight answers the browser's question whether a page may call (CORS).
func (c *call) preflight() bool {
	if c.method != "OPTIONS" {
		return false
	}
	if !c.ours(c.origin) {
		c.refuse(403, "foreign_origin", "Pages of this origin may not call.")
		return true
	}
	headers := []form.Param{{Name: "access-control-allow-methods", Value: "GET, HEAD, POST, PUT, PATCH, DELETE"}, {Name: "access-control-max-age", Value: "600"}}
	if wanted := core.HeaderOf(c.headers, "access-control-request-headers"); wanted != "" {
		headers = append(headers, form.Param{Name: "access-control-allow-headers", Value: wanted})
	}
	c.respond(204, headers, "")
	return true
}
