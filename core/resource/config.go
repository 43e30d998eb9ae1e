package resource

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	clientconfig "github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A config is the configuration with which a session was opened. It never changes.
type config struct {
	resource, metadataURL string
	name, userAgent       string
	origins               []string // including resource's
	audience              []string
	servers               []serverConfig
	algorithms            string // of access tokens, separated by spaces
	untyped, anyAudience  bool
	need                  need
	dpop                  string // off, accepted or required
	dpopAlgorithms        string
	dpopNonce, bound      bool
	nonceKeys             [][]byte
	nonceMS, proofMS      int64
	tolerance, keysMS     int64
	certificates          bool
	certificateHeader     string
	proxies               []address.Network
	more                  json.Value // additional members of the metadata document, which the application sets
	insecureOrigins       string     // JSON, for the clients inside
	alone                 bool
}

// A need is what a request requires beyond a valid token. There is one for all requests, and one
// for each.
type need struct {
	scope, acr string // separated by spaces; the token must have all of scope, and one of acr
	maxAge     int64  // the longest time since the user authenticated, s; -1: any
}

// A serverConfig is an authorization server whose tokens are accepted.
type serverConfig struct {
	issuer     string
	client     *clientconfig.Config
	introspect string // none, opaque or all
}

const (
	dpopOff      = "off"
	dpopAccepted = "accepted"
	dpopRequired = "required"
)

// members are the members of the configuration.
const members = "resource authorization_servers audience algorithms insecure_untyped_tokens insecure_without_audience scope acr_values max_age dpop dpop_algorithms dpop_nonce nonce_keys nonce_ms proof_ms " +
	"require_bound clock_tolerance_ms keys_ms certificates certificate_header proxies origins metadata insecure_http_origins name user_agent alone"

// derived are the members of the metadata document that follow from the configuration (RFC 9728
// section 2).
const derived = "resource authorization_servers bearer_methods_supported dpop_signing_alg_values_supported dpop_bound_access_tokens_required tls_client_certificate_bound_access_tokens"

// maxServers is how many authorization servers may be configured, and maxList how long other lists
// may be.
const (
	maxServers = 16
	maxList    = form.MaxParams
)

func readConfig(in json.Value) (*config, *link.Fault) {
	if in.Kind() != json.Object {
		return nil, link.Bad("missing", "config")
	}
	c := &config{name: "oauth2", algorithms: jose.Algorithms, need: need{maxAge: -1}, dpop: dpopAccepted, dpopAlgorithms: jose.Algorithms, nonceMS: 300_000, proofMS: 60_000, tolerance: 30_000, keysMS: 600_000}
	for it := in.Each(); it.Next(); {
		if f := c.read(it.Name(), it.Value()); f != nil {
			return nil, f
		}
	}
	u, ok := uri.Parse(c.resource)
	if !ok || !u.Secure() && !uri.Unprotected(c.resource, in.Get("insecure_http_origins")) {
		return nil, link.Wrong("bad_url", "resource", "https, or http on loopback, without fragment", in.Get("resource"))
	}
	// RFC 9728 section 3.1: the well-known path comes before the path and query of the identifier.
	path := u.Path
	if path == "/" {
		path = ""
	}
	if u.Query {
		path += "?" + uri.QueryOf(c.resource)
	}
	c.metadataURL = uri.Origin(c.resource) + "/.well-known/oauth-protected-resource" + path
	c.origins = append(c.origins, uri.Origin(c.resource))
	if len(c.audience) == 0 {
		c.audience = []string{c.resource}
	}
	if len(c.proxies) > 0 != (c.certificateHeader != "") {
		return nil, link.Bad("missing", "proxies").Not("certificate_header and proxies, or neither", "")
	}
	if len(c.nonceKeys) > 0 && !c.dpopNonce {
		return nil, link.Bad("missing", "dpop_nonce").Not("true with nonce_keys", "")
	}
	return c, c.readServers(in.Get("authorization_servers"))
}

