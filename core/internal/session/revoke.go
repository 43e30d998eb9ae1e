package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/config"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// RevokeToken asks the revocation endpoint to end a token (RFC 7009 section 2.1).
func (s *Session) RevokeToken(j *wire.Job, token, hint string, done func(*link.Fault)) {
	if s.config.RevocationEndpoint == "" {
		done(&link.Fault{Kind: link.KindClient, Code: "revocation_not_supported"})
		return
	}
	r := &wire.Request{Stage: config.StageRevocation, Method: "POST", URL: s.config.RevocationEndpoint, Auth: s.config.RevocationAuthMethod,
		Params: []form.Param{{Name: "token", Value: token}, {Name: "token_type_hint", Value: hint}}}
	s.wire.Send(j, r, func(res *wire.Response, f *link.Fault) {
		// Status 200 means success; the body is ignored (section 2.2).
		if f == nil && (res.Status < 200 || res.Status > 299) {
			if _, f = res.Object(s.link.Now); f == nil {
				f = &link.Fault{Kind: link.KindServer, Code: "http_error", Status: res.Status}
			}
		}
		if f != nil {
			s.Redact(f, token)
		}
		done(f)
	})
}
