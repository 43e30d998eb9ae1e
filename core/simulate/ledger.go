package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// ledger knows every secret that was ever made, and the fate of every refresh token. No party can
// read it.
type ledger struct {
	names   map[string]string // of secrets
	heads   map[string]string // the first bytes of each, to find texts that contain one
	counts  map[string]int
	refresh map[string]*token
	codes   map[string]*code
	states  map[string]bool   // of stored attempts
	jkts    map[string]string // of access tokens and refresh tokens: the thumbprint of the key to which they are bound
	asked   map[string]bool   // access tokens and refresh tokens that a party asked to revoke
}

// sameSignIn reports whether a refresh token comes from the same sign-in as t.
func (l *ledger) sameSignIn(refresh string, t *token) bool {
	other := l.refresh[refresh]
	return other != nil && other.root == t.root
}

// A token is a refresh token, and the access token that was issued with it.
type token struct {
	name, value, access string
	parent              *token // the token for which it was issued
	root                *token // the first of its chain: a sign-in
	successors          []*token
	receipts            []*receipt
	stored              int64 // when the store first held it, 0: never
	sent                int
	unknown             bool  // it was sent, and the sender does not know the outcome
	over                bool  // of a root: the user ended this session
	muddled             bool  // of a root: a known violation restored an old token
	revived             int64 // when bytes that were handed in restored it
}

// A holder has received a token: a party.
type holder interface {
	name() string
	gone() bool
}

// A receipt records that an answer with the token reached a party that waited for it.
type receipt struct {
	token        *token
	p            holder
	began        int64 // when the request was sent
	at           int64
	expiresAt    int64 // by the party's clock
	confirmed    bool  // the store confirmed that it is stored
	notPersisted bool  // the party reported that it is not stored
	unwanted     bool  // a poll brought it after polling was stopped
}

// A code is an authorization code.
type code struct{ sent int }

const headLength = 16

func newLedger() *ledger {
	return &ledger{names: map[string]string{}, heads: map[string]string{}, counts: map[string]int{}, refresh: map[string]*token{}, codes: map[string]*code{}, states: map[string]bool{},
		asked: map[string]bool{}, jkts: map[string]string{}}
}

// secret registers a secret under a short name.
func (l *ledger) secret(kind, value string) {
	if len(value) < headLength || l.names[value] != "" {
		return
	}
	l.counts[kind]++
	name := fmt.Sprint(kind, l.counts[kind])
	l.names[value], l.heads[value[:headLength]] = name, name
}

func (l *ledger) name(value string) string {
	if value == "" {
		return "none"
	}
	if n := l.names[value]; n != "" {
		return n
	}
	return "unknown"
}

// mint records what the server issued. parent is the refresh token for which it was issued.
func (l *ledger) mint(access, refresh, parent string) {
	l.secret("at", access)
	if refresh == "" || l.refresh[refresh] != nil {
		return
	}
	l.secret("rt", refresh)
	t := &token{name: l.names[refresh], value: refresh, access: access, parent: l.refresh[parent]}
	t.root = t
	if t.parent != nil {
		t.root = t.parent.root
		t.parent.successors = append(t.parent.successors, t)
	}
	l.refresh[refresh] = t
}

// bind records the key to which the server bound the tokens.
func (l *ledger) bind(kept *authserver.MemoryStore, issued tokenAnswer) {
	if t, err := kept.Token(authserver.DigestOf(issued.Access)); err == nil && t.JKT != "" {
		l.jkts[issued.Access] = t.JKT
		if issued.Refresh != "" {
			l.jkts[issued.Refresh] = t.JKT
		}
	}
}

// comesFrom reports whether t is a successor of old, or of its successors.
func (t *token) comesFrom(old *token) bool {
	for t = t.parent; t != nil; t = t.parent {
		if t == old {
			return true
		}
	}
	return false
}

// leak returns the name of a secret in a text, "" for none.
func (l *ledger) leak(text []byte) string {
	run := 0
	for i, c := range text {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			run++
		} else {
			run = 0
		}
		if run >= headLength {
			if name := l.heads[string(text[i+1-headLength:i+1])]; name != "" {
				return name
			}
		}
	}
	return ""
}

// redact replaces secrets by their names.
func (l *ledger) redact(text string) string {
	for i := 0; i+headLength <= len(text); i++ {
		name := l.heads[text[i:i+headLength]]
		if name == "" {
			continue
		}
		for value, n := range l.names {
			if n == name && strings.HasPrefix(text[i:], value) {
				text = text[:i] + "(" + name + ")" + text[i+len(value):]
			}
		}
	}
	return text
}

// tokenAnswer are the members of RFC 6749 section 5.1 that a party can use.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Refresh string `json:"refresh_token"`
	Expires int64  `json:"expires_in"`
}

// summary names the contents of an answer.
func (l *ledger) summary(body []byte) string {
	var answer struct {
		tokenAnswer
		Error string
	}
	if json.Unmarshal(body, &answer) != nil {
		return ""
	}
	if answer.Refresh != "" {
		return l.name(answer.Access) + " " + l.name(answer.Refresh)
	}
	return answer.Error
}

// used reports whether somebody has a successor of the token.
func (t *token) used() bool {
	return slices.ContainsFunc(t.successors, func(s *token) bool { return len(s.receipts) > 0 })
}
