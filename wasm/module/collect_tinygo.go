//go:build tinygo

package main

import _ "unsafe" // for go:linkname

// collect frees memory, and reports whether n bytes are available for this call, in rows; see
// wasm/toolchain/runtime/gc_boundary.go. Every export that allocates calls it first.
//
//go:linkname collect runtime.CollectBetweenCalls
func collect(n, row uintptr) bool
