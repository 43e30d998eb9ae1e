package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// authenticate adds the client's identity to a request by the given method; done comes with what stood in its way.
func (wr *wire) authenticate(method string, r *request, done func(*link.Fault)) {
	add := func(name, value string) {
		if form.Count(r.params, name) == 0 {
			r.params = append(r.params, form.Param{Name: name, Value: value})
		}
	}
	switch method {
	case "": // a bearer's request
	case authBasic:
		// Both halves are form-encoded first (RFC 6749 section 2.3.1).
		b := append(form.Append(nil, wr.config.clientID), ':')
		r.header("authorization", "Basic "+base64url.EncodeStd(form.Append(b, wr.config.clientSecret)))
	case authPost:
		add("client_id", wr.config.clientID)
		add("client_secret", wr.config.clientSecret)
	case authSecretJWT, authPrivateJWT:
		wr.assert(method, add, done)
		return
	default:
		add("client_id", wr.config.clientID)
	}
	done(nil)
}
