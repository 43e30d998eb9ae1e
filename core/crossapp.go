//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

const (
	idTokenType = "urn:ietf:params:oauth:token-type:id_token"
	idJAGType   = "urn:ietf:params:oauth:token-type:id-jag"
)

// A crossAppRun signs in with the user's identity at another server: the identity provider issues a
// grant (an ID-JAG) for this server, which is redeemed here
// (draft-ietf-oauth-identity-assertion-authz-grant section 4). Its methods are the steps: known,
// asserted.
type crossAppRun struct {
	c       *client
	cmd     *command
	idp     *identityProvider
	params  []form.Param // of the token exchange request
	scope   string
	subject string
}

func (c *client) crossAppAccess(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	if c.idp == nil && c.config.IdentityProvider != nil {
		c.idp = newIdentityProvider(c.link, c.config.IdentityProvider)
	}
	r := &crossAppRun{c: c, cmd: cmd, idp: c.idp, scope: in.Get("scope").Str(), subject: in.Get("subject_token").Str()}
	kind, audience := in.Get("subject_token_type").Str(), in.Get("audience").Str()
	if kind == "" {
		kind = idTokenType
	}
	if audience == "" {
		audience = c.config.Issuer // section 4.3: the server that will get the grant
	}
	switch {
	case r.idp == nil:
		f = link.Bad("missing", "identity_provider")
	case r.subject == "":
		f = link.Bad("missing", "subject_token")
	case audience == "":
		f = link.Bad("missing", "audience").Not("audience, or issuer in the configuration", "")
	case form.Count(params, "audience")+form.Count(params, "resource") > 0:
		f = link.Bad("protected_parameter", "parameters").Not("", "audience, resource")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	if r.scope == "" && c.config.Scope != "" {
		r.scope = c.config.Scope
		params = append(params, form.Param{Name: "scope", Value: r.scope})
	}
	r.params = append([]form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:token-exchange"}, {Name: "requested_token_type", Value: idJAGType}, {Name: "audience", Value: audience},
		{Name: "subject_token", Value: r.subject}, {Name: "subject_token_type", Value: kind}}, append(params, c.config.Resources...)...)
	r.idp.issuer.Discovered(r.known)
}

func (r *crossAppRun) known(f *link.Fault) {
	if f == nil {
		f = r.idp.issuer.Tokenless()
	}
	if f != nil || r.cmd.done {
		r.fail(f)
		return
	}
	cfg := r.idp.config
	r.idp.wire.Send(&r.cmd.job, &wire.Request{Stage: config.StageToken, Method: "POST", URL: cfg.TokenEndpoint, Params: r.params, Auth: cfg.AuthMethod}, func(res *wire.Response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.Object(r.c.link.Now)
		}
		r.asserted(v, f)
	})
}

// asserted redeems the grant.
func (r *crossAppRun) asserted(v json.Value, f *link.Fault) {
	assertion := v.Get("access_token").Str()
	if f == nil && v.Get("issued_token_type").Str() != idJAGType {
		f = (&link.Fault{Kind: link.KindServer, Code: "wrong_issued_token_type"}).Not(idJAGType, v.Get("issued_token_type").Str())
	}
	if f == nil && assertion == "" {
		f = &link.Fault{Kind: link.KindToken, Code: "missing_access_token"}
	}
	if f != nil || r.cmd.done {
		r.fail(f)
		return
	}
	params := []form.Param{{Name: "grant_type", Value: jwtBearerGrant}, {Name: "assertion", Value: assertion}}
	if r.scope != "" {
		params = append(params, form.Param{Name: "scope", Value: r.scope})
	}
	r.c.signIn(r.cmd, r.scope, params)
}

func (r *crossAppRun) fail(f *link.Fault) {
	if f == nil {
		return
	}
	r.c.session.Redact(f, r.subject, r.idp.config.ClientSecret, r.idp.wire.LastAssertion)
	r.c.redact(f, r.params)
	r.c.desk.fail(r.cmd, f)
}
