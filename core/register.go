//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// register registers the client at the server (RFC 7591 section 3.1). The answer belongs to the
// application, which opens a client with it.
func (c *client) register(cmd *command, in json.Value) {
	access := in.Get("initial_access_token").Str()
	var f *link.Fault
	switch {
	case c.config.RegistrationEndpoint == "":
		f = c.issuer.Absent("registration_endpoint")
	case c.config.ClientMetadata.Kind() == json.None:
		f = link.Bad("missing", "client_metadata")
	case !words.VSChars(access) || words.Index(access, ' ') >= 0:
		f = link.Bad("bad_value", "initial_access_token")
	}
	if f != nil {
		c.desk.fail(cmd, f)
		return
	}
	r := &wire.Request{Stage: config.StageRegistration, Method: "POST", URL: c.config.RegistrationEndpoint, JSON: c.config.ClientMetadata.Raw()}
	if access != "" {
		r.Headers = []form.Param{{Name: "authorization", Value: "Bearer " + access}}
	}
	c.wire.Send(&cmd.job, r, func(res *wire.Response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.Object(c.link.Now)
		}
		if f == nil && v.Get("client_id").Str() == "" {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_registration"}
		}
		if f != nil {
			c.session.Redact(f, access, v.Get("client_secret").Str())
			c.desk.fail(cmd, f)
			return
		}
		c.desk.finish(cmd, func(w *json.Writer) { w.MemberRaw("client", v.Raw()) })
	})
}
