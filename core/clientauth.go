package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/sha256"
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

// assertionLife is how long a client assertion is good for, in s.
const assertionLife = 60

// checkAuth settles the methods: basic with a secret, none without; revocation and introspection as
// the token endpoint, unless they have their own.
func (c *config) checkAuth() *fault {
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
		return bad("missing", "revocation_endpoint")
	case c.introspectionAuthGiven && c.introspection == "" && !c.discovery:
		return bad("missing", "introspection_endpoint")
	}
	c.inheritAuth()
	for _, m := range [...][2]string{{"token_endpoint_auth_method", c.auth}, {"revocation_endpoint_auth_method", c.revocationAuth}, {"introspection_endpoint_auth_method", c.introspectionAuth}} {
		switch m[1] {
		case authBasic, authPost, authSecretJWT:
			if c.clientSecret == "" {
				return bad("missing", "client_secret").not("client_secret", m[1])
			}
		case authPrivateJWT:
			if c.clientKey == "" {
				return bad("missing", "client_key").not("client_key", m[1])
			}
		case authNone, authTLS, authSelfTLS:
		default:
			return bad("bad_value", m[0]).not(authMethods, m[1])
		}
	}
	if c.requestAlg == "" {
		return nil
	}
	if c.clientKey == "" {
		return bad("missing", "client_key")
	}
	kty, crv := keyType(c.requestAlg)
	if k, v := keyType(c.authAlg); c.auth == authPrivateJWT && (k != kty || v != crv) {
		return bad("bad_value", "request_object_signing_alg") // one key cannot be both
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
	if lists(methods, method) {
		return method
	}
	for _, m := range [...]string{authBasic, authPost, authSecretJWT, authPrivateJWT} {
		has := c.clientSecret
		if m == authPrivateJWT {
			has = c.clientKey
		}
		if has != "" && lists(methods, m) {
			return m
		}
	}
	return method
}

// byCertificate tells whether the client is known by the certificate of its connection (RFC 8705 section 2).
func byCertificate(method string) bool { return method == authTLS || method == authSelfTLS }

// authenticate adds the client's identity to a request by the given method; done comes with what stood in its way.
func (c *client) authenticate(method string, r *request, done func(*fault)) {
	add := func(name, value string) {
		if count(r.params, name) == 0 {
			r.params = append(r.params, form.Param{Name: name, Value: value})
		}
	}
	assert := func(jwt string, f *fault) {
		c.lastAssertion = jwt
		add("client_id", c.clientID) // RFC 7521 section 4.2 allows it, some servers want it
		add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		add("client_assertion", jwt)
		done(f)
	}
	switch method {
	case "": // a bearer's request
	case authBasic:
		// Both halves are form-encoded first (RFC 6749 section 2.3.1).
		b := append(form.Append(nil, c.clientID), ':')
		r.header("authorization", "Basic "+base64url.EncodeStd(form.Append(b, c.clientSecret)))
	case authPost:
		add("client_id", c.clientID)
		add("client_secret", c.clientSecret)
	case authSecretJWT:
		h, claims := c.assertion("HS256")
		input := base64url.Encode(h.Bytes()) + "." + base64url.Encode(claims.Bytes())
		key := sha256.NewKey([]byte(c.clientSecret))
		mac := key.HMAC([]byte(input))
		assert(input+"."+base64url.Encode(mac), nil)
		return
	case authPrivateJWT:
		h, claims := c.assertion(c.authAlg)
		c.sign(c.clientKey, c.authAlg, h, claims, assert)
		return
	default:
		add("client_id", c.clientID)
	}
	done(nil)
}

// assertion is what a client says of itself (RFC 7523 section 3, OpenID Connect Core section 9). It is for the issuer: one that another server could use elsewhere is worth stealing.
func (c *client) assertion(alg string) (header, claims *json.Writer) {
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("iss", c.clientID)
	w.MemberStr("sub", c.clientID)
	audience := c.assertionAudience
	if audience == "" {
		audience = c.issuer
	}
	if audience == "" {
		audience = c.config.token
	}
	w.MemberStr("aud", audience)
	c.issuedNow(w)
	w.MemberInt("exp", c.now/1000+assertionLife)
	w.Close('}')
	return c.joseHeader(alg, ""), w
}

// joseHeader is the header of what the client's own key signs.
func (c *config) joseHeader(alg, typ string) *json.Writer {
	h := json.NewWriter()
	h.Open('{')
	h.MemberStr("alg", alg)
	h.MemberStrIf("typ", typ)
	if alg != "HS256" {
		h.MemberStrIf("kid", c.clientKeyID)
	}
	h.Close('}')
	return h
}
