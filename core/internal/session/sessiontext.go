package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// Export returns the session as text, "" for none.
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

// encode returns the session's text, "" for none.
func (s *Session) encode(t *Tokens) string {
	if t.Access == "" && t.Refresh == "" {
		return ""
	}
	w := s.store.Begin()
	if t.other != nil {
		t.put(t.other)
	}
	t.write(w)
	if s.store.Inner() != nil && t.Key != "" {
		s.wire.WriteNonces(w)
	}
	t.writeExtra(w)
	w.Close('}')
	return w.String()
}

// The members of texts, in their order: those before and after id_token_verified, and the others.
const (
	tokenNames = "target access_token token_type dpop_key refresh_token id_token"
	scopeNames = "scope requested_scope"
	otherNames = "grant tried_by"
)

func (t *Tokens) texts() []*string {
	return []*string{&t.target, &t.Access, &t.Type, &t.Key, &t.Refresh, &t.IDToken, &t.Scope, &t.Requested, &t.grant, &t.triedBy}
}

func (t *Tokens) write(w *json.Writer) {
	texts := t.texts()
	w.MemberStrs(tokenNames, texts[:6])
	if t.Claims.Kind() != json.None {
		w.MemberBool("id_token_verified", true)
	}
	w.MemberStrs(scopeNames, texts[6:8])
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
	if t.other != nil {
		w.Key("other")
		w.Open('{')
		t.other.write(w)
		w.Close('}')
	}
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
	t = s.readText(v)
	if s.wire.Nonces == nil {
		s.wire.ReadNonces(v.Get("nonces"))
	}
	if j, ok := jose.Parse(t.IDToken); ok && v.Get("id_token_verified").True() {
		t.Claims = j.Claims // verified before it was stored
	}
	return t, v.Get("device").Str(), true
}

// readText reads what write wrote.
func (s *Session) readText(v json.Value) *Tokens {
	t := &Tokens{}
	v.Texts(tokenNames+" "+scopeNames+" "+otherNames, t.texts())
	names, name := "expires_at received_at generation sent_at tried_at", ""
	for _, n := range [...]*int64{&t.ExpiresAt, &t.receivedAt, &t.generation, &t.sentAt, &t.triedAt} {
		name, names = words.Cut(names)
		*n, _ = v.Get(name).Int()
	}
	for it := v.Get("extra").Each(); it.Next(); {
		t.keepExtra(it.Name(), it.Value().Raw())
	}
	if t.extraTooLarge() {
		t.extra = nil // it was stored before there was a limit
	}
	t.ownBy(s.link)
	if o := v.Get("other"); o.Kind() != json.None {
		t.other = s.readText(o)
	}
	return t
}
