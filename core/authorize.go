package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// protected tells whether a parameter of the authorization request is the core's own: no caller and no hook may set it.
func protected(name string) bool {
	switch name {
	case "response_type", "client_id", "redirect_uri", "state", "nonce", "code_challenge", "code_challenge_method", "request", "request_uri":
		return true
	}
	return false
}

// authorize builds an authorization request (RFC 6749 section 4.1.1) and gives its URL out once the attempt is stored.
func (c *client) authorize(cmd *command, in json.Value) {
	if c.authorization == "" {
		c.fail(cmd, bad("missing", "authorization_endpoint"))
		return
	}
	a := &attempt{scope: c.wantedScope(in), redirectURI: c.redirectURI, at: c.now, appState: in.Get("state").Str()}
	own, ok := readParams(in.Get("parameters"))
	if s := valueOf(own, "scope"); s != "" {
		a.scope = s
	}
	if s := in.Get("redirect_uri").Str(); s != "" {
		a.redirectURI = s
	}
	f := checkAuthorize(in, a, own, ok)
	if f != nil {
		c.fail(cmd, f)
		return
	}
	c.fresh(in, a)

	params := []form.Param{{Name: "response_type", Value: "code"}, {Name: "client_id", Value: c.clientID}, {Name: "redirect_uri", Value: a.redirectURI}}
	core := []form.Param{{Name: "state", Value: a.state}}
	if a.verifier != "" {
		core = append(core, form.Param{Name: "code_challenge", Value: challenge(c.pkce, a.verifier)}, form.Param{Name: "code_challenge_method", Value: c.pkce})
	}
	if a.nonce != "" {
		core = append(core, form.Param{Name: "nonce", Value: a.nonce})
	}
	if a.scope != "" {
		params = append(params, form.Param{Name: "scope", Value: a.scope})
	}
	params = append(params, core...)
	for _, p := range c.parameters {
		if p.Name != "scope" && count(own, p.Name) == 0 {
			params = append(params, p)
		}
	}
	for _, p := range own {
		if p.Name != "scope" {
			params = append(params, p)
		}
	}
	c.hookParams(stageAuthorization, params, func(changed []form.Param, f *fault) {
		if f == nil && !sameProtected(params, changed) {
			f = bad("protected_parameter", stageAuthorization)
		}
		if f == nil {
			a.scope, a.maxAge = valueOf(changed, "scope"), -1
			if s := valueOf(changed, "max_age"); s != "" {
				n, ok := json.Int(s)
				if !ok || n < 0 || n > maxTime/1000 || count(changed, "max_age") > 1 {
					f = bad("bad_value", "max_age")
				}
				a.maxAge = n
			}
			if !scopeOK(a.scope) {
				f = bad("bad_value", "scope")
			}
		}
		if f != nil {
			c.fail(cmd, f)
			return
		}
		if a.nonce == "" && c.wantsNonce(a) {
			// The hook asked for openid.
			a.nonce = c.random("nonce", 43)
			changed = append(changed, form.Param{Name: "nonce", Value: a.nonce})
		}
		c.push(cmd, changed, func(params []form.Param, f *fault) {
			if f != nil {
				c.fail(cmd, f)
				return
			}
			c.attempts.update(func(list []*attempt) ([]*attempt, *fault) {
				// Only a caller's own state can be there already: the newer attempt is the one it answers.
				if i := findAttempt(list, a.state); i >= 0 {
					list = append(list[:i], list[i+1:]...)
				}
				a.at = c.now // it may have waited for its turn
				return append(list, a), nil
			}, func(f *fault) {
				if f != nil {
					c.fail(cmd, f)
					return
				}
				c.finish(cmd, func(w *json.Writer) {
					w.MemberStr("url", withQuery(c.authorization, params))
					w.MemberStr("state", a.state)
				})
			})
		})
	})
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

func checkAuthorize(in json.Value, a *attempt, own []form.Param, ok bool) *fault {
	if !ok {
		return bad("bad_value", "parameters")
	}
	for _, p := range own {
		if protected(p.Name) {
			return bad("protected_parameter", "parameters")
		}
	}
	if a.redirectURI == "" {
		return bad("missing", "redirect_uri")
	}
	if code := redirectOK(a.redirectURI); code != "" {
		return bad(code, "redirect_uri")
	}
	if !scopeOK(a.scope) {
		return bad("bad_value", "scope")
	}
	// RFC 6749 appendix A.5: VSCHAR. A caller's value comes back through the attempt, so it is held small.
	for _, name := range [...]string{"state", "insecure_state", "insecure_nonce"} {
		if s := in.Get(name).Str(); !vschars(s) || len(s) > 2048 {
			return bad("bad_value", name)
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
	sep := "?"
	if i := index(url, '?'); i >= 0 {
		sep = "&"
		if i == len(url)-1 || url[len(url)-1] == '&' {
			sep = ""
		}
	}
	return url + sep + form.Encode(params)
}
