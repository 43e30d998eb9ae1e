package mcp

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// compose makes the configuration of the client for the resource.
func (r *run) compose() {
	if r.done {
		return
	}
	own, _ := json.Parse(r.own)
	server, resource := r.record.server, r.record.resource
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("name", r.session.config.name+"."+hash(resource))
	if own.Get("issuer").Kind() == json.None {
		w.MemberStr("issuer", r.record.issuer)
	}
	for left := config.Endpoints; left != ""; {
		var name string
		if name, left = words.Cut(left); name != "registration_endpoint" {
			w.MemberStrIf(name, server.Get(name).Str())
		}
	}
	if server.Get("authorization_response_iss_parameter_supported").True() {
		w.MemberBool("authorization_response_iss_parameter_supported", true)
	}
	if server.Get("require_pushed_authorization_requests").True() {
		w.MemberStr("pushed_authorization_requests", config.PARRequired)
	}
	for _, list := range [...][2]string{{"resource", resource}, {"token_destinations", uri.Place(resource)}} {
		w.Key(list[0])
		w.Open('[')
		w.Str(list[1])
		w.Close(']')
	}
	r.session.config.writeOrigins(w, r.origin)
	r.session.config.writeOwn(w, own)
	w.Close('}')
	r.text = w.String()
	r.configured()
}

// configured reads the configuration: it says which session it is, and how the client can
// authenticate at the server.
func (r *run) configured() {
	v, _ := json.Parse(r.text)
	var f *link.Fault
	if r.client, f = config.Read(v); f != nil {
		r.fail(f)
		return
	}
	if v.Get("token_endpoint_auth_method").Kind() == json.None {
		method := r.client.AuthMethod
		if v.Get("registration").Get("token_endpoint_auth_method").Kind() == json.None {
			method = r.client.Supported(r.record.server.Get("token_endpoint_auth_methods_supported"), method)
		}
		r.text = r.text[:len(r.text)-1] + `,"token_endpoint_auth_method":"` + method + `"}`
	}
	if r.asked {
		r.save()
		return
	}
	r.look()
}

// look reads the stored session of that client, if there is one.
func (r *run) look() { r.session.link.Load(r.client.Under("session"), false, r.looked) }

// looked decides which command of the client is next.
func (r *run) looked(value, _, failed string) {
	if failed != "" {
		r.fail(&link.Fault{Kind: link.KindStorage, Code: failed, Retryable: true})
		return
	}
	v, _ := json.Parse(value)
	if v.Get("for").Str() != r.client.Fingerprint {
		v = json.Value{} // it belongs to another server or client
	}
	access, refresh := v.Get("access_token").Str(), v.Get("refresh_token").Str()
	ends, _ := v.Get("expires_at").Int()
	over := ends != 0 && r.session.link.Now >= ends
	requested := union(v.Get("requested_scope").Str(), v.Get("scope").Str())
	refused := access != "" && (access == r.sent || r.sent == "" && r.op == "challenged" && r.status == 403)
	held := access != "" && !refused && (!over || refresh != "")
	if held && r.insufficient() && union(requested, r.challenge.Get("scope")) != requested {
		held = false // another process signed in meanwhile, but without that scope
	}
	switch {
	case held:
		r.tell("token", requested)
	case r.op == "challenged" && !r.asked:
		r.ask()
	case refused && !over && r.session.refusedTooOften(r.place+"\n"+r.operation, access):
		r.fail((&link.Fault{Kind: link.KindServer, Code: "too_many_attempts", Status: r.status}).Not("a token of "+r.record.issuer+" that the resource takes", r.said()))
	case refused && refresh != "" && r.status == 401 && r.challenge.Get("error") != "insufficient_user_authentication":
		r.tell("refresh", requested)
	default:
		r.authorize(requested)
	}
}

// said is the error in the challenge.
func (r *run) said() string {
	return words.Printable(words.Trim(r.challenge.Get("error")+" "+r.challenge.Get("error_description")), link.MaxText)
}

// authorize asks for a new sign-in, with all scopes that were requested before: otherwise scopes
// that other operations need would be lost (MCP, Step-Up Authorization Flow).
func (r *run) authorize(requested string) {
	if r.insufficient() && requested != "" && union(requested, r.needed()) == requested {
		// All of that was requested, and was not enough.
		r.fail((&link.Fault{Kind: link.KindServer, Code: "step_up_failed", Status: r.status}).Not("a scope that was not asked for", r.said()))
		return
	}
	r.tell("authorize", requested)
}

// wanted is the scope of a sign-in (MCP, Scope Selection Strategy): the challenge's, or else the
// scopes that the resource lists, together with all that were requested before.
func (r *run) wanted(requested string) string {
	scope := union(requested, r.needed())
	if scope != "" && r.record.offline && r.session.config.offline {
		scope = union(scope, "offline_access")
	}
	return scope
}

// needed is the scope that the resource requires now.
func (r *run) needed() string {
	if scope := r.challenge.Get("scope"); scope != "" {
		return scope
	}
	return r.record.scope
}

// tell returns the result.
func (r *run) tell(next, requested string) {
	r.end(nil, func(w *json.Writer) {
		w.MemberStr("resource", r.record.resource)
		w.MemberStr("issuer", r.record.issuer)
		w.MemberStr("identity", r.how)
		w.MemberStr("next", next)
		w.Key("authorize")
		w.Open('{')
		w.MemberStrIf("scope", r.wanted(requested))
		if r.challenge.Get("error") == "insufficient_user_authentication" { // RFC 9470 section 3
			w.MemberStrIf("acr_values", r.challenge.Get("acr_values"))
			if n, ok := json.Int(r.challenge.Get("max_age")); ok && n >= 0 {
				w.MemberInt("max_age", n)
			}
		}
		w.Close('}')
		w.MemberRaw("config", r.text)
	})
}
