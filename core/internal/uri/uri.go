// Package uri reads absolute URIs (RFC 3986), strictly.
package uri

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

// A URI is the parts of an absolute URI with an authority (RFC 3986 section 3), unchanged.
type URI struct {
	Scheme, Host, Port, Path string // the scheme and host in lower case
	Query                    bool   // there is a "?"
}

// Parse reads an http or https URI strictly. It refuses what two parsers could read as different
// hosts: a backslash, user information, control characters, characters beyond ASCII, an empty host.
func Parse(s string) (u URI, ok bool) {
	if !Chars(s) {
		return u, false
	}
	i := words.Index(s, ':')
	if i < 0 || len(s) < i+3 || s[i:i+3] != "://" {
		return u, false
	}
	u.Scheme = words.Lower(s[:i])
	if u.Scheme != "https" && u.Scheme != "http" {
		return u, false
	}
	rest := s[i+3:]
	end := 0
	for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
		end++
	}
	authority := words.Lower(rest[:end])
	rest = rest[end:]
	if words.Index(authority, '@') >= 0 {
		return u, false
	}
	u.Host = authority
	if len(authority) > 0 && authority[0] == '[' {
		j := words.Index(authority, ']')
		if j < 0 {
			return u, false
		}
		u.Host, u.Port = authority[:j+1], authority[j+1:]
	} else if j := words.Index(authority, ':'); j >= 0 {
		u.Host, u.Port = authority[:j], authority[j:]
	}
	if u.Host == "" || len(u.Port) > 6 || words.Index(u.Host, '%') >= 0 {
		return u, false
	}
	for i := range len(u.Port) {
		if c := u.Port[i]; i == 0 && c != ':' || i > 0 && (c < '0' || c > '9') {
			return u, false
		}
	}
	// The default port is omitted (RFC 3986 section 6.2.3).
	if u.Port == ":" || u.Scheme == "https" && u.Port == ":443" || u.Scheme == "http" && u.Port == ":80" {
		u.Port = ""
	}
	if j := words.Index(rest, '#'); j >= 0 {
		return u, false
	}
	if j := words.Index(rest, '?'); j >= 0 {
		u.Query, rest = true, rest[:j]
	}
	u.Path = rest
	return u, true
}

// Secure reports whether requests there are protected, or stay on this machine.
func (u URI) Secure() bool { return u.Scheme == "https" || u.loopback() }

// loopback: RFC 8252 section 7.3, and what browsers trust.
func (u URI) loopback() bool {
	return u.Host == "localhost" || u.Host == "[::1]" || words.Prefixed(u.Host, "127.") && dotted(u.Host) || len(u.Host) > 10 && u.Host[len(u.Host)-10:] == ".localhost"
}

// dotted reports whether s is digits and dots only: 127.0.0.1.example is a name and not an address.
func dotted(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Within reports whether u is below the prefix: the same origin, and the path below its path at the
// border of a segment.
func (u URI) Within(prefix URI) bool {
	if u.Scheme != prefix.Scheme || u.Host != prefix.Host || u.Port != prefix.Port {
		return false
	}
	p := prefix.Path
	for len(p) > 0 && p[len(p)-1] == '/' {
		p = p[:len(p)-1]
	}
	if p == "" {
		return true
	}
	return words.Prefixed(u.Path, p) && (len(u.Path) == len(p) || u.Path[len(p)] == '/') && plainPath(words.Lower(u.Path))
}

// plainPath reports whether all servers read a path, in lower case, in the same way. A server may
// decode it before it routes, even twice behind another one; read a backslash as a slash; drop what
// follows a semicolon or a NUL; and accept overlong UTF-8 (RFC 3629 section 10).
func plainPath(path string) bool {
	for i := range len(path) {
		r := path[i:]
		for _, other := range [...]string{"%2e", "%2f", "%5c", "%00", "/./", "/../", "/.;", "/..;", "/..%", "%c0", "%c1", "%e0%80"} {
			if words.Prefixed(r, other) {
				return false
			}
		}
		if r[0] == '%' && (len(r) < 3 || !hexDigit(r[1]) || !hexDigit(r[2])) {
			return false // not an escape (RFC 3986 section 2.1), or one of four digits
		}
		// A server that decodes twice reads an escaped percent sign before a hexadecimal digit,
		// which may itself be escaped, as an escape.
		if r == "/." || r == "/.." || words.Prefixed(r, "%25") && len(r) > 3 && (hexDigit(r[3]) || r[3] == '%' && len(r) > 4 && (r[4] == '3' || r[4] == '4' || r[4] == '6')) {
			return false
		}
	}
	return true
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// Chars checks for the characters of RFC 3986 section 2, which exclude space, quotes, backslash,
// other brackets, and everything beyond ASCII.
func Chars(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c > '~', c == '"', c == '<', c == '>', c == '\\', c == '^', c == '`', c == '{', c == '|', c == '}':
			return false
		}
	}
	return s != ""
}

