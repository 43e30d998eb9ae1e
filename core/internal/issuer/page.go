//go:build page

package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// In oauth2.wasm this replaces the files with the build tag !page, which pages never use. The error
// for a missing feature says which module has it.

// Claims reads a response with claims.
func (i *Issuer) Claims(res *wire.Response, done func(json.Value, *link.Fault)) {
	if ctype := res.ContentType(); ctype == "application/jwt" {
		done(json.Value{}, link.NotHere("userinfo_endpoint", ctype))
		return
	}
	done(res.Object(i.link.Now))
}
