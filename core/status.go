package core

import "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"

// writeStatus writes all that may be read of a session and its device flow; the tokens themselves are not among it.
func writeStatus(w *json.Writer, s *session, d *device) {
	t := s.tokens
	w.MemberStr("name", s.config.name)
	w.MemberStr("status", s.status)
	w.MemberStr("scope", t.scope)
	w.MemberStr("requested_scope", t.requested)
	w.MemberStrIf("token_type", t.kind)
	if t.expiresAt != 0 {
		w.MemberInt("expires_at", t.expiresAt)
	}
	w.MemberBool("expired", s.expired(t))
	w.MemberBool("refreshable", s.refreshable() == nil)
	w.MemberBool("not_persisted", s.unsaved && t.access != "")
	w.MemberStrIf("id_token", t.idToken)
	if t.claims.Kind() != json.None {
		w.MemberRaw("claims", t.claims.Raw())
	}
	t.writeExtra(w)
	w.MemberStr("pkce_method", s.config.pkce)
	w.MemberInt("pkce_verifier_length", s.config.verifierLength)
	if d != nil {
		w.Key("device")
		w.Open('{')
		d.write(w)
		w.Close('}')
	}
}
