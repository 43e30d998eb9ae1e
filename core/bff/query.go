package bff

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
)

func cutQuery(url string) (bare, query string) {
	for i := range len(url) {
		if url[i] == '?' || url[i] == '#' {
			return url[:i], url[i:]
		}
	}
	return url, ""
}

// queryChars: what a browser leaves as it is in a query (WHATWG URL, query percent-encode set),
// which is more than RFC 3986 allows.
func queryChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '#' {
			return false
		}
	}
	return true
}

// mayReturnTo gives the URL that a browser may be sent to, for one of this list: a path and what is
// below it.
func (c *call) mayReturnTo(url string) (string, bool) {
	if url == "" {
		return c.config.returnTo[0], true
	}
	if url = c.config.absolute(url); url == "" {
		return "", false
	}
	bare, rest := cutQuery(url)
	for i := range len(rest) {
		if rest[i] == '#' && queryChars(rest[i+1:]) {
			rest = rest[:i] // a page that routes by fragment
			break
		}
	}
	for _, prefix := range c.config.returnTo {
		if uri.Within(bare+rest, prefix) {
			return url, true
		}
	}
	return "", false
}
