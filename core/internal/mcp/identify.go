package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// Ways in which a client is known.
const (
	preRegistered    = "pre_registered"
	metadataDocument = "metadata_document"
	registered       = "registered"
)

// registeredAt is the client that was registered by hand at an issuer, None if there is none.
func (r *run) registeredAt(iss string) json.Value {
	for it := r.session.config.clients.Each(); it.Next(); {
		if it.Value().Get("issuer").Str() == iss {
			return it.Value()
		}
	}
	return json.Value{}
}

// identify chooses the client's identity at the server, in the order of MCP, Client Registration.
func (r *run) identify() {
	c, server := r.session.config, r.record.server
	own := r.registeredAt(r.record.issuer)
	switch {
	case own.Kind() != json.None:
		r.how, r.own = preRegistered, own.Raw()
		r.compose()
	case c.document != "" && server.Get("client_id_metadata_document_supported").True():
		r.how, r.own = metadataDocument, c.document
		r.compose()
	case c.metadata.Kind() != json.None && server.Get("registration_endpoint").Str() != "":
		r.how = registered
		r.session.link.Load(r.registrationKey(), false, r.registrationLoaded)
	case !r.asked:
		r.unknown()
	default:
		r.fail(link.Bad("no_client", "clients").Not(r.session.config.means(), r.record.issuer))
	}
}

// means says what would make the client known.
func (c *settings) means() string {
	switch {
	case c.document != "" && c.metadata.Kind() == json.None:
		return "clients with this issuer, or client_metadata: it takes no client_id that is a URL"
	case c.document == "":
		return "clients with this issuer, client_id, or client_metadata"
	}
	return "clients with this issuer: it takes no client_id that is a URL, and no registration"
}

// A registration is a dynamic registration (RFC 7591) under way. The server's answer is stored for
// that issuer and that client metadata, and for no other.
type registration struct {
	version string
	lock    int64 // effect, 0: not requested
	held    bool
}

func (r *run) registrationKey() string {
	return r.under(r.record.issuer+"\n"+r.clientMetadata(), "registration")
}

// readRegistration reports whether the stored text is a registration that is still valid.
func (r *run) readRegistration(value string) bool {
	v, _ := json.Parse(value)
	client := v.Get("client")
	ends, _ := client.Get("client_secret_expires_at").Int()
	if v.Get("issuer").Str() != r.record.issuer || client.Get("client_id").Str() == "" || ends != 0 && r.session.link.Now/1000 >= ends {
		return false
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberRaw("registration", client.Raw())
	w.Close('}')
	r.own = w.String()
	return true
}

func (r *run) registrationLoaded(value, version, failed string) {
	switch {
	case failed != "":
		r.fail(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
	case r.readRegistration(value):
		r.compose()
	case !r.asked:
		r.unknown()
	default:
		// One of several processes registers, and the others use its registration.
		w := r.session.link.Effect("lock")
		w.MemberStr("name", r.registrationKey())
		w.MemberInt("timeout_ms", lockTimeout)
		r.reg.lock = r.session.link.Ask(w, r.locked)
	}
}

const lockTimeout = 60_000

func (r *run) locked(_ json.Value, failed string) {
	r.reg.held = failed == ""
	r.session.link.Load(r.registrationKey(), false, r.reloaded)
}

func (r *run) reloaded(value, version, failed string) {
	r.reg.version = version
	switch {
	case r.done:
		r.unlock()
	case failed == "" && r.readRegistration(value):
		r.unlock()
		r.compose()
	default:
		r.register()
	}
}

func (r *run) unlock() {
	if r.reg.held {
		r.session.link.Cancel("unlock", r.reg.lock)
	}
	r.reg.held = false
}

// register registers the client at the server (RFC 7591 section 3.1).
func (r *run) register() {
	request := &wire.Request{Stage: config.StageRegistration, Method: "POST", URL: r.record.server.Get("registration_endpoint").Str(), JSON: r.clientMetadata()}
	r.wire.Send(&wire.Job{}, request, func(res *wire.Response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.Object(r.session.link.Now)
		}
		if f == nil && v.Get("client_id").Str() == "" {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_registration"}
		}
		if f != nil {
			r.unlock()
			r.fail(f)
			return
		}
		r.keepRegistration(v)
	})
}

func (r *run) keepRegistration(client json.Value) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberInt("v", 1)
	w.MemberStr("issuer", r.record.issuer)
	w.MemberRaw("client", client.Raw())
	w.Close('}')
	text := w.String()
	r.session.link.Put(r.registrationKey(), r.reg.version, text, 0, func(_, failed string) {
		r.unlock()
		if failed == "conflict" {
			// Without locks, another process registered first: its client is used.
			r.session.link.Load(r.registrationKey(), false, r.overtaken)
			return
		}
		// A registration that cannot be stored is valid for this process.
		if !r.readRegistration(text) {
			r.fail((&link.Fault{Kind: link.KindServer, Code: "bad_registration", Field: "client_secret_expires_at"}).Not("a secret that has not ended", client.Get("client_secret_expires_at").Raw()))
			return
		}
		r.compose()
	})
}

func (r *run) overtaken(value, _, _ string) {
	if !r.readRegistration(value) {
		r.fail(&link.Fault{Kind: link.KindStorage, Code: "conflict", Retryable: true})
		return
	}
	r.compose()
}

// clientMetadata is the client's metadata (RFC 7591 section 2): the application's, and what must be
// added.
func (r *run) clientMetadata() string {
	c := r.session.config
	w := json.NewWriter()
	w.Open('{')
	has := func(name string) bool { return c.metadata.Get(name).Kind() != json.None }
	for it := c.metadata.Each(); it.Next(); {
		w.MemberRaw(it.Name(), it.Value().Raw())
	}
	uris := c.metadata.Get("redirect_uris")
	if !has("redirect_uris") && c.redirectURI != "" {
		list := json.NewWriter()
		list.Open('[')
		list.Str(c.redirectURI)
		list.Close(']')
		w.MemberRaw("redirect_uris", list.String())
		uris, _ = json.Parse(list.String())
	}
	if !has("application_type") {
		w.MemberStr("application_type", applicationType(uris)) // otherwise it would be web, which may have no redirect to this machine
	}
	if !has("grant_types") {
		w.MemberRaw("grant_types", `["authorization_code","refresh_token"]`)
	}
	if !has("response_types") {
		w.MemberRaw("response_types", `["code"]`)
	}
	if !has("token_endpoint_auth_method") {
		w.MemberStr("token_endpoint_auth_method", config.AuthNone)
	}
	w.Close('}')
	return w.String()
}

// applicationType is native if redirects stay on this machine (OpenID Connect Dynamic Client
// Registration section 2).
func applicationType(uris json.Value) string {
	for it := uris.Each(); it.Next(); {
		u, ok := uri.Parse(it.Value().Str())
		if u.Scheme = "http"; ok && u.Secure() {
			return "native"
		}
	}
	return "web"
}

// dropRegistration deletes the registration at the server, if it is the one that the server does
// not know any more.
func (r *run) dropRegistration(gone func(bool)) {
	r.session.link.Load(r.registrationKey(), false, func(value, version, failed string) {
		v, _ := json.Parse(value)
		if failed != "" || v.Get("client").Get("client_id").Str() != r.clientID {
			gone(false)
			return
		}
		r.session.link.Put(r.registrationKey(), version, "", 0, func(_, failed string) { gone(failed == "") })
	})
}
