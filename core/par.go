package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// push sends the authorization request's parameters to the server and gives those that are left for the browser (RFC 9126 sections 2 and 4).
func (i *issuer) push(j *job, params []form.Param, done func([]form.Param, *link.Fault)) {
	if i.config.pushedRequests == parOff || i.config.pushed == "" && i.config.pushedRequests == parOffered {
		done(params, nil)
		return
	}
	if i.config.pushed == "" {
		done(nil, i.absent("pushed_authorization_request_endpoint"))
		return
	}
	r := &request{stage: stagePushed, method: "POST", url: i.config.pushed, auth: i.config.auth, params: params}
	i.wire.send(j, r, func(res *response, f *link.Fault) {
		var v json.Value
		if f == nil {
			v, f = res.object(i.link.Now)
		}
		uri := v.Get("request_uri").Str()
		if f == nil && (uri == "" || !words.VSChars(uri)) {
			f = &link.Fault{Kind: link.KindServer, Code: "bad_pushed_response"}
		}
		if f != nil {
			done(nil, f)
			return
		}
		done([]form.Param{{Name: "client_id", Value: i.config.clientID}, {Name: "request_uri", Value: uri}}, nil)
	})
}
