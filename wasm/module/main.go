// Command module is oauth2.wasm: the exports of core/testdata/README.md over package core, nothing else.
package main

import (
	"unsafe"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

var (
	engine  core.Engine
	buffers [][]byte // handed out, and so kept from the collector
	out     []byte   // the last effect, with its length in front
)

func main() {}

//go:wasmexport oauth2_abi
func abi() int32 { return core.ABI }

//go:wasmexport oauth2_alloc
func alloc(n int32) uintptr {
	collect()
	if n < 1 || n > core.MaxMessage {
		return 0
	}
	b := make([]byte, n)
	buffers = append(buffers, b)
	return address(b)
}

//go:wasmexport oauth2_free
func free(p uintptr) {
	for i, b := range buffers {
		if address(b) == p {
			clear(b)
			buffers = append(buffers[:i], buffers[i+1:]...)
			return
		}
	}
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }

//go:wasmexport oauth2_open
func open(p uintptr, n int32) int32 {
	collect()
	return engine.Open(input(p, n))
}

//go:wasmexport oauth2_input
func take(handle int32, p uintptr, n int32) int32 {
	collect()
	return engine.Input(handle, input(p, n))
}

// input is the host's text, never beyond the buffer that it was given.
func input(p uintptr, n int32) []byte {
	for _, b := range buffers {
		if address(b) == p {
			return b[:max(0, min(int(n), len(b)))]
		}
	}
	return nil
}

//go:wasmexport oauth2_effect
func effect(handle int32) uintptr {
	next := engine.Effect(handle)
	if next == nil {
		out = nil
		return 0
	}
	n := len(next)
	out = append(append(make([]byte, 0, n+4), byte(n), byte(n>>8), byte(n>>16), byte(n>>24)), next...)
	return address(out)
}

//go:wasmexport oauth2_close
func close(handle int32) { engine.Close(handle) }
