package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/base64url"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// authenticate adds the client's authentication to a request by the given method; done gets the
// fault, if any.
func (wr *Wire) authenticate(method string, r *Request, done func(*link.Fault)) {
	add := func(name, value string) {
		if form.Count(r.Params, name) == 0 {
			r.Params = append(r.Params, form.Param{Name: name, Value: value})
		}
	}
	switch method {
	case "": // a bearer's request
	case config.AuthBasic:
		// Both halves are form-encoded first (RFC 6749 section 2.3.1).
		b := append(form.Append(nil, wr.config.ClientID), ':')
		r.header("authorization", "Basic "+base64url.EncodeStd(form.Append(b, wr.config.ClientSecret)))
	case config.AuthPost:
		add("client_id", wr.config.ClientID)
		add("client_secret", wr.config.ClientSecret)
	case config.AuthSecretJWT, config.AuthPrivateJWT:
		wr.assert(method, add, done)
		return
	default:
		add("client_id", wr.config.ClientID)
	}
	done(nil)
}
