//go:build js && wasm

package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"syscall/js"
)

// stream is a body from JavaScript, as github.com/syumai/workers provides it.
type stream interface{ GetRawJSBody() js.Value }

// bodyKey is the context key of the request's own body.
type bodyKey struct{}

// repaired undoes what github.com/syumai/workers does to a request, and lets bodies pass without
// Go. That package splits each header value at its commas, which damages Cookie and User-Agent; it
// does not distinguish a body of unknown length from no body; and it leaves the host in a header.
func repaired(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, parts := range r.Header {
			r.Header[name] = []string{strings.Join(parts, ",")} // Headers hold one value per name, and Split removed nothing else
		}
		r.Host = r.URL.Host
		if body, ok := r.Body.(stream); !ok {
			r.Body, r.ContentLength = http.NoBody, 0
		} else {
			// With a transfer coding, Content-Length is ignored (RFC 9112 section 6.3).
			if r.Header.Get("Content-Length") == "" || r.Header.Get("Transfer-Encoding") != "" {
				r.ContentLength = -1
			}
			r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, body.GetRawJSBody()))
		}
		a := &answer{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(a, r)
		a.send()
	})
}

// answer is the answer to a request. Its body goes to JavaScript as a whole, or as the stream from
// which it came. If Go wrote it in pieces, the program would have to stay, and the answer could not
// be broken off.
type answer struct {
	http.ResponseWriter
	status int
	body   []byte
	stream js.Value
	passed bool
}

func (a *answer) WriteHeader(status int) { a.status = status }

func (a *answer) Write(p []byte) (int, error) {
	a.body = append(a.body, p...)
	return len(p), nil
}

// PassBody implements backend.BodyPasser.
func (a *answer) PassBody(status int, body io.ReadCloser) bool {
	from, ok := body.(*fetched)
	if !ok {
		return false
	}
	a.status, a.stream, a.passed = status, from.stream, true
	if !from.counted && from.stream.Truthy() {
		a.stream = js.Global().Call("breakable", from.stream, over)
	}
	return true
}

// PassStream implements backend.StreamPasser.
func (a *answer) PassStream(status int, body io.ReadCloser, keep func(ctx context.Context, over func())) bool {
	from, ok := body.(*fetched)
	if !ok || !from.stream.Truthy() {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	// It may be called as long as this instance exists, so it is not released.
	done := js.FuncOf(func(js.Value, []js.Value) any {
		cancel()
		return nil
	})
	made := js.Global().Call("endable", from.stream, over, done)
	a.status, a.stream, a.passed = status, made.Get("readable"), true
	go keep(ctx, func() { made.Call("end") })
	return true
}

func (a *answer) send() {
	raw := js.Null()
	switch {
	case a.passed:
		raw = a.stream
	case len(a.body) > 0:
		raw = js.Global().Get("Uint8Array").New(len(a.body))
		js.CopyBytesToJS(raw, a.body)
	}
	a.ResponseWriter.(interface{ WriteRawJSBody(js.Value) }).WriteRawJSBody(raw)
	a.ResponseWriter.WriteHeader(a.status)
}
