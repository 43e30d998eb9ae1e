//go:build !page

package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Trusted verifies a JWT that the server made for this client, and returns its claims. It must have
// iss, aud and the claims that need lists, and the type and algorithm if these are given. Clocks
// may differ by apart ms.
func (i *Issuer) Trusted(text, typ, alg, need string, apart int64, done func(json.Value, *link.Fault)) {
	if alg == "" {
		alg = i.config.IDTokenAlgs
	}
	j, f := readJWT(text, alg)
	if typ == "jwt" && f == nil && j.Typ == "" {
		typ = "" // the answer's media type says it
	}
	if f == nil && typ != "" && words.Lower(j.Typ) != typ {
		f = link.NotVerified("malformed", "typ")
	}
	if f == nil {
		f = i.checkIssued(j.Claims, need, apart)
	}
	if f == nil && i.config.JWKS == "" {
		f = i.Absent("jwks_uri")
	}
	if f != nil {
		done(json.Value{}, f)
		return
	}
	i.verify(j, func(f *link.Fault) { done(j.Claims, f) })
}

// Claims reads a response with claims: plain JSON or, if the server signs it, the claims of the JWT
// (OpenID Connect Core section 5.3.2).
func (i *Issuer) Claims(res *wire.Response, done func(json.Value, *link.Fault)) {
	if res.ContentType() == "application/jwt" && res.Status == 200 {
		i.Trusted(wire.SkipBOM(res.Body), "", "", "", i.config.Skew, done)
		return
	}
	done(res.Object(i.link.Now))
}
