//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// expectSigned reports a fault if a signed response could not be verified.
func (c *client) expectSigned(*attempt) *link.Fault {
	if c.config.JWKS == "" {
		return c.issuer.Absent("jwks_uri")
	}
	return nil
}

// open takes the parameters out of a response that is a JWT. Parameters beside it are ignored (JARM
// section 2.3).
func (r *callbackRun) open(response string) {
	r.c.issuer.Trusted(response, "jwt", "", "exp", r.c.config.Skew, r.trusted)
}

func (r *callbackRun) trusted(v json.Value, f *link.Fault) {
	if f != nil {
		if f.Kind == link.KindIDToken {
			f.Kind = link.KindCallback
		}
		r.c.desk.fail(r.cmd, f)
		return
	}
	r.params, r.signed = nil, true
	for it := v.Each(); it.Next(); {
		if it.Value().Kind() == json.String {
			r.params = append(r.params, form.Param{Name: it.Name(), Value: it.Value().Str()})
		}
	}
	r.answer()
}