// RedirectOK gives the code of the error where s may be no redirect URI: RFC 6749 section 3.1.2
// (absolute, no fragment), RFC 8252 section 7 (private-use schemes, http on loopback only).
func RedirectOK(s string) (code string) {
	i := words.Index(s, ':')
	if i < 1 || len(s) > words.MaxKept || !Chars(s) || words.Index(s, '#') >= 0 {
		return "bad_url"
	}
	switch scheme := words.Lower(s[:i]); scheme {
	case "http", "https":
		u, ok := Parse(s)
		if !ok {
			return "bad_url"
		}
		if !u.Secure() {
			return "not_https"
		}
	case "javascript", "data", "blob", "file", "about", "vbscript", "view-source":
		return "bad_url"
	}
	return ""
}

// Origin is scheme, host and port of a URL, "" where it is none.
func Origin(url string) string {
	u, ok := Parse(url)
	if !ok {
		return ""
	}
	return u.Scheme + "://" + u.Host + u.Port
}

// Place is what of a URI says where it leads: scheme, authority and path, as RFC 3986 section 6.2
// makes them comparable.
func Place(s string) string {
	for i := range len(s) {
		if s[i] == '?' || s[i] == '#' {
			s = s[:i]
			break
		}
	}
	if u, ok := Parse(s); ok {
		if u.Path == "" {
			u.Path = "/"
		}
		return u.Scheme + "://" + u.Host + u.Port + u.Path
	}
	if i := words.Index(s, ':'); i > 0 {
		return words.Lower(s[:i]) + s[i:]
	}
	return s
}

// QueryOf is the query of a URL, without fragment.
func QueryOf(url string) string {
	if i := words.Index(url, '#'); i >= 0 {
		url = url[:i]
	}
	if i := words.Index(url, '?'); i >= 0 {
		return url[i+1:]
	}
	return ""
}

// WithQuery adds parameters to a URL that may have a query (RFC 6749 section 3.1).
func WithQuery(url string, params []form.Param) string {
	fragment := ""
	if i := words.Index(url, '#'); i >= 0 {
		url, fragment = url[:i], url[i:]
	}
	sep := "?"
	if i := words.Index(url, '?'); i >= 0 {
		sep = "&"
		if i == len(url)-1 || url[len(url)-1] == '&' {
			sep = ""
		}
	}
	return url + sep + form.Encode(params) + fragment
}

// Within tells whether a URL stands under a prefix, as URI.Within does.
func Within(url, prefix string) bool {
	u, ok := Parse(url)
	p, known := Parse(prefix)
	return ok && known && u.Within(p)
}

// SecureOrigin is scheme, host and port of a URL, "" where it is none or goes unprotected to
// another machine.
func SecureOrigin(url string) string {
	if u, ok := Parse(url); !ok || !u.Secure() {
		return ""
	}
	return Origin(url)
}

// Unprotected tells whether a URL is http and of one of the origins listed.
func Unprotected(url string, origins json.Value) bool {
	u, ok := Parse(url)
	return ok && u.Scheme == "http" && json.Lists(origins, Origin(url))
}

// Path is the path of a URL as it stands.
func Path(url string) string {
	u, _ := Parse(url)
	return u.Path
}

// Linkable tells whether a URL may be shown as a link: protected, or of this machine.
func Linkable(s string) bool {
	u, ok := Parse(s)
	return ok && u.Secure()
}

// Same tells whether two texts are one URI: they are equal, or differ by the slash of an empty path
// (RFC 3986 section 6.2.3).
func Same(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	u, ok := Parse(a)
	return ok && (a == b || a+"/" == b && u.Path == "")
}
