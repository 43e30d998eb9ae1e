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
func (i *issuer) discovered(then func(*link.Fault)) {
	m := &i.metadata
	switch {
	case !i.config.discovery || i.known() && recent(i.link.Now, m.at, metadataLife):
		then(nil)
		return
	case i.known():
		then(nil)
		if recent(i.link.Now, m.tried, jwksLimit) {
			return
		}
	default:
		m.waiting = append(m.waiting, then)
	}
	if m.busy {
		return
	}
	m.busy, m.tried = true, i.link.Now
	if m.looked {
		i.fetchMetadata()
		return
	}
	i.loadMetadata(i.metadataLoaded)
}

// known tells whether there are endpoints, however old.
func (i *issuer) known() bool { return i.metadata.text != "" }

// loadMetadata reads what the store has of the server; what is not ours is as good as nothing.
func (i *issuer) loadMetadata(then func(json.Value)) {
	i.metadata.looked = true
	i.store.load(i.config.under("metadata"), func(value, version, _ string) {
		i.metadata.version = version
		var v json.Value
		if len(value) <= maxDocument+maxKeys+link.MaxText {
			v, _ = json.Parse(value)
		}
		if !i.store.ours(v) || v.Values() > 2*maxValues {
			v = json.Value{}
		}
		then(v)
	})
}

func (i *issuer) metadataLoaded(v json.Value) {
	at, _ := v.Get("fetched_at").Int()
	if i.adoptMetadata(v.Get("metadata")) == nil {
		i.metadata.at = at
		i.adoptKeys(v)
		i.tellDiscovered(nil)
		if recent(i.link.Now, at, metadataLife) {
			i.metadata.busy = false
			return
		}
	}
	i.fetchMetadata()
}

// adoptKeys takes over keys that another instance fetched, and with them the limit on asking again.
func (i *issuer) adoptKeys(v json.Value) {
	s := &i.keys
	s.list = v.Get("keys")
	s.at, _ = v.Get("keys_at").Int()
	s.asked, s.tried = s.list.Kind() != json.None, s.at
}

// A discoverRun looks for the server's metadata in one place after the other.
type discoverRun struct {
	issuer *issuer
	places []string
	first  *link.Fault // why it is not in the first place
}

func (i *issuer) fetchMetadata() {
	iss := i.given.issuer
	u, _ := uri.Parse(iss)
	if u.Path != "" && u.Path[len(u.Path)-1] == '/' {
		iss, u.Path = iss[:len(iss)-1], u.Path[:len(u.Path)-1]
	}
	// Where OpenID Connect has it, and where RFC 8414 section 3.1 has the same and its own: the path comes behind the well-known part.
	places := []string{iss + "/.well-known/openid-configuration", u.Scheme + "://" + u.Host + u.Port + "/.well-known/oauth-authorization-server" + u.Path}
	if u.Path != "" {
		places = append(places, u.Scheme+"://"+u.Host+u.Port+"/.well-known/openid-configuration"+u.Path)
	}
	if i.config.metadataURL != "" {
		places = []string{i.config.metadataURL}
	}
	s := &discoverRun{issuer: i, places: places}
	s.look()
}

func (s *discoverRun) look() { s.issuer.get(stageDiscovery, s.places[0], maxDocument, s.found) }

func (s *discoverRun) found(v json.Value, f *link.Fault) {
	s.places = s.places[1:]
	if s.first == nil {
		s.first = f
	}
	if f.Elsewhere() && len(s.places) > 0 {
		s.look()
		return
	}
	i := s.issuer
	if f != nil {
		f = s.first
	} else {
		f = i.adoptMetadata(v)
	}
	if f == nil {
		i.metadata.at = i.link.Now
		i.storeMetadata()
	}
	i.metadata.busy = false
	i.tellDiscovered(f)
}

func (i *issuer) tellDiscovered(f *link.Fault) {
	waiting := i.metadata.waiting
	i.metadata.waiting = nil
	tell(waiting, f)
}

// adoptMetadata fills in what the configuration leaves out, if the document is the issuer's own (RFC 8414 section 3.3).
func (i *issuer) adoptMetadata(v json.Value) *link.Fault {
	next, iss := i.given.clone(), v.Get("issuer").Str()
	switch {
	case uri.Same(iss, next.issuer):
		next.issuer = iss // the server knows best how it writes itself
	case iss == "" || !(i.anyTenant() && iss == next.issuerTemplate):
		return (&link.Fault{Kind: link.KindServer, Code: "wrong_issuer"}).Not(next.issuer, iss)
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
	for n, left := 0, endpoints; left != ""; n++ {
		var name string
		name, left = words.Cut(left)
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
		if *texts[n] == "" && next.refuses(endpoint, s) == "" {
			*texts[n] = s
		}
	}
	if next.jwks == "" && !next.idTokenOff && words.Has(next.scope, "openid") {
		return (&link.Fault{Kind: link.KindServer, Code: "bad_metadata", Field: "jwks_uri"}).Not("https, or http on loopback, for scope openid", v.Get("jwks_uri").Str())
	}
	if v.Get("require_pushed_authorization_requests").True() && next.pushedRequests == parOffered {
		next.pushedRequests = parRequired
	}
	next.issRequired = next.issRequired || v.Get("authorization_response_iss_parameter_supported").True()
	i.metadata.text = v.Raw()
	i.config.become(next)
	return nil
}

func (i *issuer) storeMetadata() {
	if i.store.kept == nil && !i.config.discovery || i.config.discovery && !i.known() {
		return
	}
	w := i.store.begin()
	if i.known() {
		w.MemberInt("fetched_at", i.metadata.at)
		w.MemberRaw("metadata", i.metadata.text)
	}
	if i.keys.list.Kind() != json.None {
		w.MemberInt("keys_at", i.keys.at)
		w.MemberRaw("keys", i.keys.list.Raw())
	}
	w.Close('}')
	i.store.overwrite(i.config.under("metadata"), &i.metadata.version, w.String(), func(string) {})
}

// get reads a public document of the server's.
func (i *issuer) get(stage, url string, most int, done func(json.Value, *link.Fault)) {
	i.wire.send(&job{}, &request{stage: stage, method: "GET", url: url, most: most}, func(res *response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		done(res.object(i.link.Now))
	})
}

// anyTenant tells whether the issuer stands for more tenants than one, so that the template says what theirs are. An issuer with a tenant of its own is held to exactly.
func (i *issuer) anyTenant() bool {
	switch tenantOf(i.config.issuer, i.config.issuerTemplate) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

// tenantIssuer is the configured issuer, or what the template gives for a tenant.
func (i *issuer) tenantIssuer(tenant string) string {
	t := i.config.issuerTemplate
	if at := tenantAt(t); at >= 0 && words.HostChars(tenant) && i.anyTenant() {
		return t[:at] + tenant + t[at+len(tenantHole):]
	}
	return i.config.issuer
}
