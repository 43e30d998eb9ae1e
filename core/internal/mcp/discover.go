package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// reachable describes the URLs that others may name.
const reachable = "https at a public address, or an origin of private_origins"

// get reads a public document.
func (r *run) get(stage, url string, done func(json.Value, *link.Fault)) {
	r.wire.Send(&wire.Job{}, &wire.Request{Stage: stage, Method: "GET", URL: url, Most: wire.MaxDocument}, func(res *wire.Response, f *link.Fault) {
		if r.done {
			return
		}
		if f != nil {
			done(json.Value{}, f)
			return
		}
		done(res.Object(r.session.link.Now))
	})
}

// refuses returns the fault of a URL that somebody else named, if no request may be sent there.
func (r *run) refuses(field, url string) *link.Fault {
	if url != "" && r.config.Refuses(config.Endpoint, url) == "" {
		return nil
	}
	return (&link.Fault{Kind: link.KindServer, Code: "not_public", Field: field}).Not(reachable, uri.Origin(url))
}

// ask reads the resource's metadata (RFC 9728): where its challenge says, or else at the default
// URL, and then at the root of the host.
func (r *run) ask() {
	where := r.challenge.Get("resource_metadata")
	if where == "" {
		path := r.at.Path
		if path == "/" {
			path = ""
		}
		r.readResource(r.origin+wellKnown+path, path != "")
		return
	}
	if f := r.refuses("resource_metadata", where); f != nil {
		r.fail(f)
		return
	}
	r.readResource(where, false)
}

const wellKnown = "/.well-known/oauth-protected-resource"

func (r *run) readResource(where string, more bool) {
	r.get(config.StageResource, where, func(v json.Value, f *link.Fault) {
		switch {
		case more && f.Elsewhere():
			r.readResource(r.origin+wellKnown, false)
		case f != nil:
			r.fail(f)
		default:
			r.resourceRead(v)
		}
	})
}

// resourceRead checks that the document is the resource's, and chooses a server.
func (r *run) resourceRead(v json.Value) {
	resource := v.Get("resource").Str()
	// The resource itself, or one on the same origin that it is part of (see resourcemetadata.go).
	if u, ok := uri.Parse(resource); !ok || !r.at.Within(u) {
		r.fail((&link.Fault{Kind: link.KindServer, Code: "wrong_resource"}).Not(r.place, resource))
		return
	}
	iss, f := r.pick(v.Get("authorization_servers"))
	if f != nil {
		r.fail(f)
		return
	}
	if !r.recent(iss) {
		r.record = record{issuer: iss}
	}
	r.record.resource, r.record.scope = canonical(resource), scopes(v.Get("scopes_supported"))
	r.session.link.Own(&r.record.resource, &r.record.scope, &r.record.issuer)
	if r.record.at != 0 {
		r.learnt()
		return
	}
	s := &serverRun{run: r, places: places(iss)}
	s.look()
}

// pick chooses the server (RFC 9728 section 7.6): one that knows this client already, or else the
// one that was used before, or else the first. Servers to which no request may be sent are ignored.
func (r *run) pick(list json.Value) (iss string, f *link.Fault) {
	best := 0
	for it := list.Each(); list.Kind() == json.Array && it.Next(); {
		s, rank := it.Value().Str(), 1
		if refused := r.refuses("authorization_servers", s); refused != nil {
			f = refused
			continue
		}
		if r.registeredAt(s).Kind() != json.None {
			rank = 3
		} else if s == r.record.issuer {
			rank = 2
		}
		if rank > best {
			iss, best = s, rank
		}
	}
	switch {
	case best > 0:
		return iss, nil
	case f == nil:
		f = (&link.Fault{Kind: link.KindServer, Code: "no_authorization_server"}).Not("authorization_servers with one at the least", list.Raw())
	}
	return "", f
}

// canonical is a resource's URI with scheme and host in lower case and without the default port
// (RFC 3986 section 6.2.2.1 and 6.2.3). The rest keeps the resource's spelling, because its server
// may compare it as text.
func canonical(resource string) string {
	u, _ := uri.Parse(resource)
	s := u.Scheme + "://" + u.Host + u.Port + u.Path
	if u.Query {
		s += "?" + uri.QueryOf(resource)
	}
	return s
}

