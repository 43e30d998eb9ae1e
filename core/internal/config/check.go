package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// between checks a number's bounds.
func between(name string, n, least, most int64) *link.Fault {
	if n >= least && n <= most {
		return nil
	}
	text := func(n int64) string { return string(json.AppendInt(nil, n)) }
	return link.Bad("bad_value", name).Not(text(least)+" to "+text(most), text(n))
}

func (c *Config) check() *link.Fault {
	if c.ClientID == "" && c.ClientMetadata.Kind() == json.None {
		return link.Bad("missing", "client_id").Not("a text, as the server named this client", "")
	}
	if c.Name == "" {
		return link.Bad("missing", "name")
	}
	// All attempts together must fit into one message, to be stored and to be read again.
	f := between("max_attempts", c.MaxAttempts, 1, 64)
	if f == nil {
		f = between("clock_tolerance_ms", c.Tolerance, 0, 60*60*1000)
	}
	if f == nil {
		f = between("attempt_life_ms", c.AttemptLife, 1000, 24*60*60*1000)
	}
	if f == nil {
		f = between("pkce_verifier_length", c.VerifierLength, 43, 128)
	}
	if f != nil {
		return f
	}
	// Without a nonce an ID token is not bound to its attempt: with openid that needs the insecure
	// option.
	if c.Nonce != "automatic" && c.Nonce != "enabled" && (c.Nonce != "disabled" || words.Has(c.Scope, "openid")) {
		return link.Bad("bad_value", "nonce").Not("automatic or enabled, or disabled without scope openid", c.Nonce)
	}
	if c.PushedRequests != PAROff && c.PushedRequests != PAROffered && c.PushedRequests != PARRequired {
		return link.Bad("bad_value", "pushed_authorization_requests").Not("off, offered or required", c.PushedRequests)
	}
	for _, p := range c.Parameters {
		if Protected(p.Name) {
			return link.Bad("protected_parameter", "parameters").Not("", p.Name)
		}
	}
	if c.Issuer == "" {
		needs := ""
		switch {
		case c.IssuerRequired:
			needs = "authorization_response_iss_parameter_supported"
		case c.Discovery:
			needs = "discovery"
		case c.JWKS != "":
			needs = "jwks_uri"
		case c.RequestAlg != "":
			needs = "request_object_signing_alg"
		case c.MetadataURL != "":
			needs = "metadata_url"
		}
		if needs != "" {
			return link.Bad("missing", "issuer").Not("issuer", needs)
		}
	}
	if words.Index(c.Issuer, '?') >= 0 { // RFC 8414 section 2
		return link.Bad("bad_url", "issuer").Not("an absolute URL without query", "")
	}
	if t := c.IssuerTemplate; t != "" && (TenantAt(t) < 0 || !words.Prefixed(t, "https://")) {
		return link.Bad("bad_url", "issuer_template").Not("https, with {tenantid}", t)
	}
	if f := c.checkReach(); f != nil {
		return f
	}
	// If ID tokens could not be verified, they must not be requested.
	if words.Has(c.Scope, "openid") && c.JWKS == "" && !c.Discovery && !c.IDTokenOff {
		return link.Bad("missing", "jwks_uri").Not("discovery or jwks_uri", "scope openid")
	}
	// A bare token in its own header cannot be bound to a key.
	if c.DPoP && c.TokenHeader != "" {
		return link.Bad("bad_value", "token_header").Not("none with dpop", c.TokenHeader)
	}
	if c.DPoP && c.AccessOptional {
		return link.Bad("bad_value", "access_token_optional").Not("false with dpop", "true")
	}
	return c.checkAuth()
}

// checkReach checks that a client that names its server has an endpoint or discovery.
func (c *Config) checkReach() *link.Fault {
	for _, s := range append(c.Endpoints(), &c.Profile.Endpoint) {
		if *s != "" {
			return nil
		}
	}
	if c.Issuer != "" && !c.Discovery && (c.RefreshEndpoint == "" || c.RefreshEndpoint == "none") {
		return link.Bad("missing", "discovery").Not("discovery: true, or authorization_endpoint and token_endpoint", "issuer without endpoints")
	}
	return nil
}
