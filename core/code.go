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

// A redeemRun exchanges a code for tokens (RFC 6749 section 4.1.3) and stores them. Its methods are
// the steps: redeem, answered; done comes at the end.
type redeemRun struct {
	c       *client
	cmd     *command
	attempt *attempt
	code    string
	done    func(*link.Fault)
}

func (r *redeemRun) redeem() {
	c, a := r.c, r.attempt
	if f := c.issuer.Tokenless(); f != nil {
		r.done(f)
		return
	}
	params := []form.Param{{Name: "grant_type", Value: "authorization_code"}, {Name: "code", Value: r.code}}
	if a.redirectURI != "" {
		params = append(params, form.Param{Name: "redirect_uri", Value: a.redirectURI})
	}
	if a.verifier != "" {
		params = append(params, form.Param{Name: "code_verifier", Value: a.verifier})
	}
	if a.key == "" {
		a.key = c.wire.NewKey()
	}
	c.session.TokenRequest(&r.cmd.job, config.StageToken, c.config.TokenEndpoint, a.key, append(params, c.config.Resources...), r.answered)
}

func (r *redeemRun) answered(v json.Value, f *link.Fault) {
	c, a := r.c, r.attempt
	if f != nil {
		c.wire.DropKey(a.key)
		// A code works once (RFC 6749 section 4.1.2): the same command would not succeed later.
		f.Retryable = false
		c.session.Redact(f, r.code, a.verifier)
		r.done(f)
		return
	}
	t, f := c.session.ReadTokens(v, c.session.NewGrant(a.scope, a.key), true)
	if f == nil && t.IDToken == "" && words.Has(a.scope, "openid") && (a.acr != "" || a.maxAge >= 0) {
		f = &link.Fault{Kind: link.KindToken, Code: "missing_id_token"} // then nothing says how the user signed in
	}
	if f != nil {
		c.wire.DropKey(a.key)
	}
	c.session.Receive(&session.Receipt{Tokens: t, Since: r.cmd.turn, Want: issuer.Expected{Nonce: a.nonce, Issuer: a.iss, MaxAge: a.maxAge, Asked: a.at, ACR: a.acr, Code: r.code}, Done: r.done}, f)
}

// exchange redeems a code that was obtained elsewhere.
func (c *client) exchange(cmd *command, in json.Value) {
	a := &attempt{verifier: in.Get("code_verifier").Str(), nonce: in.Get("nonce").Str(), redirectURI: c.config.RedirectURI, scope: c.config.Scope, maxAge: -1, key: c.wire.NewKey()}
	if s := in.Get("redirect_uri").Str(); s != "" {
		a.redirectURI = s
	}
	if s := in.Get("scope").Str(); s != "" {
		a.scope = s
	}
	r := &redeemRun{c: c, cmd: cmd, attempt: a, code: in.Get("code").Str(), done: func(f *link.Fault) { c.finishStatus(cmd, f) }}
	switch {
	case r.code == "" || !words.VSChars(r.code):
		c.desk.fail(cmd, link.Bad("bad_value", "code"))
	case !words.ScopeOK(a.scope):
		c.desk.fail(cmd, config.WrongScope(a.scope))
	case a.verifier != "" && !verifierOK(a.verifier):
		c.desk.fail(cmd, link.Bad("bad_value", "code_verifier"))
	default:
		// This happens before the code is used up: without the keys its tokens could not be used.
		c.issuer.WithKeys(a.scope, r.keyed)
	}
}

func (r *redeemRun) keyed(f *link.Fault) {
	if f != nil {
		r.done(f)
		return
	}
	r.redeem()
}
