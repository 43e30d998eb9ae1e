package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// push sends the authorization request's parameters to the server, and returns the parameters that
// remain for the browser (RFC 9126 sections 2 and 4).
func (c *client) push(j *wire.Job, params []form.Param, done func([]form.Param, *link.Fault)) {
	if c.config.PushedRequests == config.PAROff || c.config.PushedRequestEndpoint == "" && c.config.PushedRequests == config.PAROffered {
		done(params, nil)
		return
	}
	if c.config.PushedRequestEndpoint == "" {
		done(nil, c.issuer.Absent("pushed_authorization_request_endpoint"))
		return
	}
	r := &wire.Request{Stage: config.StagePushed, Method: "POST", URL: c.config.PushedRequestEndpoint, Auth: c.config.AuthMethod, Params: params}
	c.wire.Send(j, r, func(res *wire.Response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.Object(c.link.Now)
		}
		uri := v.Get("request_uri").Str()
		if f == nil && (uri == "" || !words.VSChars(uri)) {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_pushed_response"}
		}
		if f != nil {
			done(nil, f)
			return
		}
		done([]form.Param{{Name: "client_id", Value: c.config.ClientID}, {Name: "request_uri", Value: uri}}, nil)
	})
}
