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

// queryChars allows the characters that a browser leaves unescaped in a query (WHATWG URL, query
// percent-encode set). RFC 3986 allows fewer.
func queryChars(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' || c == '#' {
			return false
		}
	}
	return true
}

// mayReturnTo returns the URL that a browser may be sent to. Each element of the list allows a path
// and what is below it.
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
			rest = rest[:i] // the page routes by fragment
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
