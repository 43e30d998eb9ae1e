package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
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
	case g == vschar && !words.VSChars(s) || g == scopeList && !words.ScopeOK(s):
		return "bad_value"
	case g == signature && !words.Has(jose.Algorithms, s):
		return "bad_value"
	case g == headerName && (!words.HostChars(s) || words.Lower(s) != s):
		return "bad_value"
	case g == redirect:
		return uri.RedirectOK(s)
	case g >= endpoint:
		u, ok := uri.Parse(s)
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
		return jose.Algorithms
	case headerName:
		return "letters, digits and -, in lower case"
	}
	return "an absolute URL without user and fragment"
}

// secure tells whether requests may go to a URL: protected, or to this machine, or where the configuration says that it need not be.
func (c *config) secure(u uri.URI) bool {
	return u.Secure() || u.Scheme == "http" && json.Lists(c.httpOrigins, "http://"+u.Host+u.Port)
}
