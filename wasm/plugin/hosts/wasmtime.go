//go:build wasmtime

package hosts

// The tests take the C library that this module carries (see onWasmtime); no Go code calls it.
import _ "github.com/bytecodealliance/wasmtime-go/v39"
