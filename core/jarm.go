//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// expectSigned tells whether a signed response can be verified when it comes.
func (c *client) expectSigned(*attempt) *link.Fault {
	if c.jwks == "" {
		return c.absent("jwks_uri")
	}
	return nil
}

// signedReply takes the parameters out of a response that is a JWT (JARM section 2.1).
func (c *client) signedReply(cmd *command, in json.Value, url, signed string) {
	// What stands beside a signed response counts for nothing (JARM section 2.3).
	c.trusted(signed, "jwt", "", "exp", c.skew, func(v json.Value, f *link.Fault) {
		if f != nil {
			if f.Kind == link.KindIDToken {
				f.Kind = link.KindCallback
			}
			c.fail(cmd, f)
			return
		}
		var params []form.Param
		for it := v.Each(); it.Next(); {
			if it.Value().Kind() == json.String {
				params = append(params, form.Param{Name: it.Name(), Value: it.Value().Str()})
			}
		}
		c.answer(cmd, in, url, params, true)
	})
}
