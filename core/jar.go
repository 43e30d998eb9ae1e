//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// requestLife is how long a signed authorization request is valid, in s.
const requestLife = 300

// signRequest puts the parameters of an authorization request into a signed request object (RFC
// 9101 section 4), if that is configured.
func (c *client) signRequest(params []form.Param, done func([]form.Param, *link.Fault)) {
	if c.config.RequestAlg == "" {
		done(params, nil)
		return
	}
	for _, p := range params {
		switch p.Name {
		case "iss", "sub", "aud", "exp", "nbf", "iat", "jti":
			done(nil, link.Bad("protected_parameter", "parameters")) // a request object's own claims
			return
		}
	}
	w := json.NewWriter()
	w.Open('{')
	w.MemberStr("iss", c.config.ClientID)
	w.MemberStr("aud", c.config.Issuer)
	c.wire.IssuedNow(w)
	w.MemberInt("nbf", c.link.Now/1000)
	w.MemberInt("exp", c.link.Now/1000+requestLife)
	for i, p := range params {
		if form.Count(params[:i], p.Name) > 0 {
			continue // it is in the array of the first one
		}
		w.Name(p.Name)
		if form.Count(params, p.Name) == 1 {
			writeClaim(w, p)
			continue
		}
		w.Open('[')
		for _, q := range params[i:] {
			if q.Name == p.Name {
				writeClaim(w, q)
			}
		}
		w.Close(']')
	}
	w.Close('}')
	c.wire.Sign(c.config.ClientKey, c.config.RequestAlg, c.wire.JOSEHeader(c.config.RequestAlg, "oauth-authz-req+jwt"), w, func(jws string, f *link.Fault) {
		// OAuth and OpenID Connect also require these parameters outside the request object
		// (section 5, OpenID Connect Core section 6.1).
		left := []form.Param{{Name: "client_id", Value: c.config.ClientID}}
		for _, name := range [...]string{"response_type", "scope"} {
			if s := form.ValueOf(params, name); s != "" {
				left = append(left, form.Param{Name: name, Value: s})
			}
		}
		done(append(left, form.Param{Name: "request", Value: jws}), f)
	})
}

// writeClaim writes a parameter as a claim: numbers and JSON keep their types (RFC 9101 section 4).
func writeClaim(w *json.Writer, p form.Param) {
	switch p.Name {
	case "max_age", "claims", "authorization_details":
		if v, ok := json.Parse(p.Value); ok {
			w.Raw(v.Raw())
			return
		}
	}
	w.Str(p.Value)
}
