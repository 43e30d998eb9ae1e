package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Export is the session as text, "" for none.
func (s *Session) Export() string { return s.encode(s.Tokens) }

// Restore takes a text from Export. device is the device flow that was exported with it, if any; ok
// is false for a text of another configuration or format.
func (s *Session) Restore(text string) (device string, ok bool) {
	t, device, ok := s.decode(text)
	if ok {
		s.Tokens, s.blind, s.unsaved = t, true, true
	}
	return device, ok
}

// encode is the session's text, "" for none.
func (s *Session) encode(t *Tokens) string {
	if t.Access == "" && t.Refresh == "" {
		return ""
	}
	w := s.store.Begin()
	w.MemberStrIf("access_token", t.Access)
	w.MemberStrIf("token_type", t.Type)
	w.MemberStrIf("dpop_key", t.Key)
	w.MemberStrIf("refresh_token", t.Refresh)
	w.MemberStrIf("id_token", t.IDToken)
	if t.Claims.Kind() != json.None {
		w.MemberBool("id_token_verified", true)
	}
	w.MemberStrIf("scope", t.Scope)
	w.MemberStrIf("requested_scope", t.Requested)
	if t.ExpiresAt != 0 {
		w.MemberInt("expires_at", t.ExpiresAt)
	}
	w.MemberInt("received_at", t.receivedAt)
	w.MemberInt("generation", t.generation)
	w.MemberStrIf("grant", t.grant)
	if t.sentAt != 0 {
		w.MemberInt("sent_at", t.sentAt)
		w.MemberInt("tried_at", t.triedAt)
		w.MemberStr("tried_by", t.triedBy)
	}
	if s.store.Inner() != nil && t.Key != "" {
		s.wire.WriteNonces(w)
	}
	t.writeExtra(w)
	w.Close('}')
	return w.String()
}

// decode reads a session's text; ok is false for one of another configuration or format. device is
// the device flow that may have been exported with it.
func (s *Session) decode(text string) (t *Tokens, device string, ok bool) {
	t = &Tokens{}
	if text == "" {
		return t, "", true
	}
	v, ok := json.Parse(text)
	if !ok || !s.store.Ours(v) {
		return t, "", false
	}
	str := func(name string) string { return v.Get(name).Str() }
	t = &Tokens{Access: str("access_token"), Type: str("token_type"), Key: str("dpop_key"), Refresh: str("refresh_token"), IDToken: str("id_token"),
		Scope: str("scope"), Requested: str("requested_scope")}
	t.ExpiresAt, _ = v.Get("expires_at").Int()
	t.receivedAt, _ = v.Get("received_at").Int()
	t.generation, _ = v.Get("generation").Int()
	t.sentAt, _ = v.Get("sent_at").Int()
	t.triedAt, _ = v.Get("tried_at").Int()
	t.triedBy, t.grant = str("tried_by"), str("grant")
	if s.wire.Nonces == nil {
		s.wire.ReadNonces(v.Get("nonces"))
	}
	if j, ok := jose.Parse(t.IDToken); ok && v.Get("id_token_verified").True() {
		t.Claims = j.Claims // verified before it was stored
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
