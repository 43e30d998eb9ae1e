//go:build page

package issuer

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// What stands in oauth2.wasm in place of what pages never use, which is in the files with the build
// tag !page. What asks for it is told which module has it.

// Claims reads an answer about somebody or something.
func (i *Issuer) Claims(res *wire.Response, done func(json.Value, *link.Fault)) {
	if ctype := res.ContentType(); ctype == "application/jwt" {
		done(json.Value{}, link.NotHere("userinfo_endpoint", ctype))
		return
	}
	done(res.Object(i.link.Now))
}
