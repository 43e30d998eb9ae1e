package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// metadataLife is how long the server's metadata is used before it is read again.
const metadataLife = 24 * 60 * 60 * 1000

// discovered goes on once the endpoints are known. What is known but old is used, and read again meanwhile.
func (c *client) discovered(then func(*link.Fault)) {
	m := &c.metadata
	switch {
	case !c.discovery || c.known() && recent(c.Now, m.at, metadataLife):
		then(nil)
		return
	case c.known():
		then(nil)
		if recent(c.Now, m.tried, jwksLimit) {
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
	m.tried = c.Now
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
			if recent(c.Now, at, metadataLife) {
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
		if len(value) <= maxDocument+maxKeys+link.MaxText {
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
	u, _ := uri.Parse(issuer)
	if u.Path != "" && u.Path[len(u.Path)-1] == '/' {
		issuer, u.Path = issuer[:len(issuer)-1], u.Path[:len(u.Path)-1]
	}
	// Where OpenID Connect has it, and where RFC 8414 section 3.1 has the same and its own: the path comes behind the well-known part.
	places := []string{issuer + "/.well-known/openid-configuration", u.Scheme + "://" + u.Host + u.Port + "/.well-known/oauth-authorization-server" + u.Path}
	if u.Path != "" {
		places = append(places, u.Scheme+"://"+u.Host+u.Port+"/.well-known/openid-configuration"+u.Path)
	}
	if c.metadataURL != "" {
		places = []string{c.metadataURL}
	}
	var first *link.Fault
	var look func()
	look = func() {
		c.get(stageDiscovery, places[0], maxDocument, func(v json.Value, f *link.Fault) {
			places = places[1:]
			if first == nil {
				first = f
			}
			if f.Elsewhere() && len(places) > 0 {
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

func (c *client) readMetadata(v json.Value, f *link.Fault) {
	if f == nil {
		f = c.adoptMetadata(v)
	}
	if f == nil {
		c.metadata.at = c.Now
		c.storeMetadata()
	}
	c.metadata.busy = false
	c.tellDiscovered(f)
}

func (c *client) tellDiscovered(f *link.Fault) {
	waiting := c.metadata.waiting
	c.metadata.waiting = nil
	tell(waiting, f)
}

// adoptMetadata fills in what the configuration leaves out, if the document is the issuer's own (RFC 8414 section 3.3).
func (c *client) adoptMetadata(v json.Value) *link.Fault {
	next, iss := c.given.clone(), v.Get("issuer").Str()
	switch {
	case uri.Same(iss, next.issuer):
		next.issuer = iss // the server knows best how it writes itself
	case iss == "" || !(c.anyTenant() && iss == next.issuerTemplate):
		return (&link.Fault{Kind: link.KindServer, Code: "wrong_issuer"}).Not(next.issuer, iss)
	}
	if !next.authGiven {
		next.auth = next.supported(v.Get("token_endpoint_auth_methods_supported"), next.auth)
	}
	next.inheritAuth()
	if !next.revocationAuthGiven {
		next.revocationAuth = next.supported(v.Get("revocation_endpoint_auth_methods_supported"), next.revocationAuth)
	}
	next.adoptMore(v)
	texts := next.endpoints()
	for i, left := 0, endpoints; left != ""; i++ {
		var name string
		name, left = words.Cut(left)
		s := v.Get(name).Str()
		if alias := next.alias(v, name); alias != "" {
			s = alias
		}
		// What cannot be used is as good as not there: absent tells it to who needs it.
		if *texts[i] == "" && next.refuses(endpoint, s) == "" {
			*texts[i] = s
		}
	}
	if next.jwks == "" && !next.idTokenOff && words.Has(next.scope, "openid") {
		return (&link.Fault{Kind: link.KindServer, Code: "bad_metadata", Field: "jwks_uri"}).Not("https, or http on loopback, for scope openid", v.Get("jwks_uri").Str())
	}
	if v.Get("require_pushed_authorization_requests").True() && next.pushedRequests == parOffered {
		next.pushedRequests = parRequired
	}
	next.issRequired = next.issRequired || v.Get("authorization_response_iss_parameter_supported").True()
	c.metadata.text, c.config = v.Raw(), next
	return nil
}

func (c *client) storeMetadata() {
	if c.storage() == nil && !c.discovery || c.discovery && !c.known() {
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
func (c *client) get(stage, url string, most int, done func(json.Value, *link.Fault)) {
	c.send(&command{}, &request{stage: stage, method: "GET", url: url, most: most}, func(res *response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		done(res.object(c.Now))
	})
}

// anyTenant tells whether the issuer stands for more tenants than one, so that the template says what theirs are. An issuer with a tenant of its own is held to exactly.
func (c *client) anyTenant() bool {
	switch tenantOf(c.issuer, c.issuerTemplate) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

// tenantIssuer is the configured issuer, or what the template gives for a tenant.
func (c *client) tenantIssuer(tenant string) string {
	if i := tenantAt(c.issuerTemplate); i >= 0 && words.HostChars(tenant) && c.anyTenant() {
		return c.issuerTemplate[:i] + tenant + c.issuerTemplate[i+len(tenantHole):]
	}
	return c.issuer
}
