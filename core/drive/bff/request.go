package bff

import (
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// buffered is the most of a body that is read before it is sent on, so that it can be sent twice; a longer one, or one whose length is not
// known, passes as a stream.
const buffered = 64 << 10

// own is the name of the one request, and of its body.
const own = "request"

// body is a body of the boundary: text, base64 of what is no UTF-8, or the name of one that stays here.
type body struct {
	Text   *string `json:"text,omitempty"`
	Base64 *string `json:"base64,omitempty"`
	Ref    *string `json:"ref,omitempty"`
}

func refTo(name string) *body { return &body{Ref: &name} }

// command is the parameters of the command request.
type command struct {
	Request string      `json:"request"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers [][2]string `json:"headers"`
	Body    *body       `json:"body,omitempty"`
}

func (h *Handler) command(r *http.Request) (*command, error) {
	b, err := readBody(r)
	return &command{own, r.Method, h.address(r), wireHeaders(r.Header), b}, err
}

func readBody(r *http.Request) (*body, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength < 0 || r.ContentLength > buffered {
		return refTo(own), nil
	}
	raw := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, raw); err != nil {
		return nil, err
	}
	if utf8.Valid(raw) {
		text := string(raw)
		return &body{Text: &text}, nil
	}
	text := base64.StdEncoding.EncodeToString(raw)
	return &body{Base64: &text}, nil
}

// bytes gives what is here of a body; nil for a ref.
func (b *body) bytes() ([]byte, error) {
	switch {
	case b.Text != nil:
		return []byte(*b.Text), nil
	case b.Base64 != nil:
		return base64.StdEncoding.DecodeString(*b.Base64)
	}
	return nil, nil
}

// wireHeaders gives headers in a fixed order, a map having none.
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
