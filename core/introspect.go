package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// An introspectRun asks the server what it knows of a token (RFC 7662 section 2.1): the one given, or the session's access token. Its methods are the steps: answered, signed, read.
type introspectRun struct {
	c     *client
	cmd   *command
	token string
}

const introspectionJWT = "token-introspection+jwt" // RFC 9701 section 5

func (c *client) introspect(cmd *command, in json.Value) {
	cfg, token, hint := c.config, in.Get("token").Str(), in.Get("token_type_hint").Str()
	if token == "" {
		token, hint = c.session.tokens.bearer(), "access_token"
	}
	var f *link.Fault
	switch {
	case cfg.introspection == "":
		f = c.issuer.absent("introspection_endpoint")
	case cfg.introspectionAlg != "" && cfg.jwks == "":
		f = c.issuer.absent("jwks_uri")
	case token == "":
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	r := &request{stage: stageIntrospection, method: "POST", url: cfg.introspection, auth: cfg.introspectionAuth, params: []form.Param{{Name: "token", Value: token}}}
	if hint != "" {
		r.params = append(r.params, form.Param{Name: "token_type_hint", Value: hint})
	}
	if cfg.introspectionAlg != "" {
		r.accept = "application/" + introspectionJWT
	}
	i := &introspectRun{c: c, cmd: cmd, token: token}
	c.wire.send(&cmd.job, r, i.answered)
}

func (r *introspectRun) answered(res *response, f *link.Fault) {
	i := &r.c.issuer
	alg := r.c.config.introspectionAlg
	switch {
	case f != nil:
		r.read(json.Value{}, f)
	case alg == "" || res.status < 200 || res.status > 299:
		r.read(res.object(r.c.link.Now))
	case res.contentType() != "application/"+introspectionJWT:
		r.read(json.Value{}, &link.Fault{Kind: link.KindServer, Code: "unknown_content_type", Status: res.status})
	default:
		i.trusted(skipBOM(res.body), introspectionJWT, alg, "iat", r.c.config.skew, r.signed)
	}
}

func (r *introspectRun) signed(v json.Value, f *link.Fault) { r.read(v.Get("token_introspection"), f) }

func (r *introspectRun) read(v json.Value, f *link.Fault) {
	if f == nil && v.Get("active").Kind() != json.Bool {
		f = &link.Fault{Kind: link.KindServer, Code: "bad_introspection"}
	}
	if f != nil {
		r.c.session.redact(f, r.token)
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
}
