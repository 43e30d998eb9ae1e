// Package headers reads and writes HTTP headers as engines have them in their messages. It is apart
// from package door, because package wasm must not load the core's JSON.
package headers

import (
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Text replaces what is not UTF-8 in s, because JSON cannot hold it.
func Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Write writes a header as an element of an array.
func Write(w *json.Writer, name, value string) {
	w.Open('[')
	w.Str(Text(name))
	w.Str(Text(value))
	w.Close(']')
}

// Read reads an array of headers, each a name and a value.
func Read(list json.Value) (pairs [][2]string) {
	for it := list.Each(); it.Next(); {
		var pair [2]string
		n := 0
		for each := it.Value().Each(); n < 2 && each.Next(); n++ {
			pair[n] = each.Value().Str()
		}
		pairs = append(pairs, pair)
	}
	return pairs
}
