package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
)

// revokeToken asks the revocation endpoint to end a token (RFC 7009 section 2.1).
func (s *session) revokeToken(j *job, token, hint string, done func(*link.Fault)) {
	if s.config.revocation == "" {
		done(&link.Fault{Kind: link.KindClient, Code: "revocation_not_supported"})
		return
	}
	r := &request{stage: stageRevocation, method: "POST", url: s.config.revocation, auth: s.config.revocationAuth,
		params: []form.Param{{Name: "token", Value: token}, {Name: "token_type_hint", Value: hint}}}
	s.wire.send(j, r, func(res *response, f *link.Fault) {
		// 200 says it all, the body is ignored (section 2.2).
		if f == nil && (res.status < 200 || res.status > 299) {
			if _, f = res.object(s.link.Now); f == nil {
				f = &link.Fault{Kind: link.KindServer, Code: "http_error", Status: res.status}
			}
		}
		if f != nil {
			s.redact(f, token)
		}
		done(f)
	})
}

// discard ends a grant that nobody wants any more.
func (s *session) discard(t *tokens) {
	s.wire.dropKey(t.key)
	token, hint := t.refresh, "refresh_token"
	if token == "" {
		token, hint = t.bearer(), "access_token"
	}
	if token != "" {
		s.revokeToken(&job{}, token, hint, func(*link.Fault) {})
	}
}

// endsMore is the token whose end ends more, or the one that is named.
func (s *session) endsMore(which string) (token, hint string) {
	if which != "access_token" && (s.tokens.refresh != "" || which == "refresh_token") {
		return s.tokens.refresh, "refresh_token"
	}
	return s.tokens.bearer(), "access_token"
}
