package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// exchange is a token endpoint for other services that may not ask the authorization server
// themselves.
func (c *call) exchange() {
	if len(c.config.callers) == 0 {
		c.refuse(404, "not_found", "There is nothing here.")
		return
	}
	if c.origin != "" {
		c.refuse(400, "invalid_request", "")
		return
	}
	// A caller that authenticates in a header is checked before the body is read.
	id, secret, named := c.basic()
	most := int64(maxForm)
	if named {
		if c.callerOf(id, secret) == nil {
			c.unknownCaller()
			return
		}
		most = maxKept
	}
	c.form(most, "invalid_request", func(params []form.Param) {
		if !named {
			id, secret = form.ValueOf(params, "client_id"), form.ValueOf(params, "client_secret")
		} else if form.ValueOf(params, "client_secret") != "" {
			id = "" // a request may use only one method (RFC 6749 section 2.3)
		}
		k := c.callerOf(id, secret)
		if k == nil {
			c.unknownCaller()
			return
		}
		c.exchangeFor(k, params)
	})
}

// unknownCaller: RFC 6749 section 5.2.
func (c *call) unknownCaller() {
	c.respond(401, []form.Param{{Name: "www-authenticate", Value: `Basic realm="exchange"`}}, refusal("invalid_client", ""))
}

// exchangeFor handles a request of a known caller.
func (c *call) exchangeFor(k *caller, params []form.Param) {
	for i, p := range params {
		for _, q := range params[:i] {
			if p.Name == q.Name && p.Name != "audience" && p.Name != "resource" { // RFC 6749 section 3.2
				c.refuse(400, "invalid_request", "")
				return
			}
		}
	}
	get := func(name string) string { return form.ValueOf(params, name) }
	grant, scope, audience := get("grant_type"), get("scope"), get("audience")
	switch {
	case grant == "":
		c.refuse(400, "invalid_request", "")
		return
	case grant != grantExchange && grant != grantCredentials && grant != grantCode:
		c.refuse(400, "unsupported_grant_type", "")
		return
	case !words.Among(k.grants, grant):
		c.refuse(400, "unauthorized_client", "")
		return
	}
	if name := unknown(grant, params); name != "" {
		c.refuse(400, "invalid_request", "The parameter "+words.Printable(name, 60)+" is not supported with this grant.")
		return
	}
	if scope == "" {
		scope = k.scope // not all the scopes that this client may use
	}
	resources := 0
	for _, p := range params {
		if p.Name == "resource" {
			resources++
		}
		// RFC 8693 section 2.2.2. A resource counts as an audience.
		if (p.Name == "audience" || p.Name == "resource") && !words.Among(k.audiences, p.Value) || p.Name == "resource" && grant != grantExchange || p.Name == "audience" && p.Value != audience || resources > 1 {
			c.refuse(400, "invalid_target", "")
			return
		}
	}
	if grant == grantCredentials && audience == "" && len(k.audiences) > 0 {
		c.refuse(400, "invalid_target", "")
		return
	}
	if c.mayGive = k.scope; !within(scope, k.scope) {
		c.refuse(400, "invalid_scope", "")
		return
	}
	switch grant {
	case grantExchange:
		c.exchangeToken(k, params, scope, audience)
	case grantCredentials:
		c.credentials(scope, audience)
	default:
		c.redeem(k, params, scope)
	}
}

// unknown returns the first parameter that the grant does not define, "" for none. To ignore one
// silently could change whose token is requested, and for whom.
func unknown(grant string, params []form.Param) string {
	known := "grant_type client_id client_secret scope audience resource "
	switch grant {
	case grantExchange:
		known += "subject_token subject_token_type actor_token actor_token_type requested_token_type"
	case grantCode:
		known += "code redirect_uri code_verifier nonce"
	}
	for _, p := range params {
		if !words.Has(known, p.Name) {
			return p.Name
		}
	}
	return ""
}

// basic returns the name and the secret in an Authorization header (RFC 6749 section 2.3.1). named
// is false if there is no such header.
func (c *call) basic() (id, secret string, named bool) {
	header := c.sent("authorization")
	if len(header) <= len("Basic ") || words.Lower(header[:len("Basic ")]) != "basic " {
		return "", "", false
	}
	raw, _ := base64url.DecodeStd(header[len("Basic "):])
	for i, b := range raw {
		if b == ':' {
			pair, ok := form.Decode("id=" + string(raw[:i]) + "&secret=" + string(raw[i+1:]))
			if ok && len(pair) == 2 {
				id, secret = pair[0].Value, pair[1].Value
			}
			break
		}
	}
	return id, secret, true
}

// callerOf returns the caller that authenticated, nil for none.
func (c *call) callerOf(id, secret string) *caller {
	hash := sha256.Base64URL(secret)
	for i := range c.config.callers {
		k := &c.config.callers[i]
		different := byte(0)
		for j := range hash {
			different |= hash[j] ^ k.secretHash[j]
		}
		if k.id == id && different == 0 && secret != "" {
			return k
		}
	}
	return nil
}
