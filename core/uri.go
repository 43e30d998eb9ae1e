package core

// A uri is the parts of an absolute URI with an authority (RFC 3986 section 3), as they stand.
type uri struct {
	scheme, host, port, path string // the scheme and host in lower case
	query                    bool   // there is a "?"
}

// parseURI reads an http or https URI strictly: what two parsers could take for different hosts is refused (a backslash, user information, control characters,
// anything that is not ASCII, an empty host).
func parseURI(s string) (u uri, ok bool) {
	if !uriChars(s) {
		return u, false
	}
	i := index(s, ':')
	if i < 0 || len(s) < i+3 || s[i:i+3] != "://" {
		return u, false
	}
	u.scheme = lower(s[:i])
	if u.scheme != "https" && u.scheme != "http" {
		return u, false
	}
	rest := s[i+3:]
	end := 0
	for end < len(rest) && rest[end] != '/' && rest[end] != '?' && rest[end] != '#' {
		end++
	}
	authority := lower(rest[:end])
	rest = rest[end:]
	if index(authority, '@') >= 0 {
		return u, false
	}
	u.host = authority
	if len(authority) > 0 && authority[0] == '[' {
		j := index(authority, ']')
		if j < 0 {
			return u, false
		}
		u.host, u.port = authority[:j+1], authority[j+1:]
	} else if j := index(authority, ':'); j >= 0 {
		u.host, u.port = authority[:j], authority[j:]
	}
	if u.host == "" || len(u.port) > 6 || index(u.host, '%') >= 0 {
		return u, false
	}
	for i := range len(u.port) {
		if c := u.port[i]; i == 0 && c != ':' || i > 0 && (c < '0' || c > '9') {
			return u, false
		}
	}
	// The default port is no port (RFC 3986 section 6.2.3).
	if u.port == ":" || u.scheme == "https" && u.port == ":443" || u.scheme == "http" && u.port == ":80" {
		u.port = ""
	}
	if j := index(rest, '#'); j >= 0 {
		return u, false
	}
	if j := index(rest, '?'); j >= 0 {
		u.query, rest = true, rest[:j]
	}
	u.path = rest
	return u, true
}

func (u uri) secure() bool { return u.scheme == "https" || u.loopback() }

// loopback: RFC 8252 section 7.3 and what browsers hold for trustworthy.
func (u uri) loopback() bool {
	return u.host == "localhost" || u.host == "[::1]" || prefixed(u.host, "127.") && dotted(u.host) || len(u.host) > 10 && u.host[len(u.host)-10:] == ".localhost"
}

// dotted tells whether s is digits and dots only, so that 127.0.0.1.example is a name and no address.
func dotted(s string) bool {
	for i := range len(s) {
		if c := s[i]; c != '.' && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// within tells whether u stands under the prefix: the same origin, and the path below its path at a segment's border.
func (u uri) within(prefix uri) bool {
	if u.scheme != prefix.scheme || u.host != prefix.host || u.port != prefix.port {
		return false
	}
	p := prefix.path
	for len(p) > 0 && p[len(p)-1] == '/' {
		p = p[:len(p)-1]
	}
	if p == "" {
		return true
	}
	return prefixed(u.path, p) && (len(u.path) == len(p) || u.path[len(p)] == '/') && plainPath(lower(u.path))
}

// plainPath tells whether all servers read a path alike, which is in lower case: one may decode before it routes, twice even where another stands before it, take a
// backslash for a slash, leave out what is behind a semicolon or a NUL, and read UTF-8 that is longer than it has to be (RFC 3629 section 10).
func plainPath(path string) bool {
	for i := range len(path) {
		r := path[i:]
		for _, other := range [...]string{"%2e", "%2f", "%5c", "%00", "/./", "/../", "/.;", "/..;", "/..%", "%c0", "%c1", "%e0%80"} {
			if prefixed(r, other) {
				return false
			}
		}
		if r[0] == '%' && (len(r) < 3 || !hexDigit(r[1]) || !hexDigit(r[2])) {
			return false // no escape (RFC 3986 section 2.1), or one of four digits
		}
		// A percent sign before what may be a hexadecimal digit, itself in an escape or not, is an escape to who decodes twice.
		if r == "/." || r == "/.." || prefixed(r, "%25") && len(r) > 3 && (hexDigit(r[3]) || r[3] == '%' && len(r) > 4 && (r[4] == '3' || r[4] == '4' || r[4] == '6')) {
			return false
		}
	}
	return true
}

func hexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }

// uriChars: the characters of RFC 3986 section 2, which leave out space, quotes, backslash, brackets of other kinds, and all beyond ASCII.
func uriChars(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c > '~', c == '"', c == '<', c == '>', c == '\\', c == '^', c == '`', c == '{', c == '|', c == '}':
			return false
		}
	}
	return s != ""
}

// maxKept is how long a scope or redirect URI may be: attempts are kept with them.
const maxKept = 8 << 10

// redirectOK: RFC 6749 section 3.1.2 (absolute, no fragment), RFC 8252 section 7 (private-use schemes, http on loopback only).
func redirectOK(s string) (code string) {
	i := index(s, ':')
	if i < 1 || len(s) > maxKept || !uriChars(s) || index(s, '#') >= 0 {
		return "bad_url"
	}
	switch scheme := lower(s[:i]); scheme {
	case "http", "https":
		u, ok := parseURI(s)
		if !ok {
			return "bad_url"
		}
		if !u.secure() {
			return "not_https"
		}
	case "javascript", "data", "blob", "file", "about", "vbscript", "view-source":
		return "bad_url"
	}
	return ""
}
