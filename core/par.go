package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// push sends the authorization request's parameters to the server and gives those that are left for the browser (RFC 9126 sections 2 and 4).
func (c *client) push(cmd *command, params []form.Param, done func([]form.Param, *link.Fault)) {
	if c.pushedRequests == parOff || c.pushed == "" && c.pushedRequests == parOffered {
		done(params, nil)
		return
	}
	if c.pushed == "" {
		done(nil, c.absent("pushed_authorization_request_endpoint"))
		return
	}
	r := &request{stage: stagePushed, method: "POST", url: c.pushed, auth: c.auth, params: params}
	c.send(cmd, r, func(res *response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.object(c.Now)
		}
		uri := v.Get("request_uri").Str()
		if f == nil && (uri == "" || !words.VSChars(uri)) {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_pushed_response"}
		}
		if f != nil {
			done(nil, f)
			return
		}
		done([]form.Param{{Name: "client_id", Value: c.clientID}, {Name: "request_uri", Value: uri}}, nil)
	})
}
