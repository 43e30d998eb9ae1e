package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// An authorizeRun builds an authorization request (RFC 6749 section 4.1.1) and returns its URL once
// the attempt is stored. Its methods are the steps: keyed, built, hooked, signed, pushed, add,
// stored.
type authorizeRun struct {
	c       *client
	cmd     *command
	attempt *attempt
	own     []form.Param // the caller's parameters
	params  []form.Param
	silent  bool // the server may not ask the user anything, so it answers at once
	listed  bool // the attempt is in the list
}

func (c *client) authorize(cmd *command, in json.Value) {
	if c.config.AuthorizationEndpoint == "" {
		c.desk.fail(cmd, c.issuer.Absent("authorization_endpoint"))
		return
	}
	a := &attempt{scope: c.config.WantedScope(in), redirectURI: c.config.RedirectURI, at: c.link.Now, appState: in.Get("app_state").Str()}
	own, f := authorizeParams(in)
	if s := form.ValueOf(own, "scope"); s != "" {
		a.scope = s
	}
	if s := in.Get("redirect_uri").Str(); s != "" {
		a.redirectURI = s
	}
	if f == nil {
		f = c.checkAuthorize(in, a)
	}
	if f == nil && c.issuer.NoKeys(a.scope) {
		f = c.issuer.Absent("jwks_uri") // no user is sent away for an ID token that could not be verified
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	c.fresh(in, a)
	r := &authorizeRun{c: c, cmd: cmd, attempt: a, own: own}
	r.params = []form.Param{{Name: "response_type", Value: "code"}, {Name: "client_id", Value: c.config.ClientID}, {Name: "redirect_uri", Value: a.redirectURI}}
	r.add("scope", a.scope)
	r.add("state", a.state)
	if a.verifier != "" {
		r.add("code_challenge", codeChallenge(c.config.PKCE, a.verifier))
		r.add("code_challenge_method", c.config.PKCE)
	}
	r.add("nonce", a.nonce)
	if a.key == "" {
		r.keyed("", nil)
		return
	}
	c.wire.WithKey(a.key, true, r.keyed)
}

func (r *authorizeRun) add(name, value string) {
	if value != "" {
		r.params = append(r.params, form.Param{Name: name, Value: value})
	}
}

func (r *authorizeRun) keyed(jwk string, f *link.Fault) {
	if f != nil {
		r.fail(f)
		return
	}
	if jwk != "" {
		r.add("dpop_jkt", jose.Thumbprint(jwk)) // a stolen code is useless without the key (RFC 9449 section 10)
	}
	cfg := r.c.config
	for _, p := range append(cfg.Parameters[:len(cfg.Parameters):len(cfg.Parameters)], cfg.Resources...) {
		if p.Name != "scope" && form.Count(r.own, p.Name) == 0 {
			r.params = append(r.params, p)
		}
	}
	for _, p := range r.own {
		if p.Name != "scope" {
			r.params = append(r.params, p)
		}
	}
	r.c.wire.HookParams(config.StageAuthorization, r.params, r.hooked)
}

func (r *authorizeRun) hooked(changed []form.Param, f *link.Fault) {
	c, a := r.c, r.attempt
	if f == nil && !sameProtected(r.params, changed) {
		f = link.Bad("protected_parameter", config.StageAuthorization)
	}
	if f == nil {
		f = c.expect(a, changed)
	}
	if f != nil {
		r.fail(f)
		return
	}
	r.params, r.silent = changed, form.ValueOf(changed, "prompt") == "none"
	if a.nonce == "" && c.wantsNonce(a.scope) {
		// The hook added openid.
		a.nonce = c.link.Random("nonce", 43)
		r.add("nonce", a.nonce)
	}
	c.signRequest(r.params, r.signed)
}

func (r *authorizeRun) signed(params []form.Param, f *link.Fault) {
	if f != nil || r.cmd.done {
		r.fail(f)
		return
	}
	r.c.push(&r.cmd.job, params, r.pushed)
}

// pushed stores the attempt.
func (r *authorizeRun) pushed(params []form.Param, f *link.Fault) {
	if f != nil {
		r.fail(f)
		return
	}
	r.params = params
	r.c.attempts.update(r.begin, r.stored)
}

func (r *authorizeRun) begin(list []*keptAttempt) ([]*keptAttempt, *link.Fault) {
	a := r.attempt
	if r.listed = !r.cmd.done; !r.listed {
		return nil, nil // cancelled: it must not take another attempt's place
	}
	// Only a state that the caller chose can exist already: the newer attempt replaces the older
	// one.
	if i := findAttempt(list, a.state); i >= 0 {
		list = append(list[:i], list[i+1:]...)
	}
	a.at = r.c.link.Now // it may have waited for its turn
	p := a.pend("")
	r.c.link.Own(&p.state)
	return append(list, p), nil
}

// stored returns the URL.
func (r *authorizeRun) stored(f *link.Fault) {
	if f != nil || !r.listed {
		r.fail(f)
		return
	}
	r.c.desk.finish(r.cmd, func(w *json.Writer) {
		w.MemberStr("url", uri.WithQuery(r.c.config.AuthorizationEndpoint, r.params))
		w.MemberStr("state", r.attempt.state)
	})
	if r.silent && r.c.store.Inner() == nil {
		// The keys that the answer needs are fetched meanwhile (OpenID Connect Core section
		// 3.1.2.1). In a backend another instance may get the answer.
		r.c.issuer.WithKeys(r.attempt.scope, func(*link.Fault) {})
	}
}

// fail drops the key, and ends the command unless it was cancelled.
func (r *authorizeRun) fail(f *link.Fault) {
	r.c.wire.DropKey(r.attempt.key)
	r.c.desk.fail(r.cmd, f)
}

// expect stores in the attempt what the answer to these parameters must contain.
func (c *client) expect(a *attempt, params []form.Param) *link.Fault {
	a.scope, a.mode, a.maxAge = form.ValueOf(params, "scope"), form.ValueOf(params, "response_mode"), -1
	if s := form.ValueOf(params, "max_age"); s != "" {
		n, ok := json.Int(s)
		if !ok || n < 0 || n > link.MaxTime/1000 || form.Count(params, "max_age") > 1 {
			return link.Bad("bad_value", "max_age").Not("whole seconds, from 0", s)
		}
		a.maxAge = n
	}
	switch {
	case !words.ScopeOK(a.scope):
		return config.WrongScope(a.scope)
	case !words.VSChars(a.acr) || len(a.acr) > 2048:
		return link.Bad("bad_value", "acr_values")
	case !c.sameResource(params):
		return link.Bad("protected_parameter", "resource")
	case a.mode == "" || a.mode == "query" || a.mode == "form_post":
	case !modeSigned(a.mode) || form.Count(params, "response_mode") > 1:
		return link.Bad("bad_value", "response_mode").Not("query, form_post, jwt, query.jwt or form_post.jwt", a.mode)
	default:
		return c.expectSigned(a)
	}
	return nil
}

// sameResource reports whether the request names the resources that the token request will name
// (RFC 8707 section 2.2).
func (c *client) sameResource(params []form.Param) bool {
	n := 0
	for _, r := range c.config.Resources {
		for _, p := range params {
			if p == r {
				n++
			}
		}
	}
	return len(c.config.Resources) == 0 || n == len(c.config.Resources) && n == form.Count(params, "resource")
}

// ownParams are the names of parameters that the command has as members.
const ownParams = "response_mode prompt max_age login_hint id_token_hint ui_locales acr_values claims authorization_details"

// authorizeParams returns the caller's parameters, including those that are members of the command.
func authorizeParams(in json.Value) ([]form.Param, *link.Fault) {
	own, ok := link.ReadParams(in.Get("parameters"))
	if !ok {
		return nil, link.Bad("bad_value", "parameters").Not(config.WantsPairs, "")
	}
	for _, p := range own {
		if config.Protected(p.Name) {
			return nil, link.Bad("protected_parameter", "parameters").Not("", p.Name)
		}
	}
	for name, names := words.Cut(ownParams); name != ""; name, names = words.Cut(names) {
		v, kind, want := in.Get(name), json.String, "a text"
		switch name {
		case "max_age":
			kind, want = json.Number, "whole seconds, from 0"
		case "claims":
			kind, want = json.Object, "an object"
		case "authorization_details":
			kind, want = json.Array, "an array"
		}
		text := v.Str()
		if kind != json.String {
			text = v.Raw()
		}
		switch {
		case v.Kind() == json.None:
		case v.Kind() != kind:
			return nil, link.Wrong("bad_value", name, want, v)
		case form.Count(own, name) > 0:
			return nil, link.Bad("bad_value", name).Not("once", "among parameters, too")
		default:
			own = append(own, form.Param{Name: name, Value: text})
		}
	}
	return own, nil
}

func (c *client) checkAuthorize(in json.Value, a *attempt) *link.Fault {
	if a.redirectURI == "" {
		return link.Bad("missing", "redirect_uri")
	}
	if code := c.config.Refuses(config.Redirect, a.redirectURI); code != "" {
		return link.Wrong(code, "redirect_uri", config.Redirect.Wants(), in.Get("redirect_uri"))
	}
	if !words.ScopeOK(a.scope) {
		return config.WrongScope(a.scope)
	}
	// RFC 6749 appendix A.5: VSCHAR. A caller's value is stored in the attempt, so its length is
	// limited.
	for _, name := range [...]string{"app_state", "insecure_state", "insecure_nonce"} {
		if s := in.Get(name).Str(); !words.VSChars(s) || len(s) > 2048 {
			return link.Bad("bad_value", name).Not("printable ASCII, 2,048 characters at the most", "")
		}
	}
	// An array of scopes, or an object as app_state, must be an error and not be ignored silently.
	for _, name := range [...]string{"scope", "redirect_uri", "app_state"} {
		if v := in.Get(name); v.Kind() > json.Null && v.Kind() != json.String {
			return link.Wrong("bad_value", name, "a text", v)
		}
	}
	if v := in.Get("insecure_code_verifier"); v.Kind() != json.None && !verifierOK(v.Str()) {
		return link.Bad("bad_value", "insecure_code_verifier")
	}
	return nil
}

// fresh draws the values that are new for every attempt: state, verifier and nonce, 258 bits each
// (RFC 9700 section 4.7.1).
func (c *client) fresh(in json.Value, a *attempt) {
	if a.state = in.Get("insecure_state").Str(); a.state == "" {
		a.state = c.link.Random("state", 43)
	}
	a.acr = in.Get("acr_values").Str()
	if c.store.Inner() == nil {
		a.key = c.wire.NewKey() // in a backend nobody may come back to drop the key, and client authentication binds the code
	}
	if c.config.PKCE != "none" {
		if a.verifier = in.Get("insecure_code_verifier").Str(); a.verifier == "" {
			a.verifier = c.link.Random("verifier", c.config.VerifierLength)
		}
	}
	if c.wantsNonce(a.scope) {
		if a.nonce = in.Get("insecure_nonce").Str(); a.nonce == "" {
			a.nonce = c.link.Random("nonce", 43)
		}
	}
}

func (c *client) wantsNonce(scope string) bool {
	return c.config.Nonce == "enabled" || words.Has(scope, "openid") && !c.config.NonceOff
}

// sameProtected reports whether a hook left the core's parameters unchanged, and repeated none of
// them.
func sameProtected(before, after []form.Param) bool {
	for _, list := range [...][]form.Param{before, after} {
		for _, p := range list {
			if config.Protected(p.Name) && (form.Count(before, p.Name) != 1 || form.Count(after, p.Name) != 1 || form.ValueOf(before, p.Name) != form.ValueOf(after, p.Name)) {
				return false
			}
		}
	}
	return true
}
