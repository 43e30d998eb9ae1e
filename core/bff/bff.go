// Package bff is the backend-for-frontend engine: sessions of kind "bff", which serve HTTP requests of browsers and services (core/contract/README.md).
// Tokens stay with the host; the browser gets a cookie (RFC 10017 section 6.1).
package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Engine gives an engine that knows every kind of session.
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
		if name != "request" {
			s.Result(id, link.Bad("unknown_command", "command"), nil)
			return
		}
		serve(s, cfg, id, in)
	}
	return true, nil
}

// A call is one HTTP request on its way to its answer.
type call struct {
	*config
	s  *link.Link
	id int64 // of the command

	request, method, url string // request is the host's name for it; url is without its query
	rawQuery             string // from the "?" on
	headers              []form.Param
	body                 json.Value // {"ref"}: the body stays with the host until it is asked for
	query                []form.Param
	origin               string // of the page that calls, "" where the browser says none
	cookies              []form.Param
	set                  []string // cookies of the answer
	nobody               int64    // status of the answer where nobody is signed in, or not any more
	mayGive              string   // scopes of the caller
	vary                 []byte   // what a resource's answer varies by
}

const (
	// maxHeaders is how many headers a request or an answer may have: browsers and servers send a tenth of that.
	maxHeaders = 200
	// maxURL is how long a URL may be, in bytes.
	maxURL = 16 << 10
)

// sent is the value of the request's first header of that name, which is in lower case.
func (c *call) sent(name string) string { return form.ValueOf(c.headers, name) }

func serve(s *link.Link, cfg *config, id int64, in json.Value) {
	c := &call{config: cfg, s: s, id: id, request: in.Get("request").Str(), method: in.Get("method").Str(), body: in.Get("body")}
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
	c.cookies = c.readCookies()
	c.url, c.rawQuery = cutQuery(url)
	switch {
	case uri.SecureOrigin(c.url) != uri.SecureOrigin(cfg.base):
		c.refuse(421, "wrong_host", "This server answers for "+uri.SecureOrigin(cfg.base)+".")
	case !queryChars(c.rawQuery):
		c.refuse(400, "bad_query", "The query cannot be read.")
	case unmet(c.sent("expect")):
		c.refuse(417, "expectation_failed", "Nothing but 100-continue can be expected.")
	default:
		c.route()
	}
}

// unmet tells whether an Expect header asks for more than any host does (RFC 9110 section 10.1.1).
func unmet(expect string) bool { return expect != "" && words.Lower(trim(expect)) != "100-continue" }

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
		if uri.Path(c.url) != uri.Path(c.base)+e.path {
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
		query, ok := readForm(c.rawQuery[min(1, len(c.rawQuery)):])
		if c.query = query; !ok {
			c.refuse(400, "bad_query", "The query cannot be read.")
			return
		}
		e.handle()
		return
	}
	var best *route
	for i := range c.routes {
		if r := &c.routes[i]; uri.Within(c.url, uri.SecureOrigin(c.base)+r.path) && (best == nil || len(r.path) > len(best.path)) {
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
	case c.sent(c.header) == "":
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

// maxWanted is how much of a list of header names a preflight is answered with, in bytes.
const maxWanted = 1024

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
	if wanted := c.sent("access-control-request-headers"); wanted != "" && len(wanted) <= maxWanted {
		headers = append(headers, form.Param{Name: "access-control-allow-headers", Value: wanted})
	}
	c.respond(204, headers, "")
	return true
}
