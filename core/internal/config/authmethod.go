package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Client authentication methods (RFC 6749 section 2.3.1, RFC 7523 section 2.2, RFC 8705 section 2;
// names of RFC 7591 section 2).
const (
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthSecretJWT  = "client_secret_jwt"
	AuthPrivateJWT = "private_key_jwt"
	authTLS        = "tls_client_auth"
	authSelfTLS    = "self_signed_tls_client_auth"
	AuthNone       = "none"
)

// MoreMethods are those that oauth2.wasm lacks.
const MoreMethods = AuthSecretJWT + " " + AuthPrivateJWT + " " + authTLS + " " + authSelfTLS

// checkAuth sets the methods: basic with a secret, none without. Revocation and introspection use
// the token endpoint's method unless they have their own.
func (c *Config) checkAuth() *link.Fault {
	c.AuthGiven = c.AuthMethod != ""
	if !c.AuthGiven {
		c.AuthMethod = AuthNone
		if c.ClientSecret != "" {
			c.AuthMethod = AuthBasic
		}
	}
	c.RevocationAuthGiven = c.RevocationAuthMethod != ""
	if c.RevocationAuthGiven && c.RevocationEndpoint == "" && !c.Discovery {
		return link.Bad("missing", "revocation_endpoint")
	}
	if f := c.checkIntrospection(); f != nil {
		return f
	}
	c.InheritAuth()
	f := c.checkMethod("token_endpoint_auth_method", c.AuthMethod)
	if f == nil {
		f = c.checkMethod("revocation_endpoint_auth_method", c.RevocationAuthMethod)
	}
	if f == nil {
		f = c.checkMore()
	}
	return f
}

// checkMethod reports a fault if the client cannot authenticate by the method.
func (c *Config) checkMethod(field, method string) *link.Fault {
	switch {
	case method == AuthNone:
	case words.Has(MoreMethods, method):
		return c.checkMeans(field, method)
	case method != AuthBasic && method != AuthPost:
		return link.Bad("bad_value", field).Not(AuthBasic+" "+AuthPost+" "+MoreMethods+" "+AuthNone, method)
	case c.ClientSecret == "":
		return link.Bad("missing", "client_secret").Not("client_secret", method)
	}
	return nil
}

// InheritAuth gives the token endpoint's method to endpoints without one of their own.
func (c *Config) InheritAuth() {
	if !c.RevocationAuthGiven {
		c.RevocationAuthMethod = c.AuthMethod
	}
	c.inheritMore()
}

// Supported is the method if the endpoint supports it, or else the first supported one for which
// the client has what it needs (RFC 8414 section 2). If there is none, or no list, it is the
// method.
func (c *Config) Supported(methods json.Value, method string) string {
	if json.Lists(methods, method) {
		return method
	}
	for left := ownMethods; left != ""; {
		var m string
		m, left = words.Cut(left)
		has := c.ClientSecret
		if m == AuthPrivateJWT {
			has = c.ClientKey
		}
		if has != "" && json.Lists(methods, m) {
			return m
		}
	}
	return method
}
