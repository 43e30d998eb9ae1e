//go:build !page

package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// readRegistration reads from a registration response (RFC 7591 section 3.2.1) what the
// configuration lacks. It ignores all other members.
func (c *Config) readRegistration(groups []group, in json.Value) *link.Fault {
	for it := in.Get("registration").Each(); it.Next(); {
		name, v := it.Name(), it.Value()
		switch name {
		case "client_id", "client_secret", "token_endpoint_auth_method":
		case "redirect_uris": // if there are several, the configuration must say which
			one := v.Each()
			if name = "redirect_uri"; one.Next() {
				v = one.Value()
			}
			if one.Next() {
				continue
			}
		case "id_token_signed_response_alg":
			if in.Get(name).Kind() == json.None && v.Kind() == json.String {
				if c.IDTokenAlgs = v.Str(); !words.Has(jose.Algorithms, c.IDTokenAlgs) {
					return link.Wrong("bad_value", name, jose.Algorithms, v).Within("registration")
				}
			}
			continue
		case "dpop_bound_access_tokens":
			c.DPoP = c.DPoP || v.True() && in.Get("dpop").Kind() == json.None
			continue
		default:
			continue
		}
		if in.Get(name).Kind() == json.None && v.Kind() == json.String { // null counts as missing
			if f := c.read(groups, name, v); f != nil {
				return f
			}
		}
	}
	return nil
}
