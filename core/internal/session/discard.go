package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
)

// Discard revokes the tokens of a grant that nobody needs any more.
func (s *Session) Discard(t *Tokens) {
	s.wire.DropKey(t.Key)
	token, hint := t.Refresh, "refresh_token"
	if token == "" {
		token, hint = t.Bearer(), "access_token"
	}
	if token != "" {
		s.RevokeToken(&wire.Job{}, token, hint, func(*link.Fault) {})
	}
}

// EndsMore is the token whose revocation ends more, or the one that is named.
func (s *Session) EndsMore(which string) (token, hint string) {
	if which != "access_token" && (s.Tokens.Refresh != "" || which == "refresh_token") {
		return s.Tokens.Refresh, "refresh_token"
	}
	return s.Tokens.Bearer(), "access_token"
}
