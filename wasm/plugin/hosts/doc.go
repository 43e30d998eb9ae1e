// Package hosts has the tests that run the plugins on the hosts they are for: the Extism plugin on
// Extism's SDK for Go, the component and the host in C of core/contract/HOSTS.md on wasmtime. It is
// a Go module of its own, so that nobody else loads these runtimes.
package hosts
