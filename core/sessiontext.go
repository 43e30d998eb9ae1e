package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// encode is the session's text, "" for none.
func (s *session) encode(t *tokens) string {
	if t.access == "" && t.refresh == "" {
		return ""
	}
	w := s.store.begin()
	w.MemberStrIf("access_token", t.access)
	w.MemberStrIf("token_type", t.kind)
	w.MemberStrIf("dpop_key", t.key)
	w.MemberStrIf("refresh_token", t.refresh)
	w.MemberStrIf("id_token", t.idToken)
	if t.claims.Kind() != json.None {
		w.MemberBool("id_token_verified", true)
	}
	w.MemberStrIf("scope", t.scope)
	w.MemberStrIf("requested_scope", t.requested)
	if t.expiresAt != 0 {
		w.MemberInt("expires_at", t.expiresAt)
	}
	w.MemberInt("received_at", t.receivedAt)
	w.MemberInt("generation", t.generation)
	w.MemberStrIf("grant", t.grant)
	if t.sentAt != 0 {
		w.MemberInt("sent_at", t.sentAt)
		w.MemberInt("tried_at", t.triedAt)
		w.MemberStr("tried_by", t.triedBy)
	}
	if s.store.kept != nil && t.key != "" {
		s.wire.writeNonces(w)
	}
	t.writeExtra(w)
	w.Close('}')
	return w.String()
}

// decode reads a session's text; ok is false for one of another configuration or format. device is the device flow that may have been exported with it.
func (s *session) decode(text string) (t *tokens, device string, ok bool) {
	t = &tokens{}
	if text == "" {
		return t, "", true
	}
	v, ok := json.Parse(text)
	if !ok || !s.store.ours(v) {
		return t, "", false
	}
	str := func(name string) string { return v.Get(name).Str() }
	t = &tokens{access: str("access_token"), kind: str("token_type"), key: str("dpop_key"), refresh: str("refresh_token"), idToken: str("id_token"),
		scope: str("scope"), requested: str("requested_scope")}
	t.expiresAt, _ = v.Get("expires_at").Int()
	t.receivedAt, _ = v.Get("received_at").Int()
	t.generation, _ = v.Get("generation").Int()
	t.sentAt, _ = v.Get("sent_at").Int()
	t.triedAt, _ = v.Get("tried_at").Int()
	t.triedBy, t.grant = str("tried_by"), str("grant")
	if s.wire.nonces == nil {
		s.wire.readNonces(v.Get("nonces"))
	}
	if j, ok := jose.Parse(t.idToken); ok && v.Get("id_token_verified").True() {
		t.claims = j.Claims // verified before it was stored
	}
	for it := v.Get("extra").Each(); it.Next(); {
		t.keep(it.Name(), it.Value().Raw())
	}
	if t.extraTooLarge() {
		t.extra = nil // of before there was a bound
	}
	t.ownBy(s.link)
	return t, v.Get("device").Str(), true
}
