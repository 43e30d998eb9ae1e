//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/issuer"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/session"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// ownParams reads a command's scope and parameters for a token request. They must not contain
// parameters that the client sets itself.
func (c *client) ownParams(in json.Value) ([]form.Param, *link.Fault) {
	params, ok := link.ReadParams(in.Get("parameters"))
	for _, p := range params {
		switch p.Name {
		case "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope", "subject_token", "subject_token_type", "requested_token_type", "assertion":
			return nil, link.Bad("protected_parameter", "parameters")
		}
	}
	if !ok {
		return nil, link.Bad("bad_value", "parameters")
	}
	scope := in.Get("scope").Str()
	if !words.ScopeOK(scope) {
		return nil, config.WrongScope(scope)
	}
	if scope != "" {
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	return params, c.issuer.Tokenless()
}

// grantParams is ownParams for a grant to which the engine adds the configured resources. The
// caller must not name others.
func (c *client) grantParams(in json.Value) ([]form.Param, *link.Fault) {
	params, f := c.ownParams(in)
	if f == nil && len(c.config.Resources) > 0 && form.Count(params, "resource") > 0 {
		f = link.Bad("protected_parameter", "parameters").Not("", "resource")
	}
	return params, f
}

// clientCredentials signs the client itself in (RFC 6749 section 4.4).
func (c *client) clientCredentials(cmd *command, in json.Value) {
	params, f := c.grantParams(in)
	scope := in.Get("scope").Str()
	if scope == "" && c.config.Scope != "" {
		scope = c.config.Scope
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	if f == nil && c.config.AuthMethod == config.AuthNone {
		f = link.Bad("missing", "client_secret")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.signIn(cmd, scope, append([]form.Param{{Name: "grant_type", Value: "client_credentials"}}, params...))
}

const jwtBearerGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// jwtBearer signs in with an assertion from another issuer (RFC 7523 section 2.1).
func (c *client) jwtBearer(cmd *command, in json.Value) {
	params, f := c.grantParams(in)
	assertion := in.Get("assertion").Str()
	if f == nil && (assertion == "" || !words.VSChars(assertion)) {
		f = link.Bad("bad_value", "assertion")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.signIn(cmd, in.Get("scope").Str(), append([]form.Param{{Name: "grant_type", Value: jwtBearerGrant}, {Name: "assertion", Value: assertion}}, params...))
}

// ownGrants are grants with their own commands. Those commands check what binds a code to its
// attempt, and let one process at a time use a refresh token.
const ownGrants = "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code"

// grant sends a token request with any grant type (RFC 6749 section 4.5). Its token becomes the
// session, or is returned to the caller.
func (c *client) grant(cmd *command, in json.Value) {
	kind, scope, keep := in.Get("grant_type").Str(), in.Get("scope").Str(), in.Get("keep").True()
	params, ok := link.ReadParams(in.Get("parameters"))
	var f *link.Fault
	switch name := c.reserved(params); {
	case kind == "" || !words.VSChars(kind):
		f = link.Wrong("bad_value", "grant_type", "a text, as the server names it", in.Get("grant_type"))
	case words.Has(ownGrants, kind):
		f = link.Bad("protected_parameter", "grant_type").Not("a grant without a command of its own", kind)
	case !ok:
		f = link.Bad("bad_value", "parameters").Not(config.WantsPairs, "")
	case name != "":
		f = link.Bad("protected_parameter", "parameters").Not("", name)
	case !words.ScopeOK(scope):
		f = config.WrongScope(scope)
	default:
		f = c.issuer.Tokenless()
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	all := []form.Param{{Name: "grant_type", Value: kind}}
	if scope != "" {
		all = append(all, form.Param{Name: "scope", Value: scope})
	}
	all = append(all, params...)
	if keep {
		c.signIn(cmd, scope, all)
		return
	}
	r := &exchangeRun{c: c, cmd: cmd, in: in, params: params, key: c.session.Tokens.Key, plain: true}
	c.session.TokenRequest(&cmd.job, config.StageToken, c.config.TokenEndpoint, r.key, append(all, c.config.Resources...), r.answered)
}

// reserved returns the first parameter that the engine sets itself, or that occurs twice but must
// not (RFC 6749 section 3.2, RFC 8707 section 2), "" for none.
func (c *client) reserved(params []form.Param) string {
	for i, p := range params {
		switch p.Name {
		case "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope":
			return p.Name
		case "resource":
			if len(c.config.Resources) > 0 {
				return p.Name
			}
		case "audience":
		default:
			if form.Count(params[:i], p.Name) > 0 {
				return p.Name
			}
		}
	}
	return ""
}

// signIn begins a session with a grant to which no user has to agree here.
func (c *client) signIn(cmd *command, scope string, params []form.Param) {
	key := c.wire.NewKey()
	c.session.TokenRequest(&cmd.job, config.StageToken, c.config.TokenEndpoint, key, append(params, c.config.Resources...), func(v json.Value, f *link.Fault) {
		var t *session.Tokens
		if f == nil {
			t, f = c.session.ReadTokens(v, c.session.NewGrant(scope, key), false)
		}
		if f != nil {
			c.wire.DropKey(key)
			c.redact(f, params)
		}
		c.session.Receive(&session.Receipt{Tokens: t, Since: cmd.turn, Want: issuer.Expected{MaxAge: -1}, Done: func(f *link.Fault) { c.finishStatus(cmd, f) }}, f)
	})
}

// redact removes a grant's secrets from a fault.
func (c *client) redact(f *link.Fault, params []form.Param) {
	for _, p := range params {
		if p.Name != "grant_type" && p.Name != "scope" {
			c.session.Redact(f, p.Value)
		}
	}
}
