package session

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/wire"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// NoAccess is the token type of something that is no access token.
const NoAccess = "N_A"

const (
	// maxTokens is the greatest length of a session's tokens and scope together, in bytes. They are
	// written again at each change.
	maxTokens = 192 << 10
	// maxExtra is the greatest length of all unknown members together, in bytes.
	maxExtra = 16 << 10
)

// Tokens are the tokens of a sign-in, with what we know about them.
type Tokens struct {
	Access, Type, Refresh, IDToken string
	Key                            string // the key to which the access token is bound; "" for a bearer token
	Scope                          string // granted
	Requested                      string
	ExpiresAt                      int64 // Unix ms, 0: unknown
	receivedAt                     int64
	generation                     int64 // grows with each answer, independent of the clock
	sentAt                         int64 // when the refresh token was first sent with an unknown outcome
	triedAt                        int64 // when it was last sent
	triedBy                        string
	grant                          string     // a name for the sign-in from which all this comes, beginning with its time
	Claims                         json.Value // of the ID token, verified
	extra                          []extra
	target                         string  // what the access token is for; "" for the session's own
	other                          *Tokens // the next access token of the session, the most recently used first
}

// An extra is a member that no known RFC names, unchanged.
type extra struct{ name, raw string }

// Bearer is the access token, "" if there is none.
func (t *Tokens) Bearer() string {
	if t.Type == NoAccess {
		return ""
	}
	return t.Access
}

// keepAll keeps the unknown members.
func (t *Tokens) keepAll(v json.Value) {
	for it := v.Each(); it.Next(); {
		switch name := it.Name(); name {
		case "access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token", "id_token", "good_until": // good_until is ours, from an answer to the command token
		case "expires":
			if _, ok := wire.Seconds(it.Value()); !ok || v.Get("expires_in").Kind() != json.None {
				t.keepExtra(name, it.Value().Raw())
			}
		default:
			t.keepExtra(name, it.Value().Raw())
		}
	}
}

func (t *Tokens) size() int {
	return len(t.Access) + len(t.Refresh) + len(t.IDToken) + len(t.Scope) + len(t.target)
}

// TooLarge is the fault if the tokens are larger than a session may be; otherwise nil.
func (t *Tokens) TooLarge() *link.Fault {
	if t.size() > maxTokens || t.target != "" && t.size() > maxTokens/4 || t.Claims.Values() > wire.MaxValues || t.extraTooLarge() {
		return &link.Fault{Kind: link.KindServer, Code: "too_large"}
	}
	return nil
}

// extraTooLarge is also true for members that are nested too deep to be read again from the store.
func (t *Tokens) extraTooLarge() bool {
	left := maxExtra
	for _, e := range t.extra {
		left -= len(e.name) + len(e.raw)
	}
	if len(t.extra) == 0 || left < 0 {
		return left < 0
	}
	var w json.Writer
	w.Open('{')
	t.writeExtra(&w)
	w.Close('}')
	_, ok := json.Parse(w.String())
	return !ok || len(w.Bytes()) > maxExtra
}

// ownBy copies t's texts, so that their input can be freed.
func (t *Tokens) ownBy(l *link.Link) {
	l.Own(t.texts()...)
	for i := range t.extra {
		l.Own(&t.extra[i].name, &t.extra[i].raw)
	}
}

// signedInAt is the time in the name of the sign-in.
func (t *Tokens) signedInAt() int64 {
	at, _ := json.Int(t.grant[:max(words.Index(t.grant, ':'), 0)])
	return at
}

// sameToken reports whether the access token is the same; other members may differ.
func (t *Tokens) sameToken(other *Tokens) bool {
	return t.Access == other.Access && t.receivedAt == other.receivedAt
}

// clearMark says that the refresh token is not under way.
func (t *Tokens) clearMark() { t.sentAt, t.triedAt, t.triedBy = 0, 0, "" }

func (t *Tokens) keepExtra(name, raw string) {
	for i := range t.extra {
		if t.extra[i].name == name {
			t.extra[i].raw = raw
			return
		}
	}
	t.extra = append(t.extra, extra{name, raw})
}

func (t *Tokens) writeExtra(w *json.Writer) {
	if len(t.extra) == 0 {
		return
	}
	w.Key("extra")
	w.Open('{')
	for _, e := range t.extra {
		w.Name(e.name)
		w.Raw(e.raw)
	}
	w.Close('}')
}

// WriteAccess writes the members of the access token that a caller gets.
func (t *Tokens) WriteAccess(w *json.Writer) {
	w.MemberStr("access_token", t.Access)
	w.MemberStr("token_type", t.Type)
	if t.ExpiresAt != 0 {
		w.MemberInt("expires_at", t.ExpiresAt)
	}
	w.MemberStr("scope", t.Scope)
}
