package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// metadataLife is how long the server's metadata is used before it is read again.
const metadataLife = 24 * 60 * 60 * 1000

// metadata is what the server says of itself (RFC 8414, OpenID Connect Discovery).
type metadata struct {
	text    string // "" before there was any
	at      int64  // fetched
	tried   int64
	busy    bool
	looked  bool   // into the store
	version string // in the store
	waiting []func(*fault)
}

// discovered goes on once the endpoints are known. What is known but old is used, and read again meanwhile.
func (c *client) discovered(then func(*fault)) {
	m := &c.metadata
	switch {
	case !c.discovery || c.known() && recent(c.now, m.at, metadataLife):
		then(nil)
		return
	case c.known():
		then(nil)
		if recent(c.now, m.tried, jwksLimit) {
			return
		}
	default:
		m.waiting = append(m.waiting, then)
	}
	if !m.busy {
		m.busy = true
		c.discover()
	}
}

// known tells whether there are endpoints, however old.
func (c *client) known() bool { return c.metadata.text != "" }

func recent(now, at, life int64) bool { return now >= at && now < at+life }

func (c *client) discover() {
	m := &c.metadata
	m.tried = c.now
	if m.looked {
		c.fetchMetadata()
		return
	}
	c.loadMetadata(func(v json.Value) {
		at, _ := v.Get("fetched_at").Int()
		if c.adoptMetadata(v.Get("metadata")) == nil {
			m.at = at
			c.adoptKeys(v)
			c.tellDiscovered(nil)
			if recent(c.now, at, metadataLife) {
				m.busy = false
				return
			}
		}
		c.fetchMetadata()
	})
}

// loadMetadata reads what the store has of the server; what is not ours is as good as nothing.
func (c *client) loadMetadata(then func(json.Value)) {
	c.metadata.looked = true
	c.load(c.under("metadata"), func(value, version, _ string) {
		c.metadata.version = version
		var v json.Value
		if len(value) <= maxDocument+maxKeys+maxText {
			v, _ = json.Parse(value)
		}
		if !c.ours(v) || v.Values() > 2*maxValues {
			v = json.Value{}
		}
		then(v)
	})
}

// adoptKeys takes over keys that another instance fetched, and with them the limit on asking again.
func (c *client) adoptKeys(v json.Value) {
	s := &c.keySet
	s.keys = v.Get("keys")
	s.at, _ = v.Get("keys_at").Int()
	s.asked, s.tried = s.keys.Kind() != json.None, s.at
}

func (c *client) fetchMetadata() {
	issuer := c.given.issuer
	u, _ := parseURI(issuer)
	if u.path != "" && u.path[len(u.path)-1] == '/' {
		issuer, u.path = issuer[:len(issuer)-1], u.path[:len(u.path)-1]
	}
	// Where OpenID Connect has it, and where RFC 8414 section 3.1 has the same and its own: the path comes behind the well-known part.
	places := []string{issuer + "/.well-known/openid-configuration", u.scheme + "://" + u.host + u.port + "/.well-known/oauth-authorization-server" + u.path}
	if u.path != "" {
		places = append(places, u.scheme+"://"+u.host+u.port+"/.well-known/openid-configuration"+u.path)
	}
	if c.metadataURL != "" {
		places = []string{c.metadataURL}
	}
	var first *fault
	var look func()
	look = func() {
		c.get(stageDiscovery, places[0], maxDocument, func(v json.Value, f *fault) {
			places = places[1:]
			if first == nil {
				first = f
			}
			if f.elsewhere() && len(places) > 0 {
				look()
				return
			}
			if f != nil {
				f = first
			}
			c.readMetadata(v, f)
		})
	}
	look()
}

// elsewhere tells whether a document may still stand in another place: there is none here, or something else, or a browser that may not read the answer says no more than that it failed.
func (f *fault) elsewhere() bool {
	return f != nil && (f.code == "network" || f.kind == kindServer && !f.retryable)
}

func (c *client) readMetadata(v json.Value, f *fault) {
	if f == nil {
		f = c.adoptMetadata(v)
	}
	if f == nil {
		c.metadata.at = c.now
		c.storeMetadata()
	}
	c.metadata.busy = false
	c.tellDiscovered(f)
}

func (c *client) tellDiscovered(f *fault) {
	waiting := c.metadata.waiting
	c.metadata.waiting = nil
	tell(waiting, f)
}

