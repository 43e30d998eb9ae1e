//go:build !page

package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/address"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
)

// This file is for servers, terminals and plugin hosts. The build tag page excludes it; page.go
// replaces it.

// moreGroups read MoreMembers.
func (c *Config) moreGroups() []group {
	return []group{
		{names: "client_assertion_audience", rule: Endpoint, texts: []*string{&c.AssertionAudience}},
		{names: "client_key client_key_id", rule: vschar, texts: []*string{&c.ClientKey, &c.ClientKeyID}},
		{names: "token_endpoint_auth_signing_alg request_object_signing_alg introspection_signed_response_alg", rule: signature,
			texts: []*string{&c.AuthAlg, &c.RequestAlg, &c.IntrospectionAlg}},
		{names: "introspection_endpoint_auth_method", texts: []*string{&c.IntrospectionAuthMethod}},
		{names: "client_metadata", values: []*json.Value{&c.ClientMetadata}},
		{names: "registration identity_provider"},
		{names: "private_origins", values: []*json.Value{&c.privateOrigins}},
	}
}

// readObject reads the client's configuration at its identity provider.
func (c *Config) readObject(name string, v json.Value) (f *link.Fault) {
	if name == "identity_provider" {
		if c.IdentityProvider, f = Read(v); f != nil {
			return f.Within(name)
		}
	}
	return nil
}

// ownMethods are the methods of a client that has a secret or a key.
const ownMethods = AuthBasic + " " + AuthPost + " " + AuthSecretJWT + " " + AuthPrivateJWT

// checkMeans reports a fault if the client lacks what a method of MoreMethods needs.
func (c *Config) checkMeans(_, method string) *link.Fault {
	switch {
	case method == AuthSecretJWT && c.ClientSecret == "":
		return link.Bad("missing", "client_secret").Not("client_secret", method)
	case method == AuthPrivateJWT && c.ClientKey == "":
		return link.Bad("missing", "client_key").Not("client_key", method)
	}
	return nil
}

func (c *Config) checkIntrospection() *link.Fault {
	c.IntrospectionAuthGiven = c.IntrospectionAuthMethod != ""
	if c.IntrospectionAuthGiven && c.IntrospectionEndpoint == "" && !c.Discovery {
		return link.Bad("missing", "introspection_endpoint")
	}
	return nil
}

func (c *Config) inheritMore() {
	if !c.IntrospectionAuthGiven {
		c.IntrospectionAuthMethod = c.AuthMethod
	}
}

func (c *Config) checkMore() *link.Fault {
	if f := c.checkMethod("introspection_endpoint_auth_method", c.IntrospectionAuthMethod); f != nil || c.RequestAlg == "" {
		return f
	}
	if c.ClientKey == "" {
		return link.Bad("missing", "client_key")
	}
	kty, crv := jose.KeyType(c.RequestAlg)
	if k, v := jose.KeyType(c.AuthAlg); c.AuthMethod == AuthPrivateJWT && (k != kty || v != crv) {
		return link.Bad("bad_value", "request_object_signing_alg") // one key cannot fit both
	}
	return nil
}

// AdoptMore fills in missing members from the server's metadata.
func (c *Config) AdoptMore(v json.Value) {
	if !c.IntrospectionAuthGiven {
		c.IntrospectionAuthMethod = c.Supported(v.Get("introspection_endpoint_auth_methods_supported"), c.IntrospectionAuthMethod)
	}
}

// Alias is the URL of an endpoint for a client that authenticates with a certificate (RFC 8705
// section 5), "" if there is no separate one.
func (c *Config) Alias(v json.Value, name string) string {
	method := c.AuthMethod
	switch name {
	case "revocation_endpoint":
		method = c.RevocationAuthMethod
	case "introspection_endpoint":
		method = c.IntrospectionAuthMethod
	}
	if !byCertificate(method) {
		return ""
	}
	return v.Get("mtls_endpoint_aliases").Get(name).Str()
}

// firstMore reads the member that decides about URLs, before any URL is checked.
func (c *Config) firstMore(in json.Value) { c.privateOrigins = in.Get("private_origins") }

// originOK checks the form of the elements of private_origins.
func originOK(name, s string) bool { return name != "private_origins" || s != "" && uri.Origin(s) == s }

// guarded reports whether requests may only go to public addresses and to listed origins.
func (c *Config) guarded() bool { return c.privateOrigins.Kind() == json.Array }

// reaches reports whether a guarded client may send requests to a URL.
func (c *Config) reaches(u uri.URI) bool {
	return json.Lists(c.privateOrigins, u.Scheme+"://"+u.Host+u.Port) || u.Scheme == "https" && address.Public(u.Host)
}

// Public tells whether a request to a URL has to go to a public address, whatever its name stands
// for.
func (c *Config) Public(url string) bool {
	return c.guarded() && !json.Lists(c.privateOrigins, uri.Origin(url))
}

// byCertificate reports whether the client authenticates with the certificate of its connection
// (RFC 8705 section 2).
func byCertificate(method string) bool { return method == authTLS || method == authSelfTLS }
