package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// protected tells whether a parameter of the authorization request is the core's own: no caller and no hook may set it.
func protected(name string) bool {
	switch name {
	case "response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "dpop_jkt", "request", "request_uri":
		return true
	}
	return false
}

// authorize builds an authorization request (RFC 6749 section 4.1.1) and gives its URL out once the attempt is stored.
func (c *client) authorize(cmd *command, in json.Value) {
	if c.authorization == "" {
		c.fail(cmd, c.absent("authorization_endpoint"))
		return
	}
	a := &attempt{scope: c.wantedScope(in), redirectURI: c.redirectURI, at: c.now, appState: in.Get("app_state").Str()}
	own, f := authorizeParams(in)
	if s := valueOf(own, "scope"); s != "" {
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
	fail := func(f *fault) {
		c.dropKey(a.key)
		c.fail(cmd, f)
	}
	c.requestFor(a, own, func(params []form.Param, f *fault) {
		if f != nil {
			fail(f)
			return
		}
		c.hookParams(stageAuthorization, params, func(changed []form.Param, f *fault) {
			if f == nil && !sameProtected(params, changed) {
				f = bad("protected_parameter", stageAuthorization)
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
				a.nonce = c.random("nonce", 43)
				changed = append(changed, form.Param{Name: "nonce", Value: a.nonce})
			}
			c.signRequest(changed, func(signed []form.Param, f *fault) {
				if f == nil && cmd.done {
					f = &fault{} // given up: nobody hears of it
				}
				if f != nil {
					fail(f)
					return
				}
				c.push(cmd, signed, func(left []form.Param, f *fault) {
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
func (c *client) giveOut(cmd *command, a *attempt, params []form.Param, fail func(*fault)) {
	c.attempts.update(func(list []*attempt) ([]*attempt, *fault) {
		if cmd.done {
			return nil, &fault{} // given up: it takes nobody's place
		}
		// Only a caller's own state can be there already: the newer attempt is the one it answers.
		if i := findAttempt(list, a.state); i >= 0 {
			list = append(list[:i], list[i+1:]...)
		}
		a.at, a.text = c.now, "" // it may have waited for its turn
		a.ownBy(c.link)
		return append(list, a), nil
	}, func(f *fault) {
		if f != nil {
			fail(f)
			return
		}
		c.finish(cmd, func(w *json.Writer) {
			w.MemberStr("url", withQuery(c.authorization, params))
			w.MemberStr("state", a.state)
		})
	})
}

// requestFor gives the parameters of an authorization request (RFC 6749 section 4.1.1), the caller's own among them.
func (c *client) requestFor(a *attempt, own []form.Param, done func([]form.Param, *fault)) {
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
	rest := func(jwk string, f *fault) {
		if jwk != "" {
			add("dpop_jkt", thumbprint(jwk)) // a stolen code is of no use without the key (RFC 9449 section 10)
		}
		for _, p := range append(c.parameters[:len(c.parameters):len(c.parameters)], c.resource...) {
			if p.Name != "scope" && count(own, p.Name) == 0 {
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
func (c *client) expect(a *attempt, params []form.Param) *fault {
	a.scope, a.mode, a.maxAge = valueOf(params, "scope"), valueOf(params, "response_mode"), -1
	if s := valueOf(params, "max_age"); s != "" {
		n, ok := json.Int(s)
		if !ok || n < 0 || n > maxTime/1000 || count(params, "max_age") > 1 {
			return bad("bad_value", "max_age").not("whole seconds, from 0", s)
		}
		a.maxAge = n
	}
	switch {
	case !scopeOK(a.scope):
		return wrongScope(a.scope)
	case !vschars(a.acr) || len(a.acr) > 2048:
		return bad("bad_value", "acr_values")
	case !c.sameResource(params):
		return bad("protected_parameter", "resource")
	case a.mode == "" || a.mode == "query" || a.mode == "form_post":
	case !modeSigned(a.mode) || count(params, "response_mode") > 1:
		return bad("bad_value", "response_mode").not("query, form_post, jwt, query.jwt or form_post.jwt", a.mode)
	case c.jwks == "":
		return c.absent("jwks_uri")
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
	return len(c.resource) == 0 || n == len(c.resource) && n == count(params, "resource")
}

// modeSigned tells whether the response is a JWT (JARM section 2.3).
func modeSigned(mode string) bool {
	return mode == "jwt" || mode == "query.jwt" || mode == "form_post.jwt"
}

// authorizeParams gives the parameters that the caller asked for, those with names of their own in the command among them.
func authorizeParams(in json.Value) ([]form.Param, *fault) {
	own, ok := readParams(in.Get("parameters"))
	if !ok {
		return nil, bad("bad_value", "parameters").not(wantsPairs, "")
	}
	for _, p := range own {
		if protected(p.Name) {
			return nil, bad("protected_parameter", "parameters").not("", p.Name)
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
			return nil, wrong("bad_value", name, want, v)
		case count(own, name) > 0:
			return nil, bad("bad_value", name).not("once", "among parameters, too")
		default:
			own = append(own, form.Param{Name: name, Value: text})
		}
	}
	return own, nil
}

// wantedScope is the scope of a request that a command makes.
func (c *client) wantedScope(in json.Value) string {
	if v := in.Get("scope"); v.Kind() == json.String {
		return v.Str()
	}
	if s := valueOf(c.parameters, "scope"); s != "" {
		return s
	}
	return c.scope
}

func checkAuthorize(in json.Value, a *attempt) *fault {
	if a.redirectURI == "" {
		return bad("missing", "redirect_uri")
	}
	if code := redirectOK(a.redirectURI); code != "" {
		return wrong(code, "redirect_uri", redirect.wants(), in.Get("redirect_uri"))
	}
	if !scopeOK(a.scope) {
		return wrongScope(a.scope)
	}
	// RFC 6749 appendix A.5: VSCHAR. A caller's value comes back through the attempt, so it is held small.
	for _, name := range [...]string{"app_state", "insecure_state", "insecure_nonce"} {
		if s := in.Get(name).Str(); !vschars(s) || len(s) > 2048 {
			return bad("bad_value", name).not("printable ASCII, 2,048 characters at the most", "")
		}
	}
	// A list of scopes, or an object to come back to, must not be lost in silence.
	for _, name := range [...]string{"scope", "redirect_uri", "app_state"} {
		if v := in.Get(name); v.Kind() > json.Null && v.Kind() != json.String {
			return wrong("bad_value", name, "a text", v)
		}
	}
	if v := in.Get("insecure_code_verifier"); v.Kind() != json.None && !verifierOK(v.Str()) {
		return bad("bad_value", "insecure_code_verifier")
	}
	return nil
}

// fresh draws what must be new for every attempt: state, verifier and nonce, 258 bits each (RFC 9700 section 4.7.1).
func (c *client) fresh(in json.Value, a *attempt) {
	if a.state = in.Get("insecure_state").Str(); a.state == "" {
		a.state = c.random("state", 43)
	}
	a.acr = in.Get("acr_values").Str()
	if c.kept == nil {
		a.key = c.newKey() // elsewhere nobody may come back to drop it, and the code is bound by the client's own authentication
	}
	if c.pkce != "none" {
		if a.verifier = in.Get("insecure_code_verifier").Str(); a.verifier == "" {
			a.verifier = c.random("verifier", c.verifierLength)
		}
	}
	if c.wantsNonce(a) {
		if a.nonce = in.Get("insecure_nonce").Str(); a.nonce == "" {
			a.nonce = c.random("nonce", 43)
		}
	}
}

func (c *client) wantsNonce(a *attempt) bool {
	return c.nonce == "enabled" || hasScope(a.scope, "openid") && !c.nonceOff
}

func valueOf(params []form.Param, name string) string {
	for _, p := range params {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

func count(params []form.Param, name string) (n int) {
	for _, p := range params {
		if p.Name == name {
			n++
		}
	}
	return n
}

// sameProtected tells whether a hook left the core's parameters as they were, none of them doubled.
func sameProtected(before, after []form.Param) bool {
	for _, list := range [...][]form.Param{before, after} {
		for _, p := range list {
			if protected(p.Name) && (count(before, p.Name) != 1 || count(after, p.Name) != 1 || valueOf(before, p.Name) != valueOf(after, p.Name)) {
				return false
			}
		}
	}
	return true
}

// withQuery adds parameters to a URL that may have a query (RFC 6749 section 3.1).
func withQuery(url string, params []form.Param) string {
	fragment := ""
	if i := index(url, '#'); i >= 0 {
		url, fragment = url[:i], url[i:]
	}
	sep := "?"
	if i := index(url, '?'); i >= 0 {
		sep = "&"
		if i == len(url)-1 || url[len(url)-1] == '&' {
			sep = ""
		}
	}
	return url + sep + form.Encode(params) + fragment
}