// read reads one member.
func (c *config) read(name string, v json.Value) *link.Fault {
	ok, want := false, ""
	switch name {
	case "authorization_servers":
		return nil // it is read last, because other members go into the clients' configuration
	case "resource":
		return text(name, v, &c.resource)
	case "name":
		want = "letters, digits, - and _, 40 at most"
		c.name = v.Str()
		ok = plainName(c.name)
	case "user_agent":
		want = "printable ASCII"
		c.userAgent = v.Str()
		ok = v.Kind() == json.String && words.VSChars(c.userAgent)
	case "audience":
		want = "an array of texts"
		ok = each(v, func(v json.Value) bool {
			c.audience = append(c.audience, v.Str())
			return v.Str() != ""
		})
	case "origins":
		want = "an array of origins: https, or http on loopback"
		ok = each(v, func(v json.Value) bool {
			c.origins = append(c.origins, v.Str())
			return v.Str() != "" && uri.Origin(v.Str()) == v.Str()
		})
	case "algorithms":
		want = "an array, of " + jose.Algorithms
		ok = algorithms(v, &c.algorithms)
	case "dpop_algorithms":
		want = "an array, of " + jose.Algorithms
		ok = algorithms(v, &c.dpopAlgorithms)
	case "scope", "acr_values", "max_age":
		return c.need.read(name, v)
	case "dpop":
		want = "off, accepted or required"
		c.dpop = v.Str()
		ok = c.dpop == dpopOff || c.dpop == dpopAccepted || c.dpop == dpopRequired
	case "nonce_keys":
		want = "an array of base64url of 32 bytes or more, the newest first"
		ok = each(v, func(v json.Value) bool {
			key, ok := base64url.Decode(v.Str())
			c.nonceKeys = append(c.nonceKeys, key)
			return ok && len(key) >= 32
		})
		if !ok {
			return link.Bad("bad_value", name).Not(want, "") // a secret's value is not shown
		}
	case "proxies":
		want = "an array of addresses and networks, as 10.0.0.0/8"
		ok = each(v, func(v json.Value) bool {
			n, ok := address.ReadNetwork(v.Str())
			c.proxies = append(c.proxies, n)
			return ok
		})
	case "certificate_header":
		want = "a header in lower case, none of authorization and dpop"
		c.certificateHeader = v.Str()
		ok = plainHeader(c.certificateHeader) && c.certificateHeader != "authorization" && c.certificateHeader != "dpop"
	case "metadata":
		want = "an object, without what follows from the configuration"
		ok = v.Kind() == json.Object
		for it := v.Each(); ok && it.Next(); {
			ok = !words.Has(derived, it.Name())
		}
		c.more = v
	case "insecure_http_origins":
		c.insecureOrigins = v.Raw() // the clients inside check it
		return nil
	default:
		return c.readOther(name, v)
	}
	if !ok {
		return link.Wrong("bad_value", name, want, v)
	}
	return nil
}

// readOther reads a member that is a number or a boolean.
func (c *config) readOther(name string, v json.Value) *link.Fault {
	var flag *bool
	switch name {
	case "nonce_ms":
		return number(name, v, &c.nonceMS, 10_000, 3_600_000)
	case "proof_ms":
		return number(name, v, &c.proofMS, 1_000, 3_600_000)
	case "clock_tolerance_ms":
		return number(name, v, &c.tolerance, 0, 300_000)
	case "keys_ms":
		return number(name, v, &c.keysMS, 60_000, 86_400_000)
	case "insecure_untyped_tokens":
		flag = &c.untyped
	case "insecure_without_audience":
		flag = &c.anyAudience
	case "dpop_nonce":
		flag = &c.dpopNonce
	case "require_bound":
		flag = &c.bound
	case "certificates":
		flag = &c.certificates
	case "alone":
		flag = &c.alone
	default:
		return link.UnknownMember(members, name) // a misspelt option must not look as if it were set
	}
	if v.Kind() != json.Bool {
		return link.Wrong("bad_value", name, "true or false, no text", v)
	}
	*flag = v.True()
	return nil
}

// read reads a member that describes a need, in the configuration or in a command.
func (n *need) read(name string, v json.Value) *link.Fault {
	switch name {
	case "scope", "acr_values":
		s := v.Str()
		if v.Kind() != json.String || !words.ScopeOK(s) {
			return link.Wrong("bad_value", name, "texts with one space between them", v)
		}
		if name == "scope" {
			n.scope = s
		} else {
			n.acr = s
		}
		return nil
	}
	return number(name, v, &n.maxAge, 0, link.MaxTime/1000)
}