// adoptMetadata fills in what the configuration leaves out, if the document is the issuer's own (RFC 8414 section 3.3).
func (c *client) adoptMetadata(v json.Value) *fault {
	next, iss := c.given.clone(), v.Get("issuer").Str()
	switch {
	case sameIssuer(iss, next.issuer):
		next.issuer = iss // the server knows best how it writes itself
	case iss == "" || !(c.anyTenant() && iss == next.issuerTemplate):
		return (&fault{kind: kindServer, code: "wrong_issuer"}).not(next.issuer, iss)
	}
	if !next.authGiven {
		next.auth = next.supported(v.Get("token_endpoint_auth_methods_supported"), next.auth)
	}
	next.inheritAuth()
	if !next.revocationAuthGiven {
		next.revocationAuth = next.supported(v.Get("revocation_endpoint_auth_methods_supported"), next.revocationAuth)
	}
	if !next.introspectionAuthGiven {
		next.introspectionAuth = next.supported(v.Get("introspection_endpoint_auth_methods_supported"), next.introspectionAuth)
	}
	texts := next.endpoints()
	for i, left := 0, endpoints; left != ""; i++ {
		var name string
		name, left = cutWord(left)
		s := v.Get(name).Str()
		method := next.auth
		switch name {
		case "revocation_endpoint":
			method = next.revocationAuth
		case "introspection_endpoint":
			method = next.introspectionAuth
		}
		if alias := v.Get("mtls_endpoint_aliases").Get(name).Str(); alias != "" && byCertificate(method) {
			s = alias // RFC 8705 section 5
		}
		// What cannot be used is as good as not there: absent tells it to who needs it.
		if *texts[i] == "" && next.refuses(endpoint, s) == "" {
			*texts[i] = s
		}
	}
	if next.jwks == "" && !next.idTokenOff && hasScope(next.scope, "openid") {
		return (&fault{kind: kindServer, code: "bad_metadata", field: "jwks_uri"}).not("https, or http on loopback, for scope openid", v.Get("jwks_uri").Str())
	}
	if v.Get("require_pushed_authorization_requests").True() && next.pushedRequests == parOffered {
		next.pushedRequests = parRequired
	}
	next.issRequired = next.issRequired || v.Get("authorization_response_iss_parameter_supported").True()
	c.metadata.text, c.config = v.Raw(), next
	return nil
}

// sameIssuer tells whether two texts name one issuer: they are equal, or differ by the slash of an empty path (RFC 3986 section 6.2.3).
func sameIssuer(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	u, ok := parseURI(a)
	return ok && (a == b || a+"/" == b && u.path == "")
}

// absent says that a command needs an endpoint that is neither in the configuration nor, such that it can be used, in the server's metadata.
func (c *client) absent(name string) *fault {
	if !c.discovery {
		return bad("missing", name).not("discovery, or "+name, "")
	}
	v, _ := json.Parse(c.metadata.text)
	if v = v.Get(name); v.Kind() == json.None && name != "jwks_uri" {
		return bad("missing", name).not("in the configuration or the metadata", "")
	}
	c.metadata.at = 0 // it may be mended soon
	f := wrong("bad_metadata", name, "https, or http on loopback", v)
	f.kind = kindServer
	return f
}

// lists tells whether an array of texts holds s.
func lists(v json.Value, s string) bool {
	for it := v.Each(); it.Next(); {
		if it.Value().Str() == s {
			return true
		}
	}
	return false
}

func (c *client) storeMetadata() {
	if c.kept == nil && !c.discovery || c.discovery && !c.known() {
		return
	}
	w := c.stored()
	if c.known() {
		w.MemberInt("fetched_at", c.metadata.at)
		w.MemberRaw("metadata", c.metadata.text)
	}
	if c.keySet.keys.Kind() != json.None {
		w.MemberInt("keys_at", c.keySet.at)
		w.MemberRaw("keys", c.keySet.keys.Raw())
	}
	w.Close('}')
	c.overwrite(c.under("metadata"), &c.metadata.version, w.String(), func(string) {})
}

// get reads a public document of the server's.
func (c *client) get(stage, url string, most int, done func(json.Value, *fault)) {
	c.send(&command{}, &request{stage: stage, method: "GET", url: url, most: most}, func(res *response, f *fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		done(res.object(c.now))
	})
}
