// Package wasm runs oauth2-full.wasm, the OAuth 2 client as a WebAssembly module, which is embedded
// here, on wazero: a WebAssembly runtime in Go, without cgo. The same bytes run in browsers and in
// Workers.
//
// Open is the short way to a client. An Engine from New is for programs that open many clients: the
// module is compiled once, and its code is cached in the user's cache directory (see
// EngineOptions.CacheDir). An instance costs about 0.2 ms, and 128 KiB after a sign-in.
//
// The module imports nothing, so it can reach nothing: no clock, no network, no files, only what
// package oauth gives it. Each instance has a memory limit, and each call a time limit if you set
// one. Sessions in one Engine may share an instance.
//
// # Plugin hosts
//
// A Pool is for a host whose tenants do not trust each other: each tenant has its own instance,
// hard limits and metrics, and can be ended alone. If a tenant exceeds a limit per minute, it is
// stopped with a *LimitError, and nobody is signed out. NewEdge and PoolOptions.Edge run the edge
// module. The example in examples/pluginhost gives plugins of third parties a client: they refer to
// it by handle, and never get a token.
package wasm
