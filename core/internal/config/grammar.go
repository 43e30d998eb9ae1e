package config

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/jose"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A grammar is the required form of a text in the configuration.
type grammar uint8

const (
	anyText        grammar = iota
	vschar                 // RFC 6749 appendices A.1 and A.2
	scopeList              // RFC 6749 section 3.3
	signature              // RFC 7518 section 3.1, of the asymmetric ones
	headerName             // RFC 9110 section 5.1, in lower case
	Redirect               // RFC 6749 section 3.1.2
	Endpoint               // RFC 6749 sections 3.1 and 3.2: absolute, without fragment, over TLS
	endpointOrNone         // or the word none
)

// Refuses returns the code of the error; "" for a correct or missing text.
func (c *Config) Refuses(g grammar, s string) (code string) {
	switch {
	case s == "" || g == endpointOrNone && s == "none":
	case g == vschar && !words.VSChars(s) || g == scopeList && !words.ScopeOK(s):
		return "bad_value"
	case g == signature && !words.Has(jose.Algorithms, s):
		return "bad_value"
	case g == headerName && (!words.HostChars(s) || words.Lower(s) != s):
		return "bad_value"
	case g == Redirect:
		if code = uri.RedirectOK(s); code == "" && c.guarded() && !uri.Linkable(s) {
			code = "not_https" // MCP, Communication Security: this machine or https
		}
		return code
	case g >= Endpoint:
		u, ok := uri.Parse(s)
		if !ok {
			return "bad_url"
		}
		switch {
		case c.Secure(u):
		case c.guarded():
			return "not_public"
		default:
			return "not_https"
		}
	}
	return ""
}

// Wants says in words what Refuses checks.
func (g grammar) Wants() string {
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

// Secure reports whether requests may go to a URL: over TLS, to this machine, or to an origin for
// which the configuration allows http.
func (c *Config) Secure(u uri.URI) bool {
	if c.guarded() {
		return c.reaches(u)
	}
	return u.Secure() || u.Scheme == "http" && json.Lists(c.httpOrigins, "http://"+u.Host+u.Port)
}
