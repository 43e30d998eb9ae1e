package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// settings are the configuration with which a session was opened; they never change.
type settings struct {
	name, userAgent, redirectURI string
	clients                      json.Value // an array of pre-registered clients, or none
	document                     string     // the Client ID Metadata Document as members of a configuration, "" for none
	metadata                     json.Value // an object if dynamic registration is allowed
	privateOrigins               json.Value
	offline                      bool
	more                         json.Value // further members of the clients' configuration
}

// members are the members of the configuration.
const members = "redirect_uri clients client_id client_key client_key_id token_endpoint_auth_signing_alg client_metadata private_origins offline_access client name user_agent"

// derived are members of a client's configuration that follow from the resource and its server, or
// that the rules for these determine. identity are those that say who the client is.
const (
	derived = config.Endpoints + " discovery metadata_url issuer_template refresh_endpoint resource token_destinations token_header name user_agent variables scope registration client_metadata private_origins insecure_http_origins " +
		"pushed_authorization_requests authorization_response_iss_parameter_supported insecure_pkce_plain insecure_pkce_none"
	identity = "issuer client_id client_secret client_key client_key_id token_endpoint_auth_method token_endpoint_auth_signing_alg redirect_uri"
)

func readSettings(in json.Value) (*settings, *link.Fault) {
	if in.Kind() != json.Object {
		return nil, link.Bad("missing", "config")
	}
	c := &settings{name: "oauth2", offline: true}
	for it := in.Each(); it.Next(); {
		if f := c.read(it.Name(), it.Value()); f != nil {
			return nil, f
		}
	}
	if id := in.Get("client_id").Str(); id != "" {
		c.document = c.documentMembers(in)
	}
	if c.metadata.Kind() != json.None {
		if f := c.checkRedirects(); f != nil {
			return nil, f
		}
	}
	return c, c.try()
}

// read reads one member.
func (c *settings) read(name string, v json.Value) *link.Fault {
	want, kind := "a text", json.String
	switch name {
	case "name":
		if c.name = v.Str(); !plainName(c.name) {
			return link.Wrong("bad_value", name, "letters, digits, - and _, 40 at most", v)
		}
	case "user_agent":
		c.userAgent = v.Str()
	case "redirect_uri":
		if c.redirectURI = v.Str(); !redirectOK(c.redirectURI) {
			return link.Wrong("not_https", name, "", v)
		}
	case "client_id":
		if !documentOK(v.Str()) {
			return link.Wrong("bad_url", name, "https://HOST/PATH, the URL of a client ID metadata document, without user, query and fragment", v)
		}
	case "clients":
		c.clients = v
		return c.readClients(v)
	case "client_metadata":
		c.metadata, want, kind = v, "an object", json.Object
	case "client":
		c.more, want, kind = v, "an object", json.Object
		if f := free(v, derived+" "+identity); f != nil {
			return f.Within(name)
		}
	case "private_origins":
		c.privateOrigins, want, kind = v, "an array", json.Array
	case "offline_access":
		c.offline, want, kind = v.True(), "true or false, no text", json.Bool
	case "client_key", "client_key_id", "token_endpoint_auth_signing_alg": // the clients' own configuration checks them
	default:
		return link.UnknownMember(members, name)
	}
	if v.Kind() != kind {
		return link.Wrong("bad_value", name, want, v)
	}
	return nil
}

// free refuses members that the caller must not set.
func free(v json.Value, reserved string) *link.Fault {
	for it := v.Each(); it.Next(); {
		if words.Has(reserved, it.Name()) {
			return link.Bad("protected_parameter", it.Name())
		}
	}
	return nil
}

func (c *settings) readClients(v json.Value) *link.Fault {
	const name = "clients"
	if v.Kind() != json.Array || v.Values() > 64*form.MaxParams {
		return link.Wrong("bad_value", name, "an array of objects with issuer and client_id", v)
	}
	seen := []string{}
	for it := v.Each(); it.Next(); {
		own := it.Value()
		for _, needed := range [...]string{"issuer", "client_id"} {
			if own.Get(needed).Str() == "" {
				return link.Bad("missing", name).Not(needed, "")
			}
		}
		if words.Among(seen, own.Get("issuer").Str()) {
			return link.Bad("bad_value", name).Not("one client of each issuer", own.Get("issuer").Str())
		}
		seen = append(seen, own.Get("issuer").Str())
		if f := free(own, derived); f != nil {
			return f.Within(name)
		}
		if v := own.Get("redirect_uri"); v.Kind() != json.None && !redirectOK(v.Str()) {
			return link.Wrong("not_https", "redirect_uri", "", v).Within(name)
		}
	}
	return nil
}

