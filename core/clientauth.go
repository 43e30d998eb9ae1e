package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
)

// Client authentication methods (RFC 6749 section 2.3.1, names of RFC 7591 section 2).
const (
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authNone  = "none"
)

// checkAuth settles the methods: basic with a secret, none without; revocation as the token endpoint, unless it has its own.
func (c *config) checkAuth() *fault {
	c.authGiven = c.auth != ""
	if !c.authGiven {
		c.auth = authNone
		if c.clientSecret != "" {
			c.auth = authBasic
		}
	}
	c.revocationAuthGiven = c.revocationAuth != ""
	if !c.revocationAuthGiven {
		c.revocationAuth = c.auth
	} else if c.revocation == "" && !c.discovery {
		return bad("missing", "revocation_endpoint")
	}
	for _, m := range [][2]string{{"token_endpoint_auth_method", c.auth}, {"revocation_endpoint_auth_method", c.revocationAuth}} {
		switch m[1] {
		case authBasic, authPost:
			if c.clientSecret == "" {
				return bad("missing", "client_secret")
			}
		case authNone:
		default:
			return bad("bad_value", m[0])
		}
	}
	return nil
}

// authenticate adds the client's identity to a request by the given method.
func (c *config) authenticate(method string, r *request) {
	switch method {
	case authBasic:
		// Both halves are form-encoded first (RFC 6749 section 2.3.1).
		b := append(form.Append(nil, c.clientID), ':')
		r.header("authorization", "Basic "+base64url.EncodeStd(form.Append(b, c.clientSecret)))
	case authPost:
		r.params = append(r.params, form.Param{Name: "client_id", Value: c.clientID}, form.Param{Name: "client_secret", Value: c.clientSecret})
	case authNone:
		r.params = append(r.params, form.Param{Name: "client_id", Value: c.clientID})
	}
}
