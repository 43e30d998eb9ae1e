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

// ownParams reads a command's scope and parameters for a token request, in which nothing may pass
// for the client's own.
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

// clientCredentials signs the client itself in (RFC 6749 section 4.4).
func (c *client) clientCredentials(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
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

// jwtBearer signs in by an assertion that somebody else made (RFC 7523 section 2.1).
func (c *client) jwtBearer(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	assertion := in.Get("assertion").Str()
	if f == nil && (assertion == "" || !words.VSChars(assertion)) {
		f = link.Bad("bad_value", "assertion")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.signIn(cmd, in.Get("scope").Str(), append([]form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {Name: "assertion", Value: assertion}}, params...))
}

// signIn begins a session by a grant that no user has to agree to here.
func (c *client) signIn(cmd *command, scope string, params []form.Param) {
	key := c.wire.NewKey()
	c.session.TokenRequest(&cmd.job, config.StageToken, c.config.TokenEndpoint, key, append(params, c.config.Resources...), func(v json.Value, f *link.Fault) {
		var t *session.Tokens
		if f == nil {
			t, f = c.session.ReadTokens(v, c.session.NewGrant(scope, key), false)
		}
		if f != nil {
			c.wire.DropKey(key)
			c.session.Redact(f, form.ValueOf(params, "assertion"))
		}
		c.session.Receive(&session.Receipt{Tokens: t, Want: issuer.Expected{MaxAge: -1}, Done: func(f *link.Fault) { c.finishStatus(cmd, f) }}, f)
	})
}
