// Command module is oauth2-full.wasm and, with build tags, oauth2.wasm (page) and oauth2-edge.wasm
// (edge): the exports of core/contract/README.md for package core, and nothing else.
package main

import (
	"unsafe"

	"github.com/oauth2-wasm/oauth2-wasm/core"
)

var (
	engine  core.Engine
	buffers [][]byte // handed out, and therefore kept from the garbage collector
	out     []byte   // the last effect, preceded by its length
)

func main() {}

//go:wasmexport oauth2_abi
func abi() int32 { return core.ABI }

//go:wasmexport oauth2_alloc
func alloc(n int32) uintptr {
	if n < 1 || n > core.MaxMessage || !collect(uintptr(n), uintptr(n)) {
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
	msg := input(p, n)
	if !fits(msg) {
		return engine.NoRoom()
	}
	return engine.Open(msg)
}

//go:wasmexport oauth2_input
func take(handle int32, p uintptr, n int32) int32 {
	msg := input(p, n)
	if !fits(msg) {
		return core.TooLarge
	}
	return engine.Input(handle, msg)
}

// fits reports whether there is memory for a message. A small message is always tried, because it
// may report that another one was too large.
func fits(msg []byte) bool {
	all, row := core.Room(len(msg))
	return collect(all, row) || all == 0
}

// input returns the host's text, within the buffer that it was given.
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
	// It is moved within its memory, so that a large effect is not there twice.
	n := len(next)
	out = append(next, 0, 0, 0, 0)
	copy(out[4:], out[:n])
	out[0], out[1], out[2], out[3] = byte(n), byte(n>>8), byte(n>>16), byte(n>>24)
	return address(out)
}

//go:wasmexport oauth2_close
func close(handle int32) { engine.Close(handle) }