// scopes joins the valid scopes of an array.
func scopes(list json.Value) (all string) {
	for it := list.Each(); list.Kind() == json.Array && it.Next(); {
		all = union(all, it.Value().Str())
	}
	return all
}

// union is one list of scopes, followed by those of another.
func union(a, b string) string {
	for b != "" {
		var scope string
		if scope, b = words.Cut(b); scope == "" || words.Has(a, scope) || !words.ScopeOK(words.Trim(a+" "+scope)) {
			continue
		}
		a = words.Trim(a + " " + scope)
	}
	return a
}

// A serverRun looks for the server's metadata at one URL after the other.
type serverRun struct {
	run    *run
	places []string
	first  *link.Fault
}

// places are the URLs at which an issuer's metadata may be, in the order of MCP, Authorization
// Server Metadata Discovery.
func places(iss string) []string {
	u, _ := uri.Parse(iss)
	origin, path := u.Scheme+"://"+u.Host+u.Port, u.Path
	if n := len(path); n > 0 && path[n-1] == '/' {
		path = path[:n-1]
	}
	list := []string{origin + "/.well-known/oauth-authorization-server" + path, origin + "/.well-known/openid-configuration" + path}
	if path != "" {
		list = append(list, origin+path+"/.well-known/openid-configuration")
	}
	return list
}

func (s *serverRun) look() { s.run.get(config.StageDiscovery, s.places[0], s.read) }

func (s *serverRun) read(v json.Value, f *link.Fault) {
	r := s.run
	elsewhere := f.Elsewhere()
	if iss := v.Get("issuer").Str(); f == nil && iss != r.record.issuer {
		// RFC 8414 section 3.3: it must be identical.
		f, elsewhere = (&link.Fault{Kind: link.KindServer, Code: "wrong_issuer"}).Not(r.record.issuer, iss), true
	}
	if s.first == nil {
		s.first = f
	}
	s.places = s.places[1:]
	switch {
	case f == nil:
		r.serverRead(v)
	case elsewhere && len(s.places) > 0:
		s.look()
	case elsewhere:
		r.fail(s.first)
	default:
		r.fail(f)
	}
}

// kept are the members of a server's metadata that a client needs in addition to its endpoints.
const kept = "code_challenge_methods_supported token_endpoint_auth_methods_supported client_id_metadata_document_supported authorization_response_iss_parameter_supported require_pushed_authorization_requests"

// serverRead stores the metadata that a client needs.
func (r *run) serverRead(v json.Value) {
	if f := r.checkServer(v); f != nil {
		r.fail(f)
		return
	}
	w := json.NewWriter()
	w.Open('{')
	for left := config.Endpoints; left != ""; {
		var name string
		name, left = words.Cut(left)
		// An optional URL that cannot be used counts as missing.
		if s := v.Get(name).Str(); s != "" && r.config.Refuses(config.Endpoint, s) == "" {
			w.MemberStr(name, s)
		}
	}
	for left := kept; left != ""; {
		var name string
		if name, left = words.Cut(left); v.Get(name).Kind() > json.Null {
			w.MemberRaw(name, v.Get(name).Raw())
		}
	}
	w.Close('}')
	r.record.server, _ = json.Parse(w.String())
	r.record.offline = json.Lists(v.Get("scopes_supported"), "offline_access")
	r.record.at = r.session.link.Now
	r.learnt()
}

// checkServer returns the fault if a server cannot be used: no request may be sent to an endpoint,
// or no browser; or the metadata does not list PKCE with S256 (MCP, Authorization Code Protection).
func (r *run) checkServer(v json.Value) *link.Fault {
	if v.Kind() != json.Object {
		return link.Bad("missing", "server")
	}
	for _, name := range [...]string{"authorization_endpoint", "token_endpoint", "registration_endpoint", "pushed_authorization_request_endpoint"} {
		if v.Get(name).Kind() > json.Null {
			if f := r.refuses(name, v.Get(name).Str()); f != nil {
				return f
			}
		}
	}
	if methods := v.Get("code_challenge_methods_supported"); v.Get("authorization_endpoint").Str() != "" && !json.Lists(methods, "S256") {
		return (&link.Fault{Kind: link.KindServer, Code: "pkce_not_supported", Field: "code_challenge_methods_supported"}).Not("S256", methods.Raw())
	}
	return nil
}

// learnt continues with the new metadata of the resource and the server.
func (r *run) learnt() {
	r.asked = true
	r.identify()
}
