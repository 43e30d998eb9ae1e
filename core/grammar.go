package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// A grammar is what a text of the configuration must be.
type grammar uint8

const (
	anyText        grammar = iota
	vschar                 // RFC 6749 appendices A.1 and A.2
	scopeList              // RFC 6749 section 3.3
	signature              // RFC 7518 section 3.1, of the asymmetric ones
	headerName             // RFC 9110 section 5.1, in lower case
	redirect               // RFC 6749 section 3.1.2
	endpoint               // RFC 6749 sections 3.1 and 3.2: absolute, without fragment, over TLS
	endpointOrNone         // or the word none
)

// refuses gives the code of the error, "" for a text that is right or not there.
func (c *config) refuses(g grammar, s string) (code string) {
	switch {
	case s == "" || g == endpointOrNone && s == "none":
	case g == vschar && !vschars(s) || g == scopeList && !scopeOK(s):
		return "bad_value"
	case g == signature && !hasScope(algorithms, s):
		return "bad_value"
	case g == headerName && (!hostChars(s) || lower(s) != s):
		return "bad_value"
	case g == redirect:
		return redirectOK(s)
	case g >= endpoint:
		u, ok := parseURI(s)
		if !ok {
			return "bad_url"
		}
		if !c.secure(u) {
			return "not_https"
		}
	}
	return ""
}

// wants says in words what refuses looks for.
func (g grammar) wants() string {
	switch g {
	case vschar:
		return "printable ASCII"
	case scopeList:
		return "scopes with one space between them, 8 KiB at most"
	case signature:
		return algorithms
	case headerName:
		return "letters, digits and -, in lower case"
	}
	return "an absolute URL without user and fragment"
}

// secure tells whether requests may go to a URL: protected, or to this machine, or where the configuration says that it need not be.
func (c *config) secure(u uri) bool {
	return u.secure() || u.scheme == "http" && lists(c.httpOrigins, "http://"+u.host+u.port)
}

// vschars: RFC 6749 appendix A, VSCHAR.
func vschars(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7E {
			return false
		}
	}
	return true
}

// scopeOK: RFC 6749 section 3.3, scope-tokens with one space between them; empty is no scope.
func scopeOK(s string) bool {
	if len(s) > maxKept {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c < 0x20 || c > 0x7E || c == '"' || c == '\\' || c == ' ' && (i == 0 || i == len(s)-1 || s[i-1] == ' ') {
			return false
		}
	}
	return true
}

// readParams reads [[name, value], …], form.MaxParams at the most; a name is not empty.
func readParams(v json.Value) (params []form.Param, ok bool) {
	if v.Kind() == json.None {
		return nil, true
	}
	if v.Kind() != json.Array {
		return nil, false
	}
	for it := v.Each(); it.Next(); {
		pair := it.Value().Each()
		var p form.Param
		if !pair.Next() || pair.Value().Kind() != json.String {
			return nil, false
		}
		p.Name = pair.Value().Str()
		if !pair.Next() || pair.Value().Kind() != json.String {
			return nil, false
		}
		p.Value = pair.Value().Str()
		if pair.Next() || p.Name == "" || len(params) == form.MaxParams {
			return nil, false
		}
		params = append(params, p)
	}
	return params, true
}

func writeParams(w *json.Writer, name string, params []form.Param) {
	w.Key(name)
	w.Open('[')
	for _, p := range params {
		w.Open('[')
		w.Str(p.Name)
		w.Str(p.Value)
		w.Close(']')
	}
	w.Close(']')
}
