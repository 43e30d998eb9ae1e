package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// noAccess is the type of what is no access token.
const noAccess = "N_A"

const (
	// maxTokens is how long the tokens of a session and its scope may be together, in bytes: all of
	// it is written anew for each change.
	maxTokens = 192 << 10
	// maxExtra is how long all members together may be that no RFC we know names.
	maxExtra = 16 << 10
)

// tokens is a token as a bag of all fields, and what we know of it besides.
type tokens struct {
	access, kind, refresh, idToken string
	key                            string // the access token is bound to it; "" for a bearer token
	scope                          string // granted
	requested                      string
	expiresAt                      int64 // Unix ms, 0: unknown
	receivedAt                     int64
	generation                     int64 // grows with each answer, whatever the clock does
	sentAt                         int64 // the refresh token went out then first, and what became of it is not known
	triedAt                        int64 // and then last
	triedBy                        string
	grant                          string     // a name for the sign-in that all this came of, with its time in front
	claims                         json.Value // of the ID token, verified
	extra                          []extra
}

// An extra is a member that no RFC we know names, as it stood.
type extra struct{ name, raw string }

// bearer is the access token, "" where there is none.
func (t *tokens) bearer() string {
	if t.kind == noAccess {
		return ""
	}
	return t.access
}

// keepAll keeps the members that no RFC we know names.
func (t *tokens) keepAll(v json.Value) {
	for it := v.Each(); it.Next(); {
		switch name := it.Name(); name {
		case "access_token", "token_type", "expires_in", "expires_at", "scope", "refresh_token", "id_token", "good_until": // the last is ours, from an answer to token
		case "expires":
			if _, ok := seconds(it.Value()); !ok || v.Get("expires_in").Kind() != json.None {
				t.keep(name, it.Value().Raw())
			}
		default:
			t.keep(name, it.Value().Raw())
		}
	}
}

// tooLarge is the fault of what is more than a session keeps, nil for less.
func (t *tokens) tooLarge() *link.Fault {
	if len(t.access)+len(t.refresh)+len(t.idToken)+len(t.scope) > maxTokens || t.claims.Values() > maxValues || t.extraTooLarge() {
		return &link.Fault{Kind: link.KindServer, Code: "too_large"}
	}
	return nil
}

// extraTooLarge: members that are nested too deeply to be read again from the store are, too.
func (t *tokens) extraTooLarge() bool {
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

// ownBy makes t independent of the input that it came in.
func (t *tokens) ownBy(l *link.Link) {
	l.Own(&t.access, &t.kind, &t.key, &t.refresh, &t.idToken, &t.scope, &t.requested, &t.triedBy, &t.grant)
	for i := range t.extra {
		l.Own(&t.extra[i].name, &t.extra[i].raw)
	}
}

// signedInAt is the time in the name of the sign-in.
func (t *tokens) signedInAt() int64 {
	at, _ := json.Int(t.grant[:max(words.Index(t.grant, ':'), 0)])
	return at
}

// sameToken tells whether the access token is the same, whatever else was written since.
func (t *tokens) sameToken(other *tokens) bool {
	return t.access == other.access && t.receivedAt == other.receivedAt
}

// clearMark says that the refresh token is not under way.
func (t *tokens) clearMark() { t.sentAt, t.triedAt, t.triedBy = 0, 0, "" }

func (t *tokens) keep(name, raw string) {
	for i := range t.extra {
		if t.extra[i].name == name {
			t.extra[i].raw = raw
			return
		}
	}
	t.extra = append(t.extra, extra{name, raw})
}

func (t *tokens) writeExtra(w *json.Writer) {
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

// writeAccess writes what is given out of the access token.
func (t *tokens) writeAccess(w *json.Writer) {
	w.MemberStr("access_token", t.access)
	w.MemberStr("token_type", t.kind)
	if t.expiresAt != 0 {
		w.MemberInt("expires_at", t.expiresAt)
	}
	w.MemberStr("scope", t.scope)
}

// seconds reads a number or numeric string, of any size and with a fraction; 0 and anything else is
// "unknown".
func seconds(v json.Value) (s int64, ok bool) {
	text := v.Str()
	if v.Kind() == json.Number {
		text = v.Raw()
	}
	s, ok = json.Near(text)
	return s, ok && s != 0
}
