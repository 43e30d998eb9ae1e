package backend

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// own is the name of the only request, and of its body.
const own = "request"

// body is a body in the engine's interface: text, or base64 if it is not UTF-8, or the name of a
// body that stays here, with its length in bytes if that is known.
type body struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
	Ref    *string `json:"ref,omitempty"`
	Length *int64  `json:"length,omitempty"`
}

func refTo(name string) *body { return &body{Ref: &name} }

// command holds the parameters of the command request.
type command struct {
	Request string      `json:"request"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    *body       `json:"body,omitempty"`
	// Stopping: no socket is opened, and probes hear that this host is not ready.
	Stopping bool `json:"stopping,omitempty"`
}

func (h *Handler) command(r *http.Request) *command {
	c := &command{own, r.Method, h.address(r), wireHeaders(r.Header), nil, h.stopping()}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		c.Body = refTo(own)
		if r.ContentLength > 0 {
			c.Body.Length = &r.ContentLength
		}
	}
	return c
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

// wireHeaders returns headers in a fixed order, because a map has none.
func wireHeaders(h http.Header) [][2]string {
	pairs := [][2]string{}
	for name, values := range h {
		for _, v := range values {
			pairs = append(pairs, [2]string{strings.ToLower(name), strings.ToValidUTF8(v, "\uFFFD")})
		}
	}
	slices.SortStableFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return pairs
}
