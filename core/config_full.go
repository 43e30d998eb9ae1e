//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// What this package has for servers, terminals and plugin hosts besides what pages use. The build tag page leaves it out: config_page.go has
// what stands in its place.

// moreGroups are moreMembers.
func (c *config) moreGroups() []group {
	return []group{
		{names: "client_assertion_audience", rule: endpoint, texts: []*string{&c.assertionAudience}},
		{names: "client_key client_key_id", rule: vschar, texts: []*string{&c.clientKey, &c.clientKeyID}},
		{names: "token_endpoint_auth_signing_alg request_object_signing_alg introspection_signed_response_alg", rule: signature,
			texts: []*string{&c.authAlg, &c.requestAlg, &c.introspectionAlg}},
		{names: "introspection_endpoint_auth_method", texts: []*string{&c.introspectionAuth}},
		{names: "client_metadata", values: []*json.Value{&c.clientMetadata}},
		{names: "registration"},
	}
}

// ownMethods are those by which a client can be known that has a secret or a key.
const ownMethods = authBasic + " " + authPost + " " + authSecretJWT + " " + authPrivateJWT

// checkMeans tells whether the client has what one of moreMethods needs.
func (c *config) checkMeans(_, method string) *link.Fault {
	switch {
	case method == authSecretJWT && c.clientSecret == "":
		return link.Bad("missing", "client_secret").Not("client_secret", method)
	case method == authPrivateJWT && c.clientKey == "":
		return link.Bad("missing", "client_key").Not("client_key", method)
	}
	return nil
}

func (c *config) checkIntrospection() *link.Fault {
	c.introspectionAuthGiven = c.introspectionAuth != ""
	if c.introspectionAuthGiven && c.introspection == "" && !c.discovery {
		return link.Bad("missing", "introspection_endpoint")
	}
	return nil
}

func (c *config) inheritMore() {
	if !c.introspectionAuthGiven {
		c.introspectionAuth = c.auth
	}
}

func (c *config) checkMore() *link.Fault {
	if f := c.checkMethod("introspection_endpoint_auth_method", c.introspectionAuth); f != nil || c.requestAlg == "" {
		return f
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

// adoptMore fills in what the configuration leaves out, from the server's metadata.
func (c *config) adoptMore(v json.Value) {
	if !c.introspectionAuthGiven {
		c.introspectionAuth = c.supported(v.Get("introspection_endpoint_auth_methods_supported"), c.introspectionAuth)
	}
}

// alias is where an endpoint is for a client that is known by its certificate (RFC 8705 section 5), "" where that is no other place.
func (c *config) alias(v json.Value, name string) string {
	method := c.auth
	switch name {
	case "revocation_endpoint":
		method = c.revocationAuth
	case "introspection_endpoint":
		method = c.introspectionAuth
	}
	if !byCertificate(method) {
		return ""
	}
	return v.Get("mtls_endpoint_aliases").Get(name).Str()
}

// byCertificate tells whether the client is known by the certificate of its connection (RFC 8705 section 2).
func byCertificate(method string) bool { return method == authTLS || method == authSelfTLS }
