//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// An introspectRun asks the server what it knows about a token (RFC 7662 section 2.1): a given one,
// or the session's access token. Its methods are the steps: answered, signed, read.
type introspectRun struct {
	c     *client
	cmd   *command
	token string
}

const introspectionJWT = "token-introspection+jwt" // RFC 9701 section 5

func (c *client) introspect(cmd *command, in json.Value) {
	cfg, token, hint := c.config, in.Get("token").Str(), in.Get("token_type_hint").Str()
	if token == "" {
		token, hint = c.session.Tokens.Bearer(), "access_token"
	}
	var f *link.Fault
	switch {
	case cfg.IntrospectionEndpoint == "":
		f = c.issuer.Absent("introspection_endpoint")
	case cfg.IntrospectionAlg != "" && cfg.JWKS == "":
		f = c.issuer.Absent("jwks_uri")
	case token == "":
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	r := &wire.Request{Stage: config.StageIntrospection, Method: "POST", URL: cfg.IntrospectionEndpoint, Auth: cfg.IntrospectionAuthMethod, Params: []form.Param{{Name: "token", Value: token}}}
	if hint != "" {
		r.Params = append(r.Params, form.Param{Name: "token_type_hint", Value: hint})
	}
	if cfg.IntrospectionAlg != "" {
		r.Accept = "application/" + introspectionJWT
	}
	i := &introspectRun{c: c, cmd: cmd, token: token}
	c.wire.Send(&cmd.job, r, i.answered)
}

func (r *introspectRun) answered(res *wire.Response, f *link.Fault) {
	i := r.c.issuer
	alg := r.c.config.IntrospectionAlg
	switch {
	case f != nil:
		r.read(json.Value{}, f)
	case alg == "" || res.Status < 200 || res.Status > 299:
		r.read(res.Object(r.c.link.Now))
	case res.ContentType() != "application/"+introspectionJWT:
		r.read(json.Value{}, &link.Fault{Kind: link.KindServer, Code: "unknown_content_type", Status: res.Status})
	default:
		i.Trusted(wire.SkipBOM(res.Body), introspectionJWT, alg, "iat", r.c.config.Skew, r.signed)
	}
}

func (r *introspectRun) signed(v json.Value, f *link.Fault) { r.read(v.Get("token_introspection"), f) }

func (r *introspectRun) read(v json.Value, f *link.Fault) {
	if f == nil && v.Get("active").Kind() != json.Bool {
		f = &link.Fault{Kind: link.KindServer, Code: "bad_introspection"}
	}
	if f != nil {
		r.c.session.Redact(f, r.token)
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
}