// documentMembers is the identity of the client with a metadata document. With a key it can
// authenticate (draft-ietf-oauth-client-id-metadata-document section 6.2).
func (c *settings) documentMembers(in json.Value) string {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("client_id", in.Get("client_id").Str())
	method := config.AuthNone
	for _, name := range [...]string{"client_key", "client_key_id", "token_endpoint_auth_signing_alg"} {
		if v := in.Get(name); v.Kind() != json.None {
			w.MemberRaw(name, v.Raw())
			method = config.AuthPrivateJWT
		}
	}
	w.MemberStr("token_endpoint_auth_method", method)
	w.Close('}')
	return w.String()
}

// try reads a configuration for each identity, as it would be returned later, so that errors are
// found at once.
func (c *settings) try() *link.Fault {
	trial := func(own string, within string) *link.Fault {
		v, _ := json.Parse(own)
		w := json.NewWriter()
		w.Open('{')
		if v.Get("issuer").Kind() == json.None {
			w.MemberStr("issuer", "https://as.example")
		}
		w.MemberStr("token_endpoint", "https://as.example/token")
		c.writeOrigins(w, "https://as.example")
		c.writeOwn(w, v)
		w.Close('}')
		v, _ = json.Parse(w.String())
		_, f := config.Read(v)
		if f != nil && within != "" && v.Get(f.Field).Kind() != json.None && c.more.Get(f.Field).Kind() == json.None {
			f = f.Within(within)
		}
		return f
	}
	for it := c.clients.Each(); it.Next(); {
		if f := trial(it.Value().Raw(), "clients"); f != nil {
			return f
		}
	}
	own := c.document
	if own == "" {
		own = `{"client_id":"none"}`
	}
	return trial(own, "")
}

// writeOwn adds what of a client's configuration is the caller's: who the client is, and the rest.
func (c *settings) writeOwn(w *json.Writer, own json.Value) {
	if c.redirectURI != "" && own.Get("redirect_uri").Kind() == json.None {
		w.MemberStr("redirect_uri", c.redirectURI)
	}
	w.MemberStrIf("user_agent", c.userAgent)
	for it := own.Each(); it.Next(); {
		w.MemberRaw(it.Name(), it.Value().Raw())
	}
	for it := c.more.Each(); it.Next(); {
		if own.Get(it.Name()).Kind() == json.None {
			w.MemberRaw(it.Name(), it.Value().Raw())
		}
	}
}

// requests is the configuration for requests about a resource at an origin. The caller uses that
// origin anyway.
func (c *settings) requests(origin string) (*config.Config, *link.Fault) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberRaw("client_metadata", "{}")
	w.MemberStrIf("user_agent", c.userAgent)
	c.writeOrigins(w, origin)
	w.Close('}')
	v, _ := json.Parse(w.String())
	return config.Read(v)
}

// writeOrigins adds private_origins with one more.
func (c *settings) writeOrigins(w *json.Writer, origin string) {
	w.Key("private_origins")
	w.Open('[')
	w.Str(origin)
	for it := c.privateOrigins.Each(); it.Next(); {
		if it.Value().Str() != origin {
			w.Raw(it.Value().Raw())
		}
	}
	w.Close(']')
}

// checkRedirects applies the rule for redirect_uri to the redirect_uris of client_metadata.
func (c *settings) checkRedirects() *link.Fault {
	list := c.metadata.Get("redirect_uris")
	for it := list.Each(); it.Next(); {
		if !redirectOK(it.Value().Str()) {
			return link.Wrong("not_https", "client_metadata", "", it.Value())
		}
	}
	return nil
}

// redirectOK checks MCP, Communication Security: this machine or https.
func redirectOK(s string) bool {
	u, ok := uri.Parse(s)
	return ok && u.Secure()
}

// documentOK tells whether a text can be the URL of a client ID metadata document
// (draft-ietf-oauth-client-id-metadata-document section 3).
func documentOK(s string) bool {
	u, ok := uri.Parse(s)
	return ok && u.Scheme == "https" && !u.Query && len(u.Path) > 1 && !words.Contains(u.Path+"/", "/./") && !words.Contains(u.Path+"/", "/../")
}

func plainName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != "" && len(s) <= 40
}
