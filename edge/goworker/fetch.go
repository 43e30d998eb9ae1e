//go:build js && wasm

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"syscall/js"
)

// await waits for a promise. If ctx ends first, it calls giveUp and keeps waiting for the promise.
func await(ctx context.Context, promise js.Value, giveUp func()) (js.Value, error) {
	type outcome struct {
		value js.Value
		err   error
	}
	settled := make(chan outcome, 1)
	then := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{value: args[0]}
		return nil
	})
	defer then.Release()
	failed := js.FuncOf(func(_ js.Value, args []js.Value) any {
		settled <- outcome{err: errors.New(args[0].Call("toString").String())}
		return nil
	})
	defer failed.Release()
	promise.Call("then", then, failed)
	select {
	case o := <-settled:
		return o.value, o.err
	case <-ctx.Done():
		giveUp()
		if o := <-settled; o.err != nil {
			return js.Value{}, ctx.Err()
		} else {
			return o.value, nil
		}
	}
}

// call calls a method, and returns what it throws as an error.
func call(v js.Value, method string, args ...any) (result js.Value, err error) {
	defer func() {
		if thrown, ok := recover().(js.Error); ok {
			err = errors.New(thrown.Value.Call("toString").String())
		}
	}()
	return v.Call(method, args...), nil
}

// fetcher is an http.RoundTripper that uses fetch. It does not follow redirects, and passes streams
// without reading them.
type fetcher struct {
	// packed means that answers stay compressed as the server sent them (Content-Encoding), to be
	// passed on.
	packed bool
}

func (f fetcher) RoundTrip(req *http.Request) (*http.Response, error) {
	controller := js.Global().Get("AbortController").New()
	init := js.Global().Get("Object").New()
	headers := js.Global().Get("Headers").New()
	for name, values := range req.Header {
		for _, value := range values {
			if _, err := call(headers, "append", name, value); err != nil {
				return nil, fmt.Errorf("goworker: %w", err)
			}
		}
	}
	init.Set("method", req.Method)
	init.Set("headers", headers)
	init.Set("redirect", "manual")
	if f.packed {
		init.Set("encodeResponseBody", "manual")
	}
	init.Set("signal", controller.Get("signal"))
	if req.Body != nil && req.Body != http.NoBody {
		body, err := outgoing(req, controller)
		if err != nil {
			return nil, err
		}
		init.Set("body", body)
	}
	promise, err := call(js.Global(), "fetch", req.URL.String(), init)
	if err != nil {
		return nil, fmt.Errorf("goworker: fetch: %w", err)
	}
	res, err := await(req.Context(), promise, func() { controller.Call("abort") })
	if err != nil {
		return nil, fmt.Errorf("goworker: fetch: %w", err)
	}
	status := res.Get("status").Int()
	header := http.Header{}
	entries := js.Global().Get("Array").Call("from", res.Get("headers"))
	for i := range entries.Length() {
		header.Add(entries.Index(i).Index(0).String(), entries.Index(i).Index(1).String())
	}
	// The runtime decides about the length, because it may have decompressed the body.
	counted := header.Get("Content-Length") != ""
	header.Del("Content-Length")
	return &http.Response{
		Status: fmt.Sprint(status, " ", http.StatusText(status)), StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, ContentLength: -1, Request: req, Body: &fetched{ctx: req.Context(), stream: res.Get("body"), counted: counted},
	}, nil
}

// outgoing gives a body to JavaScript: the browser's own body as its stream, a body that Go made as
// bytes. controller belongs to the request: it is aborted if the browser breaks off.
func outgoing(req *http.Request, controller js.Value) (js.Value, error) {
	own, ok := req.Context().Value(bodyKey{}).(js.Value)
	if progress, passes := req.Body.(interface{ Progress() }); ok && passes {
		length := js.Undefined()
		if req.ContentLength >= 0 {
			length = js.ValueOf(req.ContentLength)
		}
		// It may be called as long as this instance exists, so it is not released.
		moved := js.FuncOf(func(js.Value, []js.Value) any {
			progress.Progress()
			return nil
		})
		return js.Global().Call("watched", own, length, moved, controller), nil
	}
	raw, err := io.ReadAll(req.Body)
	req.Body.Close()
	if err != nil {
		return js.Value{}, err
	}
	body := js.Global().Get("Uint8Array").New(len(raw))
	js.CopyBytesToJS(body, raw)
	return body, nil
}

// fetched is the body of an answer.
type fetched struct {
	ctx    context.Context
	stream js.Value // null if there is none
	// counted means that the server stated its length.
	counted bool
	reader  js.Value
	left    []byte
}

func (f *fetched) Read(p []byte) (int, error) {
	if f.stream.IsNull() || f.stream.IsUndefined() {
		return 0, io.EOF
	}
	if f.reader.IsUndefined() {
		f.reader = f.stream.Call("getReader")
	}
	for len(f.left) == 0 {
		next, err := await(f.ctx, f.reader.Call("read"), func() { f.reader.Call("cancel") })
		if err != nil {
			return 0, fmt.Errorf("goworker: body: %w", err)
		}
		if next.Get("done").Bool() {
			if f.ctx.Err() != nil {
				return 0, f.ctx.Err()
			}
			return 0, io.EOF
		}
		f.left = make([]byte, next.Get("value").Get("byteLength").Int())
		js.CopyBytesToGo(f.left, next.Get("value"))
	}
	n := copy(p, f.left)
	f.left = f.left[n:]
	return n, nil
}

// Close cancels the rest of the body.
func (f *fetched) Close() error {
	switch {
	case f.stream.IsNull() || f.stream.IsUndefined():
		return nil
	case !f.reader.IsUndefined():
		ignored(f.reader.Call("cancel"))
	case !f.stream.Get("locked").Bool():
		ignored(f.stream.Call("cancel"))
	}
	return nil
}

var nothing = js.FuncOf(func(js.Value, []js.Value) any { return nil })

// ignored prevents that a promise is reported if it fails.
func ignored(promise js.Value) { promise.Call("catch", nothing) }
