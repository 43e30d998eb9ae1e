package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// authorize builds an authorization request (RFC 6749 section 4.1.1) and gives its URL out once the attempt is stored.
func (c *client) authorize(cmd *command, in json.Value) {
	if c.authorization == "" {
		c.fail(cmd, c.absent("authorization_endpoint"))
		return
	}
	a := &attempt{scope: c.wantedScope(in), redirectURI: c.redirectURI, at: c.Now, appState: in.Get("app_state").Str()}
	own, f := authorizeParams(in)
	if s := form.ValueOf(own, "scope"); s != "" {
		a.scope = s
	}
	if s := in.Get("redirect_uri").Str(); s != "" {
		a.redirectURI = s
	}
	if f == nil {
		f = checkAuthorize(in, a)
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	if c.noKeys(a.scope) {
		c.fail(cmd, c.absent("jwks_uri")) // nobody is sent away for an ID token that cannot be verified
		return
	}
	c.fresh(in, a)
	fail := func(f *link.Fault) {
		c.dropKey(a.key)
		c.fail(cmd, f)
	}
	c.requestFor(a, own, func(params []form.Param, f *link.Fault) {
		if f != nil {
			fail(f)
			return
		}
		c.hookParams(stageAuthorization, params, func(changed []form.Param, f *link.Fault) {
			if f == nil && !sameProtected(params, changed) {
				f = link.Bad("protected_parameter", stageAuthorization)
			}
			if f == nil {
				f = c.expect(a, changed)
			}
			if f != nil {
				fail(f)
				return
			}
			if a.nonce == "" && c.wantsNonce(a) {
				// The hook asked for openid.
				a.nonce = c.Random("nonce", 43)
				changed = append(changed, form.Param{Name: "nonce", Value: a.nonce})
			}
			c.signRequest(changed, func(signed []form.Param, f *link.Fault) {
				if f == nil && cmd.done {
					f = &link.Fault{} // given up: nobody hears of it
				}
				if f != nil {
					fail(f)
					return
				}
				c.push(cmd, signed, func(left []form.Param, f *link.Fault) {
					if f != nil {
						fail(f)
						return
					}
					c.giveOut(cmd, a, left, fail)
				})
			})
		})
	})
}

// giveOut stores the attempt and gives the URL out.
func (c *client) giveOut(cmd *command, a *attempt, params []form.Param, fail func(*link.Fault)) {
	c.attempts.update(func(list []*attempt) ([]*attempt, *link.Fault) {
		if cmd.done {
			return nil, &link.Fault{} // given up: it takes nobody's place
		}
		// Only a caller's own state can be there already: the newer attempt is the one it answers.
		if i := findAttempt(list, a.state); i >= 0 {
			list = append(list[:i], list[i+1:]...)
		}
		a.at, a.text = c.Now, "" // it may have waited for its turn
		a.ownBy(c.Link)
		return append(list, a), nil
	}, func(f *link.Fault) {
		if f != nil {
			fail(f)
			return
		}
		c.finish(cmd, func(w *json.Writer) {
			w.MemberStr("url", uri.WithQuery(c.authorization, params))
			w.MemberStr("state", a.state)
		})
	})
}

// requestFor gives the parameters of an authorization request (RFC 6749 section 4.1.1), the caller's own among them.
func (c *client) requestFor(a *attempt, own []form.Param, done func([]form.Param, *link.Fault)) {
	params := []form.Param{{Name: "response_type", Value: "code"}, {Name: "client_id", Value: c.clientID}, {Name: "redirect_uri", Value: a.redirectURI}}
	add := func(name, value string) {
		if value != "" {
			params = append(params, form.Param{Name: name, Value: value})
		}
	}
	add("scope", a.scope)
	add("state", a.state)
	if a.verifier != "" {
		add("code_challenge", codeChallenge(c.pkce, a.verifier))
		add("code_challenge_method", c.pkce)
	}
	add("nonce", a.nonce)
	rest := func(jwk string, f *link.Fault) {
		if jwk != "" {
			add("dpop_jkt", jose.Thumbprint(jwk)) // a stolen code is of no use without the key (RFC 9449 section 10)
		}
		for _, p := range append(c.parameters[:len(c.parameters):len(c.parameters)], c.resource...) {
			if p.Name != "scope" && form.Count(own, p.Name) == 0 {
				params = append(params, p)
			}
		}
		for _, p := range own {
			if p.Name != "scope" {
				params = append(params, p)
			}
		}
		done(params, f)
	}
	if a.key == "" {
		rest("", nil)
		return
	}
	c.withKey(a.key, true, rest)
}

// expect keeps what the answer to these parameters has to be like.
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
		return wrongScope(a.scope)
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

// sameResource tells whether the request asks for what the token request will (RFC 8707 section 2.2).
func (c *config) sameResource(params []form.Param) bool {
	n := 0
	for _, r := range c.resource {
		for _, p := range params {
			if p == r {
				n++
			}
		}
	}
	return len(c.resource) == 0 || n == len(c.resource) && n == form.Count(params, "resource")
}

// authorizeParams gives the parameters that the caller asked for, those with names of their own in the command among them.
func authorizeParams(in json.Value) ([]form.Param, *link.Fault) {
	own, ok := readParams(in.Get("parameters"))
	if !ok {
		return nil, link.Bad("bad_value", "parameters").Not(wantsPairs, "")
	}
	for _, p := range own {
		if protected(p.Name) {
			return nil, link.Bad("protected_parameter", "parameters").Not("", p.Name)
		}
	}
	for _, name := range [...]string{"response_mode", "prompt", "max_age", "login_hint", "id_token_hint", "ui_locales", "acr_values", "claims", "authorization_details"} {
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

func checkAuthorize(in json.Value, a *attempt) *link.Fault {
	if a.redirectURI == "" {
		return link.Bad("missing", "redirect_uri")
	}
	if code := uri.RedirectOK(a.redirectURI); code != "" {
		return link.Wrong(code, "redirect_uri", redirect.wants(), in.Get("redirect_uri"))
	}
	if !words.ScopeOK(a.scope) {
		return wrongScope(a.scope)
	}
	// RFC 6749 appendix A.5: VSCHAR. A caller's value comes back through the attempt, so it is held small.
	for _, name := range [...]string{"app_state", "insecure_state", "insecure_nonce"} {
		if s := in.Get(name).Str(); !words.VSChars(s) || len(s) > 2048 {
			return link.Bad("bad_value", name).Not("printable ASCII, 2,048 characters at the most", "")
		}
	}
	// A list of scopes, or an object to come back to, must not be lost in silence.
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

// fresh draws what must be new for every attempt: state, verifier and nonce, 258 bits each (RFC 9700 section 4.7.1).
func (c *client) fresh(in json.Value, a *attempt) {
	if a.state = in.Get("insecure_state").Str(); a.state == "" {
		a.state = c.Random("state", 43)
	}
	a.acr = in.Get("acr_values").Str()
	if c.storage() == nil {
		a.key = c.newKey() // elsewhere nobody may come back to drop it, and the code is bound by the client's own authentication
	}
	if c.pkce != "none" {
		if a.verifier = in.Get("insecure_code_verifier").Str(); a.verifier == "" {
			a.verifier = c.Random("verifier", c.verifierLength)
		}
	}
	if c.wantsNonce(a) {
		if a.nonce = in.Get("insecure_nonce").Str(); a.nonce == "" {
			a.nonce = c.Random("nonce", 43)
		}
	}
}

func (c *client) wantsNonce(a *attempt) bool {
	return c.nonce == "enabled" || words.Has(a.scope, "openid") && !c.nonceOff
}

// sameProtected tells whether a hook left the core's parameters as they were, none of them doubled.
func sameProtected(before, after []form.Param) bool {
	for _, list := range [...][]form.Param{before, after} {
		for _, p := range list {
			if protected(p.Name) && (form.Count(before, p.Name) != 1 || form.Count(after, p.Name) != 1 || form.ValueOf(before, p.Name) != form.ValueOf(after, p.Name)) {
				return false
			}
		}
	}
	return true
}
