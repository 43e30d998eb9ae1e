package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A run is one command about a resource. If the store has a record of the resource, that gives the
// client at once; if it does not help, the resource and its server are asked. Its methods are the
// steps: recordLoaded, identify, registrationLoaded, compose, look, looked; and from ask on, whose
// steps are in discover.go, identify and the steps after it again, with save before look.
type run struct {
	session *session
	id      int64
	op      string
	done    bool

	at        uri.URI // the resource, as in the command
	place     string  // the resource's canonical URI
	origin    string
	status    int64
	challenge wire.Challenge
	sent      string // the token that was refused, "" for none
	operation string
	clientID  string // for the command forget

	config  *config.Config // for the requests that are sent here
	wire    *wire.Wire
	record  record
	version string // of the record in the store
	asked   bool   // record is what the resource and its server said just now

	how    string // how the client is known: pre_registered, metadata_document, registered
	own    string // the client's identity, as members of its configuration
	reg    registration
	client *config.Config // its configuration
	text   string         // the same as JSON
}

// A record is what is stored of a resource: its metadata and its server's.
type record struct {
	resource, issuer, scope string
	offline                 bool       // the server knows offline_access
	server                  json.Value // its metadata, as far as a client needs them
	at                      int64      // when that was fetched, Unix ms
}

func (r *run) begin(in json.Value) {
	u, ok := uri.Parse(in.Get("url").Str())
	r.at, r.origin = u, u.Scheme+"://"+u.Host+u.Port
	r.place = uri.Place(in.Get("url").Str())
	if !ok || !u.Secure() && !json.Lists(r.session.config.privateOrigins, r.origin) {
		r.fail(link.Wrong("bad_url", "url", "https, http on loopback, or one of private_origins", in.Get("url")))
		return
	}
	var f *link.Fault
	if r.config, f = r.session.config.requests(r.origin); f != nil {
		r.fail(f)
		return
	}
	r.wire = wire.New(r.session.link, r.config)
	if r.op == "challenged" {
		if f := r.readAnswer(in); f != nil {
			r.fail(f)
			return
		}
	}
	r.clientID = in.Get("client_id").Str()
	r.session.link.Load(r.key(), false, r.recordLoaded)
}

// readAnswer reads the resource's answer.
func (r *run) readAnswer(in json.Value) *link.Fault {
	r.status, _ = in.Get("status").Int()
	r.challenge = wire.ReadChallenge(in.Get("headers"), "bearer")
	r.sent, r.operation = in.Get("sent").Str(), in.Get("operation").Str()
	if i := words.Index(r.sent, ' '); i >= 0 {
		r.sent = words.Trim(r.sent[i:])
	}
	if r.operation == "" {
		r.operation = in.Get("method").Str()
	}
	switch e := r.challenge.Get("error"); {
	case r.status == 401 && e != "use_dpop_nonce" && e != "invalid_dpop_proof":
	case r.insufficient():
	default:
		// A token does not help.
		return link.Bad("not_challenged", "status").Not("401, or 403 with insufficient_scope", in.Get("status").Raw()+" "+words.Printable(e, 100))
	}
	return nil
}

// insufficient reports whether the token was valid, but not for this operation (RFC 6750 section
// 3.1).
func (r *run) insufficient() bool {
	return r.status == 403 && r.challenge.Get("error") == "insufficient_scope"
}

// under is the key of what is stored about a URL.
func (r *run) under(url, what string) string {
	return r.session.config.name + "." + hash(url) + "." + what
}

func (r *run) key() string { return r.under(r.place, "resource") }

func hash(s string) string { return sha256.Base64URL(s)[:22] }

func (r *run) recordLoaded(value, version, failed string) {
	if failed != "" {
		r.fail(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
		return
	}
	r.version = version
	known := r.readRecord(value)
	switch {
	case r.op == "forget":
		r.forget(known)
	case known:
		r.identify()
	default:
		r.unknown()
	}
}

// unknown continues if the stored record leads to no client.
func (r *run) unknown() {
	if r.op == "find" {
		r.end(nil, nil)
		return
	}
	r.ask()
}

// readRecord reads the stored record, with the same checks as for answers of servers: the
// configuration may have changed.
func (r *run) readRecord(value string) bool {
	v, _ := json.Parse(value)
	k := &r.record
	k.resource, k.issuer, k.scope, k.offline, k.server = v.Get("resource").Str(), v.Get("issuer").Str(), v.Get("scope").Str(), v.Get("offline_access").True(), v.Get("server")
	k.at, _ = v.Get("fetched_at").Int()
	n, _ := v.Get("v").Int()
	if n == 1 && k.resource != "" && k.issuer != "" && r.checkServer(k.server) == nil && r.config.Refuses(config.Endpoint, k.issuer) == "" {
		return true
	}
	r.record = record{}
	return false
}

// save stores the record. A process that writes at the same time has learned the same.
func (r *run) save() {
	w := json.NewWriter()
	w.Open('{')
	w.MemberInt("v", 1)
	w.MemberStr("resource", r.record.resource)
	w.MemberStr("issuer", r.record.issuer)
	w.MemberStrIf("scope", r.record.scope)
	w.MemberBool("offline_access", r.record.offline)
	w.MemberRaw("server", r.record.server.Raw())
	w.MemberInt("fetched_at", r.record.at)
	w.Close('}')
	r.session.link.Put(r.key(), r.version, w.String(), 0, func(string, string) { r.look() })
}

// recent reports whether the server's metadata need not be fetched again.
func (r *run) recent(iss string) bool {
	return r.record.issuer == iss && r.session.link.Recent(r.record.at, issuer.MetadataLife)
}

// forget deletes a registration that the server does not know any more, or the record of the
// resource.
func (r *run) forget(known bool) {
	gone := func(forgotten bool) {
		r.end(nil, func(w *json.Writer) { w.MemberBool("forgotten", forgotten) })
	}
	switch {
	case !known:
		gone(false)
	case r.clientID == "":
		r.session.link.Put(r.key(), r.version, "", 0, func(_, failed string) { gone(failed == "") })
	default:
		r.dropRegistration(gone)
	}
}
