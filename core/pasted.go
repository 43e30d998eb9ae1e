//go:build !page

package core

import (
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/form"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/uri"
	"github.com/oauth2-wasm/oauth2-wasm/core/internal/words"
)

const readsPasted = true

// readPasted takes what a user copied from the browser: the whole URL, its query, or the code
// alone, which then belongs to the attempt with that state.
func readPasted(text, state string) (url string, params []form.Param, ok bool) {
	if words.Index(text, ':') > 0 && isReply(text) {
		params, ok = form.Decode(uri.QueryOf(text))
		return text, params, ok
	}
	if isReply(text) {
		if text[0] == '?' {
			text = text[1:]
		}
		params, ok = form.Decode(text)
		return "", params, ok
	}
	return "", []form.Param{{Name: "code", Value: text}, {Name: "state", Value: state}}, true
}

// isReply reports whether a text is a reply, and not a code alone.
func isReply(s string) bool {
	return words.Contains(s, "code=") || words.Contains(s, "response=") || words.Contains(s, "error=") || words.Contains(s, "state=")
}
