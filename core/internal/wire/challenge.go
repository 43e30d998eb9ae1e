package wire

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/link"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A Challenge says what a resource asks for (RFC 9110 section 11.6.1).
type Challenge struct {
	scheme string // in lower case; "" for none
	params []form.Param
}

// Get returns a parameter, "" for none.
func (ch Challenge) Get(name string) string { return form.ValueOf(ch.params, name) }

// maxChallenges is the greatest length of all WWW-Authenticate headers of an answer together, in
// bytes.
const maxChallenges = 16 << 10

// ReadChallenge reads the challenge of the scheme from the WWW-Authenticate headers, or else that
// of the other known scheme. It skips what cannot be read or is too long.
func ReadChallenge(headers json.Value, scheme string) (best Challenge) {
	left := maxChallenges
	for it := headers.Each(); it.Next(); {
		pair := it.Value().Each()
		if !pair.Next() || pair.Value().Str() != "www-authenticate" || !pair.Next() {
			continue
		}
		text := pair.Value().Raw()
		if left -= len(text); left < 0 {
			break
		}
		for _, ch := range challenges(pair.Value().Str()) {
			if ch.scheme == scheme || best.scheme == "" && (ch.scheme == "bearer" || ch.scheme == "dpop") {
				best = ch
			}
		}
	}
	return best
}

// challenges splits a header's value: a token that is followed by "=" is a parameter, any other
// begins a challenge.
func challenges(s string) (list []Challenge) {
	for {
		for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == ',') {
			s = s[1:]
		}
		name := lexeme(s)
		if name == "" {
			return list
		}
		s = words.Trim(s[len(name):])
		if s == "" || s[0] != '=' {
			list = append(list, Challenge{scheme: words.Lower(name)})
			continue
		}
		var value string
		value, s = paramValue(words.Trim(s[1:]))
		if n := len(list); n > 0 {
			list[n-1].params = append(list[n-1].params, form.Param{Name: words.Lower(name), Value: value})
		}
	}
}

// MethodOK reports whether a text can be a method (RFC 9110 section 9.1).
func MethodOK(s string) bool { return lexeme(s) == s }

// lexeme is the longest beginning of s without a separator (RFC 9110 section 5.6.2).
func lexeme(s string) string {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == ',' || c == '=' || c == '"' {
			return s[:i]
		}
	}
	return s
}

// paramValue reads a token or a quoted string (section 5.6.4) and returns the rest.
func paramValue(s string) (value, rest string) {
	if s == "" || s[0] != '"' {
		value = lexeme(s)
		rest = s[len(value):]
		for rest != "" && rest[0] == '=' { // the end of a token68
			rest = rest[1:]
		}
		return value, rest
	}
	var b []byte
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return string(b), s[i+1:]
		case c == '\\' && i+1 < len(s):
			i++
			b = append(b, s[i])
		default:
			b = append(b, c)
		}
	}
	return string(b), ""
}

// Write adds the member "challenge", if there is a challenge.
func (ch Challenge) Write(w *json.Writer) {
	if ch.scheme == "" {
		return
	}
	w.Key("challenge")
	w.Open('{')
	w.MemberStr("scheme", ch.scheme)
	for _, name := range [...]string{"error", "error_description", "scope", "acr_values"} {
		w.MemberStrIf(name, words.Printable(ch.Get(name), link.MaxText))
	}
	if n, ok := json.Int(ch.Get("max_age")); ok && n >= 0 {
		w.MemberInt("max_age", n) // RFC 9470 section 3
	}
	if url := ch.Get("resource_metadata"); uri.Linkable(url) {
		w.MemberStr("resource_metadata", url) // RFC 9728 section 5.1
	}
	w.Close('}')
}
