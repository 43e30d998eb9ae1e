//go:build !unix

package wasm

// private: the user's cache directory is the user's own here.
func private(string) bool { return true }
