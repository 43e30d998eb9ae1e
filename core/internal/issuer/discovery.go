package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// MetadataLife is how long the server's metadata is used before it is read again.
const MetadataLife = 24 * 60 * 60 * 1000

// Discovered calls then once the endpoints are known. Old metadata is used, and read again in the
// background.
func (i *Issuer) Discovered(then func(*link.Fault)) {
	m := &i.metadata
	switch {
	case !i.config.Discovery || i.Known() && i.link.Recent(m.at, MetadataLife):
		then(nil)
		return
	case i.Known():
		then(nil)
		if i.link.Recent(m.tried, KeysLimit) {
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
	i.LoadMetadata(i.metadataLoaded)
}

// Known reports whether there is metadata, however old.
func (i *Issuer) Known() bool { return i.metadata.text != "" }

// LoadMetadata reads the stored metadata. A text of another configuration counts as none.
func (i *Issuer) LoadMetadata(then func(json.Value)) {
	i.metadata.looked = true
	i.store.Load(i.config.Under("metadata"), func(value, version, _ string) {
		i.metadata.version = version
		var v json.Value
		if len(value) <= wire.MaxDocument+wire.MaxKeys+link.MaxText {
			v, _ = json.Parse(value)
		}
		if !i.store.Ours(v) || v.Values() > 2*wire.MaxValues {
			v = json.Value{}
		}
		then(v)
	})
}

func (i *Issuer) metadataLoaded(v json.Value) {
	at, _ := v.Get("fetched_at").Int()
	if i.adoptMetadata(v.Get("metadata")) == nil {
		i.metadata.at = at
		i.AdoptKeys(v)
		i.tellDiscovered(nil)
		if i.link.Recent(at, MetadataLife) {
			i.metadata.busy = false
			return
		}
	}
	i.fetchMetadata()
}

// AdoptKeys takes over keys that another instance fetched, with the time before which they are not
// fetched again.
func (i *Issuer) AdoptKeys(v json.Value) {
	s := &i.keys
	s.list, s.picked = v.Get("keys"), picked{}
	s.at, _ = v.Get("keys_at").Int()
	s.asked, s.tried = s.list.Kind() != json.None, s.at
}

// A discoverRun looks for the server's metadata at one URL after the other.
type discoverRun struct {
	issuer *Issuer
	places []string
	first  *link.Fault // why it is not at the first URL
}

func (i *Issuer) fetchMetadata() {
	iss := i.given.Issuer
	u, _ := uri.Parse(iss)
	if u.Path != "" && u.Path[len(u.Path)-1] == '/' {
		iss, u.Path = iss[:len(iss)-1], u.Path[:len(u.Path)-1]
	}
	// The URL of OpenID Connect, and those of RFC 8414 section 3.1: the same one, and its own, in
	// which the path comes after the well-known part.
	places := []string{iss + "/.well-known/openid-configuration", u.Scheme + "://" + u.Host + u.Port + "/.well-known/oauth-authorization-server" + u.Path}
	if u.Path != "" {
		places = append(places, u.Scheme+"://"+u.Host+u.Port+"/.well-known/openid-configuration"+u.Path)
	}
	if i.config.MetadataURL != "" {
		places = []string{i.config.MetadataURL}
	}
	s := &discoverRun{issuer: i, places: places}
	s.look()
}

func (s *discoverRun) look() {
	s.issuer.Get(config.StageDiscovery, s.places[0], wire.MaxDocument, s.found)
}

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

func (i *Issuer) tellDiscovered(f *link.Fault) {
	waiting := i.metadata.waiting
	i.metadata.waiting = nil
	tell(waiting, f)
}

// adoptMetadata fills in missing members of the configuration, if the document names the issuer
// (RFC 8414 section 3.3).
func (i *Issuer) adoptMetadata(v json.Value) *link.Fault {
	next, iss := i.given.Clone(), v.Get("issuer").Str()
	switch {
	case uri.Same(iss, next.Issuer):
		next.Issuer = iss // the server's own spelling counts
	case iss == "" || !(i.anyTenant() && iss == next.IssuerTemplate):
		return (&link.Fault{Kind: link.KindServer, Code: "wrong_issuer"}).Not(next.Issuer, iss)
	}
	if !next.AuthGiven {
		next.AuthMethod = next.Supported(v.Get("token_endpoint_auth_methods_supported"), next.AuthMethod)
	}
	next.InheritAuth()
	if !next.RevocationAuthGiven {
		next.RevocationAuthMethod = next.Supported(v.Get("revocation_endpoint_auth_methods_supported"), next.RevocationAuthMethod)
	}
	next.AdoptMore(v)
	texts := next.Endpoints()
	for n, left := 0, config.Endpoints; left != ""; n++ {
		var name string
		name, left = words.Cut(left)
		s := v.Get(name).Str()
		if alias := next.Alias(v, name); alias != "" {
			s = alias
		}
		// An endpoint that cannot be used counts as missing: Absent reports it to the command that
		// needs it.
		if *texts[n] == "" && next.Refuses(config.Endpoint, s) == "" {
			*texts[n] = s
		}
	}
	if next.JWKS == "" && !next.IDTokenOff && words.Has(next.Scope, "openid") {
		return (&link.Fault{Kind: link.KindServer, Code: "bad_metadata", Field: "jwks_uri"}).Not("https, or http on loopback, for scope openid", v.Get("jwks_uri").Str())
	}
	if v.Get("require_pushed_authorization_requests").True() && next.PushedRequests == config.PAROffered {
		next.PushedRequests = config.PARRequired
	}
	next.IssuerRequired = next.IssuerRequired || v.Get("authorization_response_iss_parameter_supported").True()
	i.metadata.text = v.Raw()
	i.config.Become(next)
	return nil
}

func (i *Issuer) storeMetadata() {
	if i.store.Inner() == nil && !i.config.Discovery || i.config.Discovery && !i.Known() {
		return
	}
	w := i.store.Begin()
	if i.Known() {
		w.MemberInt("fetched_at", i.metadata.at)
		w.MemberRaw("metadata", i.metadata.text)
	}
	if i.keys.list.Kind() != json.None {
		w.MemberInt("keys_at", i.keys.at)
		w.MemberRaw("keys", i.keys.list.Raw())
	}
	w.Close('}')
	i.store.Overwrite(i.config.Under("metadata"), &i.metadata.version, w.String(), func(string) {})
}

// Get reads a public document of the server.
func (i *Issuer) Get(stage, url string, most int, done func(json.Value, *link.Fault)) {
	i.wire.Send(&wire.Job{}, &wire.Request{Stage: stage, Method: "GET", URL: url, Most: most}, func(res *wire.Response, f *link.Fault) {
		if f != nil {
			done(json.Value{}, f)
			return
		}
		done(res.Object(i.link.Now))
	})
}

// anyTenant reports whether the issuer stands for many tenants, so that the template gives their
// issuers. An issuer with a certain tenant has to match exactly.
func (i *Issuer) anyTenant() bool {
	switch config.TenantOf(i.config.Issuer, i.config.IssuerTemplate) {
	case "common", "organizations", "consumers":
		return true
	}
	return false
}

// TenantIssuer is the configured issuer, or the template's issuer for a tenant.
func (i *Issuer) TenantIssuer(tenant string) string {
	t := i.config.IssuerTemplate
	if at := config.TenantAt(t); at >= 0 && words.HostChars(tenant) && i.anyTenant() {
		return t[:at] + tenant + t[at+len(config.TenantHole):]
	}
	return i.config.Issuer
}
