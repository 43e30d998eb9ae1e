//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const accessTokenType = "urn:ietf:params:oauth:token-type:access_token"

// ownParams reads a command's scope and parameters for a token request, in which nothing may pass for the client's own.
func (c *client) ownParams(in json.Value) ([]form.Param, *link.Fault) {
	params, ok := readParams(in.Get("parameters"))
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
		return nil, wrongScope(scope)
	}
	if scope != "" {
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	return params, c.canPoll()
}

// clientCredentials signs the client itself in (RFC 6749 section 4.4).
func (c *client) clientCredentials(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	scope := in.Get("scope").Str()
	if scope == "" && c.scope != "" {
		scope = c.scope
		params = append(params, form.Param{Name: "scope", Value: scope})
	}
	if f == nil && c.auth == authNone {
		f = link.Bad("missing", "client_secret")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	params = append([]form.Param{{Name: "grant_type", Value: "client_credentials"}}, params...)
	c.signIn(cmd, scope, params)
}

// jwtBearer signs in by an assertion that somebody else made (RFC 7523 section 2.1).
func (c *client) jwtBearer(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	assertion := in.Get("assertion").Str()
	if f == nil && (assertion == "" || !words.VSChars(assertion)) {
		f = link.Bad("bad_value", "assertion")
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	c.signIn(cmd, in.Get("scope").Str(), append([]form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:jwt-bearer"}, {Name: "assertion", Value: assertion}}, params...))
}

// signIn begins a session by a grant that no user has to agree to here.
func (c *client) signIn(cmd *command, scope string, params []form.Param) {
	key := c.newKey()
	c.tokenRequest(cmd, stageToken, c.config.token, key, append(params, c.resource...), func(v json.Value, f *link.Fault) {
		var t *tokens
		if f == nil {
			t, f = c.readTokens(v, c.newGrant(scope, key), false)
		}
		if f != nil {
			c.dropKey(key)
			c.redact(f, form.ValueOf(params, "assertion"))
		}
		c.receive(t, f, &tokens{}, expected{maxAge: -1}, func(f *link.Fault) { c.finishStatus(cmd, f, "") })
	})
}

// tokenExchange gets a token for somewhere else (RFC 8693 section 2.1), for the session's own access token or the subject token given. It is handed out and not kept.
func (c *client) tokenExchange(cmd *command, in json.Value) {
	params, f := c.ownParams(in)
	if f != nil {
		c.fail(cmd, f)
		return
	}
	subject, kind := in.Get("subject_token").Str(), in.Get("subject_token_type").Str()
	if kind == "" {
		kind = accessTokenType
	}
	send := func(f *link.Fault) {
		if cmd.done {
			return
		}
		if f != nil {
			c.fail(cmd, f)
			return
		}
		if subject == "" {
			subject = c.tokens.access
		}
		key := c.tokens.key // what comes back can be used as the session's own token is
		all := append([]form.Param{{Name: "grant_type", Value: "urn:ietf:params:oauth:grant-type:token-exchange"}, {Name: "subject_token", Value: subject}, {Name: "subject_token_type", Value: kind}}, params...)
		for _, name := range [...]string{"audience", "resource", "requested_token_type"} {
			if s := in.Get(name).Str(); s != "" {
				all = append(all, form.Param{Name: name, Value: s})
			}
		}
		c.tokenRequest(cmd, stageToken, c.config.token, key, all, func(v json.Value, f *link.Fault) {
			issued := v.Get("issued_token_type").Str()
			var t *tokens
			if f == nil {
				t, f = c.readExchanged(v, in.Get("scope").Str(), key)
			}
			if f == nil && issued == "" {
				f = &link.Fault{Kind: link.KindServer, Code: "missing_issued_token_type"}
			}
			if f != nil {
				c.redact(f, subject)
				for _, p := range params {
					if len(p.Name) > 6 && p.Name[len(p.Name)-6:] == "_token" {
						c.redact(f, p.Value)
					}
				}
				c.fail(cmd, f)
				return
			}
			c.finish(cmd, func(w *json.Writer) {
				w.MemberStr("access_token", t.access)
				w.MemberStr("token_type", t.kind)
				if t.expiresAt != 0 {
					w.MemberInt("expires_at", t.expiresAt)
				}
				w.MemberStr("scope", t.scope)
				w.MemberStr("issued_token_type", issued)
			})
		})
	}
	if subject != "" {
		send(nil)
		return
	}
	c.ready(false, send)
}

// readExchanged: what is issued need not be an access token, and then its type is N_A (section 2.2.1).
func (c *client) readExchanged(v json.Value, scope, key string) (*tokens, *link.Fault) {
	if v.Get("token_type").Str() == "N_A" && v.Get("access_token").Str() != "" {
		t := &tokens{access: v.Get("access_token").Str(), kind: "N_A", scope: scope}
		t.expiresAt = c.endOf(v)
		return t, nil
	}
	return c.readTokens(v, &tokens{requested: scope, key: key}, false)
}

// introspect asks the server what it knows of a token (RFC 7662 section 2.1): the one given, or the session's access token.
func (c *client) introspect(cmd *command, in json.Value) {
	token, hint := in.Get("token").Str(), in.Get("token_type_hint").Str()
	if token == "" {
		token, hint = c.tokens.bearer(), "access_token"
	}
	var f *link.Fault
	switch {
	case c.introspection == "":
		f = c.absent("introspection_endpoint")
	case c.introspectionAlg != "" && c.jwks == "":
		f = c.absent("jwks_uri")
	case token == "":
		f = &link.Fault{Kind: link.KindClient, Code: "no_token"}
	}
	if f != nil {
		c.fail(cmd, f)
		return
	}
	r := &request{stage: stageIntrospection, method: "POST", url: c.introspection, auth: c.introspectionAuth, params: []form.Param{{Name: "token", Value: token}}}
	if hint != "" {
		r.params = append(r.params, form.Param{Name: "token_type_hint", Value: hint})
	}
	answer := func(v json.Value, f *link.Fault) {
		if f == nil && v.Get("active").Kind() != json.Bool {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_introspection"}
		}
		if f != nil {
			c.redact(f, token)
			c.fail(cmd, f)
			return
		}
		c.finish(cmd, func(w *json.Writer) { w.MemberRaw("claims", v.Raw()) })
	}
	const signed = "token-introspection+jwt" // RFC 9701 section 5
	if c.introspectionAlg != "" {
		r.accept = "application/" + signed
	}
	c.send(cmd, r, func(res *response, f *link.Fault) {
		switch {
		case f != nil:
			answer(json.Value{}, f)
		case c.introspectionAlg == "" || res.status < 200 || res.status > 299:
			answer(res.object(c.Now))
		case res.contentType() != r.accept:
			answer(json.Value{}, &link.Fault{Kind: link.KindServer, Code: "unknown_content_type", Status: res.status})
		default:
			c.trusted(skipBOM(res.body), signed, c.introspectionAlg, "iat", c.skew, func(v json.Value, f *link.Fault) { answer(v.Get("token_introspection"), f) })
		}
	})
}