// serverMembers are the members of an authorization server: those of a client's configuration that
// describe the server, and the client that introspects.
const serverMembers = "issuer discovery metadata_url issuer_template jwks_uri client_id client_secret client_key client_key_id client_assertion_audience token_endpoint_auth_signing_alg " +
	"introspection_endpoint introspection_endpoint_auth_method introspection_signed_response_alg introspect"

func (c *config) readServers(list json.Value) *link.Fault {
	const name = "authorization_servers"
	if list.Kind() != json.Array {
		return link.Wrong("missing", name, "an array of objects with issuer", list)
	}
	for it := list.Each(); it.Next(); {
		if len(c.servers) == maxServers {
			return link.Bad("bad_value", name).Not("16 at the most", "")
		}
		s, f := c.readServer(it.Value())
		if f != nil {
			return f.Within(name)
		}
		c.servers = append(c.servers, s)
	}
	if len(c.servers) == 0 {
		return link.Bad("missing", name).Not("one at the least", "")
	}
	return nil
}

// readServer makes a client's configuration from the member of a server.
func (c *config) readServer(in json.Value) (s serverConfig, f *link.Fault) {
	if in.Kind() != json.Object {
		return s, link.Wrong("bad_value", "authorization_servers", "objects with issuer", in)
	}
	w := json.NewWriter()
	w.Open('{')
	has := func(name string) bool { return in.Get(name).Kind() != json.None }
	for it := in.Each(); it.Next(); {
		switch name := it.Name(); {
		case !words.Has(serverMembers, name):
			return s, link.UnknownMember(serverMembers, name)
		case name == "introspect":
		default:
			w.MemberRaw(name, it.Value().Raw())
		}
	}
	s.issuer, s.introspect = in.Get("issuer").Str(), "none"
	if s.issuer == "" {
		return s, link.Bad("missing", "issuer")
	}
	if has("client_id") {
		s.introspect = "opaque"
	} else {
		w.MemberStr("client_id", c.resource) // no server sees it
	}
	if v := in.Get("introspect"); v.Kind() != json.None {
		s.introspect = v.Str()
		if !has("client_id") || s.introspect != "opaque" && s.introspect != "all" {
			return s, link.Wrong("bad_value", "introspect", "opaque or all, with client_id", v)
		}
	}
	if !has("discovery") && !has("jwks_uri") && !has("introspection_endpoint") {
		w.MemberBool("discovery", true)
	}
	w.MemberStr("name", c.name)
	w.MemberInt("clock_tolerance_ms", c.tolerance)
	w.MemberStrIf("user_agent", c.userAgent)
	if c.insecureOrigins != "" {
		w.MemberRaw("insecure_http_origins", c.insecureOrigins)
	}
	w.Close('}')
	v, _ := json.Parse(w.String())
	s.client, f = clientconfig.Read(v)
	return s, f
}

// keys reports whether this resource verifies the server's JWTs itself.
func (s *serverConfig) keys() bool { return s.introspect != "all" }

func text(name string, v json.Value, s *string) *link.Fault {
	if *s = v.Str(); *s == "" {
		return link.Wrong("bad_value", name, "a text", v)
	}
	return nil
}

func number(name string, v json.Value, n *int64, least, most int64) *link.Fault {
	i, ok := v.Int()
	if !ok || i < least || i > most {
		return link.Wrong("bad_value", name, string(json.AppendInt(nil, least))+" to "+string(json.AppendInt(nil, most)), v)
	}
	*n = i
	return nil
}

func algorithms(v json.Value, list *string) bool {
	*list = ""
	ok := each(v, func(v json.Value) bool {
		if *list != "" {
			*list += " "
		}
		*list += v.Str()
		return v.Str() != "" && words.Has(jose.Algorithms, v.Str())
	})
	return ok && *list != ""
}

// each applies a rule to every element of an array, which has 256 elements at most.
func each(v json.Value, ok func(json.Value) bool) bool {
	if v.Kind() != json.Array || v.Values() > maxList {
		return false
	}
	for it := v.Each(); it.Next(); {
		if !ok(it.Value()) {
			return false
		}
	}
	return true
}

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}

func plainHeader(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
