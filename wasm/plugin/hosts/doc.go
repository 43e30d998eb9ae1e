// Package hosts tests the plugins in the hosts for which they are made: the Extism plugin in
// Extism's SDK for Go, and the component and the C host of core/contract/HOSTS.md on wasmtime. It
// is a separate Go module, so that nobody else loads these runtimes.
package hosts
