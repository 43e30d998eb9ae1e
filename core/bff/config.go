package bff

import (
	clientconfig "github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A config is the configuration with which a session was opened.
type config struct {
	client        *clientconfig.Config
	name, base    string
	origins       []string // including base's
	returnTo      []string
	header        string
	anonymous     int64 // the status of GET /session
	sessionMS     int64
	idleMS        int64
	tokenEndpoint bool
	formPost      bool // the authorization response is posted, and therefore comes from another site
	routes        []route
	passHeaders   []string // headers that pass in addition to those that always do
	callers       []caller
	dpop          bool
}

// A route is a path of ours that leads to a URL elsewhere.
type route struct{ path, target string }

func readConfig(in json.Value) (c *config, f *link.Fault) {
	client := in.Get("client")
	c = &config{base: in.Get("base").Str(), header: "x-csrf", anonymous: 401, sessionMS: 12 * 3_600_000, idleMS: 3_600_000}
	if client.Kind() != json.Object {
		return nil, link.Bad("missing", "client")
	}
	if uri.SecureOrigin(c.base) == "" || len(c.base) > 0 && c.base[len(c.base)-1] == '/' || hasQuery(c.base) {
		return nil, link.Wrong("bad_url", "base", "https, or http on loopback, without query and slash at the end", in.Get("base"))
	}
	c.origins = []string{uri.SecureOrigin(c.base)}
	for it := in.Each(); it.Next(); {
		if f := c.read(it.Name(), it.Value(), client.Get("insecure_http_origins")); f != nil {
			return nil, f
		}
	}
	if c.returnTo == nil {
		c.returnTo = []string{uri.SecureOrigin(c.base) + "/"}
	}
	return c, c.readClient(client)
}

// members are the members of the configuration.
const members = "client base origins return_to header anonymous_status session_ms idle_ms insecure_token_endpoint proxy pass_headers callers"

// read reads one member. http are the origins that may be reached by plain http.
func (c *config) read(name string, v, http json.Value) *link.Fault {
	ok, want := true, ""
	switch name {
	case "client", "base":
	case "origins":
		want = "origins: https, or http on loopback"
		ok = each(v, func(v json.Value) bool {
			c.origins = append(c.origins, v.Str())
			return v.Str() != "" && uri.SecureOrigin(v.Str()) == v.Str()
		})
	case "return_to":
		want = "paths and URLs"
		ok = each(v, func(v json.Value) bool {
			s := c.absolute(v.Str())
			c.returnTo = append(c.returnTo, s)
			return uri.SecureOrigin(s) != "" && uri.Within(s, s)
		})
	case "header":
		want = "x- and letters in lower case"
		c.header = v.Str()
		ok = words.Prefixed(c.header, "x-") && plainName(c.header) // not a header that browsers send by themselves
	case "anonymous_status":
		want = "200 or 401"
		c.anonymous, _ = v.Int()
		ok = c.anonymous == 200 || c.anonymous == 401
	case "session_ms", "idle_ms":
		want = "1000 to 34560000000"
		n, whole := v.Int()
		ok = whole && n >= 1000 && n <= 400*24*3_600_000
		if name == "idle_ms" {
			c.idleMS = n
		} else {
			c.sessionMS = n
		}
	case "insecure_token_endpoint":
		want = "true or false, no text"
		ok = v.Kind() == json.Bool
		c.tokenEndpoint = v.True()
	case "proxy":
		if f := strange(v, name, "path target"); f != nil {
			return f
		}
		want = "an array of path, outside of base, and target, a URL without query"
		ok = each(v, func(v json.Value) bool {
			r := route{path: v.Get("path").Str(), target: v.Get("target").Str()}
			ok := r.path != "" && uri.Within(r.target, r.target)
			for len(r.path) > 1 && r.path[len(r.path)-1] == '/' {
				r.path = r.path[:len(r.path)-1]
			}
			c.routes = append(c.routes, r)
			at := uri.SecureOrigin(c.base) + r.path
			return ok && r.path[0] == '/' && uri.Within(at, at) && !hasQuery(at) && (uri.SecureOrigin(r.target) != "" || uri.Unprotected(r.target, http)) && !hasQuery(r.target) && !uri.Within(c.base+"/login", at)
		})
	case "pass_headers":
		want = "headers in lower case that may pass"
		ok = each(v, func(v json.Value) bool {
			c.passHeaders = append(c.passHeaders, v.Str())
			return mayPass(v.Str())
		})
	case "callers":
		if f := strange(v, name, "client_id secret_sha256 grant_types audience scope redirect_uris"); f != nil {
			return f
		}
		want = "an array of client_id, secret_sha256 of 43 characters, grant_types, scope"
		ok = each(v, func(v json.Value) bool {
			k, ok := readCaller(v)
			c.callers = append(c.callers, k)
			return ok
		})
	default:
		return link.UnknownMember(members, name)
	}
	if !ok {
		return link.Wrong("bad_value", name, want, v)
	}
	return nil
}

// strange is the fault of an object in an array that has an unknown member: a misspelt member must
// not look as if it were set.
func strange(list json.Value, name, known string) *link.Fault {
	for it := list.Each(); it.Next(); {
		for m := it.Value().Each(); it.Value().Kind() == json.Object && m.Next(); {
			if !words.Has(known, m.Name()) {
				return link.UnknownMember(known, m.Name()).Within(name)
			}
		}
	}
	return nil
}

// readClient adds what follows from our configuration to the client's, and checks it.
func (c *config) readClient(client json.Value) *link.Fault {
	w := json.NewWriter()
	w.Open('{')
	c.name = "oauth2"
	redirect, resources, badMode, secret := c.base+"/callback", json.Value{}, false, false
	for it := client.Each(); it.Next(); {
		switch it.Name() {
		case "name":
			c.name = it.Value().Str()
			if !cookieName(c.name) {
				return link.Bad("bad_value", "name")
			}
		case "redirect_uri":
			if it.Value().Str() != redirect {
				return link.Wrong("bad_value", "redirect_uri", redirect, it.Value())
			}
			continue
		case "dpop":
			c.dpop = it.Value().True()
		case "token_destinations":
			resources = it.Value()
		case "client_secret":
			secret = secret || it.Value().Str() != "" // an empty environment variable is no secret
		case "client_key":
			secret = true
		case "registration":
			r := it.Value()
			secret = secret || r.Get("client_secret").Str() != ""
			c.dpop = c.dpop || r.Get("dpop_bound_access_tokens").True() && client.Get("dpop").Kind() == json.None
		case "token_endpoint_auth_method":
			m := it.Value().Str()
			if m == "none" {
				return link.Bad("bad_value", it.Name())
			}
			secret = secret || words.Suffixed(m, "tls_client_auth")
		case "parameters":
			each(it.Value(), func(v json.Value) bool {
				pair := v.Each()
				if pair.Next() && pair.Value().Str() == "response_mode" && pair.Next() {
					mode := pair.Value().Str()
					c.formPost = mode == "form_post"
					badMode = mode != "form_post" && mode != "query" // the state has to be read before anything is verified
				}
				return true
			})
		// A client here lives for one request, so none of these could take effect.
		case "auto_refresh", "refresh_lead_ms", "parameter_hooks", "request_hooks", "response_hooks", "device_authorization_endpoint":
			return link.Bad("bad_value", it.Name())
		}
		w.MemberRaw(it.Name(), it.Value().Raw())
	}
	w.MemberStr("redirect_uri", redirect)
	if badMode {
		return link.Bad("bad_value", "parameters")
	}
	if !secret {
		return link.Bad("missing", "client_secret") // RFC 10017 section 6.1.3.1: a backend is a confidential client
	}
	for _, r := range c.routes {
		covered := resources.Kind() == json.None
		for it := resources.Each(); it.Next(); {
			covered = covered || uri.Within(r.target, it.Value().Str())
		}
		if !covered {
			return link.Bad("bad_value", "token_destinations")
		}
	}
	if resources.Kind() == json.None {
		w.Key("token_destinations")
		w.Open('[')
		for _, r := range c.routes {
			w.Str(r.target)
		}
		w.Close(']')
	}
	w.Close('}')
	client, _ = json.Parse(w.String())
	if c.tokenEndpoint && c.dpop {
		return link.Bad("bad_value", "insecure_token_endpoint") // the page has no key with which to prove possession
	}
	if c.dpop && len(c.callers) > 0 {
		return link.Bad("bad_value", "callers") // nor do the callers
	}
	var f *link.Fault
	c.client, f = clientconfig.Read(client)
	return f
}

// each applies a rule to every element of an array.
func each(v json.Value, ok func(json.Value) bool) bool {
	if v.Kind() != json.Array {
		return false
	}
	for it := v.Each(); it.Next(); {
		if !ok(it.Value()) {
			return false
		}
	}
	return true
}

func hasQuery(s string) bool {
	for i := range len(s) {
		if s[i] == '?' || s[i] == '#' {
			return true
		}
	}
	return false
}

// cookieName allows letters, digits, "-" and "_". Other characters separate the name from the rest
// of a cookie's name or of a key.
func cookieName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

// absolute makes a path of this origin a URL; "" if some software reads the path as another host.
func (c *config) absolute(url string) string {
	if url == "" || url[0] != '/' {
		return url
	}
	if words.Prefixed(url, "//") || words.Prefixed(url, "/\\") {
		return ""
	}
	return uri.SecureOrigin(c.base) + url
}
