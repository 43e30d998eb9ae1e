package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
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

const authMethods = authBasic + " " + authPost + " " + authSecretJWT + " " + authPrivateJWT + " " + authTLS + " " + authSelfTLS + " " + authNone

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
	c.revocationAuthGiven, c.introspectionAuthGiven = c.revocationAuth != "", c.introspectionAuth != ""
	switch {
	case c.revocationAuthGiven && c.revocation == "" && !c.discovery:
		return link.Bad("missing", "revocation_endpoint")
	case c.introspectionAuthGiven && c.introspection == "" && !c.discovery:
		return link.Bad("missing", "introspection_endpoint")
	}
	c.inheritAuth()
	for _, m := range [...][2]string{{"token_endpoint_auth_method", c.auth}, {"revocation_endpoint_auth_method", c.revocationAuth}, {"introspection_endpoint_auth_method", c.introspectionAuth}} {
		switch m[1] {
		case authBasic, authPost, authSecretJWT:
			if c.clientSecret == "" {
				return link.Bad("missing", "client_secret").Not("client_secret", m[1])
			}
		case authPrivateJWT:
			if c.clientKey == "" {
				return link.Bad("missing", "client_key").Not("client_key", m[1])
			}
		case authNone, authTLS, authSelfTLS:
		default:
			return link.Bad("bad_value", m[0]).Not(authMethods, m[1])
		}
	}
	if c.requestAlg == "" {
		return nil
	}
	if c.clientKey == "" {
		return link.Bad("missing", "client_key")
	}
	kty, crv := jose.KeyType(c.requestAlg)
	if k, v := jose.KeyType(c.authAlg); c.auth == authPrivateJWT && (k != kty || v != crv) {
		return link.Bad("bad_value", "request_object_signing_alg") // one key cannot be both
	}
	return nil
}

// inheritAuth gives the token endpoint's method to those that have none of their own.
func (c *config) inheritAuth() {
	if !c.revocationAuthGiven {
		c.revocationAuth = c.auth
	}
	if !c.introspectionAuthGiven {
		c.introspectionAuth = c.auth
	}
}

// supported is the method if it is among those that an endpoint takes, or else the first of these
// for which the client has what it needs (RFC 8414 section 2); where none is, or no list, the method.
func (c *config) supported(methods json.Value, method string) string {
	if json.Lists(methods, method) {
		return method
	}
	for _, m := range [...]string{authBasic, authPost, authSecretJWT, authPrivateJWT} {
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

// byCertificate tells whether the client is known by the certificate of its connection (RFC 8705 section 2).
func byCertificate(method string) bool { return method == authTLS || method == authSelfTLS }
