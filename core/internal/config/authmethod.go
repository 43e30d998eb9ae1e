package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// Client authentication methods (RFC 6749 section 2.3.1, RFC 7523 section 2.2, RFC 8705 section 2; names of RFC 7591 section 2).
const (
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthSecretJWT  = "client_secret_jwt"
	AuthPrivateJWT = "private_key_jwt"
	authTLS        = "tls_client_auth"
	authSelfTLS    = "self_signed_tls_client_auth"
	AuthNone       = "none"
)

const authMethods = AuthBasic + " " + AuthPost + " " + AuthSecretJWT + " " + AuthPrivateJWT + " " + authTLS + " " + authSelfTLS + " " + AuthNone

// checkAuth settles the methods: basic with a secret, none without; revocation and introspection as
// the token endpoint, unless they have their own.
func (c *Config) checkAuth() *link.Fault {
	c.AuthGiven = c.AuthMethod != ""
	if !c.AuthGiven {
		c.AuthMethod = AuthNone
		if c.ClientSecret != "" {
			c.AuthMethod = AuthBasic
		}
	}
	c.RevocationAuthGiven, c.IntrospectionAuthGiven = c.RevocationAuthMethod != "", c.IntrospectionAuthMethod != ""
	switch {
	case c.RevocationAuthGiven && c.RevocationEndpoint == "" && !c.Discovery:
		return link.Bad("missing", "revocation_endpoint")
	case c.IntrospectionAuthGiven && c.IntrospectionEndpoint == "" && !c.Discovery:
		return link.Bad("missing", "introspection_endpoint")
	}
	c.InheritAuth()
	for _, m := range [...][2]string{{"token_endpoint_auth_method", c.AuthMethod}, {"revocation_endpoint_auth_method", c.RevocationAuthMethod}, {"introspection_endpoint_auth_method", c.IntrospectionAuthMethod}} {
		switch m[1] {
		case AuthBasic, AuthPost, AuthSecretJWT:
			if c.ClientSecret == "" {
				return link.Bad("missing", "client_secret").Not("client_secret", m[1])
			}
		case AuthPrivateJWT:
			if c.ClientKey == "" {
				return link.Bad("missing", "client_key").Not("client_key", m[1])
			}
		case AuthNone, authTLS, authSelfTLS:
		default:
			return link.Bad("bad_value", m[0]).Not(authMethods, m[1])
		}
	}
	if c.RequestAlg == "" {
		return nil
	}
	if c.ClientKey == "" {
		return link.Bad("missing", "client_key")
	}
	kty, crv := jose.KeyType(c.RequestAlg)
	if k, v := jose.KeyType(c.AuthAlg); c.AuthMethod == AuthPrivateJWT && (k != kty || v != crv) {
		return link.Bad("bad_value", "request_object_signing_alg") // one key cannot be both
	}
	return nil
}

// InheritAuth gives the token endpoint's method to those that have none of their own.
func (c *Config) InheritAuth() {
	if !c.RevocationAuthGiven {
		c.RevocationAuthMethod = c.AuthMethod
	}
	if !c.IntrospectionAuthGiven {
		c.IntrospectionAuthMethod = c.AuthMethod
	}
}

// Supported is the method if it is among those that an endpoint takes, or else the first of these
// for which the client has what it needs (RFC 8414 section 2); where none is, or no list, the method.
func (c *Config) Supported(methods json.Value, method string) string {
	if json.Lists(methods, method) {
		return method
	}
	for _, m := range [...]string{AuthBasic, AuthPost, AuthSecretJWT, AuthPrivateJWT} {
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

// ByCertificate tells whether the client is known by the certificate of its connection (RFC 8705 section 2).
func ByCertificate(method string) bool { return method == authTLS || method == authSelfTLS }
