//go:build wasmtime

package hosts

// The tests use the C library in this module (see onWasmtime). No Go code calls it.
import _ "github.com/bytecodealliance/wasmtime-go/v39"
