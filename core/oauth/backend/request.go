package backend

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	corejson "github.com/oauth2-wasm/oauth2-wasm/core/internal/json"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/door"
	"github.com/oauth2-wasm/oauth2-wasm/core/oauth/internal/headers"
)

// own is the name of the only request, and of its body.
const own = "request"

// body is a body in the engine's interface: text, or base64 if it is not UTF-8, or the name of a
// body that stays here.
type body struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
	Ref    *string `json:"ref,omitempty"`
}

// commandOf returns the parameters of the command request.
func commandOf(r *http.Request, url string, stopping bool) door.Object {
	w := corejson.NewWriter()
	w.Grow(1024)
	w.Open('{')
	w.MemberStr("request", own)
	w.MemberStr("method", headers.Text(r.Method))
	w.MemberStr("url", headers.Text(url))
	writeHeaders(w, r.Header)
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		w.Key("body")
		w.Open('{')
		w.MemberStr("ref", own)
		if r.ContentLength > 0 {
			w.MemberInt("length", r.ContentLength)
		}
		w.Close('}')
	}
	if stopping {
		w.MemberBool("stopping", true)
	}
	w.Close('}')
	return w.Bytes()
}

// wireBody is a body that was read.
func wireBody(raw []byte) *body {
	if utf8.Valid(raw) {
		text := string(raw)
		return &body{Text: &text}
	}
	text := base64.StdEncoding.EncodeToString(raw)
	return &body{Base64: &text}
}

// bytes returns the content of a body that is here; nil for a ref.
func (b *body) bytes() ([]byte, error) {
	switch {
	case b.Text != nil:
		return []byte(*b.Text), nil
	case b.Base64 != nil:
		return base64.StdEncoding.DecodeString(*b.Base64)
	}
	return nil, nil
}

// writeHeaders writes headers in a fixed order, because a map has none.
func writeHeaders(w *corejson.Writer, h http.Header) {
	pairs := make([][2]string, 0, len(h)+4)
	for name, values := range h {
		name = strings.ToLower(name)
		for _, v := range values {
			pairs = append(pairs, [2]string{name, v})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	w.Key("headers")
	w.Open('[')
	for _, pair := range pairs {
		headers.Write(w, pair[0], pair[1])
	}
	w.Close(']')
}
