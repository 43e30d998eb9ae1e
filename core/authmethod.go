package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Client authentication methods (RFC 6749 section 2.3.1, RFC 7523 section 2.2, RFC 8705 section 2; names of RFC 7591 section 2).
const (
	authBasic      = "client_secret_basic"
	authPost       = "client_secret_post"
	authSecretJWT  = "client_secret_jwt"
	authPrivateJWT = "private_key_jwt"
	authTLS        = "tls_client_auth"
	authSelfTLS    = "self_signed_tls_client_auth"
	authNone       = "none"
)

// moreMethods are those that oauth2.wasm leaves out.
const moreMethods = authSecretJWT + " " + authPrivateJWT + " " + authTLS + " " + authSelfTLS

// checkAuth settles the methods: basic with a secret, none without; revocation and introspection as
// the token endpoint, unless they have their own.
func (c *config) checkAuth() *link.Fault {
	c.authGiven = c.auth != ""
	if !c.authGiven {
		c.auth = authNone
		if c.clientSecret != "" {
			c.auth = authBasic
		}
	}
	c.revocationAuthGiven = c.revocationAuth != ""
	if c.revocationAuthGiven && c.revocation == "" && !c.discovery {
		return link.Bad("missing", "revocation_endpoint")
	}
	if f := c.checkIntrospection(); f != nil {
		return f
	}
	c.inheritAuth()
	f := c.checkMethod("token_endpoint_auth_method", c.auth)
	if f == nil {
		f = c.checkMethod("revocation_endpoint_auth_method", c.revocationAuth)
	}
	if f == nil {
		f = c.checkMore()
	}
	return f
}

// checkMethod tells whether the client can authenticate so.
func (c *config) checkMethod(field, method string) *link.Fault {
	switch {
	case method == authNone:
	case words.Has(moreMethods, method):
		return c.checkMeans(field, method)
	case method != authBasic && method != authPost:
		return link.Bad("bad_value", field).Not(authBasic+" "+authPost+" "+moreMethods+" "+authNone, method)
	case c.clientSecret == "":
		return link.Bad("missing", "client_secret").Not("client_secret", method)
	}
	return nil
}

// inheritAuth gives the token endpoint's method to those that have none of their own.
func (c *config) inheritAuth() {
	if !c.revocationAuthGiven {
		c.revocationAuth = c.auth
	}
	c.inheritMore()
}

// supported is the method if it is among those that an endpoint takes, or else the first of these
// for which the client has what it needs (RFC 8414 section 2); where none is, or no list, the method.
func (c *config) supported(methods json.Value, method string) string {
	if json.Lists(methods, method) {
		return method
	}
	for left := ownMethods; left != ""; {
		var m string
		m, left = words.Cut(left)
		has := c.clientSecret
		if m == authPrivateJWT {
			has = c.clientKey
		}
		if has != "" && json.Lists(methods, m) {
			return m
		}
	}
	return method
}
