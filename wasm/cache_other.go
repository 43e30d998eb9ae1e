//go:build !unix

package wasm

// private is true: on these systems the cache directory belongs to the user.
func private(string) bool { return true }
