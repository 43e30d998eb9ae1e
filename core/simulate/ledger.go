package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/authserver"
)

// ledger knows every secret that came into being, and what became of every refresh token. No party
// reads it.
type ledger struct {
	names   map[string]string // of secrets
	heads   map[string]string // the first bytes of each, by which a text that holds one is found
	counts  map[string]int
	refresh map[string]*token
	codes   map[string]*code
	states  map[string]bool   // of attempts that were stored
	jkts    map[string]string // of access tokens and refresh tokens: the thumbprint of the key that they are bound to
	asked   map[string]bool   // access tokens and refresh tokens that a party wanted revoked
}

// A token is a refresh token, with the access token that came with it.
type token struct {
	name, value, access string
	parent              *token // that it was got for
	root                *token // the first of its line: a sign-in
	successors          []*token
	receipts            []*receipt
	stored              int64 // since when the store held it, 0: never
	sent                int
	unknown             bool  // it went out, and the sender does not know what became of it
	over                bool  // of a root: the user ended this session
	muddled             bool  // of a root: a finding that is known brought an old token back
	revived             int64 // since when bytes that were handed in brought it back
}

// A holder is whom a token reached: a party.
type holder interface {
	name() string
	gone() bool
}

// A receipt says that an answer with the token reached a party that waited for it.
type receipt struct {
	token        *token
	p            holder
	began        int64 // when the request was sent
	at           int64
	expiresAt    int64 // as the party reckons it
	confirmed    bool  // the store's answer said that it is stored
	notPersisted bool  // the party said that it is not
	unwanted     bool  // a poll brought it when polling was stopped
}

// A code is an authorization code.
type code struct{ sent int }

const headLength = 16

func newLedger() *ledger {
	return &ledger{names: map[string]string{}, heads: map[string]string{}, counts: map[string]int{}, refresh: map[string]*token{}, codes: map[string]*code{}, states: map[string]bool{},
		asked: map[string]bool{}, jkts: map[string]string{}}
}

// secret enters a secret under a short name.
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

// mint enters what the server issued; parent is the refresh token it was issued for.
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

// bind notes what the server bound the tokens to.
func (l *ledger) bind(kept *authserver.MemoryStore, issued tokenAnswer) {
	if t, err := kept.Token(authserver.DigestOf(issued.Access)); err == nil && t.JKT != "" {
		l.jkts[issued.Access] = t.JKT
		if issued.Refresh != "" {
			l.jkts[issued.Refresh] = t.JKT
		}
	}
}

// comesFrom tells whether t is a successor of old, or of its successors.
func (t *token) comesFrom(old *token) bool {
	for t = t.parent; t != nil; t = t.parent {
		if t == old {
			return true
		}
	}
	return false
}

// leak names the secret that a text holds, "" for none.
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

// redact puts names in the place of secrets.
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

// tokenAnswer is what a party can use of RFC 6749 section 5.1.
type tokenAnswer struct {
	Access  string `json:"access_token"`
	Type    string `json:"token_type"`
	Refresh string `json:"refresh_token"`
	Expires int64  `json:"expires_in"`
}

// summary names what an answer holds.
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

// used tells whether somebody has a successor of the token.
func (t *token) used() bool {
	return slices.ContainsFunc(t.successors, func(s *token) bool { return len(s.receipts) > 0 })
}
