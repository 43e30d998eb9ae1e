//go:build js && wasm

package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"syscall/js"
)

// stream is a body that came from JavaScript, as github.com/syumai/workers has it.
type stream interface{ GetRawJSBody() js.Value }

// bodyKey is the context's key of the request's own body.
type bodyKey struct{}

// repaired undoes what github.com/syumai/workers does to a request, and has bodies pass without Go:
// each value of a header is split at its commas, which no Cookie and no User-Agent survives; there
// is no telling a body of unknown length from none; the host is left to a header.
func repaired(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, parts := range r.Header {
			r.Header[name] = []string{strings.Join(parts, ",")} // Headers hold one value a name, and Split took nothing away
		}
		r.Host = r.URL.Host
		if body, ok := r.Body.(stream); !ok {
			r.Body, r.ContentLength = http.NoBody, 0
		} else {
			// Beside a transfer coding a length counts for nothing (RFC 9112 section 6.3).
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

// answer is the answer to a request. Its body goes to JavaScript as a whole, or as the stream that
// it came as: one that Go writes in pieces would need the program to stay, and could not be broken
// off.
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

// PassBody implements bff.BodyPasser.
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
	// It may be called as long as this instance is there, so it is not released.
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
