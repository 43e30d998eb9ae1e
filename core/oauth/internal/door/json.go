package door

import (
	"strings"

	"github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
)

// Text replaces what is not UTF-8 in s, because JSON cannot hold it.
func Text(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// WriteHeader writes a header as an element of an array.
func WriteHeader(w *json.Writer, name, value string) {
	w.Open('[')
	w.Str(Text(name))
	w.Str(Text(value))
	w.Close(']')
}

// Headers reads an array of headers, each a name and a value.
func Headers(list json.Value) (headers [][2]string) {
	for it := list.Each(); it.Next(); {
		var pair [2]string
		n := 0
		for each := it.Value().Each(); n < 2 && each.Next(); n++ {
			pair[n] = each.Value().Str()
		}
		headers = append(headers, pair)
	}
	return headers
}
